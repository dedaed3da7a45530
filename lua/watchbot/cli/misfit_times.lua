--- cli.misfit_times: times of a policy that do not fit each other or the queue; each is valid.

local leases = require "watchbot.watcher.leases"

local function is_sqs(policy)
  return type(policy.queue) == "string" and policy.queue:find "^https?:" ~= nil
end

-- A batch of deletes waits for `linger` seconds, in which no heartbeat extends its messages.
local function of_linger(policy)
  if not policy.linger or policy.linger <= policy.visibility / 2 then return nil end
  return ("'linger' is %g s: messages that are done may be received again before they are deleted, "
    .. "because 'visibility' is %g s; it should be at most half of it"):format(policy.linger,
      policy.visibility)
end

local function of_timeout(policy)
  if not is_sqs(policy) or policy.timeout <= leases.LONGEST then return nil end
  return ("'timeout' is %g s: SQS makes a message visible 12 hours after its receive, while its "
    .. "task runs; it should be at most %g"):format(policy.timeout, leases.LONGEST)
end

local function of_retention(policy)
  if is_sqs(policy) or policy.timeout == 0 or policy.timeout < policy.retention then return nil end
  return ("'retention' is %g s: a message whose task is stopped after 'timeout' (%g s) is too old "
    .. "to be retried"):format(policy.retention, policy.timeout)
end

---@param policy watchbot.Policy
---@return string[] sentences
return function(policy)
  local found = {}
  for _, one in ipairs { of_linger, of_timeout, of_retention } do
    found[#found + 1] = one(policy)
  end
  return found
end
