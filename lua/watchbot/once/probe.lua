--- once.probe: whether the table of keys is there, and the permissions of a watcher on it. Each
-- action is called with a condition that does not hold, so that nothing changes.

local denied = require "watchbot.aws.denied"

-- The keys of messages have another form: they begin with the path of a queue.
local UNUSED = { id = { S = "watchbot-check" } }
local NAMES = { ["#id"] = "id" }
local NEVER = "attribute_exists(#id)"

local CALLS = {
  { "PutItem", { Item = UNUSED } },
  { "UpdateItem", { Key = UNUSED, UpdateExpression = "REMOVE #owner" } },
  { "DeleteItem", { Key = UNUSED } },
}

local function try(store, operation, more)
  local parameters = {
    TableName = store.name, ConditionExpression = NEVER,
    ExpressionAttributeNames = { ["#id"] = NAMES["#id"],
      ["#owner"] = more.UpdateExpression and "owner" or nil },
  }
  for name, value in pairs(more) do parameters[name] = value end
  local ok, err, code = store.client[operation](store.client, parameters)
  if ok or code == "ConditionalCheckFailedException" then return true end
  if code == "ResourceNotFoundException" then
    return nil, ("the table '%s' of 'once_table' does not exist"):format(store.arn), code
  end
  return nil, denied.explain("dynamodb:" .. operation, store.arn, err, code)
end

local probe = {}

--- What a watcher needs. Waits.
---@param store watchbot.once.Table
---@return { action: string, err: string?, code: string? }[] permissions code "NotAllowed": it is
--- missing; "ResourceNotFoundException": there is no such table; another: it could not be tried
function probe.permissions(store)
  local found = {}
  for index, call in ipairs(CALLS) do
    local ok, err, code = try(store, call[1], call[2])
    found[index] = { action = "dynamodb:" .. call[1], err = not ok and err or nil, code = code }
    if code == "ResourceNotFoundException" then break end
  end
  return found
end

--- Why DynamoDB does not delete old keys; nil if it does, or if that may not be asked. Waits.
---@param store watchbot.once.Table
---@return string?
function probe.time_to_live(store)
  local result = store.client:DescribeTimeToLive { TableName = store.name }
  local found = result and result.TimeToLiveDescription
  if not found then return nil end
  local enabled = found.TimeToLiveStatus == "ENABLED" or found.TimeToLiveStatus == "ENABLING"
  if enabled and found.AttributeName == "expiration" then return nil end
  return ("the time to live of the table '%s' is %s, not the attribute 'expiration': old keys stay "
    .. "in it"):format(store.name, enabled and ("'%s'"):format(found.AttributeName) or "off")
end

--- Whether a watcher can use the table, as far as that can be known in advance. Waits.
---@param store watchbot.once.Table
---@return true? ok
---@return string? err
---@return string? code
function probe.check(store)
  for _, one in ipairs(probe.permissions(store)) do
    if one.code == "NotAllowed" or one.code == "ResourceNotFoundException" then
      return nil, one.err, one.code
    end
  end
  return true
end

return probe
