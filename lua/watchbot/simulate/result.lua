--- simulate.result: a tally as plain numbers: what `--json` prints and `--fail-if` may use.

local result = {}

---@class watchbot.SimulationPrice
---@field task number for a task's second
---@field call number for a call of SQS

--- Reads "task=0.00001,call=0.0000004".
---@param text string
---@return watchbot.SimulationPrice? price
---@return string? err
function result.price(text)
  local price = { task = 0, call = 0 }
  for word in text:gmatch "[^,]+" do
    local name, number = word:match "^%s*(%l+)=([%d.eE+-]+)%s*$"
    if not price[name or ""] or not tonumber(number) then
      return nil, ("expected task=MONEY per second, call=MONEY per call of SQS, got '%s'"):format(
        word)
    end
    price[name] = tonumber(number)
  end
  return price
end

local function rounded(seconds)
  return math.floor(seconds * 1000 + 0.5) / 1000
end

local function times(quantiles)
  local found = quantiles:summary()
  for name, seconds in pairs(found) do found[name] = rounded(seconds) end
  return found
end

local function intervals(series)
  local list = {}
  for index, one in ipairs(series.list) do
    list[index] = {
      at = one.at, depth = one.depth, running = one.running, arrived = one.arrived or 0,
      started = one.started or 0, done = one.done or 0, dead = one.dead or 0,
      complete = one.complete or 0, reject = one.reject or 0, release = one.release or 0,
      retry = one.retry or 0, bury = one.bury or 0,
    }
  end
  return { seconds = series.seconds, intervals = list }
end

--- The numbers of a simulation.
---@param tally watchbot.SimulatedTally
---@param price watchbot.SimulationPrice?
---@return table
function result.of(tally, price)
  local calls = tally.calls.receive + tally.calls.delete + tally.calls.change
  return {
    messages = tally.arrived, ends = tally.ends, left = tally.arrived - tally.gone,
    outcomes = tally.outcomes, drained = rounded(tally.drained), wait = times(tally.wait),
    total = times(tally.total), in_flight = tally.most_running, waiting = tally.most_waiting,
    starts = tally.starts, refused = tally.refused, notifications = tally.notifications,
    task_seconds = rounded(tally.task_seconds), calls = calls, calls_by_kind = tally.calls,
    money = price and tally.task_seconds * price.task + calls * price.call or nil,
    errors = tally.errors, series = intervals(tally.series),
  }
end

-- The names of a condition.
local function names_of(of)
  return {
    messages = of.messages, complete = of.ends.complete, reject = of.ends.reject,
    dead = of.ends.dead, left = of.left, retry = of.outcomes.retry, release = of.outcomes.release,
    bury = of.outcomes.bury, drained = of.drained, p50 = of.total.p50, p95 = of.total.p95,
    p99 = of.total.p99, wait_p50 = of.wait.p50, wait_p95 = of.wait.p95, wait_p99 = of.wait.p99,
    in_flight = of.in_flight, waiting = of.waiting, starts = of.starts,
    notifications = of.notifications, task_seconds = of.task_seconds, calls = of.calls,
    money = of.money, errors = #of.errors,
  }
end

--- Compiles a condition like "dead > 0 or p95 > 60".
---@param text string
---@return (fun(of: table): boolean?, string?)? holds nil and an error if a name is unknown
---@return string? err
function result.condition(text)
  local names = {}
  local chunk, err = load("return " .. text, "=(condition)", "t", setmetatable({}, {
    __index = function(_, name)
      if names[name] == nil then
        error(("unknown name '%s'"):format(name), 0)
      end
      return names[name]
    end,
  }))
  if not chunk then return nil, (err:gsub("^%(condition%):1: ", "")) end
  return function(of)
    names = names_of(of)
    local ok, holds = pcall(chunk)
    if not ok then return nil, (tostring(holds):gsub("^%(condition%):1: ", "")) end
    return holds and true or false
  end
end

--- The names that a condition may use.
result.names = "messages complete reject dead left retry release bury drained p50 p95 p99 wait_p50 "
  .. "wait_p95 wait_p99 in_flight waiting starts notifications task_seconds calls money errors"

return result
