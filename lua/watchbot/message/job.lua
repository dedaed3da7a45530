--- job: a message as the watcher handles it. Unwraps the SNS envelope and defines the environment
-- variables of a task.

local burial = require "watchbot.message.burial"
local envelope = require "watchbot.message.envelope"
local event = require "watchbot.message.event"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local trace = require "watchbot.trace"

-- Linux limits an environment string to 32 pages, including name, '=' and the final NUL: execve(2),
-- MAX_ARG_STRLEN.
local LONGEST_STRING = 131072

---@class watchbot.Job
---@field id string
---@field subject string?
---@field message string any bytes
---@field attributes table<string, { type: string, value: string }>
---@field receives integer the receive count, including this receive
---@field deliveries integer the same, including receives that were not counted; it never decreases
---@field sent integer? milliseconds since the epoch
---@field first_received integer? milliseconds since the epoch
---@field group string? the FIFO group
---@field trace watchbot.Trace? what its sender, or the span of this job, hands on
---@field queue string? the URL of its queue
---@field event watchbot.Event? of another service, where the policy has an `envelope`
---@field last boolean if this attempt fails, the message goes to the dead-letter queue
local Job = { __metatable = "watchbot.Job" }
Job.__index = Job

local job = {}

-- job -> the message as the queue has handed it out, which no policy gets to see.
local messages = setmetatable({}, { __mode = "k" })

-- job -> { at, text } of a body that was in S3, and job -> where it was stored for its task.
local bodies, stored = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

-- Jobs at their last receive.
local lasts = setmetatable({}, { __mode = "k" })

--- The names of all variables that a message can set, for code that must not pass on those of
--- another message.
job.variable_names = {
  "Subject", "Message", "MessageFile", "MessageId", "SentTimestamp",
  "ApproximateFirstReceiveTimestamp",
  "ApproximateReceiveCount", "MessageGroupId", "MessageAttributes", "MessageBucket", "MessageKey",
  "MessageUrl",
}
for name in pairs(trace.variables) do
  job.variable_names[#job.variable_names + 1] = name
end

-- Copies: the message itself may have to go to a dead-letter queue as it came.
local function copy(given)
  local all = burial.strip(given)
  for name, attribute in pairs(all) do
    all[name] = { type = attribute.type, value = attribute.value }
  end
  return all
end

-- What a task is to work on.
-- => subject message attributes
local function unwrap(message)
  local given = message.attributes
  local attributes = given and next(given) ~= nil and copy(given) or {}
  local opened = envelope.open(message.body)
  if not opened then return message.subject, message.body, attributes end
  for name, attribute in pairs(opened.attributes) do attributes[name] = attribute end
  return opened.subject, opened.message, attributes
end

-- Most messages have no trace: that costs three look-ups.
local function trace_of(attributes, header)
  if not (header or attributes.traceparent or attributes.baggage) then return nil end
  return trace.of_message(attributes, header)
end

-- The class of a queue's jobs: what all of them have in common costs nothing for each.
local classes = setmetatable({}, { __mode = "v" })

--- The class of the jobs of a queue, whose `queue` no policy can change.
---@param url string
---@return table
function job.of_queue(url)
  local class = classes[url]
  if class then return class end
  class = { __metatable = "watchbot.Job", queue = url }
  for name, method in pairs(Job) do class[name] = class[name] or method end
  class.__index = class
  function class.__newindex(self, name, value)
    if name ~= "queue" then rawset(self, name, value) end
  end
  classes[url] = class
  return class
end

--- Makes a job of a received message.
---@param message table from `queue:receive`
---@param max_receives integer? receives before the dead-letter queue, if known
---@param class table? see `of_queue`
---@return watchbot.Job
function job.new(message, max_receives, class)
  local receives = message.receives
  local last = max_receives ~= nil and receives >= max_receives
  local subject, body, attributes = unwrap(message)
  local self = setmetatable({
    id = message.id, subject = subject, message = body, attributes = attributes,
    receives = receives, deliveries = message.deliveries or receives, sent = message.sent,
    first_received = message.first_received, group = message.group, last = last,
  }, class or Job)
  local header = message.trace
  local hands_on = (header or next(attributes) ~= nil) and trace_of(attributes, header)
  if hands_on then self.trace = hands_on end
  messages[self] = message
  if last then lasts[self] = true end
  return self
end

--- The message as the queue has handed it out.
---@param self watchbot.Job
---@return table message
function job.received(self)
  return messages[self] or { body = self.message }
end

--- The body of a message that is a pointer, which its hooks and its task see.
---@param self watchbot.Job
---@param text string
---@param at watchbot.Pointer
function job.open(self, text, at)
  self.message, bodies[self] = text, { at = at, text = text }
end

--- Where the body of a message was read.
---@param self watchbot.Job
---@return watchbot.Pointer?
function job.body_at(self)
  return bodies[self] and bodies[self].at
end

--- The message has been stored for its task.
---@param self watchbot.Job
---@param at watchbot.Pointer
function job.store(self, at)
  stored[self] = at
end

---@param self watchbot.Job
---@return watchbot.Pointer?
function job.stored_at(self)
  return stored[self]
end

local function restore_facts(self, message)
  self.id, self.sent, self.group = message.id, message.sent, message.group
  self.receives, self.deliveries = message.receives, message.deliveries or message.receives
  self.first_received, self.last = message.first_received, lasts[self] == true
end

local function restore_content(self, message)
  local subject, body, attributes = unwrap(message)
  if bodies[self] then body = bodies[self].text end
  if type(self.message) ~= "string" then self.message = body end
  if self.subject ~= nil and type(self.subject) ~= "string" then self.subject = subject end
  if type(self.trace) ~= "table" then self.trace = trace_of(attributes, message.trace) end
  if type(self.attributes) ~= "table" then self.attributes = attributes end
end

--- Restores the parts of a job that a policy must not change. A policy may set another message,
--- subject or attributes, and add fields.
---@param self any
function job.mend(self)
  local message = self ~= nil and messages[self]
  if not message then return end
  if self.id ~= message.id or self.receives ~= message.receives or self.sent ~= message.sent
    or self.group ~= message.group or self.first_received ~= message.first_received
    or self.deliveries ~= (message.deliveries or message.receives)
    or self.last ~= (lasts[self] == true) then
    restore_facts(self, message)
  end
  local subject, hands_on = self.subject, self.trace
  if type(self.message) ~= "string" or type(self.attributes) ~= "table"
    or subject ~= nil and type(subject) ~= "string"
    or hands_on ~= nil and type(hands_on) ~= "table" then
    restore_content(self, message)
  end
end

local function fits(name, value)
  return #name + #"=" + #value + #"\0" <= LONGEST_STRING and not value:find("\0", 1, true)
end

--- Whether the environment can hold the message: `Message=...` in one string, without a NUL.
---@return boolean
function Job:fits_environment()
  return fits("Message", self.message)
end

local function timestamp(milliseconds, format)
  if not milliseconds then return nil end
  return format == "epoch" and ("%d"):format(milliseconds) or scheduler.iso_date(milliseconds)
end

--- The message attributes as one JSON object, `{"name":{"Type":"String","Value":"..."}}`; nil if
--- there are none.
---@return string?
function Job:attributes_json()
  if next(self.attributes) == nil then return nil end
  local object = {}
  for name, attribute in pairs(self.attributes) do
    object[name] = { Type = attribute.type, Value = attribute.value }
  end
  return json.encode(object, "replace")
end

--- The environment variables of a task. Values that do not fit are absent; `Message` can be passed
--- in other ways.
---@param timestamps "iso"|"epoch" ISO 8601, or milliseconds since the epoch
---@param env table<string, string>? names that an event does not set
---@return table<string, string>
function Job:variables(timestamps, env)
  local variables = {
    Subject = self.subject,
    Message = self.message,
    MessageId = self.id,
    SentTimestamp = timestamp(self.sent, timestamps),
    ApproximateFirstReceiveTimestamp = timestamp(self.first_received, timestamps),
    ApproximateReceiveCount = tostring(self.receives),
    MessageGroupId = self.group,
    MessageAttributes = self:attributes_json(),
  }
  if self.event then event.add(self.event, variables, env or {}) end
  for name, value in pairs(variables) do
    if not fits(name, value) then variables[name] = nil end
  end
  if self.trace then
    for name, field in pairs(trace.variables) do variables[name] = self.trace[field] end
  end
  return variables
end

return job
