--- policy.types: the types of a policy's fields: the expected value of each, and its check.

local address = require "watchbot.lib.address"
local buckets = require "watchbot.lib.buckets"
local core = require "watchbot.core"
local duration = require "watchbot.lib.duration"
local limits = require "watchbot.lib.limits"
local resident = require "watchbot.policy.resident"
local limits_problem = require("watchbot.policy.limits").problem
local schedule = require "watchbot.schedule"
local suggest = require "watchbot.lib.suggest"
local task = require "watchbot.policy.task"
local WAYS = require("watchbot.once").WAYS
local words = require "watchbot.policy.words"

local outcomes = { complete = true, reject = true, release = true, retry = true, bury = true }

-- The names of signals in `exits`: "KILL".
local signals, signal_names = {}, {}
for number = 1, 64 do
  local name = core.process.signal_name(number)
  if name then
    signals[name] = true
    signal_names[#signal_names + 1] = name
  end
end

local function one_of(...)
  local names, known = { ... }, {}
  for _, name in ipairs(names) do known[name] = true end
  local expected = ("one of '%s'"):format(table.concat(names, "', '"))
  return { expected = expected, check = function(value) return known[value] == true end }
end

local function exits_problem(key, outcome)
  if not outcomes[outcome] then return nil end
  if math.type(key) == "integer" and key >= 0 and key <= 255 then return true end
  if type(key) ~= "string" or signals[key] then return signals[key] end
  local short = key:match "^SIG(.+)$"
  if signals[short] then
    return nil, ("signals are named without SIG: '%s', not '%s'"):format(short, key)
  end
  -- The type of a function's error ("ValidationError"), the status of an HTTP worker ("HTTP503").
  local is_type = key:find "%l" and key:find "^%a[%w_.:-]*$" and not signals[key:upper()]
  if is_type or key:find "^HTTP%d%d%d$" then return true end
  return nil, ("unknown signal '%s'%s"):format(key, suggest.hint(key, signal_names))
end

-- The name of a signal in exits ("KILL"); numbers differ between machines.
local function is_exits(value)
  if type(value) ~= "table" then return false end
  for key, outcome in pairs(value) do
    local ok, problem = exits_problem(key, outcome)
    if not ok then return false, problem end
  end
  return true
end

local function is_folders(value)
  if not words.check(value) then return false end
  for _, path in ipairs(value) do
    if not path:match "^/" or path:find "%z" then return false end
  end
  return true
end

local function is_variables(value)
  if type(value) ~= "table" then return false end
  for name, text in pairs(value) do
    if type(name) ~= "string" or name == "" or name:find "[=%z]" then return false end
    if type(text) ~= "string" or text:find "%z" then return false end
  end
  return true
end

-- A resident program.
local function kept(kind)
  return {
    expected = "a table",
    check = function(value)
      local problem = resident.problem(kind, value)
      return problem == nil, problem
    end,
  }
end

local types = {
  text = {
    expected = "text",
    check = function(value)
      return type(value) == "string" and value ~= "" and not value:find "%z"
    end,
  },
  count = {
    expected = "a whole number of at least 1",
    check = function(value) return math.type(value) == "integer" and value >= 1 end,
    parse = math.tointeger,
  },
  whole = {
    expected = "a whole number of at least 0",
    check = function(value) return math.type(value) == "integer" and value >= 0 end,
    parse = math.tointeger,
  },
  retention = {
    expected = "seconds, a number of at least 60",
    check = function(value)
      return type(value) == "number" and value >= 60 and value < math.huge
    end,
  },
  rate = {
    expected = "a number above 0",
    check = function(value) return type(value) == "number" and value > 0 and value < math.huge end,
    parse = tonumber,
  },
  seconds = {
    expected = "seconds, a number of at least 0",
    check = function(value) return type(value) == "number" and value >= 0 and value < math.huge end,
    parse = tonumber,
  },
  interval = {
    expected = "seconds, a number above 0, at most 3153600000 (100 years)",
    check = function(value)
      return type(value) == "number" and value > 0 and value <= duration.CENTURY
    end,
  },
  visibility = {
    expected = ("seconds, a number from 1 to %d"):format(limits.sqs.visibility),
    check = function(value)
      return type(value) == "number" and value >= 1 and value <= limits.sqs.visibility
    end,
  },
  command = {
    expected = "text for sh, a list of words, or a function of the job that returns one of them",
    check = function(value)
      if type(value) == "table" then return words.check_program(value) end
      if type(value) ~= "string" then return type(value) == "function" end
      if #value > words.LONGEST then
        return false, ("it has %d bytes, more than the %d that Linux takes"):format(#value,
          words.LONGEST)
      end
      return value:match "%S" ~= nil and not value:find "%z"
    end,
  },
  handler = {
    expected = "a function", check = function(value) return type(value) == "function" end,
  },
  exits = {
    expected = "a table like { [75] = 'release', KILL = 'reject' }: exit codes (0 to 255) or "
      .. "signal names to "
      .. "'complete', 'reject', 'release', 'retry' or 'bury'",
    check = is_exits,
  },
  variables = { expected = "a table of names to text", check = is_variables },
  inherit = {
    expected = "true, false, or a list of names and patterns like { 'PATH', 'AWS_*' }",
    check = function(value)
      if type(value) == "boolean" then return true end
      return words.check(value)
    end,
  },
  folders = { expected = "a list of absolute paths like { '/tmp' }", check = is_folders },
  folder_in_s3 = {
    expected = "text like 's3://bucket/folder'",
    check = function(value) return type(value) == "string" and buckets.parse(value) ~= nil end,
  },
  logged = {
    expected = "false, or a number of bytes of at least 0",
    check = function(value)
      return value == false or math.type(value) == "integer" and value >= 0
    end,
  },
  flag = {
    expected = "true or false", check = function(value) return type(value) == "boolean" end,
  },
  deliver = one_of("environment", "stdin"),
  timestamps = one_of("iso", "epoch"),
  log = one_of("text", "json"),
  on_stop = one_of("leave", "drain", "stop"),
  metrics = one_of("emf"),
  envelope = one_of("s3", "eventbridge", "cloudevents", "auto"),
  history_output = one_of("failed", "all"),
  listen = {
    expected = "text like '127.0.0.1:9464', or the absolute path of a Unix socket",
    check = function(value)
      if type(value) ~= "string" then return false end
      local options, problem = address.parse(value)
      return options ~= nil, problem and ("%s, got '%s'"):format(problem, value)
    end,
  },
  once = {
    expected = "a function of the job that returns a key, or one of 'id', 'body', "
      .. "'deduplication'",
    check = function(value) return type(value) == "function" or WAYS[value] ~= nil end,
  },
  schedules = {
    expected = "a table like { nightly = { cron = '0 3 * * *', message = 'report' } }",
    check = function(value)
      local problem = schedule.problem(value)
      return problem == nil, problem
    end,
  },
  limits = {
    expected = "a list of limits like { { by = 'group', concurrency = 2, rate = '50/min' } }",
    check = function(value)
      local problem = limits_problem(value)
      return type(value) == "table" and problem == nil, problem
    end,
  },
  console = {
    expected = "true, false or 'write'",
    check = function(value) return type(value) == "boolean" or value == "write" end,
  },
  names = {
    expected = "a list of host names like { 'console.example.org' }",
    check = function(value)
      if not words.check(value) then return false end
      for _, name in ipairs(value) do
        if not name:find "^[%w.%-]+$" then
          return false, ("expected a host name without a port, got '%s'"):format(name)
        end
      end
      return true
    end,
  },
  lambda = kept "lambda", serve = kept "serve", resident = kept "resident",
  task = {
    expected = "a table like { cluster = 'main', definition = 'tiles:7', container = 'worker' }, "
      .. "or a function of the job",
    check = function(value)
      if type(value) == "function" then return true end
      local problem = task.problem(value)
      return problem == nil, type(value) == "table" and problem or nil
    end,
  },
}

return types
