--- policy.resident: the values of a policy's `lambda`, `serve` and `resident`: resident programs,
-- which keep running and take one message, or one batch, after another.

local limits = require "watchbot.lib.limits"
local suggest = require "watchbot.lib.suggest"

local resident = {}

---@class watchbot.Recycle when a resident program is replaced, after a response
---@field jobs integer? messages that it has received
---@field memory integer? MiB of memory that it uses
---@field age number? seconds since its start

---@class watchbot.Resident
---@field command string|string[]? the program: text runs in `sh`, a list is an argv
---@field batch integer? the most messages of one invocation; default 1
---@field window number? seconds that an invocation waits for its batch to become full; default 0
---@field report boolean? whether the response lists the messages of a batch that failed; default:
--- yes, except that for a single message a response that is not JSON means success
---@field recycle watchbot.Recycle?
---@field init_timeout number? seconds from a program's start until it asks for its first message;
--- default 60

---@class watchbot.Lambda: watchbot.Resident
---@field handler string? the function that the runtime calls, as `app.handler`
---@field name string? the function's name; default: the handler's
---@field memory integer? MiB in its environment variable; default 128
---@field listen integer? instead of `command`: the port of the Runtime API, for one runtime that
--- another container of the same task starts
---@field event "sqs"|"sns"|"body"|(fun(jobs: watchbot.Job[]): string|table)|nil the format of its
--- event; default `sqs`; a function returns JSON text or a table

---@class watchbot.Serve: watchbot.Resident
---@field url string where messages are posted
---@field mime string? their Content-Type; default `application/json`

---@class watchbot.ResidentOptions: watchbot.Lambda, watchbot.Serve with the defaults

-- The most messages that Lambda passes to a function from a standard queue, and the seconds of its
-- batching window.
local LARGEST_BATCH, LONGEST_WINDOW = limits.lambda.batch, limits.lambda.window

-- Messages of one receive: a larger batch waits for further receives.
local BATCH_WITHOUT_WINDOW = 10

local function is_integer(least, most)
  return function(value)
    return math.type(value) == "integer" and value >= least and value <= (most or math.maxinteger)
  end
end

local function is_seconds(most)
  return function(value)
    return type(value) == "number" and value >= 0 and value <= (most or 1e9)
  end
end

local function is_text(value)
  return type(value) == "string" and value:find "%S" ~= nil and not value:find "%c"
end

local function is_command(value)
  if type(value) ~= "table" then return is_text(value) end
  for _, word in ipairs(value) do
    if type(word) ~= "string" or word:find "%z" then return false end
  end
  return #value > 0
end

local EVENTS = { sqs = true, sns = true, body = true }

local RECYCLE = { jobs = is_integer(1), memory = is_integer(1), age = is_seconds() }

local function is_recycle(value)
  if type(value) ~= "table" then return false end
  for name, limit in pairs(value) do
    if not RECYCLE[name] or not RECYCLE[name](limit) then return false end
  end
  return true
end

local shared = {
  command = { is_command, "text for sh, or a list of words" },
  batch = { is_integer(1, LARGEST_BATCH), ("a whole number from 1 to %d"):format(LARGEST_BATCH) },
  window = { is_seconds(LONGEST_WINDOW), ("seconds, at most %d"):format(LONGEST_WINDOW) },
  report = { function(value) return type(value) == "boolean" end, "true or false" },
  recycle = { is_recycle, "a table like { jobs = 10000, memory = 1024, age = 86400 }" },
  init_timeout = { is_seconds(), "seconds, a number of at least 0" },
}

local own = {
  lambda = {
    handler = { is_text, "text like 'app.handler'" },
    listen = { is_integer(1, 65535), "a port" },
    name = { is_text, "text" },
    memory = { is_integer(1, 1 << 20), "a whole number of MiB" },
    event = {
      function(value) return EVENTS[value] or type(value) == "function" end,
      "'sqs', 'sns', 'body', or a function of the jobs",
    },
  },
  serve = {
    url = {
      function(value) return is_text(value) and value:find "^https?://[^/%s]" ~= nil end,
      "a URL like 'http://127.0.0.1:8080/'",
    },
    mime = { is_text, "text like 'application/json'" },
  },
  resident = {},
}

-- Options without effect on a single server that takes all messages.
local without = { serve = { batch = true, window = true, report = true, recycle = true } }

local needed = { lambda = { "command" }, serve = { "url" }, resident = { "command" } }

--- The policy's fields for resident programs.
---@type string[]
resident.kinds = { "lambda", "serve", "resident" }

local function names_of(kind)
  local names = {}
  for name in pairs(shared) do
    if not (without[kind] and without[kind][name]) then names[#names + 1] = name end
  end
  for name in pairs(own[kind]) do names[#names + 1] = name end
  return names
end

local function problem_of(kind, name, value)
  local rule = own[kind][name] or shared[name]
  if without[kind] and without[kind][name] then
    return ("'%s' is without effect with '%s'"):format(name, kind)
  end
  if not rule then
    return ("unknown name '%s'%s"):format(tostring(name),
      suggest.hint(name, names_of(kind)))
  elseif not rule[1](value) then
    return ("'%s' must be %s"):format(name, rule[2])
  end
end

--- The problem with a policy's field of this kind, if there is one.
---@param kind "lambda"|"serve"|"resident"
---@param value any
---@return string? problem
function resident.problem(kind, value)
  if type(value) ~= "table" then return ("expected a table, got a %s"):format(type(value)) end
  for name, one in pairs(value) do
    local problem = problem_of(kind, name, one)
    if problem then return problem end
  end
  if kind == "lambda" and value.listen then
    return value.command and "'listen' waits for a runtime of another container, without 'command'"
      or value.recycle and "'recycle' is without effect with 'listen'" or nil
  end
  for _, name in ipairs(needed[kind]) do
    if not value[name] then return ("'%s' is missing"):format(name) end
  end
  if (value.batch or 1) > BATCH_WITHOUT_WINDOW and (value.window or 0) == 0 then
    return ("a 'batch' of more than %d messages needs a 'window', the seconds in which it is "
      .. "gathered"):format(BATCH_WITHOUT_WINDOW)
  end
end

--- The field that has no effect without a handler, as an error.
---@param policy table
---@return string? problem
function resident.without_handler(policy)
  for _, name in ipairs { "batch", "window" } do
    if policy:is_set(name) and not policy.handler then
      return ("'%s' is for 'handler': a Lambda function and a resident program have it in their "
        .. "own table"):format(name)
    end
  end
end

--- The problem with combining other fields of the policy with a resident program.
---@param policy table
---@return string? problem
function resident.misfit(policy)
  local options, kind = resident.of(policy)
  if kind == "handler" and options.batch > BATCH_WITHOUT_WINDOW and options.window == 0 then
    return ("a 'batch' of more than %d messages needs a 'window', the seconds in which it is "
      .. "gathered"):format(BATCH_WITHOUT_WINDOW)
  elseif policy:is_set "environment" then
    return ("the hook 'environment' is without effect with '%s': a resident program has one "
      .. "environment for all messages; set 'env'"):format(kind)
  elseif policy.deliver == "stdin" then
    return ("'deliver' is without effect with '%s': the program gets its messages by its "
      .. "protocol"):format(kind)
  elseif policy.queue:find "^https?:.*%.fifo$"
    and (options.batch > BATCH_WITHOUT_WINDOW or options.window > 0) then
    return ("'%s': a FIFO queue has a 'batch' of at most %d messages, and no 'window'"):format(
      kind, BATCH_WITHOUT_WINDOW)
  elseif options.listen and policy.workers > 1 then
    return "'lambda': only one runtime can use the port of 'listen'; set 'workers' to 1"
  elseif options.batch > 1 and options.event == "body" then
    return "'lambda': the event 'body' holds one message; set 'batch' to 1"
  end
end

--- Which of the fields a policy sets. A handler that takes batches runs in the same way.
---@param policy table
---@return "lambda"|"serve"|"resident"|"handler"|nil
function resident.kind(policy)
  for _, kind in ipairs(resident.kinds) do
    if policy[kind] then return kind end
  end
  return policy.handler and policy.batch > 1 and "handler" or nil
end

--- The policy's options of resident programs, with defaults.
---@param policy table
---@return watchbot.ResidentOptions options
---@return "lambda"|"serve"|"resident"|"handler" kind
function resident.of(policy)
  local kind = assert(resident.kind(policy))
  local options = {
    batch = 1, window = 0, recycle = {}, init_timeout = 60,
    event = "sqs", memory = 128, mime = "application/json",
  }
  if kind == "handler" then
    options.batch, options.window = policy.batch, policy.window
    return options, kind
  end
  for name, value in pairs(policy[kind]) do options[name] = value end
  return options, kind
end

return resident
