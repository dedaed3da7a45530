--- queue.sqs.permissions: checks which IAM actions of a watcher the credentials lack on a queue.
-- Each call is made so that nothing changes; the permission to receive only shows in a receive.

local permissions = {}

-- SQS checks the permission before the receipt handle, so an invalid handle is enough and affects
-- no message.
local SETTLING = {
  { "DeleteMessage", { ReceiptHandle = "none" } },
  { "ChangeMessageVisibility", { ReceiptHandle = "none", VisibilityTimeout = 0 } },
}

-- => true | nil err code ; an error about the handle means that the call is allowed
local function try(queue, operation, parameters)
  local copied = {}
  for name, value in pairs(parameters) do copied[name] = value end
  local ok, err, code = queue:call(operation, copied)
  if ok or code == "ReceiptHandleIsInvalid" or tostring(code):find "^InvalidParameter" then
    return true
  end
  return nil, err, code
end

--- Whether messages may be settled.
---@param queue watchbot.queue.Sqs
---@return true? ok
---@return string? err
---@return string? code "NotAllowed"
function permissions.check(queue)
  for _, call in ipairs(SETTLING) do
    local ok, err, code = try(queue, call[1], call[2])
    if not ok and code == "NotAllowed" then return nil, err, code end
  end
  return true
end

--- The IAM actions that a watcher needs all the time.
---@param queue watchbot.queue.Sqs
---@return { action: string, err: string?, code: string? }[] permissions code "NotAllowed": it is
--- missing; another code: it could not be checked
function permissions.list(queue)
  local found, err, code = queue:attributes()
  local results = { { action = "sqs:GetQueueAttributes", err = err, code = code } }
  if not found and code ~= "NotAllowed" then return results end
  for _, call in ipairs(SETTLING) do
    local _
    _, err, code = try(queue, call[1], call[2])
    table.insert(results, { action = "sqs:" .. call[1], err = err, code = code })
  end
  return results
end

return permissions
