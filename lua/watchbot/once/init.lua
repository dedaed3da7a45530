--- once: the key of a message that is to run once, and where such keys are kept: in the file of an
-- embedded queue, or in a DynamoDB table. watcher/once.lua is what a watcher does with them.

local attributes = require "watchbot.message.attributes"
local sha256 = require("watchbot.core").aws.sha256

---@class watchbot.Claim a key that a watcher has, or asks for
---@field key string as it is stored
---@field id string of the message
---@field receipt string
---@field seconds number after which the key of a watcher that was killed is free again
---@field keeps number seconds that it is remembered when it is done
---@field rests number seconds that the message of a task that is left running is hidden
---@field lasting boolean the task may outlive its watcher
---@field state "done"|"free"|"left"|nil what happens to it

local once = {}

-- Bytes of a key that is stored as it is. A key of DynamoDB may have 2048 bytes, and the name of
-- the queue stands before it.
local LONGEST = 512

--- The form of a key in which it is stored, which people can read where it is short.
---@param key string any bytes
---@return string
function once.stored(key)
  local readable = #key <= LONGEST and utf8.len(key) and not key:find "%c"
  if readable and not key:find "^sha256:" then return key end
  return "sha256:" .. sha256(key)
end

-- The deduplication id that the sender gave: one that was replayed or moved has another since.
local function first_deduplication(message)
  local first = message.attributes and message.attributes[attributes.DEDUPLICATION]
  local id = first and first.value or message.deduplication
  return type(id) == "string" and id ~= "" and id or nil
end

local WAYS = {
  id = function(job) return once.stored(job.id) end,
  body = function(job) return "sha256:" .. sha256(job.message) end,
  deduplication = function(_, message)
    local id = first_deduplication(message)
    return id and once.stored(id)
  end,
}

--- The ways to make a key that have a name, in the form in which it is stored.
once.WAYS = WAYS

return once
