local templates = require "support.templates"

describe("the log group of a template", function()
  it("has a name of the stack's, and keeps lines for two weeks", function()
    assert.are.same({
      LogGroupName = {
        ["Fn::Join"] = { "-", { { Ref = "AWS::StackName" }, { Ref = "AWS::Region" }, "watchbot" } },
      },
      RetentionInDays = 14,
    }, templates.properties("log_group", "WatchbotLogGroup", "task"))
  end)

  it("has the name and the retention that are asked for", function()
    assert.are.same({ LogGroupName = "tiles", RetentionInDays = 90 },
      templates.properties("log_group", "WatchbotLogGroup", "task", {
        logGroupName = "tiles", logGroupRetentionDays = 90,
      }))
  end)

  it("is forwarded to a function, where there is one", function()
    local lambda = "arn:aws:lambda:eu-west-1:123456789012:function:log"
    assert.is_nil(templates.part("log_group", "task").Resources.WatchbotLogForwarding)
    assert.are.same({
      DestinationArn = lambda, FilterPattern = "", LogGroupName = { Ref = "WatchbotLogGroup" },
    },
      templates.properties("log_group", "WatchbotLogForwarding", "task", {
        logAggregationFunction = lambda,
      }))
  end)
end)
