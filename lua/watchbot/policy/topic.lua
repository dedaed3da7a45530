--- policy.topic: the methods of a policy about its topic: the notifier, which holds back what a
-- minute has too many of, and publishes a summary of it.

local topic = {}

--- Adds them.
---@param methods table
---@param inside_of fun(policy: watchbot.Policy): table where the notifier of a policy is kept
function topic.add(methods, inside_of)
  --- The notifier of the policy's topic, opened when it is first used; nil without a topic, or if
  --- it cannot be opened.
  ---@return watchbot.Notifier?
  ---@return string? err
  ---@return string? code
  function methods:notifier()
    local inside = inside_of(self)
    if inside.notifier or not self.topic then return inside.notifier end
    local options = { limit = self.notify_limit, stack = self.stack }
    local err, code
    inside.notifier, err, code = require "watchbot.notify.sns".new(self.topic, options)
    if inside.notifier then inside.notifier.on_failure = inside.on_notification_failure end
    return inside.notifier, err, code
  end

  --- Called for summaries that could not be published.
  ---@param handler fun(message: string, code: string)
  function methods:on_notification_failure(handler)
    local inside = inside_of(self)
    inside.on_notification_failure = handler
    if inside.notifier then inside.notifier.on_failure = handler end
  end

  --- Publishes the notifications that the limit has held back.
  ---@return true? ok
  ---@return string? err
  ---@return string? code
  function methods:flush_notifications()
    local notifier = inside_of(self).notifier
    if not notifier then return true end
    return notifier:flush()
  end
end

return topic
