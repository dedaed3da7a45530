-- Tasks of the service that do not start write no line that could be counted.

local templates = require "support.templates"

describe("the events of a template's service", function()
  it("go to the notification topic when tasks do not start", function()
    -- A service scaled from zero with a wrong image tried for hours, without a notification.
    for _, mode in ipairs { "task", "process" } do
      local rule = templates.properties("service_events", "WatchbotServiceEventRule", mode)
      assert.are.same({ { Ref = "WatchbotService" } }, rule.EventPattern.resources)
      assert.are.same({
        "SERVICE_TASK_START_IMPAIRED", "SERVICE_TASK_PLACEMENT_FAILURE",
        "SERVICE_DEPLOYMENT_FAILED",
      },
        rule.EventPattern.detail.eventName)
      assert.are.same({ { Id = "notification", Arn = { Ref = "WatchbotNotificationTopic" } } },
        rule.Targets)
    end
  end)

  it("may be published there", function()
    local policy = templates.properties("notifications", "WatchbotNotificationTopicPolicy",
      "process").PolicyDocument
    local services = {}
    for _, statement in ipairs(policy.Statement) do
      if statement.Principal.Service then
        services[statement.Principal.Service] = statement.Condition.ArnLike
      end
    end
    assert.are.same({ ["Fn::GetAtt"] = { "WatchbotServiceEventRule", "Arn" } },
      services["events.amazonaws.com"]["aws:SourceArn"])
    assert.is_table(services["cloudwatch.amazonaws.com"])
  end)
end)
