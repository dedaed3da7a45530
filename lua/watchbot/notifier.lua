--- notifier: publishes notifications to an SNS topic, at most so many a minute; the rest of a minute goes out as one summary,
-- so that a broken deploy of a thousand tasks does not send a thousand mails.

local digest = require "watchbot.core".aws
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.text"
local topics = require "watchbot.topic"

local MINUTE = 60

-- Failures that a summary names; of the others it tells the number.
local NAMED = 20

-- Bytes of a message: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
local LARGEST = 256 * 1024

-- No valid subject: SNS refuses it, so the check of a permission never reaches a reader.
local REFUSED_SUBJECT = ("x"):rep(200)

---@class watchbot.Notifier
local Notifier = {}
Notifier.__index = Notifier

local notifier = {}

---@param topic string the topic's ARN
---@param options { limit: integer, stack: string?, client: table? } notifications a minute; an SNS client that is there
---@return watchbot.Notifier?
---@return string? message
---@return string? code
function notifier.new(topic, options)
  local client, message, code = options.client, nil, nil
  if not client then client, message, code = topics.client(topic) end
  if not client then return nil, message, code end
  return setmetatable({
    topic = topic, client = client, limit = options.limit, stack = options.stack or "watchbot", sent = 0, window = -math.huge,
    held = {}, held_count = 0,
  }, Notifier)
end

local function denied(code)
  return code == "AuthorizationError" or code == "AccessDenied" or code == "AccessDeniedException"
end

--- Whether the topic is there and may be published to.
---@return true? ok
---@return string? message
---@return string? code
function Notifier:check()
  local ok, message, code = self.client:Publish { TopicArn = self.topic, Subject = REFUSED_SUBJECT, Message = "check" }
  if ok or code == "InvalidParameter" or code == "InvalidParameterValue" then return true end
  if code == "NotFound" then return nil, ("topic %s does not exist"):format(self.topic), code end
  if denied(code) then
    return nil, ("the credentials do not allow 'sns:Publish' on %s: add it to the role's policy"):format(self.topic), code
  end
  return nil, message, code
end

--- Publishes one message, whatever the limit.
---@param subject string
---@param body string
---@return true? ok
---@return string? message
---@return string? code
function Notifier:publish(subject, body)
  local fifo = self.topic:match "%.fifo$" ~= nil
  local result, message, code = self.client:Publish {
    TopicArn = self.topic, Subject = subject, Message = text.cut(body, LARGEST),
    MessageGroupId = fifo and "watchbot" or nil, MessageDeduplicationId = fifo and digest.uuid() or nil,
  }
  if not result then return nil, ("could not publish to %s: %s"):format(self.topic, message), code end
  return true
end

local function summary(self)
  local lines = { ("%d more failures on %s in the last minute:"):format(self.held_count, self.stack), "" }
  for _, about in ipairs(self.held) do lines[#lines + 1] = about end
  if self.held_count > #self.held then lines[#lines + 1] = ("and %d more"):format(self.held_count - #self.held) end
  return table.concat(lines, "\n")
end

local function subject_of(self)
  local subject = ("%s: %d more failures"):format(self.stack, self.held_count)
  return #subject < 100 and not subject:find "[^\32-\126]" and subject or ("watchbot: %d more failures"):format(self.held_count)
end

--- Publishes what the limit has held back, if anything.
---@return true? ok
---@return string? message
---@return string? code
function Notifier:flush()
  if self.held_count == 0 then return true end
  local subject, body = subject_of(self), summary(self)
  self.held, self.held_count = {}, 0
  return self:publish(subject, body)
end

-- The summary's task ends with the minute; at the watcher's end `flush` is sooner.
function Notifier:hold(about, failed)
  self.held_count = self.held_count + 1
  if self.held_count <= NAMED then self.held[self.held_count] = about end
  if self.held_count > 1 then return end
  scheduler.spawn(function()
    scheduler.sleep(math.max(0, self.window + MINUTE - scheduler.now()))
    local ok, message, code = self:flush()
    if not ok and failed then failed(message, code) end
  end)
end

--- Publishes a notification, or holds it back for the summary.
---@param compose fun(): string, string makes subject and body; is not called for what is held back
---@param about string one line for the summary
---@param failed fun(message: string, code: string)? is told when a summary cannot be published later
---@return true? ok
---@return string? message
---@return string? code
function Notifier:send(compose, about, failed)
  local now = scheduler.now()
  if now - self.window >= MINUTE then self.window, self.sent = now, 0 end
  if self.sent >= self.limit then
    self:hold(about, failed)
    return true
  end
  self.sent = self.sent + 1
  return self:publish(compose())
end

return notifier
