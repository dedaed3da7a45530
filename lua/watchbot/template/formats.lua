--- template.formats: the formats that AWS requires of names, as kinds of options: the allowed
-- values, and the AWS page that defines them. CloudFormation would report a wrong name only while
-- it creates the stack. ARNs may be of any partition: aws, aws-cn, aws-us-gov, aws-iso...

local buckets = require "watchbot.lib.buckets"
local limits = require "watchbot.lib.limits"
local shown = require "watchbot.lib.refusal".shown

local formats = {}

---@class watchbot.template.Format
---@field [1] string what is expected
---@field page string of AWS
---@field most integer characters
---@field any string[] patterns; one of them must match
---@field none string[]? patterns, in lower case; none of them may match
---@field also (fun(text: string): any)? a condition that no pattern can express

local function matches(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then return true end
  end
  return false
end

---@param of watchbot.template.Format
---@return watchbot.template.Kind
local function format(of)
  local function fits(value)
    if type(value) ~= "string" or (utf8.len(value) or math.huge) > of.most then return false end
    return matches(value, of.any) and not matches(value:lower(), of.none or {})
      and (not of.also or of.also(value)) and true or false
  end
  return { expected = of[1], check = function(value)
    if fits(value) then return true end
    return false, ("expected %s, got %s (%s)"):format(of[1], shown(value), of.page)
  end }
end

-- A pattern of the ARNs of a service's resources, in any partition and account.
local function arn(service, resource)
  return ("^arn:aws[%%l-]*:%s:[%%l%%d-]+:%s:%s$"):format(service, ("%d"):rep(12), resource)
end

local AWS = "https://docs.aws.amazon.com/"
local ECS = AWS .. "AmazonECS/latest/APIReference/"

-- images

formats.tag = format { "an image's tag: letters, digits, '_', '.', '-', at most 128",
  page = AWS .. "AmazonECR/latest/APIReference/API_ImageIdentifier.html", most = 128,
  any = { "^[%w_][%w_.-]*$" } }

-- Docker's grammar of a reference, https://pkg.go.dev/github.com/distribution/reference: a host, a
-- repository in lower case, a tag, a digest. The first part is a host if it has a '.', a ':', or is
-- 'localhost'.
local function is_reference(text)
  local rest, digest = text:match "^([^@]+)@(.*)$"
  if digest and not digest:find("^sha256:" .. ("%x"):rep(64) .. "$") then return false end
  rest = rest or text
  local host, path = rest:match "^([^/]+)/(.+)$"
  if host and (host:find "[.:]" or host == "localhost") then rest = path end
  local repository, tag = rest:match "^([^:]+):([^:]*)$"
  return (repository or rest):find "^[a-z0-9][a-z0-9._/-]*$"
    and not (repository or rest):find "//" and (not tag or formats.tag.check(tag))
end

formats.image = format {
  "an image: [HOST/]REPOSITORY[:TAG][@sha256:DIGEST], the repository in lower case, at most 255 "
    .. "characters",
  page = ECS .. "API_ContainerDefinition.html", most = 255, any = { "^%w[%w_:./@-]*$" },
  also = is_reference,
}

formats.repository = format {
  "the name of a repository in ECR (2 to 256 lower-case letters, digits, and '.', '_', '-', '/' "
  .. "between them), or any name if 'image' is set",
  page = AWS .. "AmazonECR/latest/APIReference/API_CreateRepository.html", most = 256,
  any = { "^[a-z0-9][a-z0-9._/-]*[a-z0-9]$" }, none = { "[./][./_-]", "[_-][./]" },
}

-- ECS

formats.family = format { "a family: letters, digits, '-', '_', at most 255",
  page = ECS .. "API_RegisterTaskDefinition.html", most = 255, any = { "^[%w_-]+$" } }

formats.container = format { "a container's name: letters, digits, '-', '_', at most 255",
  page = ECS .. "API_ContainerDefinition.html", most = 255, any = { "^[%w_-]+$" } }

formats.volume = format { "a volume's name: letters, digits, '-', '_', at most 255",
  page = ECS .. "API_Volume.html", most = 255, any = { "^[%w_-]+$" } }

formats.cluster = format {
  "the name of a cluster (letters, digits, '-', '_', at most 255), or its ARN",
  page = ECS .. "API_CreateCluster.html", most = 320,
  any = { "^[%w_-]+$", arn("ecs", "cluster/[%w_-]+") },
  none = { ("[%w_-]"):rep(256) } }

formats.user = format { "a user: NAME, UID, NAME:GROUP or UID:GID",
  page = ECS .. "API_ContainerDefinition.html", most = 255,
  any = { "^[%w_][%w_.-]*$", "^[%w_][%w_.-]*:[%w_][%w_.-]*$" } }

formats.provider = format {
  "a capacity provider: letters, digits, '-', '_', at most 255, and none of 'aws', 'ecs', "
    .. "'fargate' in front",
  page = ECS .. "API_CreateCapacityProvider.html", most = 255, any = { "^[%w_-]+$" },
  none = { "^aws", "^ecs", "^fargate[^_]", "^fargate_[^s]", "^fargate_spot." } }

formats.subnet = format { "a subnet like 'subnet-0123456789abcdef0'",
  page = ECS .. "API_AwsVpcConfiguration.html", most = 64, any = { "^subnet%-[%da-f]+$" } }

formats.security_group = format { "a security group like 'sg-0123456789abcdef0'",
  page = ECS .. "API_AwsVpcConfiguration.html", most = 64, any = { "^sg%-[%da-f]+$" } }

-- secrets

local SECRETS = AWS .. "AmazonECS/latest/developerguide/specifying-sensitive-data.html"
-- With a key of its JSON, a version's stage or id behind the name: "ARN:key::".
local SECRET = { arn("secretsmanager", "secret:[%w/_+=.@-]+"),
  arn("secretsmanager", "secret:[%w/_+=.@-]+:[^:]*:[^:]*:[^:]*") }

-- A name with a '/' starts with one, and has at most 15 parts.
local PARAMETERS = { "^[%w_.-]+$", "^/[%w_./-]+$", arn("ssm", "parameter/[%w_./-]+") }
local NO_PARAMETER = {
  "^/?aws", "^/?ssm", ":parameter/aws", ":parameter/ssm", "//", "/$", ("/[^/]+"):rep(16),
}

formats.secret = format { "the ARN of a secret", page = SECRETS, most = 2048, any = SECRET }

formats.parameter = format {
  "the name of a parameter (letters, digits, '_', '.', '-', after a '/' in front also '/', at most "
    .. "15 parts, no 'aws' or 'ssm' in front), or its ARN",
  page = AWS .. "systems-manager/latest/APIReference/API_PutParameter.html", most = 1011,
  any = PARAMETERS, none = NO_PARAMETER }

formats.secret_or_parameter = format {
  "the name of a parameter, or the ARN of a parameter or a secret",
  page = SECRETS, most = 2048, any = { ".+" },
  also = function(text) return matches(text, SECRET) or formats.parameter.check(text) end }

-- what exists already

local SQS_ARN = AWS .. "AWSSimpleQueueService/latest/SQSDeveloperGuide/"
  .. "sqs-queue-message-identifiers.html"

formats.queue = format { "the ARN of an SQS queue", page = SQS_ARN, most = 256,
  any = { arn("sqs", "[%w_-]+"), arn("sqs", "[%w_-]+%.fifo") },
  also = function(text) return #text:match "[^:]*$" <= limits.sqs.name end }

formats.work_topic = format { "the ARN of an SNS topic",
  page = AWS .. "sns/latest/api/API_CreateTopic.html", most = 512,
  any = { arn("sns", "[%w_-]+"), arn("sns", "[%w_-]+%.fifo") },
  also = function(text) return #text:match "[^:]*$" <= 256 end }

formats.group_arn = format { "the ARN of a log group",
  page = AWS .. "AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html", most = 640,
  any = { arn("logs", "log%-group:[%w_/.#-]+"), arn("logs", "log%-group:[%w_/.#-]+:%*") } }

formats.table = format { "the ARN of a DynamoDB table",
  page = AWS .. "amazondynamodb/latest/APIReference/API_TableDescription.html", most = 1024,
  any = { arn("dynamodb", "table/[%w_.-][%w_.-][%w_.-]+") } }

formats.folder = format { "'s3://BUCKET' or 's3://BUCKET/FOLDER'",
  page = AWS .. "AmazonS3/latest/userguide/bucketnamingrules.html", most = 512,
  any = { "^s3://[^/]+$", "^s3://[^/]+/[%w._/-]*[%w._-]$" }, also = buckets.parse }

-- logs and metrics

formats.log_group = format {
  "the name of a log group: letters, digits, '_', '-', '/', '.', '#', at most 512, and no 'aws/' "
    .. "in front",
  page = AWS .. "AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html", most = 512,
  any = { "^[%w_/.#-]+$" }, none = { "^aws/" } }

-- A metric filter allows less than PutMetricData does.
formats.namespace = format {
  "a namespace: letters, digits, '.', '-', '_', '/', '#', blanks, at most 255, and no 'AWS/' in "
    .. "front",
  page = AWS .. "AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html",
  most = 255, any = { "^[%w._/#-][%w._/# -]*$" }, none = { "^aws/" } }

-- The services that an alarm's action may be of. An alarm cannot publish to a FIFO topic.
local ACTIONS = {}
for index, service in ipairs { "sns", "lambda", "autoscaling", "swf", "automate", "ssm",
  "ssm%-incidents", "aiops" } do
  ACTIONS[index] = "^arn:aws[%l-]*:" .. service .. ":[%w-]*:[%w-]*:.+$"
end

formats.action = format { "the ARN of what an alarm may do: a topic (not FIFO), a function...",
  page = AWS .. "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html", most = 1024,
  any = ACTIONS, none = { "^arn:[%w-]+:sns:.*%.fifo$" } }

-- others

formats.email = format { "an address like 'me@example.com'",
  page = AWS .. "sns/latest/api/API_Subscribe.html", most = 320,
  any = { "^[%w._%%+'=~!#$&*/?^`{|}-]+@[%w.-]+%.%a[%w-]*$" },
  none = { "@.*%.%.", "@[.-]", "%.@", "^%." } }

formats.topic = format { "the ARN of an SNS topic (not FIFO: an alarm cannot publish to one)",
  page = AWS .. "AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html", most = 2048,
  any = { arn("sns", "[%w_-]+") } }

formats.lambda = format { "the ARN of a Lambda function",
  page = AWS .. "lambda/latest/api/API_FunctionConfiguration.html", most = 2048,
  any = { arn("lambda", "function:[%w_:$-]+") } }

formats.boundary = format { "the ARN of an IAM policy",
  page = AWS .. "IAM/latest/UserGuide/access_policies_boundaries.html", most = 2048,
  any = { "^arn:aws[%l-]*:iam::aws:policy/[!-~]+$",
    "^arn:aws[%l-]*:iam::" .. ("%d"):rep(12) .. ":policy/[!-~]+$" } }

-- Letters of any alphabet, digits, blanks, and _ . : / = + - @
local TAGS = AWS .. "tag-editor/latest/userguide/best-practices-and-strats.html"
local TAG = "^[%w%s_.:/=+@\x80-\xff-]*$"

formats.tag_key = format { "a tag's name: letters, digits, blanks, '_.:/=+-@', at most 128, and no "
  .. "'aws:' in front", page = TAGS, most = 128, any = { TAG }, none = { "^aws:" } }

formats.tag_value = format { "a tag's value: letters, digits, blanks, '_.:/=+-@', at most 256",
  page = TAGS, most = 256, any = { TAG } }

formats.description = format { "text of at most 1024 characters",
  page = AWS .. "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html", most = 1024,
  any = { "%S" } }

return formats
