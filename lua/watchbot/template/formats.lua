--- template.formats: the forms that AWS asks of names, as kinds of options: what they may be, and
-- the page that says so.
-- CloudFormation finds out only while it makes the stack.

local shown = require "watchbot.lib.refusal".shown

local formats = {}

-- A kind whose text has to match a pattern; `most` characters.
local function format(expected, page, most, ...)
  local patterns = { ... }
  local function fits(value)
    if #value == 0 or #value > most then return false end
    for _, pattern in ipairs(patterns) do
      if value:find(pattern) then return true end
    end
    return false
  end
  return { expected = expected, check = function(value)
    if type(value) == "string" and fits(value) then return true end
    return false, ("expected %s, got %s (%s)"):format(expected, shown(value), page)
  end }
end

local ECS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/"

formats.tag = format("an image's tag: letters, digits, '_', '.', '-', at most 128",
  "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html", 128,
    "^[%w_][%w_.-]*$")

formats.family = format("a family: letters, digits, '-', '_', at most 255",
  ECS .. "API_RegisterTaskDefinition.html", 255, "^[%w_-]+$")

formats.cluster = format("the name of a cluster (letters, digits, '-', '_'), or its ARN",
  ECS .. "API_CreateCluster.html", 2048, "^[%w_-]+$", "^arn:[%w-]+:ecs:[%w-]+:%d+:cluster/[%w_-]+$")

formats.log_group = format("the name of a log group: letters, digits, '_', '-', '/', '.', '#', at "
  .. "most 512",
  "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
    512, "^[%w_/.#-]+$")

formats.namespace = format("a namespace: letters, digits, '.', '-', '_', '/', '#', ':', blanks, "
  .. "no ':' first",
  "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html", 255,
    "^[%w._/#-][%w._/#: -]*$")

formats.email = format("an address like 'me@example.com'",
  "https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html", 320, "^[^@%s]+@[^@%s]+$")

formats.topic = format("the ARN of an SNS topic",
  "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html", 2048,
    "^arn:[%w-]+:sns:[%w-]+:%d+:[%w_-]+$")

formats.lambda = format("the ARN of a Lambda function",
  "https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html", 2048,
  "^arn:[%w-]+:lambda:[%w-]+:%d+:function:[%w_:$-]+$")

formats.boundary = format("the ARN of an IAM policy",
  "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html", 2048,
  "^arn:[%w-]+:iam::%w+:policy/[!-~]+$")

formats.tag_value = { expected = "text of at most 256 characters", check = function(value)
  return type(value) == "string" and (utf8.len(value) or math.huge) <= 256
end }

return formats
