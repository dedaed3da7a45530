-- A stack could not use a queue, a topic, a log group or a table that another stack had made.

local cf = require "watchbot.template.cf"
local check = require "watchbot.template.check"
local existing = require "watchbot.template.existing"
local templates = require "support.templates"
local to_json = require "watchbot.template.to_json"

local QUEUE, DEAD = "arn:aws:sqs:eu-west-1:123456789012:tiles",
  "arn:aws:sqs:eu-west-1:123456789012:tiles-dead"
local TOPIC = "arn:aws:sns:eu-west-1:123456789012:tiles"
local GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/tiles/log"
local TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/progress"
local ALL = {
  queue = QUEUE, deadLetterQueue = DEAD, topic = TOPIC, logGroup = GROUP, table = TABLE,
}

local function notes(made)
  local texts = {}
  for _, finding in ipairs(check(made, #to_json(made))) do
    assert.is_true(finding.note, finding.message)
    texts[#texts + 1] = finding.message
  end
  return table.concat(texts, "\n")
end

describe("what exists already", function()
  for _, mode in ipairs { "task", "process" } do
    it("is used and not created, in mode " .. mode, function()
      local made = templates.make(mode, ALL)
      for _, id in ipairs { "Queue", "QueuePolicy", "DeadLetterQueue", "DeadLetterQueuePolicy",
        "Topic", "TopicPolicy", "Subscription", "LogGroup", "ProgressTable" } do
        assert.is_nil(made.Resources["Watchbot" .. id], id)
      end
      local text = to_json(made)
      for _, id in ipairs { "WatchbotQueue", "WatchbotDeadLetterQueue", "WatchbotTopic",
        "WatchbotLogGroup", "WatchbotProgressTable" } do
        assert.is_nil(text:find('"Ref": "' .. id .. '"', 1, true), id)
        assert.is_nil(text:find('${' .. id .. '}', 1, true), id)
      end
      for _, arn in ipairs { QUEUE, DEAD, TOPIC, GROUP .. ":*", TABLE } do
        assert.is_truthy(text:find(arn, 1, true), arn)
      end
      local alarm = made.Resources.WatchbotDeadLetterAlarm.Properties
      assert.are.same({ { Name = "QueueName", Value = "tiles-dead" } }, alarm.Dimensions)
      assert.are.same({
        ["Fn::Sub"] = "https://sqs.eu-west-1.${AWS::URLSuffix}/123456789012/tiles",
      }, made.Outputs.WatchbotQueueUrl.Value)
    end)
  end

  it("may be an intrinsic, whose names come from its ARN", function()
    local arn = cf.import_value "tiles"
    assert.are.same(cf.select(5, cf.split(":", arn)), existing.name(arn, "sqs"))
    assert.are.same(cf.select(6, cf.split(":", arn)), existing.name(arn, "logs"))
    local made = templates.make("process", {
      queue = arn, deadLetterQueue = cf.ref "Dead", logGroup = cf.import_value "log",
    })
    assert.are.same({ ["Fn::Select"] = { 5, { ["Fn::Split"] = { ":", arn } } } },
      made.Resources.WatchbotOldestMessageAlarm.Properties.Dimensions[1].Value)
  end)

  -- The attribute of CloudFormation ends in ":*", what people copy from the console does not.
  it("takes the ARN of a log group in both forms", function()
    for _, arn in ipairs { GROUP, GROUP .. ":*" } do
      assert.are.equal("/tiles/log", existing.name(arn, "logs"))
      assert.are.equal(GROUP .. ":*", existing.streams(arn))
    end
  end)

  it("is listed by --check with what has to be set on it", function()
    local all = notes(templates.make("process", ALL))
    for _, words in ipairs {
      'RedrivePolicy has to name its dead%-letter queue: {"deadLetterTargetArn":"'
        .. DEAD:gsub("%-", "%%-") .. '","maxReceiveCount":10}',
      "policy has to let the topic send: {.*sns%.amazonaws%.com",
      "has to have a subscription of the queue", "partition key 'id'",
      "dead%-letter queue has to keep messages for longer",
    } do
      assert.matches(words, all)
    end
    assert.is_nil(notes(templates.make("process")):find "has to")
    local dead = notes(templates.make("process", { deadLetterQueue = DEAD }))
    assert.matches("RedriveAllowPolicy", dead)
    assert.is_nil(dead:find "subscription")
  end)

  it("gets a subscription of a new queue, and a new topic one of an old queue", function()
    local made = templates.make("process", { topic = TOPIC })
    assert.are.equal(TOPIC, made.Resources.WatchbotSubscription.Properties.TopicArn)
    assert.is_table(made.Resources.WatchbotQueuePolicy)
    made = templates.make("process", { queue = QUEUE, deadLetterQueue = DEAD })
    assert.are.equal(QUEUE, made.Resources.WatchbotTopic.Properties.Subscription[1].Endpoint)
    assert.is_nil(made.Resources.WatchbotQueuePolicy)
  end)
end)
