--- template.webhook: an HTTPS endpoint whose POSTs become messages: API Gateway itself publishes
-- them to the topic. It responds with 200 only when the topic has accepted the message, so that a
-- sender knows when to retry.
-- https://docs.aws.amazon.com/apigateway/latest/developerguide/
-- api-gateway-mapping-template-reference.html

local cf = require "watchbot.template.cf"
local core = require "watchbot.core"
local sending = require "watchbot.template.sending"
local stable = require "watchbot.template.stable"

-- The end of ref.webhookEndpoint.
local STAGE, PATH = "watchbot", "webhooks"

-- Other content types are refused (415) instead of passed on to SNS unchanged. Without the header
-- the content type is application/json.
-- https://docs.aws.amazon.com/apigateway/latest/developerguide/
-- integration-passthrough-behaviors.html
local CONTENT_TYPES = { "application/json", "application/x-www-form-urlencoded", "text/plain" }

-- The same as in ecs-watchbot: Subject and Message of an object with these members, otherwise the
-- body. A Message that is an object or a list is passed as JSON; its plain value would come in
-- Java's format.
local OBJECT = "#set($object = $input.path('$'))"
  .. "#if(\"$!object.Subject\" != '')#set($subject = \"$object.Subject\")#end"
  .. "#if(\"$!object.Message\" != '')#set($message = \"$object.Message\")"
  .. "#set($json = $input.json('$.Message'))"
  .. "#if($json.startsWith('{') || $json.startsWith('['))#set($message = $json)#end#end"

-- SNS refuses a subject of 100 or more characters or with line breaks: the sender's retries would
-- fail every time.
-- https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
local SUBJECT = "#set($subject = $subject.replaceAll('[^ -~]', '?'))"
  .. "#if($subject.length() > 99)#set($subject = $subject.substring(0, 99))#end"

local PUBLISH = "#set($subject = 'webhook')#set($message = $input.body)%sAction=Publish"
  .. "&Version=2010-03-31&Subject=$util.urlEncode($subject)"
  .. "&TopicArn=$util.urlEncode('${Topic}')&Message=$util.urlEncode($message)"

-- A header of the caller. With HTTP/2, header names arrive in lower case. A `#set` to null would
-- keep the value of the previous header.
local HEADER = "#set($value = '')#set($value = $input.params('NAME'))#if(\"$!value\" == '')"
  .. "#set($value = $input.params('SMALL'))#end"

local function in_template(text, header)
  return (text:gsub("NAME", header):gsub("SMALL", header:lower()))
end

-- A header as a parameter of the request to SNS, otherwise the request's own id. On one line: a
-- line break would become part of the request.
local function from_header(parameter, header)
  return "&" .. parameter .. "=" .. in_template(HEADER, header)
    .. "#if(\"$!value\" == '')#set($value = $context.requestId)#end$util.urlEncode($value)"
end

-- Without its own id, SNS would treat a second request with the same body as a duplicate of the
-- first and drop it.
-- https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
local FIFO = from_header("MessageGroupId", "X-Message-Group-Id")
  .. from_header("MessageDeduplicationId", "X-Message-Deduplication-Id")

-- A header as an attribute of the message, if present; `$n` counts them, as SNS requires.
local function attribute(header)
  return in_template(HEADER .. "#if(\"$!value\" != '')#set($n = $n + 1)"
    .. "&MessageAttributes.entry.${!n}.Name=NAME"
    .. "&MessageAttributes.entry.${!n}.Value.DataType=String"
    .. "&MessageAttributes.entry.${!n}.Value.StringValue=$util.urlEncode($value)#end", header)
end

local function attributes(options)
  local headers = type(options.webhook) == "table" and options.webhook.headers or {}
  local parts = { #headers > 0 and "#set($n = 0)" or nil }
  for _, header in ipairs(headers) do parts[#parts + 1] = attribute(header) end
  return table.concat(parts)
end

local function request_template(options, refs, content_type)
  local raw = type(options.webhook) == "table" and options.webhook.raw
  local object = content_type == "application/json" and not raw and OBJECT .. SUBJECT or ""
  return cf.sub(PUBLISH:format(object) .. attributes(options) .. (options.fifo and FIFO or ""), {
    Topic = refs.topic,
  })
end

local function request_templates(options, refs)
  local templates = {}
  for _, content_type in ipairs(CONTENT_TYPES) do
    templates[content_type] = request_template(options, refs, content_type)
  end
  return templates
end

local function integration(options, refs)
  return {
    Type = "AWS", IntegrationHttpMethod = "POST",
    Uri = cf.sub "arn:${AWS::Partition}:apigateway:${AWS::Region}:sns:path//",
    Credentials = cf.getatt(refs.id "WebhookRole", "Arn"),
    PassthroughBehavior = "NEVER",
    RequestParameters = {
      ["integration.request.header.Content-Type"] = "'application/x-www-form-urlencoded'",
    },
    RequestTemplates = request_templates(options, refs),
    -- The entry without a pattern is for all other responses: an unknown response is an error.
    IntegrationResponses = {
      { StatusCode = "200", SelectionPattern = "2\\d{2}",
        ResponseTemplates = { ["application/json"] = '{"requestId":"$context.requestId"}' } },
      { StatusCode = "502",
        ResponseTemplates = {
          ["application/json"] = '{"error":"not taken","requestId":"$context.requestId"}',
        } },
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
      RestApiId = cf.ref(refs.id "WebhookApi"), ResourceId = cf.ref(refs.id "WebhookResource"),
      HttpMethod = "POST",
      AuthorizationType = "NONE", ApiKeyRequired = options.webhookKey and true or false,
      Integration = integration(options, refs), MethodResponses = {
        response "200", response "502",
      },
    },
  }
end

local function api(options, refs)
  local id = refs.id
  return {
    [id "WebhookApi"] = {
      Type = "AWS::ApiGateway::RestApi",
      Properties = {
        Name = cf.sub("${AWS::StackName}-" .. id "Webhook"), EndpointConfiguration = {
          Types = { "REGIONAL" },
        },
      },
    },
    [id "WebhookResource"] = {
      Type = "AWS::ApiGateway::Resource",
      Properties = {
        RestApiId = cf.ref(id "WebhookApi"),
        ParentId = cf.getatt(id "WebhookApi", "RootResourceId"), PathPart = PATH,
      },
    },
    [id "WebhookMethod"] = method(options, refs),
    [id "WebhookRole"] = {
      Type = "AWS::IAM::Role",
      Properties = {
        AssumeRolePolicyDocument = sending.document {
          {
            Effect = "Allow", Action = { "sts:AssumeRole" },
            Principal = { Service = { "apigateway.amazonaws.com" } },
          },
        },
        Policies = {
          {
            PolicyName = "publish",
            PolicyDocument = sending.document(sending.statements(options, refs)),
          },
        },
        PermissionsBoundary = options.permissionsBoundary or nil, Path = options.rolePath or nil,
      },
    },
  }
end

local function throttle(options)
  return options.webhookThrottle.rate or 5, options.webhookThrottle.burst or 20
end

-- A deployment is a snapshot of the API: a changed API needs a new deployment with another logical
-- id.
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
        {
          HttpMethod = "*", ResourcePath = "/*", ThrottlingRateLimit = rate,
          ThrottlingBurstLimit = burst,
        },
      },
    },
  }
end

-- API Gateway requires a usage plan before it accepts a key.
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
    Properties = {
      KeyId = cf.ref(id "WebhookKey"), KeyType = "API_KEY",
      UsagePlanId = cf.ref(id "WebhookUsagePlan"),
    },
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
      [refs.id "WebhookEndpoint"] = {
        Description = "URL whose POSTs become messages", Value = refs.webhookEndpoint,
      },
    },
  }
end
