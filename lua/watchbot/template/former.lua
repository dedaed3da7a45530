--- template.former: options of ecs-watchbot and of AWS's CDK that have another name here or are
-- gone, and what to write instead.

-- Names of v10, and of AWS's CDK, with what does the same here.
local renamed = {
  serviceName = "service", environment = "env", memoryLimitMiB = "reservation = { memory = ... }",
  memoryReservationMiB = "reservation = { softMemory = ... }", cpu = "reservation = { cpu = ... }",
  subnets = "fargateSubnets", taskSubnets = "fargateSubnets", vpc = "fargateSubnets",
  securityGroups = "fargateSecurityGroups", fargateSecurityGroup = "fargateSecurityGroups",
  publicIP = "fargatePublicIp", assignPublicIp = "fargatePublicIp",
  retentionPeriod = "messageRetention", visibilityTimeout = "messageTimeout",
  deadLetterThreshold = "deadletterThreshold", maxReceiveCount = "deadletterThreshold",
  reduceMode = "reduce",
  volumes = "mounts = { volumes = ..., mountPoints = ... }",
  mountPoints = "mounts = { volumes = ..., mountPoints = ... }",
  readonlyRootFilesystem = "writableFilesystem",
  logGroup = "logGroupName", logRetention = "logGroupRetentionDays",
  alarmEmail = "notificationEmail", alarmAction = "notificationTopic",
  maxCapacity = "maxScalingCapacity", minCapacity = "minScalingCapacity", launchType = "capacity",
  capacityProviderStrategies = "capacity", circuitBreaker = "deploymentCircuitBreaker",
}

local former = {
  clusterRole = "tasks have their own role; say what they may do in 'permissions'",
  backoff = "retries always wait longer each time; the hook 'backoff' of a policy file decides "
    .. "how long (option 'policy')",
  debugLogs = "the log says everything already; 'structuredLogging' makes it easy to search",
  deploymentEnvironment = "the stack's name is that of an environment; name the cluster in "
    .. "'cluster'",
  containerName = "the container's name is made of prefix and service",
  containerInsights = "it is a setting of the cluster",
  scalingSteps = "the steps are made of 'workers' and 'maxScalingCapacity'; replace the part "
    .. "'scaling' for others",
  linuxParameters = "replace the part 'worker', which makes the container",
  propagateTags = "tags of the task definition always go to its tasks",
}

for name, instead in pairs(renamed) do former[name] = ("its name here is '%s'"):format(instead) end

return former
