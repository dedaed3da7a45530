--- template.webhook: an HTTPS endpoint whose POSTs become messages: API Gateway publishes them to the topic itself. It answers
-- 200 only when the topic has taken the message, so that whoever sends knows when to send it again.
-- https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html

local cf = require "watchbot.template.cf"
local core = require "watchbot.core"
local sending = require "watchbot.template.sending"
local stable = require "watchbot.template.stable"

-- What ref.webhookEndpoint ends with.
local STAGE, PATH = "watchbot", "webhooks"

-- Others are refused (415), rather than passed on to SNS as they are. Without the header it is
-- application/json.
-- https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
local CONTENT_TYPES = { "application/json", "application/x-www-form-urlencoded", "text/plain" }

local PUBLISH = "Action=Publish&Version=2010-03-31&Subject=webhook&TopicArn=$util.urlEncode('${Topic}')"
  .. "&Message=$util.urlEncode($input.body)"

-- A header of the caller's as a parameter of the request to SNS, else the request's own id. On one line: a line break would
-- become part of the request. With HTTP/2 the names of headers come in small letters.
local function from_header(parameter, header)
  return (("&PARAMETER=#set($value = $input.params('HEADER'))#if(\"$!value\" == '')#set($value = $input.params('SMALL'))#end"
    .. "#if(\"$!value\" == '')#set($value = $context.requestId)#end$util.urlEncode($value)")
    :gsub("%u+", { PARAMETER = parameter, HEADER = header, SMALL = header:lower() }))
end

-- Without an id of its own, a second request with the same body would be taken for the first one sent again, and dropped.
-- https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
local FIFO = from_header("MessageGroupId", "X-Message-Group-Id")
  .. from_header("MessageDeduplicationId", "X-Message-Deduplication-Id")

local function request_template(options, refs)
  return cf.sub(PUBLISH .. (options.fifo and FIFO or ""), { Topic = refs.topic })
end

local function request_templates(options, refs)
  local templates = {}
  for _, content_type in ipairs(CONTENT_TYPES) do templates[content_type] = request_template(options, refs) end
  return templates
end

local function integration(options, refs)
  return {
    Type = "AWS", IntegrationHttpMethod = "POST",
    Uri = cf.sub "arn:${AWS::Partition}:apigateway:${AWS::Region}:sns:path//",
    Credentials = cf.getatt(refs.id "WebhookRole", "Arn"),
    PassthroughBehavior = "NEVER",
    RequestParameters = { ["integration.request.header.Content-Type"] = "'application/x-www-form-urlencoded'" },
    RequestTemplates = request_templates(options, refs),
    -- The one without a pattern is for all other answers: what is not known to be good is an error.
    IntegrationResponses = {
      { StatusCode = "200", SelectionPattern = "2\\d{2}",
        ResponseTemplates = { ["application/json"] = '{"requestId":"$context.requestId"}' } },
      { StatusCode = "502",
        ResponseTemplates = { ["application/json"] = '{"error":"not taken","requestId":"$context.requestId"}' } },
    },
  }
end

local function method(options, refs)
  local function response(status)
    return { StatusCode = status, ResponseModels = { ["application/json"] = "Empty" } }
  end
  return {
    Type = "AWS::ApiGateway::Method",
    Properties = {
      RestApiId = cf.ref(refs.id "WebhookApi"), ResourceId = cf.ref(refs.id "WebhookResource"), HttpMethod = "POST",
      AuthorizationType = "NONE", ApiKeyRequired = options.webhookKey and true or false,
      Integration = integration(options, refs), MethodResponses = { response "200", response "502" },
    },
  }
end

local function api(options, refs)
  local id = refs.id
  return {
    [id "WebhookApi"] = {
      Type = "AWS::ApiGateway::RestApi",
      Properties = {
        Name = cf.sub("${AWS::StackName}-" .. id "Webhook"), EndpointConfiguration = { Types = { "REGIONAL" } },
      },
    },
    [id "WebhookResource"] = {
      Type = "AWS::ApiGateway::Resource",
      Properties = {
        RestApiId = cf.ref(id "WebhookApi"), ParentId = cf.getatt(id "WebhookApi", "RootResourceId"), PathPart = PATH,
      },
    },
    [id "WebhookMethod"] = method(options, refs),
    [id "WebhookRole"] = {
      Type = "AWS::IAM::Role",
      Properties = {
        AssumeRolePolicyDocument = sending.document {
          { Effect = "Allow", Action = { "sts:AssumeRole" }, Principal = { Service = { "apigateway.amazonaws.com" } } },
        },
        Policies = { { PolicyName = "publish", PolicyDocument = sending.document(sending.statements(options, refs)) } },
      },
    },
  }
end

local function throttle(options)
  return options.webhookThrottle.rate or 100, options.webhookThrottle.burst or 200
end

-- A deployment is a picture of the API when it was made: another API needs another deployment, by another logical id.
local function deploy(resources, options, refs)
  local id, rate, burst = refs.id, throttle(options)
  local deployment = id("WebhookDeployment" .. core.aws.sha256(stable(resources)):sub(1, 12))
  resources[deployment] = {
    Type = "AWS::ApiGateway::Deployment", DependsOn = { id "WebhookMethod" },
    Properties = { RestApiId = cf.ref(id "WebhookApi") },
  }
  resources[id "WebhookStage"] = {
    Type = "AWS::ApiGateway::Stage",
    Properties = {
      RestApiId = cf.ref(id "WebhookApi"), DeploymentId = cf.ref(deployment), StageName = STAGE,
      MethodSettings = {
        { HttpMethod = "*", ResourcePath = "/*", ThrottlingRateLimit = rate, ThrottlingBurstLimit = burst },
      },
    },
  }
end

-- API Gateway asks for a usage plan before it takes a key.
local function add_key(resources, options, refs)
  local id, rate, burst = refs.id, throttle(options)
  resources[id "WebhookKey"] = { Type = "AWS::ApiGateway::ApiKey", Properties = { Enabled = true } }
  resources[id "WebhookUsagePlan"] = {
    Type = "AWS::ApiGateway::UsagePlan",
    Properties = {
      ApiStages = { { ApiId = cf.ref(id "WebhookApi"), Stage = cf.ref(id "WebhookStage") } },
      Throttle = { RateLimit = rate, BurstLimit = burst },
    },
  }
  resources[id "WebhookUsagePlanKey"] = {
    Type = "AWS::ApiGateway::UsagePlanKey",
    Properties = { KeyId = cf.ref(id "WebhookKey"), KeyType = "API_KEY", UsagePlanId = cf.ref(id "WebhookUsagePlan") },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  if not options.webhook then return {} end
  local resources = api(options, refs)
  deploy(resources, options, refs)
  if options.webhookKey then add_key(resources, options, refs) end
  return {
    Resources = resources,
    Outputs = {
      [refs.id "WebhookEndpoint"] = { Description = "URL whose POSTs become messages", Value = refs.webhookEndpoint },
    },
  }
end
