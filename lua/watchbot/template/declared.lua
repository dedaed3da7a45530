--- template.declared: the one declaration of the options of `watchbot.template`; validation,
-- `watchbot template --options` and the table in doc/templates.md come from it. The names are those
-- of ecs-watchbot, v0.0.7 to v10; where its versions differ, the newer meaning. The values are
-- declared in template.shapes and template.formats, the AWS pages that define them in
-- template.pages.

local formats = require "watchbot.template.formats"
local former = require "watchbot.template.former"
local kinds = require "watchbot.template.kinds"
local limits = require "watchbot.lib.limits"
local shapes = require "watchbot.template.shapes"
local version = require "watchbot.version"

local flag = kinds.flag
local switch = kinds.plain(kinds.flag)

---@class watchbot.template.Option
---@field name string
---@field kind watchbot.template.Kind
---@field default any
---@field required boolean?
---@field modes "task"|"process"|nil the only mode that accepts it
---@field with string? the option with which the other mode accepts it, too
---@field lenient boolean? the other mode accepts it without effect
---@field since string the versions of ecs-watchbot that have it, or "watchbot"
---@field alias string? an older name of that option
---@field group string
---@field help string

local groups = {
  { "The service",
    { "mode", kinds.plain(kinds.one_of("task", "process")), required = true, since = "watchbot",
      help = "`task`: watchers start an ECS task for each message; `process`: the service's own "
        .. "image runs `watchbot` and a "
        .. "process for each message" },
    {
      "service", kinds.text, required = true, since = "v0",
      help = "name of the service; its image's repository in ECR",
    },
    {
      "serviceVersion", formats.tag, since = "v0",
      help = "the image's tag; required without `image`",
    },
    { "image", formats.image, since = "watchbot",
      help = "the image; default: SERVICE:SERVICEVERSION in ECR of the stack's account and "
        .. "region" },
    {
      "cluster", formats.cluster, required = true, since = "v0",
      help = "ARN or name of the ECS cluster",
    },
    { "prefix", shapes.prefix, default = "Watchbot", since = "v0",
      help = "start of each logical id: two services in one template need two prefixes" },
    {
      "family", formats.family, since = "v2",
      help = "family of the task definition; default: STACK-PREFIX",
    },
    { "command", shapes.command, since = "v1",
      help = "the program: text runs in `sh`, a list is an argv; in mode `task` default: the "
        .. "image's" },
    { "policy", kinds.text, since = "watchbot",
      help = "path of a policy file in the image that runs `watchbot`; in mode `process` it "
        .. "replaces `command`" },
    { "lambda", shapes.lambda, modes = "process", since = "watchbot",
      help = "an unchanged Lambda function image, instead of `command`: `image` (default: the "
        .. "service's), `handler` (default: the image's command), `batch` (messages of one event, "
        .. "default 1); watchbot is a second container of the task" },
    { "env", shapes.variables, default = {},
    since = "v0",
      help = "environment variables of the tasks" },
    { "secrets", shapes.secrets, default = {},
    since = "v10",
      help = "environment variables from Secrets Manager or the Parameter Store: an ARN, a "
        .. "parameter's name, "
        .. "`{ secret = ARN, key = \"password\" }` or `{ parameter = NAME }`" },
    {
      "permissions", shapes.statements, default = {}, since = "v1",
      help = "IAM statements for the role of the tasks",
    },
    { "watcherPermissions", shapes.statements, default = {}, since = "watchbot",
      help = "IAM statements for the role of the watchers: for hooks that call AWS, or "
        .. "`ecs:DescribeTaskDefinition`" },
    { "executionPermissions", shapes.statements, default = {}, since = "watchbot",
      help = "IAM statements for the roles that pull images, read secrets and write logs" },
    {
      "permissionsBoundary", formats.boundary, since = "watchbot",
      help = "ARN of a policy used as permissions boundary of each role",
    },
    { "rolePath", kinds.path, since = "watchbot", help = "path of the roles: `/watchbot/`" },
    { "tags", shapes.tags, default = {},
    since = "watchbot",
      help = "tags of all resources that support tags, and of the tasks" },
  },
  { "The container",
    { "reservation", shapes.reservation, default = {}, since = "v0",
      help = "`cpu` (units; 1024 are a core), `memory` and `softMemory` (MiB), `gpu`; default: "
        .. "512 MiB" },
    { "mounts", shapes.mounts, since = "v0",
      help = "`/host:/container` or `/scratch`, with commas or as a list, or objects; also `{ "
        .. "volumes =, mountPoints = }` in "
        .. "AWS's own shape" },
    { "writableFilesystem", switch, default = false, modes = "process", since = "v4",
      help = "each job gets a new container that may write anywhere; otherwise the root is "
        .. "read-only, and scratch mounts are "
        .. "emptied after each job" },
    { "containerUser", formats.user, since = "watchbot",
      help = "user that the container runs as: `1000:1000`; default: the image's" },
    {
      "privileged", flag, default = false, since = "v1",
      help = "the container is privileged; not on Fargate",
    },
    { "ulimits", shapes.ulimits,
    default = { nofile = 10240 },
      since = "watchbot", help = "names to a limit or `{ soft =, hard = }`" },
    { "healthCheck", shapes.health_check, since = "v10",
      help = "`command` (text for sh or a list), `interval`, `timeout`, `retries`, `startPeriod` "
        .. "(seconds)" },
    {
      "runtimePlatform", shapes.platform, since = "v10",
      help = "`cpuArchitecture` (`X86_64`, `ARM64`), `operatingSystemFamily`",
    },
    {
      "ephemeralStorageGiB", kinds.whole(21, 200), since = "v10",
      help = "disk of a task on Fargate; default: 20",
    },
    { "stopTimeout", kinds.whole(10, 120), default = 120, since = "watchbot",
      help = "seconds from TERM to KILL when ECS stops a task; running jobs may use all but 10 of "
        .. "them to finish" },
  },
  { "Where it runs",
    { "capacity", shapes.capacity, default = "EC2", since = "v4",
      help = "`EC2`, `FARGATE`, `FARGATE_SPOT`, or capacity providers with weights: `{ FARGATE = "
        .. "{ weight = 1, base = 1 }, "
        .. "FARGATE_SPOT = 3 }`" },
    { "managedInstances", switch, default = false, since = "watchbot",
      help = "the capacity providers of `capacity` are of ECS Managed Instances: tasks have "
        .. "their own address (`networkMode` `awsvpc`, the default there) or the machine's "
        .. "(`host`)" },
    {
      "fargateSubnets", shapes.subnets, since = "v4",
      help = "subnets of tasks on Fargate, or with `networkMode` `awsvpc`",
    },
    { "fargateSecurityGroups", shapes.groups, since = "v4", help = "their security groups" },
    { "fargatePublicIp", kinds.one_of("ENABLED", "DISABLED"), default = "DISABLED", since = "v4",
      help = "`ENABLED` or `DISABLED`; in a subnet without NAT images are pulled by a public "
        .. "address" },
    { "networkMode", kinds.plain(kinds.one_of("bridge", "host", "awsvpc")), since = "watchbot",
      help = "on EC2; default: ECS's own" },
    { "placementConstraints", shapes.constraints,
      since = "v2",
      help = "list of `{ type =, expression = }`, on EC2" },
    { "placementStrategies", shapes.strategies,
      since = "v4",
      help = "list of `{ type =, field = }`, on EC2" },
    { "deploymentCircuitBreaker", flag, default = true, since = "watchbot",
      help = "a deployment whose tasks do not start is rolled back" },
  },
  { "How many",
    { "workers", kinds.whole(1), default = 1, since = "v0",
      help = "jobs at once: of each watcher in mode `task`, of each container in mode `process`" },
    { "watchers", kinds.whole(0), default = 1, modes = "task", since = "v0",
      help = "watchers, each with `workers` jobs at once" },
    {
      "minScalingCapacity", kinds.whole(0), default = 0, modes = "process", since = "v10",
      help = "minimum number of containers",
    },
    {
      "maxScalingCapacity", kinds.whole(1), default = 1, modes = "process", since = "v10",
      help = "maximum number of containers",
    },
    { "backlogPerTask", kinds.whole(1), modes = "process", since = "watchbot",
      help = "the service follows this number of messages for each container, instead of steps; "
        .. "it does not scale to zero, so `minScalingCapacity` has to be at least 1" },
    {
      "minSize", kinds.whole(0), alias = "minScalingCapacity", modes = "process", since = "v4",
      help = "the older name",
    },
    {
      "maxSize", kinds.whole(1), alias = "maxScalingCapacity", modes = "process", since = "v4",
      help = "the older name",
    },
    { "watchbotImage", formats.image, modes = "task", with = "lambda", since = "watchbot",
      help = "image of the watchers; default: watchbot's own, from watchbot:WATCHBOTVERSION in ECR "
        .. "of the stack's account and region" },
    { "watchbotVersion", formats.tag, default = version, modes = "task", with = "lambda",
      lenient = true,
    since = "v0",
      help = "tag of that image" },
    { "watcherReservation", shapes.reservation, default = {}, modes = "task", with = "lambda",
      since = "watchbot",
      help = "the same as `reservation`, for the watchers; default: 128 MiB, on Fargate its "
        .. "smallest size" },
  },
  { "Queue and topic",
    { "fifo", switch, default = false, since = "v4", help = "FIFO queue and FIFO topic" },
    { "fifoThroughput", kinds.plain(kinds.one_of("queue", "group")), default = "queue",
      since = "watchbot",
      help = "`group`: high throughput for FIFO queues: the limit is for each message group, and a "
        .. "deduplication id counts within its group" },
    { "rawMessageDelivery", flag, default = false, since = "watchbot",
      help = "the topic delivers messages as they are, without subject" },
    { "messageTimeout", kinds.whole(0, limits.sqs.visibility), default = 180, since = "v0",
      help = "the queue's visibility timeout, seconds; a watcher sets its own, `visibility` of "
        .. "its policy, and extends it" },
    { "messageRetention", kinds.whole(60, 1209600), default = 1209600, since = "v0",
      help = "seconds that the queue keeps a message" },
    { "deadletterThreshold", kinds.whole(1, 1000), default = 10, since = "v4",
      help = "receives before a message goes to the dead-letter queue" },
    { "maxJobDuration", kinds.number, default = 0, since = "v4",
      help = "seconds after which a task is stopped and its message retried; 0: never" },
    { "kmsKey", kinds.key, since = "watchbot",
      help = "ARN of a KMS key that encrypts queues, topics, log and progress table, and whose "
        .. "policy lets AWS's services use "
        .. "it (see below); `create`: makes one; default: the services' own encryption" },
    {
      "user", switch, default = false, since = "v0",
      help = "an IAM user with an access key that may publish messages",
    },
    { "webhook", shapes.webhook, default = false, since = "v0",
      help = "an HTTPS endpoint whose POSTs become messages; `{ headers = { \"X-GitHub-Event\" } "
        .. "}`: these headers become "
        .. "attributes, `{ raw = true }`: the body is not changed" },
    { "schedules", shapes.schedules, default = {}, since = "watchbot",
      help = "messages at times, by EventBridge Scheduler: `{ nightly = { cron = \"0 3 * * *\", "
        .. "zone = \"Europe/Berlin\", message = \"report\" } }`; see doc/schedules.md" },
    {
      "webhookKey", switch, default = false, since = "v0",
      help = "callers of the webhook need an API key",
    },
    { "webhookThrottle", shapes.throttle,
      default = { rate = 5, burst = 20 }, since = "watchbot",
      help = "requests a second that the webhook accepts: `rate` on average, `burst` at once" },
  },
  { "What exists already",
    { "queue", formats.queue, since = "watchbot",
      help = "ARN of an existing queue; it needs `deadLetterQueue`. Nothing of what exists already "
        .. "is created or changed: `--check` says what has to be set on it" },
    { "deadLetterQueue", formats.queue, since = "watchbot",
      help = "ARN of an existing dead-letter queue" },
    { "topic", formats.work_topic, since = "watchbot",
      help = "ARN of an existing topic whose messages become jobs" },
    { "logGroup", formats.group_arn, since = "watchbot",
      help = "ARN of an existing log group, instead of `logGroupName`" },
    { "table", formats.table, since = "watchbot",
      help = "ARN of an existing table of `reduce`" },
    { "key", kinds.key, alias = "kmsKey", since = "watchbot", help = "the same as `kmsKey`" },
  },
  { "Big messages",
    { "overflow", kinds.either("true, or text like 's3://bucket/folder'", kinds.plain(kinds.flag),
      formats.folder), default = false, since = "watchbot",
      help = "`true`: a bucket for messages that are too big for their way, see "
        .. "doc/big-messages.md; or a folder in an existing bucket, `s3://BUCKET/FOLDER`" },
  },
  { "Notifications and alarms",
    {
      "notificationEmail", formats.email, since = "v0",
      help = "address that receives notifications; otherwise set `notificationTopic`",
    },
    {
      "notificationTopic", formats.topic, since = "v1",
      help = "ARN of an existing topic for notifications",
    },
    { "alarmOnEachFailure", switch, default = false, since = "v2",
      help = "send a notification for each failure, even if the message is retried" },
    { "notifyAfterRetries", kinds.plain(kinds.whole(0)), default = 0, since = "v1",
      help = "retries before a failure is notified; if 0, `alarmOnEachFailure` decides" },
    { "alarms", shapes.alarms, default = {}, since = "v10",
      help = "`queueSize`, `oldestMessage`, `quietGroups`, `dlqSize`, `workersErrors`, "
        .. "`failureShare`, `failedPlacements`, "
        .. "`noTaskStarts`, `memoryUtilization`, `cpuUtilization`: "
        .. "`false` or `{ threshold =, period =, evaluationPeriods = }`; `action`: the "
        .. "ARN of an action that replaces the notification" },
    {
      "alarmThreshold", kinds.number, default = 40, since = "v0",
      help = "messages in the queue that raise the alarm",
    },
    { "alarmPeriods", kinds.whole(1, shapes.PERIODS_OF_5_MINUTES), default = 24, since = "v0",
      help = "periods of 5 minutes with that many messages" },
    {
      "errorThreshold", kinds.number, default = 10, since = "v2",
      help = "failures a minute that raise the alarm",
    },
    { "failedPlacementAlarmPeriods", kinds.whole(1, shapes.PERIODS_OF_1_MINUTE // 2), default = 3,
    modes = "task", lenient = true,
      since = "v2",
      help = "minutes with failed placements that raise the alarm" },
    {
      "deadletterAlarm", switch, default = true, since = "v4",
      help = "messages in the dead-letter queue raise an alarm",
    },
    { "dashboard", switch, default = true, since = "v4", help = "a CloudWatch dashboard" },
    { "metrics", kinds.one_of("filters", "emf"), default = "filters", since = "watchbot",
      help = "where the watchers' metrics come from: `filters` over the log, or `emf`: lines that "
        .. "the watchers write once a minute, which also say whether the queue answers" },
    { "traces", kinds.one_of("xray"), since = "watchbot",
      help = "`xray`: watchers export a span of each job to AWS X-Ray, see doc/traces.md" },
    { "metricsNamespace", formats.namespace, default = "Watchbot", since = "watchbot",
      help = "namespace of the metrics from the log; ecs-watchbot used `Mapbox/ecs-watchbot`" },
  },
  { "Logs",
    {
      "structuredLogging", switch, default = false, since = "v8",
      help = "each line of the log is a JSON object",
    },
    { "logGroupName", formats.log_group, since = "v10", help = "default: STACK-REGION-watchbot" },
    {
      "logGroupRetentionDays", shapes.retention, default = 14, since = "v10",
      help = "days that the log is kept",
    },
    { "logAggregationFunction", formats.lambda, since = "v1",
      help = "ARN of a Lambda function that receives the log; CloudWatch Logs must be allowed to "
        .. "invoke it" },
  },
  { "Progress",
    {
      "reduce", switch, default = false, since = "v1",
      help = "a DynamoDB table for `watchbot-progress`",
    },
    {
      "readCapacityUnits", kinds.whole(1), since = "v1",
      help = "of the table; default: the table is billed by request",
    },
    {
      "writeCapacityUnits", kinds.whole(1), since = "v1",
      help = "of the table; if only one is set, the other is 30",
    },
  },
  { "Once and later",
    {
      "once", switch, default = false, since = "watchbot",
      help = "a DynamoDB table for the keys of the policy's `once`, see doc/once.md",
    },
    {
      "longDelays", switch, default = false, since = "watchbot",
      help = "a role with which EventBridge Scheduler sends the messages of `watchbot send --delay "
        .. "2d --via scheduler`; an output has its ARN",
    },
  },
  { "The template",
    { "description", kinds.plain(formats.description, "CloudFormation takes text"),
      since = "watchbot", help = "the template's `Description`" },
    { "parts", shapes.parts, default = {}, since = "watchbot",
      help = "parts to replace, to add, or (`false`) to leave out: `function(options, refs, "
        .. "default)`" },
  },
}

local declared = { options = {}, groups = {}, retired = former }

for _, group in ipairs(groups) do
  declared.groups[#declared.groups + 1] = group[1]
  for index = 2, #group do
    local option = group[index]
    option.name, option.kind, option.group = option[1], option[2], group[1]
    option[1], option[2] = nil, nil
    declared.options[#declared.options + 1] = option
  end
end

return declared
