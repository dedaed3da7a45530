local templates = require "support.templates"

describe("the task events of a template", function()
  it("are the ends of tasks of the family, of any revision", function()
    local detail = templates.properties("events", "WatchbotTaskEventRule", "task",
      { family = "fam" }).EventPattern.detail
    assert.are.same({ "STOPPED" }, detail.lastStatus)
    assert.matches("task%-definition/fam:$", detail.taskDefinitionArn[1].prefix["Fn::Sub"])
    assert.matches("cluster/main$", detail.clusterArn[1]["Fn::Sub"])
  end)

  it("know a cluster whose ARN or name an intrinsic stands for", function()
    local rule = templates.properties("events", "WatchbotTaskEventRule", "task", {
      cluster = { Ref = "C" },
    })
    assert.are.same({ { Ref = "C" }, { suffix = { ["Fn::Sub"] = ":cluster/${C}" } } },
      rule.EventPattern.detail.clusterArn)
  end)

  it("go to a queue that only the rule may send to", function()
    local statements =
      templates.properties("events", "WatchbotTaskEventQueuePolicy",
      "task").PolicyDocument.Statement
    assert.are.equal(2, #statements)
    assert.are.same({ "Deny", "false" },
      { statements[2].Effect, statements[2].Condition.Bool["aws:SecureTransport"] })
    assert.are.same({
      ArnLike = { ["aws:SourceArn"] = { ["Fn::GetAtt"] = { "WatchbotTaskEventRule", "Arn" } } },
    },
      statements[1].Condition)
  end)

  it("are of no use in mode process",
    function() assert.is_nil(templates.part("events", "process")) end)
end)
