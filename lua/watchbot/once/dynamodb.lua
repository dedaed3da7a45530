--- once.dynamodb: keys of messages that run once, in a DynamoDB table whose only key is `id`. The
-- other attributes have the names and the meaning of Powertools for AWS Lambda:
--
--     { id = "123456789012/jobs#order-17", status = "INPROGRESS", owner = <of this attempt>,
--       message = <its id>, in_progress_expiration = <milliseconds>, expiration = <seconds> }
--     { id = "123456789012/jobs#order-18", status = "COMPLETED", expiration = <seconds> }
--
-- `expiration` is the table's TTL. DynamoDB deletes such items days later, so that each condition
-- compares the time itself. Each write may be repeated after a lost answer: it names its owner.

local aws = require "watchbot.aws"
local scheduler = require "watchbot.scheduler"
local urls = require "watchbot.lib.urls"
local uuid = require("watchbot.core").aws.uuid
local values = require "watchbot.progress.dynamodb.values"

-- The settings of the AWS SDKs for DynamoDB.
local ATTEMPTS = 10

-- A task that outlives its watcher is found by the next receive of its message. Others with the key
-- wait for that: a multiple of the watcher's lease.
local LASTING = 3

-- Claims that another watcher may win one after the other.
local TRIES = 3

---@class watchbot.once.Table
local Table = {}
Table.__index = Table

local dynamodb = {}

local function client_for(region)
  local endpoint = os.getenv "DynamoDbEndpoint"
  return aws("dynamodb", {
    region = region, endpoint = endpoint ~= "" and endpoint or nil,
    max_attempts = not os.getenv "AWS_MAX_ATTEMPTS" and ATTEMPTS or nil,
  })
end

--- The parts of a table's ARN.
---@param arn string
---@return string? region
---@return string? name
function dynamodb.parse(arn)
  return arn:match "^arn:[^:]+:dynamodb:([^:]+):[^:]*:table/([%w_.-]+)$"
end

--- Does not make a call yet.
---@param arn string
---@param queue string URL: the keys of a queue are its own
---@param client table?
---@return watchbot.once.Table?
---@return string? err
---@return string? code "Usage" if it is not the ARN of a table
function dynamodb.open(arn, queue, client)
  local region, name = dynamodb.parse(arn)
  if not region then
    return nil, ("once_table: '%s' is not a table: expected "
      .. "arn:aws:dynamodb:REGION:ACCOUNT:table/NAME"):format(arn), "Usage"
  end
  local err, code
  if not client then client, err, code = client_for(region) end
  if not client then return nil, err, code end
  local path = urls.hide(queue):match "^%a+://[^/]+/(.-)/*$" or queue
  return setmetatable({ arn = arn, name = name, prefix = path .. "#", client = client }, Table)
end

-- Milliseconds since the epoch, by AWS's clock where this machine's is known to be wrong.
function Table:now()
  return scheduler.time() + math.floor((self.client.clock_offset or 0) * 1000)
end

local NAMES = {
  ["#id"] = "id", ["#status"] = "status", ["#owner"] = "owner", ["#expiration"] = "expiration",
  ["#lease"] = "in_progress_expiration", ["#message"] = "message",
}

-- The names that an expression has: DynamoDB refuses those that none uses.
local function names_in(...)
  local names = {}
  for _, expression in ipairs { ... } do
    for name in expression:gmatch "#%a+" do names[name] = NAMES[name] end
  end
  return names
end

local function encoded(plain)
  local all = {}
  for name, value in pairs(plain) do all[name] = values.encode(value) end
  return all
end

local function lease_of(claim)
  return math.ceil(claim.seconds * (claim.lasting and LASTING or 1) * 1000)
end

-- Until an item may be deleted: one in progress stays longer than its lease, so that its key can be
-- seen to be in doubt.
local function expiration(now, lease, claim)
  return (now + lease) // 1000 + math.ceil(claim.keeps)
end

-- Writes an item if the condition holds. => true, or false and the item as it is, or nil, err, code
function Table:put(item, condition, plain)
  local result, err, code, details = self.client:PutItem({
    TableName = self.name, Item = encoded(item), ConditionExpression = condition,
    ExpressionAttributeNames = names_in(condition), ExpressionAttributeValues = encoded(plain),
    ReturnValuesOnConditionCheckFailure = "ALL_OLD",
  }, { idempotent = true })
  if result then return true end
  if code ~= "ConditionalCheckFailedException" then return nil, err, code end
  local old = details and details.Item
  return false, type(old) == "table" and values.item(old) or {}
end

local function item_of(self, claim, now)
  local lease = lease_of(claim)
  return {
    id = self.prefix .. claim.key, status = "INPROGRESS", owner = claim.owner, message = claim.id,
    in_progress_expiration = now + lease, expiration = expiration(now, lease, claim),
  }
end

local FREE = "attribute_not_exists(#id) OR #owner = :owner"
  .. " OR (#status = :done AND #expiration <= :seconds)"
local UNCHANGED = "#owner = :before AND #lease = :seen"

-- What an item that is there means for a claim.
-- => "done"|"busy", seconds; or nil and whether it is in doubt
local function judge(old, claim, now)
  if old.status == "COMPLETED" then
    if (old.expiration or 0) > now // 1000 then return "done" end
    return "busy", 0
  end
  if claim.lasting and old.message == claim.id then return nil, false end
  local left = ((old.in_progress_expiration or 0) - now) / 1000
  if left > 0 then return "busy", left end
  return nil, true
end

-- => state, detail; or nothing if another watcher was faster
function Table:try(claim)
  local now = self:now()
  local item = item_of(self, claim, now)
  local put, old, code = self:put(item, FREE, {
    [":owner"] = claim.owner, [":done"] = "COMPLETED", [":seconds"] = now // 1000,
  })
  if put == nil then return false, old, code end
  if put then return "claimed", false end
  local state, detail = judge(old, claim, now)
  if state then return state, detail end
  put, old, code = self:put(item, UNCHANGED, {
    [":before"] = old.owner or "", [":seen"] = old.in_progress_expiration or 0,
  })
  if put == nil then return false, old, code end
  if put then return "claimed", detail end
end

--- Claims a key. Waits.
---@param claim watchbot.Claim
---@return "claimed"|"done"|"busy"|nil state
---@return any detail as queue.sqlite.once; or the error
---@return string? code
function Table:claim(claim)
  claim.owner = claim.owner or uuid()
  for _ = 1, TRIES do
    local state, detail, code = self:try(claim)
    if state == false then return nil, detail, code end
    if state then return state, detail end
  end
  return "busy", 1
end

-- Changes the item of a claim, if the claim still has it. => true, or false, or nil, err, code
function Table:update(claim, update, plain)
  local condition = "#owner = :owner AND #status = :progress"
  plain[":owner"], plain[":progress"] = claim.owner, "INPROGRESS"
  local result, err, code = self.client:UpdateItem({
    TableName = self.name, Key = { id = { S = self.prefix .. claim.key } },
    UpdateExpression = update, ConditionExpression = condition,
    ExpressionAttributeNames = names_in(update, condition),
    ExpressionAttributeValues = encoded(plain),
  }, { idempotent = true })
  if result then return true end
  if code == "ConditionalCheckFailedException" then return false end
  return nil, err, code
end

function Table:keep(claim, lease)
  local now = self:now()
  return self:update(claim, "SET #lease = :lease, #expiration = :expiration", {
    [":lease"] = now + lease, [":expiration"] = expiration(now, lease, claim),
  })
end

--- Extends the lease of a key in progress. Waits.
---@param claim watchbot.Claim
---@return true? ok
---@return string? err
---@return string? code "LeaseLapsed": another watcher has it
function Table:extend(claim)
  local ok, err, code = self:keep(claim, lease_of(claim))
  if ok == false then
    return nil, ("the lease of the key '%s' has lapsed, and another watcher has it"):format(
      claim.key), "LeaseLapsed"
  end
  return ok, err, code
end

-- The key is done, even if another watcher has it now. A repeat after a lost answer finds it done.
function Table:mark(claim)
  local now = self:now()
  local expires = now // 1000 + math.ceil(claim.keeps)
  local ok, err, code = self:update(claim, "SET #status = :done, #expiration = :expiration"
    .. " REMOVE #lease", { [":done"] = "COMPLETED", [":expiration"] = expires })
  if ok ~= false then return ok, err, code end
  local put, old
  put, old, code = self:put({
    id = self.prefix .. claim.key, status = "COMPLETED", owner = claim.owner, message = claim.id,
    expiration = expires,
  }, "#owner <> :owner", { [":owner"] = claim.owner })
  if put == nil then return nil, old, code end
  if not put then return true end
  return nil, "its lease had lapsed while it ran: another message with it may have run too",
    "LeaseLapsed"
end

function Table:free(claim)
  local result, err, code = self.client:DeleteItem {
    TableName = self.name, Key = { id = { S = self.prefix .. claim.key } },
    ConditionExpression = "#owner = :owner AND #status = :progress",
    ExpressionAttributeNames = names_in "#owner #status",
    ExpressionAttributeValues = encoded {
      [":owner"] = claim.owner, [":progress"] = "INPROGRESS",
    },
  }
  if result or code == "ConditionalCheckFailedException" then return true end
  return nil, err, code
end

--- Marks a key as done, or frees it; one that was `left` stays in progress until its message has
--- been received again. Waits.
---@param claim watchbot.Claim
---@return true? ok
---@return string? err
---@return string? code
function Table:settle(claim)
  if claim.state == "done" then return self:mark(claim) end
  if claim.state ~= "left" then return self:free(claim) end
  local ok, err, code = self:keep(claim, lease_of(claim) + math.ceil(claim.rests * 1000))
  return ok ~= nil or nil, err, code
end

return dynamodb
