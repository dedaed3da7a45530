--- queue.sqlite.sending: checks messages for the embedded queue before they are in a transaction,
-- where an error of one caller would fail the work of others.

local limits = require "watchbot.lib.limits"
local ranking = require "watchbot.queue.sqlite.ranking"
local store = require "watchbot.queue.sqlite.store"

-- SQS's limit; the subject, which SQS does not have, counts as well.
local LARGEST = limits.sqs.message

-- Seconds of a delay: more is a mistake, such as milliseconds.
local LONGEST_DELAY = 365 * 86400

local sending = {}

local function size_of(message)
  local size = #message.body + #(message.subject or "")
  for name, attribute in pairs(message.attributes or {}) do
    size = size + #name + #attribute.type + #attribute.value
  end
  return size
end

--- Adds a message, within a transaction.
---@return { id: string }|{ message: string, code: "MessageTooLong"|"InvalidDelay" }
function sending.send(transaction, now, message)
  if (message.delay or 0) > LONGEST_DELAY then
    return {
      message = ("a delay may have 0 to %d s (a year), not %g"):format(LONGEST_DELAY,
        message.delay),
      code = "InvalidDelay",
    }
  end
  local size = size_of(message)
  if size <= LARGEST then return { id = store.send(transaction, now, message) } end
  return {
    message = ("a message may have %d bytes with its subject and attributes, this one has %d")
      :format(LARGEST, size),
    code = "MessageTooLong",
  }
end

local function demand(ok, problem)
  if not ok then error("send: " .. problem, 0) end
end

local function check_attributes(attributes)
  for name, attribute in pairs(attributes) do
    local known = type(name) == "string" and type(attribute) == "table"
    demand(known and type(attribute.type) == "string" and type(attribute.value) == "string",
      "attributes must be names, each with { type = string, value = string }")
  end
end

--- Raises an error for an invalid message.
---@param message watchbot.Outgoing
function sending.check(message)
  demand(type(message) == "table" and type(message.body) == "string",
    "a message must be a table with a body, a string")
  demand(message.delay == nil or type(message.delay) == "number" and message.delay >= 0,
    "a delay must be seconds, 0 or more")
  local priority = message.priority
  demand(priority == nil or math.type(priority) == "integer"
    and math.abs(priority) <= ranking.LIMIT,
    ("a priority must be a whole number from -%d to %d"):format(ranking.LIMIT, ranking.LIMIT))
  for _, name in ipairs { "subject", "group", "deduplication" } do
    local value = message[name]
    demand(value == nil or type(value) == "string",
      ("a message's %s must be a string"):format(name))
    demand(value ~= "" or name == "subject", ("a message's %s is empty"):format(name))
  end
  check_attributes(message.attributes or {})
end

return sending
