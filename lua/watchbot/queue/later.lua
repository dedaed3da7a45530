--- queue.later: sends messages to an SQS queue at a later time than SQS itself can, by one-time
-- schedules of Amazon EventBridge Scheduler. Each calls SQS's SendMessage with all that a message
-- has, and is deleted afterwards.
-- https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local endpoint = require "watchbot.aws.endpoint"
local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"
local uuid = require("watchbot.core").aws.uuid

-- Codes of a single message; any other would be the same for the next one.
local OF_MESSAGE = { MessageTooLong = true, InvalidMessageContents = true, InvalidText = true }

---@class watchbot.queue.Later
---@field name string the URL of the queue
---@field largest integer bytes of a message with its attributes
local Later = { largest = limits.scheduler.input }
Later.__index = Later

local later = {}

--- Makes no call.
---@param queue watchbot.queue.Sqs an open queue, which this closes
---@param options { delay: number, role: string, client: table? } seconds; ARN of the role that the
--- service sends with
---@return watchbot.queue.Later?
---@return string? err
---@return string? code "Usage"
function later.open(queue, options)
  if queue.fifo then
    return nil, ("queue %s: a FIFO queue delays no single message: it would come after those of "
      .. "its group that are sent meanwhile"):format(queue.name), "Usage"
  end
  local client, err, code = options.client, nil, nil
  if not client then client, err, code = aws("scheduler", { place = queue.name }) end
  if not client then return nil, err, code end
  return own({
    name = queue.name, queue = queue, overflow = queue.overflow, warning = queue.warning,
    delay = options.delay, role = options.role, client = client, takes_trace = queue.takes_trace,
  }, Later)
end

-- Scheduler puts values in for words like <aws.scheduler.attempt-number>, wherever they stand.
local function literal(text)
  return (text:gsub("<", "\\u003c"))
end

-- The parameters of SQS's SendMessage, as text.
local function written(self, entry, err, code)
  if not entry then return nil, err, code end
  entry.QueueUrl = self.name
  local text
  text, err, code = json.encode(entry)
  if not text then return nil, err, code end
  text = literal(text)
  if #text <= limits.scheduler.input then return text end
  return nil, ("the message has %d bytes as JSON, more than the %d that EventBridge Scheduler "
    .. "takes"):format(#text, limits.scheduler.input), "MessageTooLong"
end

-- What SQS would take may be too big for Scheduler: then its body is in S3, too.
local function input_of(self, message)
  local plain = {}
  for name, value in pairs(message) do plain[name] = value end
  plain.delay = nil
  local text, err, code = written(self, self.queue:entry(plain))
  if text or code ~= "MessageTooLong" or not self.overflow then return text, err, code end
  local pointing
  pointing, err, code = self.overflow:offload(plain)
  if not pointing then return nil, err, code end
  return written(self, self.queue:plain_entry(pointing))
end

-- By the second, in UTC; Scheduler sends within the minute after it.
local function expression(delay)
  local at = math.ceil(scheduler.time() / 1000 + delay)
  return os.date("!at(%Y-%m-%dT%H:%M:%S)", at)
end

local function target_of(self, input)
  local place = self.client:resolve()
  local partition = place and endpoint.partition(place.region).name or "aws"
  return {
    Arn = ("arn:%s:scheduler:::aws-sdk:sqs:sendMessage"):format(partition), RoleArn = self.role,
    Input = input,
  }
end

-- => the schedule's name
local function create(self, message)
  local input, err, code = input_of(self, message)
  if not input then return nil, err, code end
  local name, ok = "watchbot-" .. uuid()
  ok, err, code = self.client:CreateSchedule {
    Name = name, ScheduleExpression = expression(self.delay), ActionAfterCompletion = "DELETE",
    FlexibleTimeWindow = { Mode = "OFF" },
    Target = target_of(self, input),
  }
  if ok then return name end
  return nil, denied.explain("scheduler:CreateSchedule", self.role, err, code)
end

--- Sends messages, each when the delay is over.
---@param messages watchbot.Outgoing[] their own `delay` is that of all
---@param heard fun(position: integer, answer: table)? called with each result
---@return ({ id: string }|{ message: string, code: string, unsent: true? })[] answers the id is
--- the name of a schedule
function Later:send(messages, heard)
  local answers, stopped = {}, nil
  for position, message in ipairs(messages) do
    local answer = stopped
    if not answer then
      local id, err, code = create(self, message)
      answer = id and { id = id } or { message = err, code = code }
      if not id and not OF_MESSAGE[code] and code ~= "Usage" then
        answer.unsent = true
        stopped = answer
      end
    end
    answers[position] = answer
    if heard then heard(position, answer) end
  end
  return answers
end

--- Whether schedules may be created, as far as that shows without creating one: Scheduler refuses a
--- time that has passed. Waits.
---@return true? ok
---@return string? err
---@return string? code "NotAllowed"; another: it could not be found out
function Later:check()
  local ok, err, code = self.client:CreateSchedule {
    Name = "watchbot-check", ScheduleExpression = "at(1970-01-01T00:00:00)",
    ActionAfterCompletion = "DELETE", FlexibleTimeWindow = { Mode = "OFF" },
    Target = target_of(self, json.encode { QueueUrl = self.name, MessageBody = "check" }),
  }
  if ok or code == "ValidationException" then return true end
  return nil, denied.explain("scheduler:CreateSchedule", self.role, err, code)
end

function Later:close() self.queue:close() end

return later
