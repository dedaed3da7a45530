--- runner.resident.lambda: the channel to an unmodified Lambda function: its environment, its
-- events, the headers of an invocation.
-- https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

local core = require "watchbot.core"
local api = require "watchbot.runner.resident.api"
local event = require "watchbot.runner.resident.event"
local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"

---@class watchbot.LambdaChannel
---@field api watchbot.RuntimeApi
---@field runtime watchbot.Runtime
---@field options watchbot.ResidentOptions
local Lambda = {}
Lambda.__index = Lambda

-- With the first, whatever its value, clients ask for several invocations at once or start programs
-- by themselves; the second is a descriptor for records, which watchbot does not read.
local lambda = {
  withheld = { "AWS_LAMBDA_MAX_CONCURRENCY", "_LAMBDA_TELEMETRY_LOG_FD" },
}

---@param runtime watchbot.Runtime
---@param options watchbot.ResidentOptions
---@param user integer
---@return watchbot.LambdaChannel?
---@return string? err
---@return string? code
function lambda.open(runtime, options, user)
  -- The runtime in another container runs as another user; only the pod can reach the port.
  local opened, err, code = api.open(runtime, not options.listen and user or nil, options.listen)
  if not opened then return nil, err, code end
  return setmetatable({ api = opened, runtime = runtime, options = options }, Lambda)
end

local function folder(parts)
  local path = parts.policy.cwd or "."
  return core.empty.real(path) or path
end

-- Where function and runtime are. AWS's images say it, and where the runtime's libraries are.
local function places(parts)
  local runtime = os.getenv "LAMBDA_RUNTIME_DIR"
  local root = folder(parts)
  if not runtime then return { LAMBDA_TASK_ROOT = root, LAMBDA_RUNTIME_DIR = root } end
  return {
    LAMBDA_TASK_ROOT = os.getenv "LAMBDA_TASK_ROOT" or root, LAMBDA_RUNTIME_DIR = runtime,
    LD_LIBRARY_PATH = os.getenv "LD_LIBRARY_PATH",
  }
end

--- Variables that Lambda sets and a policy's `env` may change.
---@param parts table
---@return table<string, string>
function Lambda:defaults(parts)
  local options, region = self.options, parts.source().region
  local name = options.name or options.handler or "function"
  local variables = {
    TZ = ":UTC", LANG = "en_US.UTF-8",
    AWS_REGION = region, AWS_DEFAULT_REGION = region,
    AWS_LAMBDA_FUNCTION_NAME = name, AWS_LAMBDA_FUNCTION_VERSION = "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE = tostring(options.memory),
    AWS_LAMBDA_LOG_GROUP_NAME = parts.policy.log_group or "/aws/lambda/" .. name,
    AWS_LAMBDA_LOG_STREAM_NAME = os.date "!%Y/%m/%d/[$LATEST]" .. ("%032x"):format(math.random(0)),
    AWS_LAMBDA_INITIALIZATION_TYPE = "on-demand",
  }
  for place, path in pairs(places(parts)) do variables[place] = path end
  return variables
end

--- Variables that must not be changed.
---@return table<string, string>
function Lambda:environment()
  return {
    AWS_LAMBDA_RUNTIME_API = self.api:address(), _HANDLER = self.options.handler or "",
  }
end

--- The program has been started; it asks by itself.
function Lambda:started()
end

--- The event of an invocation.
---@param invocation watchbot.Invocation
---@return string? text
---@return string? err
---@return string? code
function Lambda:prepare(invocation)
  local jobs = {}
  for index, run in ipairs(invocation.runs) do jobs[index] = run.job end
  return event.of(self.options.event, jobs, self.runtime.pool.parts.source())
end

---@param request watchbot.ServerRequest
---@return boolean
function Lambda:gone(request)
  return request:gone()
end

-- Milliseconds since the epoch. Without a time limit the queue's limit applies: it hides a message
-- for at most 12 hours.
local function deadline(parts)
  local seconds = parts.policy.timeout > 0 and parts.policy.timeout or limits.sqs.visibility
  return scheduler.time() + math.min(seconds, limits.sqs.visibility) * 1000 // 1
end

-- The header of an invocation can hold the trace of one message only.
local function trace_of(invocation)
  local trace = #invocation.runs == 1 and invocation.runs[1].job.trace
  return trace and trace.xray or nil
end

-- The function's ARN; once for each source.
local function function_arn(self, source)
  if self.source ~= source then
    local name = self.options.name or self.options.handler or "function"
    self.source = source
    self.arn = ("arn:%s:lambda:%s:%s:function:%s"):format(source.partition, source.region,
      source.account, (name:gsub("[^%w%-_]", "-")))
  end
  return self.arn
end

---@param request watchbot.ServerRequest
---@param invocation watchbot.Invocation
---@param text string
function Lambda:give(request, invocation, text)
  local parts = self.runtime.pool.parts
  request:answer(200, {
    ["Content-Type"] = "application/json",
    ["Lambda-Runtime-Aws-Request-Id"] = invocation.id,
    ["Lambda-Runtime-Invocation-Id"] = invocation.nonce,
    ["Lambda-Runtime-Deadline-Ms"] = ("%d"):format(deadline(parts)),
    ["Lambda-Runtime-Invoked-Function-Arn"] = function_arn(self, parts.source()),
    ["Lambda-Runtime-Trace-Id"] = trace_of(invocation),
  }, text)
end

function Lambda:close()
  self.api:close()
end

return lambda
