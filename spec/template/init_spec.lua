local cjson = require "cjson"
local template = require "watchbot.template"
local templates = require "support.templates"
local watchbot = require "watchbot"

describe("a template", function()
  it("is a plain table with refs that are not part of it", function()
    local made = watchbot.template(templates.given("task", { description = "Tiles" }))
    assert.are.equal("2010-09-09", made.AWSTemplateFormatVersion)
    assert.are.equal("Tiles", made.Description)
    assert.are.same({ Ref = "WatchbotTopic" }, made.ref.topic)
    assert.is_nil(cjson.decode(cjson.encode(made)).ref)
  end)

  it("has refs for what it has, under its prefix", function()
    local ref = templates.make("task", { prefix = "Tiles" }).ref
    assert.are.same({ Ref = "TilesQueue" }, ref.queueUrl)
    assert.are.same({ ["Fn::GetAtt"] = { "TilesQueue", "QueueName" } }, ref.queueName)
    for _, name in ipairs { "webhookEndpoint", "webhookKey", "accessKeyId", "secretAccessKey",
      "progressTable" } do
      assert.error_matches(function() return ref[name] end,
        "unknown ref '" .. name .. "': it comes with the option")
    end
    -- A misspelt name was nil: an output without a value.
    local _, err = pcall(function() local _ = ref.queueURL end)
    assert.matches("init_spec.lua:%d+: unknown ref 'queueURL'; did you mean 'queueUrl'", err)
    ref = templates.make("task",
      { webhook = true, webhookKey = true, user = true, reduce = true }).ref
    for _, name in ipairs { "webhookEndpoint", "webhookKey", "accessKeyId", "secretAccessKey",
      "progressTable" } do
      assert.is_table(ref[name])
    end
  end)

  it("does not change what it was given, and is the same each time", function()
    local given = templates.given("task", { env = { A = "1" }, mounts = { "/a" } })
    local first = template(given)
    first.Resources.WatchbotWorker.Properties.ContainerDefinitions[1].Environment[1].Value =
      "changed"
    local second = template(given)
    assert.are.same({ A = "1" }, given.env)
    assert.are.same(template(given), second)
  end)

  it("may have a part replaced, which can ask for the default", function()
    local made = templates.make("task", { parts = { queue = function(options, refs, default)
      local part = default(options, refs)
      part.Resources[refs.id "Queue"].Properties.DelaySeconds = 5
      return part
    end } })
    assert.are.equal(5, made.Resources.WatchbotQueue.Properties.DelaySeconds)
  end)

  it("may have parts left out, and others added", function()
    local made = templates.make("task", { parts = {
      events = false,
      bucket = function(options, refs, default)
        assert.is_nil(default)
        return {
          Resources = { [refs.id "Bucket"] = { Type = "AWS::S3::Bucket" } },
          Outputs = { Mode = { Value = options.mode } },
        }
      end,
    } })
    assert.is_nil(made.Resources.WatchbotTaskEventQueue)
    assert.are.equal("AWS::S3::Bucket", made.Resources.WatchbotBucket.Type)
    assert.are.equal("task", made.Outputs.Mode.Value)
  end)

  it("may stand beside another one in a stack, under another prefix", function()
    local both = watchbot.merge(templates.make("task", { user = true }), templates.make("process", {
      prefix = "Other", service = "other", user = true, webhook = true, reduce = true,
    }))
    local names = {}
    for _, resource in pairs(both.Resources) do
      local properties = resource.Properties or {}
      local name = properties.QueueName or properties.LogGroupName or properties.Family
        or properties.DashboardName
      -- A filter has the name of its log group.
      if name and not name.Ref then
        name = cjson.encode(name)
        assert.is_nil(names[name], name)
        names[name] = true
      end
    end
    assert.are.equal("main", both.Outputs.ClusterArn.Value)
  end)

  it("says which parts stand in each other's way, and what is no part", function()
    local function refused(part)
      local ok, err = pcall(templates.make, "task", { parts = { mine = part } })
      assert.is_false(ok)
      return err
    end
    assert.matches("parts 'queue' and 'mine' both have 'WatchbotQueue' in Resources",
      refused(function() return { Resources = { WatchbotQueue = {} } } end))
    assert.matches("part 'mine' returned 'Resourcs'; a part has 'Parameters'",
      refused(function() return { Resourcs = {} } end))
    assert.matches("part 'mine' returned a string, not a table", refused(function() return "x" end))
  end)

  it("has tags on all that has any, and on the tasks", function()
    local made = templates.make("task", { tags = { team = "maps", cost = "1" } })
    for _, id in ipairs { "Queue", "Topic", "LogGroup", "WorkerRole", "Worker", "Service",
      "QueueSizeAlarm" } do
      assert.are.same({ { Key = "cost", Value = "1" }, { Key = "team", Value = "maps" } },
        made.Resources["Watchbot" .. id].Properties.Tags, id)
    end
    assert.matches('"propagateTags":"TASK_DEFINITION"',
      templates.environment(made.Resources.WatchbotWatcher.Properties).TaskOptions)
  end)

  -- Four types had none: the webhook's key, stage and plan, and rules.
  it("has tags on each resource whose type has any", function()
    local without = {
      ["AWS::ApiGateway::Deployment"] = true, ["AWS::ApiGateway::Method"] = true,
      ["AWS::ApiGateway::Resource"] = true, ["AWS::ApiGateway::UsagePlanKey"] = true,
      ["AWS::CloudWatch::Dashboard"] = true, ["AWS::IAM::AccessKey"] = true,
      ["AWS::Logs::MetricFilter"] = true, ["AWS::Logs::SubscriptionFilter"] = true,
      ["AWS::SNS::Subscription"] = true, ["AWS::SNS::TopicPolicy"] = true,
      ["AWS::SQS::QueuePolicy"] = true, ["AWS::ApplicationAutoScaling::ScalableTarget"] = true,
      ["AWS::ApplicationAutoScaling::ScalingPolicy"] = true,
    }
    for _, mode in ipairs { "task", "process" } do
      local made = templates.make(mode, { tags = { team = "maps" }, webhook = true,
        webhookKey = true, user = true, reduce = true, kmsKey = "create",
        maxScalingCapacity = mode == "process" and 3 or nil })
      for id, resource in pairs(made.Resources) do
        if not without[resource.Type] then
          assert.are.equal("team", resource.Properties.Tags[1].Key, id)
        end
      end
    end
  end)

  -- An account that asks for a boundary refused the webhook's role and the user.
  it("has boundary and path on each role and user", function()
    local arn = "arn:aws:iam::123456789012:policy/bounds"
    local made = templates.make("task", { webhook = true, user = true, permissionsBoundary = arn,
      rolePath = "/watchbot/" })
    for id, resource in pairs(made.Resources) do
      if resource.Type == "AWS::IAM::Role" or resource.Type == "AWS::IAM::User" then
        assert.are.same({ arn, "/watchbot/" },
          { resource.Properties.PermissionsBoundary, resource.Properties.Path }, id)
      end
    end
  end)

  it("refuses to leave out a part that there is not", function()
    assert.error_matches(function() templates.make("task", { parts = { dashbord = false } }) end,
      "unknown part 'dashbord' to leave out; did you mean 'dashboard'?", 1, true)
  end)
end)
