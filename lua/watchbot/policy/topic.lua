--- policy.topic: the methods of a policy about its notifications: the notifier of its topic, which
-- holds back what a minute has too many of, and publishes a summary of it.

local topic = {}

-- The topic is that of all queues.
local function inside_of(insides, policy)
  local inside = insides[policy]
  return inside.above or inside
end

-- => notifier | nil, err, code
local function notifier_of(inside, policy)
  if inside.notifier or not policy.topic then return inside.notifier end
  local options = { limit = policy.notify_limit, stack = policy.stack }
  local err, code
  inside.notifier, err, code = require "watchbot.notify.sns".new(policy.topic, options)
  if inside.notifier then inside.notifier.on_failure = inside.on_notification_failure end
  return inside.notifier, err, code
end

--- Adds them.
---@param methods table
---@param insides table<watchbot.Policy, table> where the notifier of a policy is kept
function topic.add(methods, insides)
  --- The queue's URL, which notifications name where a watcher has several.
  ---@return string?
  function methods:named_queue()
    local above = insides[self].above
    return above and #above.of_queues > 1 and self.queue or nil
  end

  --- The notifier of the policy's topic, opened when it is first used; nil without a topic, or if
  --- it cannot be opened.
  ---@return watchbot.Notifier?
  ---@return string? err
  ---@return string? code
  function methods:notifier() return notifier_of(inside_of(insides, self), self) end

  --- Called for summaries that could not be published.
  ---@param handler fun(message: string, code: string)
  function methods:on_notification_failure(handler)
    local inside = inside_of(insides, self)
    inside.on_notification_failure = handler
    if inside.notifier then inside.notifier.on_failure = handler end
  end

  --- Publishes the notifications that the limit has held back.
  ---@return true? ok
  ---@return string? err
  ---@return string? code
  function methods:flush_notifications()
    local notifier = inside_of(insides, self).notifier
    if not notifier then return true end
    return notifier:flush()
  end
end

return topic
