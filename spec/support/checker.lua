--- checker: whether any message was lost. It knows what was sent and asks the queue itself, never
-- through the fault proxy: each message that was sent must have finished, or be in the dead-letter
-- queue, or still be in the queue, and none may stay hidden for longer than its lease. It receives
-- the remaining messages, so it runs last. To be used in tasks.

local scheduler = require "watchbot.scheduler"

local checker = {}

local Checker = {}
Checker.__index = Checker

-- Seconds that the queue may be late in making a message visible: moto checks once a second.
local LATE = 2

--- Starts an account.
---@param client watchbot.aws.Client of SQS
---@param queue string its URL
---@param dead_letters string? the URL of its dead-letter queue
---@return table
function checker.new(client, queue, dead_letters)
  return setmetatable({ client = client, queue = queue, dead_letters = dead_letters, bodies = {},
    sent = 0 }, Checker)
end

--- Sends messages, each with a body that no other has.
---@param bodies string[]
function Checker:send(bodies)
  for first = 1, #bodies, 10 do
    local entries = {}
    for index = first, math.min(first + 9, #bodies) do
      assert(not self.bodies[bodies[index]], "this body was sent already")
      self.bodies[bodies[index]] = true
      entries[#entries + 1] = { Id = tostring(index), MessageBody = bodies[index] }
    end
    local result = assert(self.client:SendMessageBatch { QueueUrl = self.queue, Entries = entries })
    assert(#result.Successful == #entries, "not all could be sent")
    self.sent = self.sent + #entries
  end
end

--- How many messages the queue has, and how many of them are out of sight.
---@param url string?
---@return { visible: integer, in_flight: integer }
function Checker:counts(url)
  local attributes = assert(self.client:GetQueueAttributes {
    QueueUrl = url or self.queue, AttributeNames = { "All" },
  }).Attributes
  return {
    visible = math.tointeger(attributes.ApproximateNumberOfMessages),
    in_flight = math.tointeger(attributes.ApproximateNumberOfMessagesNotVisible),
  }
end

--- How many messages the dead letters have.
---@return integer
function Checker:dead()
  return self.dead_letters and self:counts(self.dead_letters).visible or 0
end

-- What is still out of sight when the last lease must have ended.
function Checker:stuck(lease)
  local until_time = scheduler.now() + lease + LATE
  while self:counts().in_flight > 0 and scheduler.now() < until_time do scheduler.sleep(0.1) end
  return self:counts().in_flight
end

-- All messages that can be received from a queue: body -> receive count.
function Checker:take_out(url)
  local found = {}
  while true do
    local messages = assert(self.client:ReceiveMessage {
      QueueUrl = url, MaxNumberOfMessages = 10, VisibilityTimeout = 3600,
      MessageSystemAttributeNames = { "All" },
    }).Messages or {}
    if #messages == 0 then return found end
    for _, message in ipairs(messages) do
      found[message.Body] = math.tointeger(tonumber(message.Attributes.ApproximateReceiveCount))
    end
  end
end

-- Bodies that finished more than once.
local function repeated(finished)
  local seen, twice = {}, {}
  for _, body in ipairs(finished) do
    if seen[body] then twice[#twice + 1] = body end
    seen[body] = true
  end
  return seen, twice
end

--- Computes the result, after all watchers have ended.
---@param finished string[] the bodies whose tasks have come to their end, one as often as it did
---@param lease number seconds for which a message may be out of sight: the visibility, or a backoff
---@return { lost: string[], unknown: string[], duplicates: string[],
--- stuck: integer, dead: table, queued: table }
function Checker:account(finished, lease)
  local account = { lost = {}, unknown = {}, stuck = self:stuck(lease) }
  local done
  done, account.duplicates = repeated(finished)
  account.queued = self:take_out(self.queue)
  account.dead = self.dead_letters and self:take_out(self.dead_letters) or {}
  for body in pairs(self.bodies) do
    if not done[body] and not account.dead[body] and not account.queued[body] then
      table.insert(account.lost, body)
    end
  end
  for body in pairs(done) do
    if not self.bodies[body] then table.insert(account.unknown, body) end
  end
  return account
end

return checker
