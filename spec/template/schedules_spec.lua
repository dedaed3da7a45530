local cjson = require "cjson"
local templates = require "support.templates"
local watchbot = require "watchbot"

local SCHEDULES = {
  nightly = {
    cron = "0 3 * * *", zone = "Europe/Berlin", message = 'a "${b}"', subject = "report",
  },
  ["often-1"] = { every = "15m", message = "refresh" },
}

local function part(more)
  more.schedules = more.schedules or SCHEDULES
  return templates.part("schedules", "task", more)
end

-- What SNS is asked for, after CloudFormation has put in the topic.
local function input(resource)
  local text, values = table.unpack(resource.Properties.Target.Input["Fn::Sub"])
  assert.are.same({ Topic = { Ref = "WatchbotTopic" } }, values)
  text = text:gsub("%${(%w+)}", { Topic = "arn:topic" }):gsub("%${!", "${")
  return cjson.decode(text)
end

describe("the schedules of a template", function()
  it("are sent by EventBridge Scheduler to the topic", function()
    local resources = part({}).Resources
    local nightly = resources.WatchbotSchedulenightly
    assert.are.equal("AWS::Scheduler::Schedule", nightly.Type)
    assert.are.equal("cron(0 3 * * ? *)", nightly.Properties.ScheduleExpression)
    assert.are.equal("Europe/Berlin", nightly.Properties.ScheduleExpressionTimezone)
    assert.are.same({
      TopicArn = "arn:topic", Message = 'a "${b}"', Subject = "report", MessageAttributes = {
        Schedule = { DataType = "String", StringValue = "nightly" },
        ScheduledTime = { DataType = "String", StringValue = "<aws.scheduler.scheduled-time>" },
      },
    }, input(nightly))
    local often = resources.WatchbotScheduleoftenx2D1.Properties
    assert.are.equal("rate(15 minutes)", often.ScheduleExpression)
    assert.is_nil(often.ScheduleExpressionTimezone)
  end)

  -- Without a deduplication id for each tick a FIFO topic would drop the second one as a duplicate.
  it("have a group and an id of each tick on a FIFO topic", function()
    local sent = input(part({ fifo = true }).Resources.WatchbotSchedulenightly)
    assert.are.equal("schedule-nightly", sent.MessageGroupId)
    assert.are.equal("<aws.scheduler.execution-id>", sent.MessageDeduplicationId)
  end)

  it("may publish, for this account alone", function()
    local role = part({}).Resources.WatchbotScheduleRole.Properties
    local trust = role.AssumeRolePolicyDocument.Statement[1]
    assert.are.same({ "scheduler.amazonaws.com" }, trust.Principal.Service)
    assert.are.same({ StringEquals = { ["aws:SourceAccount"] = { Ref = "AWS::AccountId" } } },
      trust.Condition)
    assert.are.same({ "sns:Publish" }, role.Policies[1].PolicyDocument.Statement[1].Action)
  end)

  it("are none without the option", function()
    assert.is_nil(part { schedules = {} })
  end)

  it("are told to the watchers in both modes", function()
    for _, mode in ipairs { "task", "process" } do
      local made = templates.make(mode, { schedules = SCHEDULES })
      local text = cjson.encode(made)
      assert.is_truthy(text:find('"nightly,often-1"', 1, true), mode)
      assert.is_nil(cjson.encode(templates.make(mode, {})):find('"Schedules"', 1, true))
    end
  end)

  it("are refused where EventBridge Scheduler cannot do it", function()
    local ok, err = pcall(watchbot.template, {
      mode = "process", service = "tiles", serviceVersion = "v1", cluster = "main",
      command = "./work", notificationEmail = "me@example.com",
      schedules = { monthly = { cron = "0 0 1 * 1", message = "m" } },
    })
    assert.is_false(ok)
    assert.matches("schedule 'monthly': EventBridge Scheduler does not know a day of the month "
      .. "together with a day of the week", tostring(err))
  end)
end)
