--- policy.limits: the field `limits`: how many messages of a group, of a tenant or of the whole
-- queue are processed at the same time, and how many are started in a time.
--
--     limits = {
--       { by = "group", concurrency = 2, rate = "50/min" },
--       { by = function(job) return job.attributes.tenant.value end, concurrency = 1 },
--     }

local call = require "watchbot.policy.call"
local suggest = require "watchbot.lib.suggest"

local limits = {}

local UNITS = {
  s = 1, sec = 1, second = 1, m = 60, min = 60, minute = 60, h = 3600, hour = 3600, d = 86400,
  day = 86400,
}

-- Starts that are remembered for each key.
local MOST = 10000

local NAMES = { "by", "concurrency", "rate", "name" }

---@class watchbot.Limit
---@field by "group"|(fun(job: watchbot.Job): any)|nil what is limited: messages with one value of
--- this; nil: all of the queue together
---@field concurrency integer? at the same time
---@field rate string? "50/min": starts in any minute
---@field name string? of the limit in the queue's file; default: "group", or its position

--- The parts of a rate.
---@param rate any "50/min"
---@return integer? count
---@return number? seconds
function limits.rate(rate)
  if type(rate) ~= "string" then return nil end
  local count, unit = rate:match "^%s*(%d+)%s*/%s*(%a+)%s*$"
  local number = count and math.tointeger(tonumber(count))
  if not number or number < 1 or number > MOST or not UNITS[unit] then return nil end
  return number, UNITS[unit]
end

local checks = {
  by = function(by) return by == nil or by == "group" or type(by) == "function" end,
  concurrency = function(count)
    return count == nil or math.type(count) == "integer" and count >= 1
  end,
  rate = function(rate) return rate == nil or limits.rate(rate) ~= nil end,
  name = function(name) return name == nil or type(name) == "string" and name ~= "" end,
}

local EXPECTED = {
  by = "'group' or a function of the job",
  concurrency = "a whole number of at least 1",
  rate = ("text like '50/min': up to %d in s, min, h or d"):format(MOST),
  name = "text",
}

local function entry_problem(entry)
  if type(entry) ~= "table" then return "expected a table" end
  for name in pairs(entry) do
    if not checks[name] then
      return ("unknown name '%s'%s"):format(tostring(name),
        suggest.hint(tostring(name), NAMES))
    end
  end
  for name, check in pairs(checks) do
    if not check(entry[name]) then return ("'%s' must be %s"):format(name, EXPECTED[name]) end
  end
  if not entry.concurrency and not entry.rate then return "expected 'concurrency' or 'rate'" end
end

--- What is wrong with a value of the field; nil if nothing is.
---@param value any
---@return string?
function limits.problem(value)
  if type(value) ~= "table" then return nil end
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  if count ~= #value or count == 0 then return "expected a list of limits" end
  local names = {}
  for index, entry in ipairs(value) do
    local problem = entry_problem(entry)
    if problem then return ("limit %d: %s"):format(index, problem) end
    local name = limits.name(entry, index)
    if names[name] then return ("limit %d: another one is named '%s'"):format(index, name) end
    names[name] = true
  end
end

--- The name of a limit.
---@param entry watchbot.Limit
---@param index integer
---@return string
function limits.name(entry, index)
  if entry.name then return entry.name end
  if entry.by == nil then return "queue" end
  return type(entry.by) == "string" and entry.by or tostring(index)
end

-- A number as text: different numbers never have the same one.
local function text_of(number)
  local whole = math.tointeger(number)
  return whole and ("%d"):format(whole) or ("%.17g"):format(number)
end

-- => the key of a job, false if the limit does not concern it; or nil and an error
local function key_of(entry, job)
  if entry.by == nil then return "" end
  if entry.by == "group" then return job.group or false end
  local ok, key = call.protected(job.id, entry.by, job)
  if not ok then return nil, key end
  if key == nil then return false end
  if type(key) == "string" then return key end
  if math.type(key) then return text_of(key) end
  return nil, ("limits: 'by' must return text or a number, not a %s"):format(type(key))
end

-- A colon ends the name in a lane's.
local function escaped(name)
  return (name:gsub("[:%%]", { [":"] = "%3A", ["%"] = "%25" }))
end

--- A function that returns the lanes of a job: the limits that apply to it, each with its key. Jobs
--- without a key, since the function has failed, share one.
---@param declared watchbot.Limit[]
---@param complain fun(err: any)
---@return fun(job: watchbot.Job): watchbot.LaneOfMessage[]?
function limits.compile(declared, complain)
  local all = {}
  for index, entry in ipairs(declared) do
    local count, period = limits.rate(entry.rate)
    all[index] = {
      name = escaped(limits.name(entry, index)), entry = entry, concurrency = entry.concurrency,
      count = count, period = period,
    }
  end
  return function(job)
    local lanes
    for _, one in ipairs(all) do
      local key, err = key_of(one.entry, job)
      if key == nil then complain(err) end
      if key ~= false then
        lanes = lanes or {}
        lanes[#lanes + 1] = {
          lane = key and ("%s:%s"):format(one.name, key) or one.name .. "!",
          concurrency = one.concurrency, count = one.count, period = one.period,
        }
      end
    end
    return lanes
  end
end

return limits
