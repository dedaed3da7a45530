--- notify.sns: publishes notifications to an SNS topic, up to a number per minute; the rest of a
-- minute is published as one summary, so that a broken deployment of a thousand tasks does not send
-- a thousand mails.

local aws = require "watchbot.core".aws
local limits = require "watchbot.lib.limits"
local fit_text = require("watchbot.notify.text").fit
local retry = require "watchbot.aws.retry"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"
local topic = require "watchbot.queue.topic"

local MINUTE = 60

-- Failures that a summary lists; it gives the number of the others.
local NAMED = 20

-- Bytes of a message: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
local LARGEST = limits.sns.message

-- Timeout of publishing in seconds, including retries; the watcher allows a notification 30 s,
-- which may fetch logs first.
local LIMIT = 15

-- An invalid subject: SNS refuses it, so the permission check is never delivered.
local REFUSED_SUBJECT = ("x"):rep(200)

---@class watchbot.Notifier
---@field on_failure (fun(message: string, code: string))? called if a summary could not be
--- published
-- What SNS answers to a parameter that it does not take.
local REFUSED = { InvalidParameter = true, InvalidParameterValue = true }

local Notifier = {}
Notifier.__index = Notifier

local notifier = {}

---@param arn string of the topic
---@param options { limit: integer, stack: string?, client: table? } notifications a minute; an
--- existing SNS client
---@return watchbot.Notifier?
---@return string? err
---@return string? code
function notifier.new(arn, options)
  local client, err, code = options.client, nil, nil
  if not client then client, err, code = topic.client(arn) end
  if not client then return nil, err, code end
  return setmetatable({
    topic = arn, client = client, limit = options.limit, stack = options.stack or "watchbot",
    sent = 0, window = -math.huge,
    held = {}, held_count = 0,
  }, Notifier)
end

-- Whether the topic does not exist; nil also if the credentials may not ask, because nothing else
-- needs that permission.
function Notifier:missing()
  local found, err, code = self.client:GetTopicAttributes { TopicArn = self.topic }
  if not found and (code == "NotFound" or REFUSED[code]) then
    return topic.explain(self.topic, err, code)
  end
end

--- Whether the topic exists and may be published to.
---@return true? ok
---@return string? err
---@return string? code "NotAllowed", "NotFound"
---@return boolean? passing the answer may be available later
function Notifier:check()
  local err, code = self:missing()
  if err then return nil, err, code end
  local ok
  ok, err, code = self.client:Publish {
    TopicArn = self.topic, Subject = REFUSED_SUBJECT, Message = "check",
  }
  if ok or REFUSED[code] then return true end
  err, code = topic.explain(self.topic, err, code)
  return nil, err, code, retry.is_passing(code)
end

--- Publishes one message, whatever the limit. Retries while it certainly has not been published;
--- see services.lua.
---@param subject string
---@param body string
---@return true? ok
---@return string? err
---@return string? code
function Notifier:publish(subject, body)
  local fifo = self.topic:match "%.fifo$" ~= nil
  local result, err, code = self.client:Publish({
    TopicArn = self.topic, Subject = fit_text(subject), Message = text.cut(body, LARGEST),
    MessageGroupId = fifo and "watchbot" or nil,
    MessageDeduplicationId = fifo and aws.uuid() or nil,
  }, { within = LIMIT })
  if not result then return nil, topic.explain(self.topic, err, code) end
  return true
end

local function summary(self)
  local lines = {
    ("%d more failures on %s in the last minute:"):format(self.held_count, self.stack), "",
  }
  for _, about in ipairs(self.held) do lines[#lines + 1] = about end
  if self.held_count > #self.held then
    lines[#lines + 1] = ("and %d more"):format(self.held_count - #self.held)
  end
  return table.concat(lines, "\n")
end

--- Publishes what the limit has held back, if anything.
---@return true? ok
---@return string? err
---@return string? code
function Notifier:flush()
  if self.held_count == 0 then return true end
  local subject, body = ("%s: %d more failures"):format(self.stack, self.held_count), summary(self)
  self.held, self.held_count = {}, 0
  return self:publish(subject, body)
end

-- The summary's task ends with the minute; when the watcher ends, `flush` comes first.
function Notifier:hold(about)
  self.held_count = self.held_count + 1
  if self.held_count <= NAMED then self.held[self.held_count] = about end
  if self.held_count > 1 then return end
  scheduler.spawn(function()
    scheduler.sleep(math.max(0, self.window + MINUTE - scheduler.now()))
    local ok, err, code = self:flush()
    if not ok and self.on_failure then self.on_failure(err, code) end
  end)
end

--- Publishes a notification, or holds it back for the summary.
---@param compose fun(): string, string returns subject and body; not called for notifications that
--- are held back
---@param about string one line for the summary
---@return true? ok
---@return string? err or, with `ok`, "held"
---@return string? code
function Notifier:send(compose, about)
  local now = scheduler.now()
  if now - self.window >= MINUTE then self.window, self.sent = now, 0 end
  if self.sent >= self.limit then
    self:hold(about)
    return true, "held"
  end
  self.sent = self.sent + 1
  return self:publish(compose())
end

return notifier
