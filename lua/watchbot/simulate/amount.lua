--- simulate.amount: reads what the load of a simulation is described by: durations ("90s", "5m"),
-- distributions of durations ("lognormal:2s:1.5"), and shares of exits ("0=97%,1=2%,KILL=1%").

local duration = require "watchbot.lib.duration"
local random = require "watchbot.simulate.random"

local amount = {}

--- Seconds of a duration.
---@param text string
---@return number? seconds
---@return string? err
function amount.seconds(text)
  local seconds = duration.read(text)
  if seconds then return seconds end
  return nil, ("expected a duration like 2s, 300ms or 5m, got '%s'"):format(text)
end

-- What a distribution has behind its name, and a number of seconds by two uniform numbers.
local KINDS = {
  fixed = { "seconds", draw = function(of) return of[1] end },
  uniform = { "seconds", "seconds", draw = function(of, one)
    return of[1] + (of[2] - of[1]) * one
  end },
  exponential = { "seconds", draw = function(of, one) return -of[1] * math.log(one) end },
  normal = { "seconds", "seconds", draw = function(of, one, other)
    return math.max(0, of[1] + of[2] * random.normal(one, other))
  end },
  lognormal = { "seconds", "number", draw = function(of, one, other)
    return of[1] * math.exp(of[2] * random.normal(one, other))
  end },
}

local FORMS = "2s, uniform:1s:3s, exponential:2s, normal:2s:0.5s or lognormal:2s:1.5"

local function parameters_of(kind, words)
  if #words ~= #kind then return nil end
  local values = {}
  for index, what in ipairs(kind) do
    values[index] = what == "number" and tonumber(words[index]) or amount.seconds(words[index])
    if not values[index] then return nil end
  end
  return values
end

--- A distribution of durations: a function of two uniform numbers that returns seconds.
---@param text string
---@return (fun(one: number, other: number): number)? draw
---@return string? err
function amount.distribution(text)
  local name, rest = text:match "^(%l+):(.+)$"
  local kind, words = KINDS[name or "fixed"], {}
  for word in (rest or text):gmatch "[^:]+" do words[#words + 1] = word end
  local values = kind and parameters_of(kind, words)
  if not values then return nil, ("expected %s, got '%s'"):format(FORMS, text) end
  return function(one, other) return kind.draw(values, one, other) end
end

local function exit_of(name)
  local code = math.tointeger(tonumber(name))
  if code and code >= 0 and code <= 255 then return { code = code } end
  return name:match "^%u[%u%d]*$" and { signal = name } or nil
end

-- { exit, share } of "75=1%" or "75=0.01"; a word without a share gets the rest.
local function share_of(word)
  local name, number, percent = word:match "^([^=]+)=(%d*%.?%d+)(%%?)$"
  local exit = exit_of(name or word)
  local share = number and tonumber(number) / (percent == "%" and 100 or 1)
  return exit and (share or not word:find "=") and { exit = exit, share = share } or nil
end

local function fill(list, text)
  local total, open = 0, nil
  for _, one in ipairs(list) do
    if not one.share and open then return nil, "only one exit can have no share: " .. text end
    if not one.share then open = one end
    total = total + (one.share or 0)
  end
  if open then open.share, total = math.max(0, 1 - total), math.max(1, total) end
  if math.abs(total - 1) > 1e-9 then
    return nil, ("the shares are %g %%, not 100 %%: %s"):format(total * 100, text)
  end
  return list
end

--- Shares of exits: a function of a uniform number that returns an exit.
---@param text string
---@return (fun(one: number): { code: integer?, signal: string? })? draw
---@return string? err
function amount.exits(text)
  local list = {}
  for word in text:gmatch "[^,]+" do
    local one = share_of(word:match "^%s*(.-)%s*$")
    if not one then
      return nil, ("expected CODE=SHARE or SIGNAL=SHARE like 1=2%%, got '%s'"):format(word)
    end
    list[#list + 1] = one
  end
  local ok, err = fill(list, text)
  if not ok then return nil, err end
  return function(one)
    for _, entry in ipairs(list) do
      one = one - entry.share
      if one < 0 then return entry.exit end
    end
    return list[#list].exit
  end
end

-- Seconds between two messages at a rate, "50/s".
local function gap_of(rate)
  local count, unit = rate:match "^(%d*%.?%d+)/(%l+)$"
  local period = count and duration.read("1" .. unit)
  return period and tonumber(count) > 0 and period / tonumber(count) or nil
end

--- When messages arrive: a function of the message's number and a uniform number that returns the
--- seconds until it, from the one before.
---@param text string
---@return (fun(number: integer, one: number): number)? gap
---@return string? err
---@return integer? burst messages of the only burst
function amount.arrivals(text)
  local every = gap_of(text)
  if every then return function(_, one) return -every * math.log(one) end end
  every = gap_of(text:match "^regular:(.*)$" or "")
  if every then return function(number) return number > 1 and every or 0 end end
  local size, pause = text:match "^burst:(%d+)/?(.*)$"
  size = math.tointeger(tonumber(size))
  local seconds = pause ~= "" and pause and amount.seconds(pause) or nil
  if size and size > 0 and (seconds or pause == "") then
    return function(number)
      return number > 1 and (number - 1) % size == 0 and seconds or 0
    end, nil, not seconds and size or nil
  end
  return nil, ("expected 50/s, regular:50/s, burst:1000, burst:1000/60s or a file, got '%s'")
    :format(text)
end

return amount
