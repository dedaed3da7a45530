--- runner.ecs.refusal: the meaning of an error of ECS, an entry of `failures`, or the reason of a
-- task that could not start. The one list of texts; codes take precedence if they are specific
-- enough.
-- Sources: "API failure reasons" and "Service event messages" of the ECS developer guide
-- (api_failures_messages.html, service-event-messages-list.html), "Throttling" and "Common errors"
-- of its API reference, and texts that users of RunTask have reported.

local denied = require "watchbot.aws.denied"
local retry = require "watchbot.aws.retry"

local refusal = {}

---@alias watchbot.ecs.Refusal
---| "no_room" others have to make room, or capacity has to come
---| "throttled" too many calls
---| "uncertain" the call may have been applied all the same
---| "denied" a permission is missing
---| "configuration" the policy, the cluster or the task definition has to change
---| "unknown" none of the texts below

-- Patterns, in lower case.
local TEXTS = {
  throttled = {
    "throttl", "rate exceeded", "request limit exceeded", "requestlimitexceeded",
    "too many requests",
  },
  no_room = {
    "^resource:", "^agent", "empty capacity provider", "no active instances",
    "capacity is unavailable", "no container instances were found",
    "no container instance met all of its requirements", "reached the limit o[nf]",
    "insufficient%s?free%s?addresses", "insufficient capacity", "insufficientinstancecapacity",
    "unexpected ec2 error", "timeout waiting for network interface",
    "timeout waiting for ephemeralstorage", "^internal error", "task provisioning timed out",
  },
  configuration = {
    "^location", "^attribute", "^memberof", "placement constraint", "^inactive", "^missing",
    "is above your limit", "is not a container in the taskdefinition", "was inactive",
    "taskdefinition is inactive", "taskdefinition not found", "cluster not found",
    "unable to assume the role", "unable to assume the service linked role",
    "networkconfiguration", "network configuration", "no launch type", "not compatible with",
  },
}

local ORDER = { "throttled", "no_room", "configuration" }

-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html#API_RunTask_Errors
local CODES = {
  ClusterNotFoundException = "configuration", InvalidParameterException = "configuration",
  PlatformTaskDefinitionIncompatibilityException = "configuration",
  PlatformUnknownException = "configuration", UnsupportedFeatureException = "configuration",
  BlockedException = "configuration", TooLarge = "uncertain",
}

--- The meaning of a text of ECS.
---@param text string
---@return "throttled"|"no_room"|"configuration"|"unknown"
function refusal.of_text(text)
  text = text:sub(1, 4096):lower():gsub("^taskfailedtostart: *", "")
  for _, kind in ipairs(ORDER) do
    for _, pattern in ipairs(TEXTS[kind]) do
      if text:find(pattern) then return kind end
    end
  end
  return "unknown"
end

-- The text of an error after the operation: "ecs:RunTask: text (code, ...)".
local function words_of(err)
  return (err:gsub("^%w+:%w+: ", ""))
end

--- The meaning of a call's error.
---@param err string?
---@param code string?
---@return watchbot.ecs.Refusal
function refusal.of_error(err, code)
  code = tostring(code)
  local kind = retry.kind { code = code, message = err }
  if kind == "throttled" then return "throttled" end
  if denied.is(code) then return "denied" end
  if kind or code:find "^Http5" then return "uncertain" end
  local by_text = refusal.of_text(words_of(err or ""))
  if by_text == "unknown" then return CODES[code] or "unknown" end
  return by_text
end

--- Whether the same call may succeed a little later, without any change.
---@param kind watchbot.ecs.Refusal
---@return boolean
function refusal.passes(kind)
  return kind == "no_room" or kind == "throttled" or kind == "uncertain"
end

return refusal
