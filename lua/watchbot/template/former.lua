--- template.former: options of ecs-watchbot and of the AWS CDK that have another name here or were
-- removed, and what to use instead.

-- Names of v10 and of the AWS CDK, with the option that does the same.
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
  logRetention = "logGroupRetentionDays",
  alarmEmail = "notificationEmail", alarmAction = "notificationTopic",
  maxCapacity = "maxScalingCapacity", minCapacity = "minScalingCapacity", launchType = "capacity",
  capacityProviderStrategies = "capacity", circuitBreaker = "deploymentCircuitBreaker",
}

local former = {
  clusterRole = "tasks have their own role; grant it 'permissions'",
  backoff = "each retry waits longer; the hook 'backoff' of a policy file decides "
    .. "how long (option 'policy')",
  debugLogs = "the log always has all details; 'structuredLogging' makes it easy to search",
  deploymentEnvironment = "the stack's name is that of an environment; name the cluster in "
    .. "'cluster'",
  containerName = "the container's name is made of prefix and service",
  containerInsights = "it is a setting of the cluster",
  scalingSteps = "the steps are made of 'workers' and 'maxScalingCapacity'; replace the part "
    .. "'scaling' for others",
  linuxParameters = "replace the part 'worker', which makes the container",
  propagateTags = "tags of the task definition always go to its tasks",
}

for name, instead in pairs(renamed) do former[name] = ("use '%s'"):format(instead) end

return former
