--- simulate.load: the load of a simulation: when which messages arrive, how long the task of each
-- attempt runs and how it ends. Described here, or read from a log (simulate.recorded).

local amount = require "watchbot.simulate.amount"
local random = require "watchbot.simulate.random"

-- What a random number is for.
local GAP, RUN, RUN_TOO, EXIT = 1, 2, 3, 4

---@class watchbot.Load
---@field count integer messages
---@field seed integer
local Load = {}
Load.__index = Load

local load = {}

---@class watchbot.LoadOptions
---@field messages integer?
---@field arrive string? see simulate.amount
---@field run string?
---@field exit string?
---@field message string? text of the messages; {n} in it is the number
---@field groups integer?
---@field seed integer?

-- A file of arrivals: seconds since the start, and the message behind them.
local function read_arrivals(path)
  local list, number = {}, 0
  for line in io.lines(path) do
    number = number + 1
    local seconds, body = line:match "^%s*(%d*%.?%d+)%s*(.*)$"
    if not seconds and line:find "%S" then
      return nil, ("line %d of '%s': expected SECONDS MESSAGE, got '%s'"):format(number, path,
        line:sub(1, 50))
    end
    if seconds then list[#list + 1] = { tonumber(seconds), body ~= "" and body or nil } end
  end
  table.sort(list, function(one, other) return one[1] < other[1] end)
  return list
end

local function is_file(path)
  local file <close> = io.open(path, "rb")
  return file ~= nil and file:read(0) ~= nil
end

local function arrivals_of(self, options)
  local text = options.arrive
  if is_file(text) then
    local err
    self.listed, err = read_arrivals(text)
    if err then return nil, "--arrive: " .. err end
    self.count = options.messages and math.min(options.messages, #self.listed) or #self.listed
    return true
  end
  local gap, err, burst = amount.arrivals(text)
  if not gap then return nil, "--arrive: " .. err end
  self.gap, self.count = gap, options.messages or burst or 1000
  if burst and self.count > burst then
    return nil, ("--arrive burst:%d: there are %d messages; write burst:%d/60s for one a minute")
      :format(burst, self.count, burst)
  end
  return true
end

--- Reads a description.
---@param options watchbot.LoadOptions
---@return watchbot.Load? load
---@return string? err
function load.described(options)
  local self = setmetatable({
    seed = options.seed or 1, text = options.message, groups = options.groups,
  }, Load)
  local ok, err = arrivals_of(self, options)
  if not ok then return nil, err end
  self.draw_run, err = amount.distribution(options.run)
  if not self.draw_run then return nil, "--run: " .. err end
  self.draw_exit, err = amount.exits(options.exit)
  if not self.draw_exit then return nil, "--exit: " .. err end
  return self
end

function Load:message(number, body)
  body = body or self.text or "message {n}"
  return {
    body = (body:gsub("{n}", ("%d"):format(number))), id = ("message-%d"):format(number),
    group = self.groups and ("group-%d"):format(number % self.groups) or nil,
  }
end

--- The messages in the order in which they arrive.
---@return fun(): integer?, number?, table? each number, seconds since the start, and message
function Load:messages()
  local number, at = 0, 0
  return function()
    if number >= self.count then return nil end
    number = number + 1
    if self.listed then
      local one = self.listed[number]
      return number, one[1], self:message(number, one[2])
    end
    at = at + self.gap(number, random.uniform(self.seed, number, 0, GAP))
    return number, at, self:message(number)
  end
end

--- What a task does.
---@param number integer of the message
---@param attempt integer
---@return number seconds
---@return { code: integer?, signal: string?, reason: string? } exit
function Load:attempt(number, attempt)
  local seed = self.seed
  local seconds = self.draw_run(random.uniform(seed, number, attempt, RUN),
    random.uniform(seed, number, attempt, RUN_TOO))
  return seconds, self.draw_exit(random.uniform(seed, number, attempt, EXIT))
end

return load
