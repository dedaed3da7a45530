local refs = require "watchbot.template.refs"
local templates = require "support.templates"

describe("the notifications of a template", function()
  it("go to an address", function()
    assert.are.same({ Subscription = { { Protocol = "email", Endpoint = "me@example.com" } } },
      templates.properties("notifications", "WatchbotNotificationTopic", "task"))
  end)

  it("go to a topic of the user's own, which is left as it is", function()
    local given = { notificationEmail = false, notificationTopic = { Ref = "Told" } }
    local made = templates.part("notifications", "task", given)
    assert.is_nil(made.Resources)
    assert.are.same({ Ref = "Told" }, made.Outputs.WatchbotNotificationTopic.Value)
    assert.are.same({ Ref = "Told" },
      refs.new({ prefix = "Watchbot", notificationTopic = { Ref = "Told" } }).notificationTopic)
  end)
end)
