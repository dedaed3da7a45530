local cf = require "watchbot.template.cf"
local templates = require "support.templates"

local function part(more)
  more.webhook = more.webhook or true
  return templates.part("webhook", "task", more)
end

local function find(resources, kind)
  for id, resource in pairs(resources) do
    if resource.Type == kind then return id, resource.Properties end
  end
end

local function deployment(more)
  return (find(part(more).Resources, "AWS::ApiGateway::Deployment"))
end

local function integration(more)
  return part(more).Resources.WatchbotWebhookMethod.Properties.Integration
end

describe("the webhook of a template", function()
  it("publishes what is posted to /webhooks to the topic", function()
    local resources = part({}).Resources
    assert.are.equal("webhooks", resources.WatchbotWebhookResource.Properties.PathPart)
    assert.are.equal("POST", resources.WatchbotWebhookMethod.Properties.HttpMethod)
    local called = integration {}
    assert.are.equal("AWS", called.Type)
    assert.are.same(cf.sub "arn:${AWS::Partition}:apigateway:${AWS::Region}:sns:path//", called.Uri)
    local text, values = table.unpack(called.RequestTemplates["application/json"]["Fn::Sub"])
    assert.is_truthy(text:find("Action=Publish&Version=2010-03-31&Subject=$util.urlEncode($subject)"
      .. "&TopicArn=$util.urlEncode('${Topic}')&Message=$util.urlEncode($message)", 1, true), text)
    assert.are.same({ Topic = { Ref = "WatchbotTopic" } }, values)
    assert.are.equal("NEVER", called.PassthroughBehavior)
  end)

  -- What the templates make of a request is in webhook_mapping_spec.
  it("has them on one line: a line break would be sent to SNS", function()
    local called = integration { fifo = true, webhook = { headers = { "X-A" } } }
    for _, text in pairs(called.RequestTemplates) do
      assert.is_falsy(text["Fn::Sub"][1]:find "\n")
    end
  end)

  -- A message that SNS refused must not look as if it had been taken.
  it("answers 200 for what the topic has taken, and an error for all else", function()
    local responses = integration({}).IntegrationResponses
    assert.are.same({ "200", "2\\d{2}" },
      { responses[1].StatusCode, responses[1].SelectionPattern })
    assert.are.equal("502", responses[2].StatusCode)
    assert.is_nil(responses[2].SelectionPattern)
    local declared = part({}).Resources.WatchbotWebhookMethod.Properties.MethodResponses
    assert.are.same({ "200", "502" }, { declared[1].StatusCode, declared[2].StatusCode })
  end)

  it("may publish to the topic and do nothing else", function()
    local role = part({}).Resources.WatchbotWebhookRole.Properties
    assert.are.same({
      { Effect = "Allow", Action = { "sns:Publish" }, Resource = { { Ref = "WatchbotTopic" } } },
    },
      role.Policies[1].PolicyDocument.Statement)
    assert.are.same({ Service = { "apigateway.amazonaws.com" } },
      role.AssumeRolePolicyDocument.Statement[1].Principal)
  end)

  it("is deployed anew when it has changed, and only then", function()
    local first = deployment {}
    assert.matches("^WatchbotWebhookDeployment%x+$", first)
    assert.are.equal(first, deployment {})
    assert.are.equal(first, deployment { webhookThrottle = { rate = 1 } },
      "the stage's, not the deployment's")
    assert.are_not.equal(first, deployment { fifo = true })
    assert.are_not.equal(first, deployment { webhookKey = true })
    local resources = part({}).Resources
    assert.are.same({ Ref = first }, resources.WatchbotWebhookStage.Properties.DeploymentId)
    assert.are.same({ "WatchbotWebhookMethod" }, resources[first].DependsOn)
  end)

  it("is throttled", function()
    local function settings(more)
      local each = part(more).Resources.WatchbotWebhookStage.Properties.MethodSettings[1]
      return { each.ThrottlingRateLimit, each.ThrottlingBurstLimit }
    end
    assert.are.same({ 5, 20 }, settings {}, "as ecs-watchbot")
    assert.are.same({ 50, 70 }, settings { webhookThrottle = { rate = 50, burst = 70 } })
  end)

  it("has a key and a usage plan where they are asked for", function()
    local open, locked = part {}, part { webhookKey = true }
    assert.is_false(open.Resources.WatchbotWebhookMethod.Properties.ApiKeyRequired)
    assert.is_nil(open.Resources.WatchbotWebhookKey)
    assert.is_true(locked.Resources.WatchbotWebhookMethod.Properties.ApiKeyRequired)
    local link = locked.Resources.WatchbotWebhookUsagePlanKey.Properties
    assert.are.same({ { Ref = "WatchbotWebhookKey" }, { Ref = "WatchbotWebhookUsagePlan" } },
      { link.KeyId, link.UsagePlanId })
    assert.are.same({ Ref = "WatchbotWebhookStage" },
      locked.Resources.WatchbotWebhookUsagePlan.Properties.ApiStages[1].Stage)
  end)

  it("has its URL among the outputs and refs, with the stage and path that there are", function()
    local made = templates.make("task", { webhook = true, webhookKey = true })
    local stage = made.Resources.WatchbotWebhookStage.Properties.StageName
    local path = made.Resources.WatchbotWebhookResource.Properties.PathPart
    local url = made.Outputs.WatchbotWebhookEndpoint.Value
    assert.are.same(made.ref.webhookEndpoint, url)
    assert.matches(("/%s/%s$"):format(stage, path), url["Fn::Sub"])
    assert.are.same({ Ref = "WatchbotWebhookKey" }, made.ref.webhookKey)
    assert.is_truthy(made.Resources[made.ref.webhookKey.Ref])
  end)

  it("is there only where it is asked for", function()
    assert.are.same({}, templates.part("webhook", "task"))
  end)
end)
