--- runner.resident.serve: the channel to an HTTP worker, as in AWS Elastic Beanstalk: each message
-- is posted, and a 2xx status is success.
-- https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features-managing-env-tiers.html

local http = require "watchbot.http"
local limits = require "watchbot.lib.limits"
local received = require("watchbot.message.job").received
local scheduler = require "watchbot.scheduler"

-- Bytes of a response that are read.
local LARGEST_ANSWER = limits.lambda.payload

-- Timeout of a request in seconds: the policy's `timeout` ends it, and the queue hides a message no
-- longer.
local LONGEST = limits.sqs.visibility

-- Seconds until the next request after a failed one: a server that has died in the middle of it may
-- accept connections until the last of its file descriptors is closed.
local BREATH = 0.2

-- A response may choose the outcome with this header.
local OUTCOME = "x-watchbot-outcome"
local OUTCOMES = { complete = true, reject = true, release = true, retry = true, bury = true }

---@class watchbot.ServeChannel
---@field runtime watchbot.Runtime
---@field options watchbot.ResidentOptions
---@field task watchbot.Task? the running request
local Serve = {}
Serve.__index = Serve

local serve = { shares_program = true }

---@param runtime watchbot.Runtime
---@param options watchbot.ResidentOptions
---@return watchbot.ServeChannel
function serve.open(runtime, options)
  return setmetatable({ runtime = runtime, options = options }, Serve)
end

function Serve:defaults() return {} end

function Serve:environment() return {} end

--- Asks as soon as the server listens.
function Serve:started()
  self.task = scheduler.spawn(function()
    local ok, err = self.runtime.pool.parts.service:wait_ready()
    if ok then return self.runtime:asked(true) end
    self.runtime.words = err
    self.runtime:stop()
  end)
end

--- The body of the message as in the queue, like aws-sqsd: an SNS envelope is not unwrapped.
---@param invocation watchbot.Invocation
---@return string text
function Serve:prepare(invocation)
  return received(invocation.runs[1].job).body
end

function Serve:gone()
  return false
end

-- Characters that a header may contain; a newline in a subject must not create another header.
local function safe(value)
  return (tostring(value):gsub("[%c\x7f]", " "))
end

local function headers_of(self, job)
  local message = received(job)
  local source = self.runtime.pool.parts.source()
  local first = job.first_received and scheduler.iso_date(job.first_received)
  local trace = job.trace or {}
  local headers = {
    ["Content-Type"] = self.options.mime, ["User-Agent"] = "aws-sqsd/3.0",
    ["X-Aws-Sqsd-Msgid"] = safe(job.id), ["X-Aws-Sqsd-Queue"] = source.arn:match "[^:]+$",
    ["X-Aws-Sqsd-Receive-Count"] = tostring(job.receives),
    ["X-Aws-Sqsd-First-Received-At"] = first,
    ["X-Aws-Sqsd-Sender-Id"] = message.sender and safe(message.sender),
    ["X-Watchbot-Subject"] = job.subject and safe(job.subject),
    ["X-Watchbot-Group"] = job.group and safe(job.group),
    ["X-Amzn-Trace-Id"] = trace.xray, traceparent = trace.traceparent,
    tracestate = trace.tracestate, baggage = trace.baggage,
  }
  for name, attribute in pairs(job.attributes) do
    if name:find "^[%w_.-]+$" then headers["X-Aws-Sqsd-Attr-" .. name] = safe(attribute.value) end
  end
  return headers
end

-- Without a connection nothing of the message was sent: the message did not fail.
local function failure(err, code)
  if not http.unsent[code] then return { code = 1, error = code, reason = err } end
  return { not_started = true, error = code, reason = err }
end

local function settle(self, invocation, response, err, code)
  if invocation.over then return end
  if not response then return self.runtime:settled(failure(err, code)) end
  local outcome = response.headers[OUTCOME]
  local fields = { code = 0, result = response.body:sub(1, 64 * 1024) }
  if response.status < 200 or response.status > 299 then
    fields.code, fields.error = 1, "HTTP" .. response.status
    fields.reason = ("the worker has answered %d"):format(response.status)
  end
  if OUTCOMES[outcome] then fields.outcome = outcome end
  self.runtime:settled(fields)
end

local function post(self, invocation, text)
  return http.request {
    url = self.options.url, method = "POST", headers = headers_of(self, invocation.runs[1].job),
    body = text, timeout = LONGEST, limit = LARGEST_ANSWER, direct = true, idempotent = false,
  }
end

-- The server may have ended since it was seen to listen: the message waits for the next one.
local function post_when_ready(self, invocation, text)
  local service = self.runtime.pool.parts.service
  while true do
    local response, err, code = post(self, invocation, text)
    if response or not http.unsent[code] or not self.options.command then
      return response, err, code
    end
    service:lost()
    local ok, problem = service:wait_ready()
    if not ok then return nil, problem, "ConnectFailed" end
  end
end

---@param _ any
---@param invocation watchbot.Invocation
---@param text string
function Serve:give(_, invocation, text)
  self.task = scheduler.spawn(function()
    local response, err, code = post_when_ready(self, invocation, text)
    settle(self, invocation, response, err, code)
    if not response then scheduler.sleep(BREATH) end
    if self.runtime.state ~= "answered" then return end
    self:started()
  end)
end

--- Gives up on the request; the server does not notice.
function Serve:close()
  if self.task then self.task:cancel "the request is given up" end
end

return serve
