--- simulate.compare: two policies under the same load: which messages end in another way, and why.
-- Of each message of the first simulation one short text is kept.

-- Messages that are listed.
local MOST = 20

---@class watchbot.Difference
---@field message integer
---@field before string
---@field after string

---@class watchbot.Compare
---@field differences watchbot.Difference[] the first ones
---@field count integer of all differences
local Compare = {}
Compare.__index = Compare

local compare = {}

---@return watchbot.Compare
function compare.new()
  return setmetatable({ before = {}, differences = {}, count = 0 }, Compare)
end

local function exit_text(exit)
  if not exit then return "" end
  if exit.timed_out then return ", timed out" end
  if exit.signal then return ", signal " .. exit.signal end
  return exit.code and (", exit code %d"):format(exit.code) or ""
end

-- "dead after 3 tasks, exit code 1 (retry by verdict)"
local function told(message, how)
  return ("%s after %d task%s%s (%s by %s)"):format(how, message.runs,
    message.runs == 1 and "" or "s", exit_text(message.exit), message.outcome or "no outcome",
    message.decided == "verdict" and "verdict and exits" or message.decided or "the queue")
end

--- Hears of the messages of the first simulation.
---@return fun(message: watchbot.SimulatedMessage, how: string)
function Compare:first()
  return function(message, how) self.before[message.number] = told(message, how) end
end

--- Hears of those of the second one.
---@return fun(message: watchbot.SimulatedMessage, how: string)
function Compare:second()
  return function(message, how)
    local before, after = self.before[message.number], told(message, how)
    self.before[message.number] = nil
    -- Another number of tasks is no other end: a retry at another moment.
    if before and before:match "^%l+" == after:match "^%l+" then return end
    self:differs(message.number, before or "left in the queue", after)
  end
end

function Compare:differs(number, before, after)
  self.count = self.count + 1
  if #self.differences < MOST then
    self.differences[#self.differences + 1] = { message = number, before = before, after = after }
  end
end

--- What the second simulation has left in the queue.
function Compare:finish()
  local numbers = {}
  for number in pairs(self.before) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  for _, number in ipairs(numbers) do
    self:differs(number, self.before[number], "left in the queue")
  end
end

return compare
