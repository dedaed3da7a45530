--- denied: one error text for calls that the credentials do not allow: the missing IAM action, the
-- policy to look at, and AWS's own message.
-- https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

-- The protocols' codes: Query, JSON, and SNS; the last two are from KMS, through SQS and SNS.
local codes = {
  AccessDenied = true, AccessDeniedException = true, AuthorizationError = true,
  KmsAccessDenied = true, KMSAccessDenied = true,
}

-- Patterns of AWS's messages about policies, and the fix.
local ADVICE = {
  { "explicit deny in an? ([%a%- ]*%a)",
  "a statement of the %s denies it, and no other can allow it" },
  { "no identity%-based policy allows", "add the action to the role's policy" },
  { "no resource%-based policy allows", "add the action to the policy of the resource" },
  { "no ([%a%- ]+) allows", "add the action to the %s" },
  { "KMS", "allow kms:Decrypt and kms:GenerateDataKey on the key that encrypts it" },
}

local denied = {}

--- Whether an error's code means that a permission is missing.
---@param code string?
---@return boolean
function denied.is(code)
  return codes[code] == true
end

local function advice_of(words)
  for _, advice in ipairs(ADVICE) do
    local first, _, policy = words:find(advice[1])
    if first then return (advice[2]:gsub("%%s", policy or "")) end
  end
  return "add the action to the role's policy"
end

-- A call may need an action of another service, which AWS then names: RunTask needs iam:PassRole.
local function action_of(words, action)
  return words:match "not authorized to perform: (iam:%w+)"
    or words:match "not authorized to perform: (kms:%w+)" or action
end

---@param action string "sqs:ReceiveMessage"
---@param on string? the resource, as printed in errors
---@param words string? the error of the call: AWS's message with the request id
---@return string err
---@return "NotAllowed" code
function denied.message(action, on, words)
  words = words or ""
  local err = ("the credentials do not allow '%s'%s: %s"):format(action_of(words, action),
    on and " on " .. on or "", advice_of(words))
  if words ~= "" then err = ("%s; AWS says: %s"):format(err, (words:gsub("^%w+:%w+: ", ""))) end
  return err, "NotAllowed"
end

--- The error of a call: the missing permission if that is the reason, otherwise the error itself.
---@param action string
---@param on string?
---@param err string?
---@param code string?
---@return string? err
---@return string? code
function denied.explain(action, on, err, code)
  if denied.is(code) then return denied.message(action, on, err) end
  return err, code
end

return denied
