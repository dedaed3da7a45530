--- template.formats: the formats that AWS requires of names, as kinds of options: the allowed
-- values, and the AWS page that defines them. CloudFormation would report a wrong name only while
-- it creates the stack. ARNs may be of any partition: aws, aws-cn, aws-us-gov, aws-iso...

local shown = require "watchbot.lib.refusal".shown

local formats = {}

---@class watchbot.template.Format
---@field [1] string what is expected
---@field page string of AWS
---@field most integer characters
---@field any string[] patterns; one of them must match
---@field none string[]? patterns, in lower case; none of them may match

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
  end
  return { expected = of[1], check = function(value)
    if fits(value) then return true end
    return false, ("expected %s, got %s (%s)"):format(of[1], shown(value), of.page)
  end }
end

local AWS = "https://docs.aws.amazon.com/"
local ECS = AWS .. "AmazonECS/latest/APIReference/"

-- images

formats.tag = format { "an image's tag: letters, digits, '_', '.', '-', at most 128",
  page = AWS .. "AmazonECR/latest/APIReference/API_ImageIdentifier.html", most = 128,
  any = { "^[%w_][%w_.-]*$" } }

formats.image = format {
  "an image: letters, digits, '-', '_', ':', '.', '/', '#', '@', at most 255",
  page = ECS .. "API_ContainerDefinition.html", most = 255, any = { "^%w[%w_:./#@-]*$" } }

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
  any = { "^[%w_-]+$", "^arn:[%w-]+:ecs:[%w-]+:%d+:cluster/[%w_-]+$" },
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
local SECRET = "^arn:[%w-]+:secretsmanager:[%w-]+:%d+:secret:.+$"
local PARAMETER, PARAMETER_ARN = "^[%w_./-]+$", "^arn:[%w-]+:ssm:[%w-]+:%d+:parameter/[%w_./-]+$"

formats.secret = format { "the ARN of a secret", page = SECRETS, most = 2048, any = { SECRET } }

formats.parameter = format {
  "the name of a parameter (letters, digits, '_', '.', '-', '/'), or its ARN",
  page = SECRETS, most = 1011, any = { PARAMETER, PARAMETER_ARN } }

formats.secret_or_parameter = format {
  "the name of a parameter, or the ARN of a parameter or a secret",
  page = SECRETS, most = 2048, any = { SECRET, PARAMETER, PARAMETER_ARN } }

-- what exists already

local SQS_ARN = AWS .. "AWSSimpleQueueService/latest/SQSDeveloperGuide/"
  .. "sqs-queue-message-identifiers.html"

formats.queue = format { "the ARN of an SQS queue", page = SQS_ARN, most = 256,
  any = { "^arn:[%w-]+:sqs:[%w-]+:%d+:[%w_-]+$", "^arn:[%w-]+:sqs:[%w-]+:%d+:[%w_-]+%.fifo$" } }

formats.work_topic = format { "the ARN of an SNS topic",
  page = AWS .. "sns/latest/api/API_CreateTopic.html", most = 512,
  any = { "^arn:[%w-]+:sns:[%w-]+:%d+:[%w_-]+$", "^arn:[%w-]+:sns:[%w-]+:%d+:[%w_-]+%.fifo$" } }

formats.group_arn = format { "the ARN of a log group",
  page = AWS .. "AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html", most = 640,
  any = { "^arn:[%w-]+:logs:[%w-]+:%d+:log%-group:[%w_/.#-]+$",
    "^arn:[%w-]+:logs:[%w-]+:%d+:log%-group:[%w_/.#-]+:%*$" } }

formats.table = format { "the ARN of a DynamoDB table",
  page = AWS .. "amazondynamodb/latest/APIReference/API_TableDescription.html", most = 1024,
  any = { "^arn:[%w-]+:dynamodb:[%w-]+:%d+:table/[%w_.-]+$" } }

formats.folder = format { "'s3://BUCKET' or 's3://BUCKET/FOLDER'",
  page = AWS .. "AmazonS3/latest/userguide/bucketnamingrules.html", most = 512,
  any = { "^s3://[%l%d][%l%d.-]+[%l%d]$", "^s3://[%l%d][%l%d.-]+[%l%d]/[%w._/-]*[%w._-]$" } }

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

-- An alarm's action. An alarm cannot publish to a FIFO topic.
formats.action = format { "the ARN of what an alarm may do: a topic (not FIFO), a function...",
  page = AWS .. "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html", most = 1024,
  any = { "^arn:[%w-]+:[%w-]+:[%w-]*:[%w-]*:.+$" }, none = { "^arn:[%w-]+:sns:.*%.fifo$" } }

-- others

formats.email = format { "an address like 'me@example.com'",
  page = AWS .. "sns/latest/api/API_Subscribe.html", most = 320, any = { "^[^@%s]+@[^@%s]+$" } }

formats.topic = format { "the ARN of an SNS topic (not FIFO: an alarm cannot publish to one)",
  page = AWS .. "AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html", most = 2048,
  any = { "^arn:[%w-]+:sns:[%w-]+:%d+:[%w_-]+$" } }

formats.lambda = format { "the ARN of a Lambda function",
  page = AWS .. "lambda/latest/api/API_FunctionConfiguration.html", most = 2048,
  any = { "^arn:[%w-]+:lambda:[%w-]+:%d+:function:[%w_:$-]+$" } }

formats.boundary = format { "the ARN of an IAM policy",
  page = AWS .. "IAM/latest/UserGuide/access_policies_boundaries.html", most = 2048,
  any = { "^arn:[%w-]+:iam::%w+:policy/[!-~]+$" } }

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
