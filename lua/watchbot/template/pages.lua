--- template.pages: the AWS page that defines the values of an option, by the option's name. An
-- error that refuses a value ends with it. Options that do not belong to an AWS resource have none.

local AWS = "https://docs.aws.amazon.com/"
local ECS = AWS .. "AmazonECS/latest/APIReference/"
local CONTAINER = ECS .. "API_ContainerDefinition.html"
local SQS = AWS .. "AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
local ALARM = AWS .. "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
local SCALING = AWS .. "autoscaling/application/APIReference/API_RegisterScalableTarget.html"
local POLICY = AWS .. "IAM/latest/UserGuide/reference_policies_elements.html"
local TABLE = AWS .. "amazondynamodb/latest/APIReference/API_ProvisionedThroughput.html"
local SIZES = AWS .. "AmazonECS/latest/developerguide/task-cpu-memory-error.html"

---@type table<string, string>
return {
  -- the service
  service = AWS .. "AmazonECR/latest/APIReference/API_CreateRepository.html",
  command = CONTAINER, env = ECS .. "API_KeyValuePair.html",
  secrets = AWS .. "AmazonECS/latest/developerguide/specifying-sensitive-data.html",
  permissions = POLICY, watcherPermissions = POLICY, executionPermissions = POLICY,
  rolePath = AWS .. "IAM/latest/APIReference/API_CreateRole.html",
  tags = AWS .. "tag-editor/latest/userguide/best-practices-and-strats.html",
  family = ECS .. "API_RegisterTaskDefinition.html",
  size64 = AWS .. "AmazonECS/latest/developerguide/service-quotas.html",

  -- the container
  reservation = CONTAINER, watcherReservation = CONTAINER, size = SIZES,
  mounts = ECS .. "API_MountPoint.html", volumes = ECS .. "API_Volume.html",
  containerUser = CONTAINER, privileged = CONTAINER,
  ulimits = ECS .. "API_Ulimit.html", healthCheck = ECS .. "API_HealthCheck.html",
  runtimePlatform = ECS .. "API_RuntimePlatform.html",
  ephemeralStorageGiB = ECS .. "API_EphemeralStorage.html", stopTimeout = CONTAINER,

  -- where it runs
  capacity = ECS .. "API_CapacityProviderStrategyItem.html",
  fargateSubnets = ECS .. "API_AwsVpcConfiguration.html",
  fargateSecurityGroups = ECS .. "API_AwsVpcConfiguration.html",
  fargatePublicIp = ECS .. "API_AwsVpcConfiguration.html",
  networkMode = ECS .. "API_RegisterTaskDefinition.html",
  managedInstances = AWS
    .. "AmazonECS/latest/developerguide/task_definition_parameters-managed-instances.html",
  placementConstraints = ECS .. "API_PlacementConstraint.html",
  placementStrategies = ECS .. "API_PlacementStrategy.html",
  deploymentCircuitBreaker = ECS .. "API_DeploymentCircuitBreaker.html",
  fargate = AWS .. "AmazonECS/latest/developerguide/fargate-tasks-services.html",

  -- how many
  watchers = ECS .. "API_CreateService.html",
  minScalingCapacity = SCALING, maxScalingCapacity = SCALING, minSize = SCALING,
  maxSize = SCALING,

  -- queue and topic
  messageTimeout = SQS, messageRetention = SQS, deadletterThreshold = SQS,
  prefix = AWS .. "AWSCloudFormation/latest/UserGuide/resources-section-structure.html",
  queueName = AWS .. "AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
  kmsKey = AWS .. "kms/latest/developerguide/cmks-in-iam-policies.html",
  webhook = AWS .. "sns/latest/dg/sns-message-attributes.html",
  schedules = AWS .. "scheduler/latest/UserGuide/schedule-types.html",
  webhookThrottle = AWS .. "apigateway/latest/developerguide/api-gateway-request-throttling.html",

  -- alarms, logs, progress
  alarms = ALARM, alarmThreshold = ALARM, alarmPeriods = ALARM, errorThreshold = ALARM,
  failedPlacementAlarmPeriods = ALARM,
  logGroupRetentionDays = AWS
    .. "AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
  readCapacityUnits = TABLE, writeCapacityUnits = TABLE,
  dynamicReference = AWS .. "AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-"
    .. "strings.html",
}
