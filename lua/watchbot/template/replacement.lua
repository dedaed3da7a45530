--- template.replacement: which changes make CloudFormation put a new resource in place of an old one, and what is lost with the
-- old one. The properties are those that AWS's schemas of resources call `createOnlyProperties`; those of a kind that is not
-- here are not known.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html

local function set(names)
  local known = {}
  for name in names:gmatch "%S+" do known[name] = true end
  return known
end

local replacement = {}

--- By type, the properties whose change replaces the resource.
---@type table<string, table<string, boolean>>
replacement.properties = {
  ["AWS::ApiGateway::ApiKey"] = set "GenerateDistinctId Name Value",
  ["AWS::ApiGateway::Deployment"] = set "DeploymentCanarySettings RestApiId",
  ["AWS::ApiGateway::Method"] = set "HttpMethod ResourceId RestApiId",
  ["AWS::ApiGateway::Resource"] = set "ParentId PathPart RestApiId",
  ["AWS::ApiGateway::Stage"] = set "RestApiId StageName",
  ["AWS::ApiGateway::UsagePlanKey"] = set "KeyId KeyType UsagePlanId",
  ["AWS::ApplicationAutoScaling::ScalableTarget"] = set "ResourceId ScalableDimension ServiceNamespace",
  ["AWS::ApplicationAutoScaling::ScalingPolicy"] =
    set "PolicyName ResourceId ScalableDimension ScalingTargetId ServiceNamespace",
  ["AWS::CloudWatch::Alarm"] = set "AlarmName",
  ["AWS::CloudWatch::Dashboard"] = set "DashboardName",
  ["AWS::DynamoDB::Table"] = set "ImportSourceSpecification KeySchema TableName",
  ["AWS::ECS::Service"] = set "Cluster LaunchType Role SchedulingStrategy ServiceName",
  ["AWS::ECS::TaskDefinition"] = set [[ContainerDefinitions Cpu EnableFaultInjection EphemeralStorage ExecutionRoleArn Family
    InferenceAccelerators IpcMode Memory NetworkMode PidMode PlacementConstraints ProxyConfiguration RequiresCompatibilities
    RuntimePlatform TaskRoleArn Volumes]],
  ["AWS::Events::Rule"] = set "EventBusName Name",
  ["AWS::IAM::AccessKey"] = set "Serial UserName",
  ["AWS::IAM::Role"] = set "Path RoleName",
  ["AWS::IAM::User"] = set "UserName",
  ["AWS::Logs::LogGroup"] = set "LogGroupName",
  ["AWS::Logs::MetricFilter"] = set "FilterName LogGroupName",
  ["AWS::Logs::SubscriptionFilter"] = set "FilterName LogGroupName",
  ["AWS::SNS::Subscription"] = set "Endpoint Protocol Region TopicArn",
  ["AWS::SNS::Topic"] = set "FifoTopic TopicName",
  ["AWS::SQS::Queue"] = set "FifoQueue QueueName",
}

--- By type, what is gone with a resource.
---@type table<string, string>
replacement.loses = {
  ["AWS::ApiGateway::ApiKey"] = "the key that callers have",
  ["AWS::ApiGateway::RestApi"] = "the address that callers have",
  ["AWS::DynamoDB::Table"] = "the items in it",
  ["AWS::IAM::AccessKey"] = "the key that senders have",
  ["AWS::IAM::User"] = "the keys that senders have",
  ["AWS::Logs::LogGroup"] = "the log",
  ["AWS::SNS::Topic"] = "what others have subscribed to it, and its ARN",
  ["AWS::SQS::Queue"] = "the messages in it",
}

return replacement
