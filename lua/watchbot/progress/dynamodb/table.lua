--- progress.dynamodb.table: a DynamoDB table whose only key is `id`, with a small set of calls.
-- Reads are consistent: the next write sees what a read returned, and a read settles whether a
-- write with a lost response was applied. Updates are repeated after a lost response, so each must
-- be safe to repeat.
-- https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"
local values = require "watchbot.progress.dynamodb.values"

-- The settings of the AWS SDKs for DynamoDB, which throttles bursts and expects retries.
local ATTEMPTS = 10

-- The most items that a batch may read or delete.
local READS, DELETES = limits.dynamodb.reads, limits.dynamodb.writes

-- Unprocessed items of a batch are requested again after a growing pause; the longest pause and the
-- number of attempts.
local FIRST_PAUSE, LONGEST_PAUSE, BATCHES = 0.05, 5, 20

---@class watchbot.progress.Table
local Table = {}
Table.__index = Table

local tables = {}

--- A client for the region in a table's ARN, or for `$DynamoDbEndpoint`.
local function new_client(region)
  local endpoint = os.getenv "DynamoDbEndpoint"
  if endpoint == "" then endpoint = nil end
  return aws("dynamodb", {
    region = region, endpoint = endpoint,
    max_attempts = not os.getenv "AWS_MAX_ATTEMPTS" and ATTEMPTS or nil,
  })
end

--- Does not make a call yet.
---@param arn string
---@param client table?
---@return watchbot.progress.Table?
---@return string? err
---@return string? code "Usage" if it is not the ARN of a table
function tables.open(arn, client)
  local region, name = arn:match "^arn:[^:]+:dynamodb:([^:]+):[^:]*:table/([%w_.-]+)$"
  if not region then
    return nil, ("progress: '%s' is not a table: expected "
      .. "arn:aws:dynamodb:REGION:ACCOUNT:table/NAME"):format(
      arn), "Usage"
  end
  local err, code
  if not client then client, err, code = new_client(region) end
  if not client then return nil, err, code end
  return setmetatable({ name = name, client = client }, Table)
end

local function key(id)
  return { id = { S = id } }
end

--- The decoded item; false if it does not exist.
---@param id string
---@return table|false|nil item
---@return string? err
---@return string? code
function Table:get(id)
  local result, err, code = self.client:GetItem {
    TableName = self.name, Key = key(id), ConsistentRead = true,
  }
  if not result then return nil, err, code end
  return result.Item and values.item(result.Item) or false
end

---@class watchbot.progress.Change
---@field update string an UpdateExpression
---@field condition string? a ConditionExpression
---@field names table<string, string>
---@field values table<string, table>

--- Changes an item, and creates it if it does not exist.
---@param id string
---@param change watchbot.progress.Change a change that may be applied twice
---@return table|false|nil changed the changed attributes with their new values; false: the
--- condition does not hold
---@return string? err
---@return string? code
function Table:update(id, change)
  local result, err, code = self.client:UpdateItem({
    TableName = self.name, Key = key(id), UpdateExpression = change.update,
    ConditionExpression = change.condition,
    ExpressionAttributeNames = change.names, ExpressionAttributeValues = change.values,
    ReturnValues = "UPDATED_NEW",
  }, { idempotent = true })
  if result then return values.item(result.Attributes or {}) end
  if code == "ConditionalCheckFailedException" then return false end
  return nil, err, code
end

-- Calls `call` with the unprocessed part of the previous call until there is none; returns that, or
-- nil, err, code.
local function until_done(name, left, call)
  local pause = FIRST_PAUSE
  for _ = 1, BATCHES do
    local err, code
    left, err, code = call(left)
    if not left then return nil, err, code end
    if next(left) == nil then return true end
    scheduler.sleep(pause * (0.5 + math.random()))
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
  return nil, ("table '%s' is throttled: increase its capacity"):format(name),
    "Throttled"
end

local function batches(ids, size)
  local start = 1 - size
  return function()
    start = start + size
    if start > #ids then return nil end
    return table.move(ids, start, math.min(start + size - 1, #ids), 1, {})
  end
end

function Table:read_batch(ids, visit)
  local keys = {}
  for index, id in ipairs(ids) do keys[index] = key(id) end
  return until_done(self.name, { [self.name] = { Keys = keys, ConsistentRead = true } },
    function(left)
    local result, err, code = self.client:BatchGetItem { RequestItems = left }
    if not result then return nil, err, code end
    for _, item in ipairs(result.Responses[self.name] or {}) do visit(values.item(item)) end
    return result.UnprocessedKeys or {}
  end)
end

function Table:read_singly(ids, visit)
  for _, id in ipairs(ids) do
    local item, err, code = self:get(id)
    if item == nil then return nil, err, code end
    if item then visit(item) end
  end
  return true
end

--- Reads many items; skips those that do not exist. Reads them one by one if batches are not
--- allowed.
---@param ids string[]
---@param visit fun(item: table)
---@return true? ok
---@return string? err
---@return string? code
function Table:each(ids, visit)
  for batch in batches(ids, READS) do
    local ok, err, code = self:read_batch(batch, visit)
    -- The role that ecs-watchbot gave to tasks allows GetItem and UpdateItem, but no batches.
    if denied.is(code) then ok, err, code = self:read_singly(batch, visit) end
    if not ok then return nil, err, code end
  end
  return true
end

function Table:delete_batch(ids)
  local requests = {}
  for index, id in ipairs(ids) do requests[index] = { DeleteRequest = { Key = key(id) } } end
  return until_done(self.name, { [self.name] = requests }, function(left)
    local result, err, code = self.client:BatchWriteItem { RequestItems = left }
    if not result then return nil, err, code end
    return result.UnprocessedItems or {}
  end)
end

--- Deletes items, whether they exist or not; keeps them if deleting is not allowed.
---@param ids string[]
---@return true? ok
---@return string? err
---@return string? code
function Table:delete(ids)
  for batch in batches(ids, DELETES) do
    local ok, err, code = self:delete_batch(batch)
    if denied.is(code) then return true end
    if not ok then return nil, err, code end
  end
  return true
end

return tables
