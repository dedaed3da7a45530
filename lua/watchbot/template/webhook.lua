--- template.webhook: an HTTPS endpoint whose POSTs become messages: API Gateway publishes them to
-- the topic itself. It answers 200 only when the topic has taken the message, so that a sender
-- knows when to send it again.
-- https://docs.aws.amazon.com/apigateway/latest/developerguide/
-- api-gateway-mapping-template-reference.html

local cf = require "watchbot.template.cf"
local core = require "watchbot.core"
local sending = require "watchbot.template.sending"
local stable = require "watchbot.template.stable"

-- What ref.webhookEndpoint ends with.
local STAGE, PATH = "watchbot", "webhooks"

-- Others are refused (415), rather than passed on to SNS as they are. Without the header it is
-- application/json.
-- https://docs.aws.amazon.com/apigateway/latest/developerguide/
-- integration-passthrough-behaviors.html
local CONTENT_TYPES = { "application/json", "application/x-www-form-urlencoded", "text/plain" }

-- As ecs-watchbot's: of an object with Subject and Message those, else the body. A Message that is
-- an object or a list itself is taken as JSON; by its value it would come in Java's own form.
local OBJECT = "#set($object = $input.path('$'))"
  .. "#if(\"$!object.Subject\" != '')#set($subject = \"$object.Subject\")#end"
  .. "#if(\"$!object.Message\" != '')#set($message = \"$object.Message\")"
  .. "#set($json = $input.json('$.Message'))"
  .. "#if($json.startsWith('{') || $json.startsWith('['))#set($message = $json)#end#end"

-- SNS refuses a subject of 100 characters or more, and line breaks in it: such a request would be
-- refused as often as it is sent.
-- https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
local SUBJECT = "#set($subject = $subject.replaceAll('[^ -~]', '?'))"
  .. "#if($subject.length() > 99)#set($subject = $subject.substring(0, 99))#end"

local PUBLISH = "#set($subject = 'webhook')#set($message = $input.body)%sAction=Publish"
  .. "&Version=2010-03-31&Subject=$util.urlEncode($subject)"
  .. "&TopicArn=$util.urlEncode('${Topic}')&Message=$util.urlEncode($message)"

-- A header of the caller's. With HTTP/2 the names of headers come in small letters. A `#set` to
-- null would leave what the header before had.
local HEADER = "#set($value = '')#set($value = $input.params('NAME'))#if(\"$!value\" == '')"
  .. "#set($value = $input.params('SMALL'))#end"

local function in_template(text, header)
  return (text:gsub("NAME", header):gsub("SMALL", header:lower()))
end

-- A header as a parameter of the request to SNS, else the request's own id. On one line: a line
-- break would become part of the request.
local function from_header(parameter, header)
  return "&" .. parameter .. "=" .. in_template(HEADER, header)
    .. "#if(\"$!value\" == '')#set($value = $context.requestId)#end$util.urlEncode($value)"
end

-- Without its own id, a second request with the same body would be taken for the first one
-- sent again, and dropped.
-- https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
local FIFO = from_header("MessageGroupId", "X-Message-Group-Id")
  .. from_header("MessageDeduplicationId", "X-Message-Deduplication-Id")

-- A header as an attribute of the message, where it is there; `$n` counts them, as SNS asks.
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
    -- The one without a pattern is for all other answers: what is not known to be good is an error.
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

-- A deployment is a picture of the API when it was made: another API needs another deployment, by
-- another logical id.
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
