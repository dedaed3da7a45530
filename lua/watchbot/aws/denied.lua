--- denied: what is said of a call that the credentials do not allow, in the same words everywhere: which IAM action is missing.

-- As the protocols have it: Query, JSON, and SNS.
local codes = { AccessDenied = true, AccessDeniedException = true, AuthorizationError = true }

local denied = {}

--- Whether an error's code says that a permission is missing.
---@param code string?
---@return boolean
function denied.is(code)
  return codes[code] == true
end

---@param action string "sqs:ReceiveMessage"
---@param on string? what it was asked of, as a message has it
---@return string message
---@return "NotAllowed" code
function denied.message(action, on)
  return ("the credentials do not allow '%s'%s: add the action to the role's policy"):format(action, on and " on " .. on or ""),
    "NotAllowed"
end

return denied
