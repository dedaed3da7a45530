--- template.replacement: which changes make CloudFormation replace a resource, and what is lost
-- with the old one. The properties are the `createOnlyProperties` of AWS's resource schemas; for a
-- type that is not listed here they are unknown, so any change may replace the resource.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
-- using-cfn-updating-stacks-update-behaviors.html

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
  ["AWS::ApplicationAutoScaling::ScalableTarget"] =
    set "ResourceId ScalableDimension ServiceNamespace",
  ["AWS::ApplicationAutoScaling::ScalingPolicy"] =
    set "PolicyName ResourceId ScalableDimension ScalingTargetId ServiceNamespace",
  ["AWS::CloudWatch::Alarm"] = set "AlarmName",
  ["AWS::CloudWatch::Dashboard"] = set "DashboardName",
  ["AWS::DynamoDB::Table"] = set "ImportSourceSpecification KeySchema TableName",
  ["AWS::ECS::Service"] = set "Cluster LaunchType Role SchedulingStrategy ServiceName",
  ["AWS::ECS::TaskDefinition"] = set [[ContainerDefinitions Cpu EnableFaultInjection
    EphemeralStorage ExecutionRoleArn Family
    InferenceAccelerators IpcMode Memory NetworkMode PidMode PlacementConstraints
    ProxyConfiguration RequiresCompatibilities
    RuntimePlatform TaskRoleArn Volumes]],
  ["AWS::Events::Rule"] = set "EventBusName Name",
  ["AWS::IAM::AccessKey"] = set "Serial UserName",
  ["AWS::IAM::Role"] = set "Path RoleName",
  ["AWS::IAM::User"] = set "UserName",
  ["AWS::Logs::LogGroup"] = set "LogGroupName",
  ["AWS::Logs::MetricFilter"] = set "FilterName LogGroupName",
  ["AWS::Logs::SubscriptionFilter"] = set "FilterName LogGroupName",
  ["AWS::SNS::Subscription"] = set "Endpoint Protocol Region TopicArn",
  ["AWS::Scheduler::Schedule"] = set "Name",
  ["AWS::SNS::Topic"] = set "FifoTopic TopicName",
  ["AWS::SQS::Queue"] = set "FifoQueue QueueName",
  -- Other resources that stacks often have.
  ["AWS::ApiGateway::RestApi"] = set "",
  ["AWS::Backup::BackupVault"] = set "BackupVaultName EncryptionKeyArn",
  ["AWS::Cognito::UserPool"] = set "",
  ["AWS::DocDB::DBCluster"] = set [[AvailabilityZones DBClusterIdentifier DBSubnetGroupName
    KmsKeyId MasterUsername
    SnapshotIdentifier SourceDBClusterIdentifier StorageEncrypted]],
  ["AWS::DynamoDB::GlobalTable"] = set "TableName",
  ["AWS::EC2::EIP"] = set "Address IpamPoolId NetworkBorderGroup TransferAddress",
  ["AWS::EC2::Volume"] = set "AvailabilityZone Encrypted KmsKeyId OutpostArn SnapshotId",
  ["AWS::ECR::Repository"] = set "EncryptionConfiguration RepositoryName",
  ["AWS::ECS::Cluster"] = set "ClusterName",
  ["AWS::EFS::FileSystem"] = set "AvailabilityZoneName Encrypted KmsKeyId PerformanceMode",
  ["AWS::ElastiCache::CacheCluster"] = set [[CacheSubnetGroupName ClusterName Engine NetworkType
    Port SnapshotArns
    SnapshotName]],
  ["AWS::ElastiCache::ReplicationGroup"] = set [[AtRestEncryptionEnabled CacheSubnetGroupName
    DataTieringEnabled
    GlobalReplicationGroupId KmsKeyId NetworkType Port PreferredCacheClusterAZs
    ReplicasPerNodeGroup ReplicationGroupId
    SnapshotArns SnapshotName]],
  ["AWS::Events::EventBus"] = set "Name",
  ["AWS::FSx::FileSystem"] = set "BackupId FileSystemType KmsKeyId SecurityGroupIds SubnetIds",
  ["AWS::KMS::Key"] = set "",
  ["AWS::Kinesis::Stream"] = set "Name",
  ["AWS::MSK::Cluster"] = set "BrokerNodeGroupInfo ClusterName EncryptionInfo",
  ["AWS::Neptune::DBCluster"] = set [[AvailabilityZones DBClusterIdentifier DBSubnetGroupName
    KmsKeyId RestoreToTime
    RestoreType SnapshotIdentifier SourceDBClusterIdentifier StorageEncrypted
    UseLatestRestorableTime]],
  ["AWS::OpenSearchService::Domain"] = set "DomainName",
  ["AWS::RDS::DBCluster"] = set [[AvailabilityZones ClusterScalabilityType DBClusterIdentifier
    DBSubnetGroupName DBSystemId
    DatabaseName Engine EngineMode KmsKeyId PubliclyAccessible RestoreToTime RestoreType
    SnapshotIdentifier
    SourceDBClusterIdentifier SourceDbClusterResourceId SourceRegion StorageEncrypted
    UseLatestRestorableTime]],
  ["AWS::RDS::DBInstance"] = set [[AvailabilityZone BackupTarget CharacterSetName
    CustomIAMInstanceProfile DBClusterIdentifier
    DBInstanceIdentifier DBName DBSnapshotIdentifier DBSubnetGroupName DBSystemId Engine KmsKeyId
    MasterUsername
    NcharCharacterSetName SourceRegion StorageEncrypted Timezone]],
  ["AWS::Redshift::Cluster"] = set [[ClusterIdentifier ClusterSubnetGroupName DBName MasterUsername
    OwnerAccount
    SnapshotClusterIdentifier SnapshotIdentifier]],
  ["AWS::Route53::HostedZone"] = set "Name",
  ["AWS::S3::Bucket"] = set "BucketName BucketNamePrefix",
  ["AWS::SSM::Parameter"] = set "Name",
  ["AWS::SecretsManager::Secret"] = set "Name",
}

--- Types without data that a new resource would lack. Every other type counts as holding data.
replacement.harmless = {}
for name in ([[ApiGateway::Deployment ApiGateway::Method ApiGateway::Model
    ApiGateway::RequestValidator
  ApiGateway::Resource ApiGateway::Stage ApiGateway::UsagePlan ApiGateway::UsagePlanKey
  ApplicationAutoScaling::ScalableTarget ApplicationAutoScaling::ScalingPolicy
  CloudFormation::CustomResource CloudFormation::WaitConditionHandle CloudWatch::Alarm
  CloudWatch::CompositeAlarm CloudWatch::Dashboard EC2::SecurityGroup EC2::SecurityGroupEgress
  EC2::SecurityGroupIngress ECS::CapacityProvider ECS::Service ECS::TaskDefinition
  EFS::MountTarget Events::Rule IAM::InstanceProfile IAM::ManagedPolicy IAM::Policy IAM::Role
  IAM::RolePolicy IAM::ServiceLinkedRole KMS::Alias Lambda::EventSourceMapping Lambda::Function
  Lambda::Permission Logs::MetricFilter Logs::SubscriptionFilter S3::BucketPolicy
  SNS::Subscription SNS::TopicPolicy SQS::QueuePolicy Scheduler::Schedule
  StepFunctions::StateMachine]]):gmatch "%S+" do
  replacement.harmless["AWS::" .. name] = true
end

--- By type, the property that names a resource: CloudFormation creates the new resource before it
--- removes the old one, so a name that another resource of the stack has is taken.
---@type table<string, string>
replacement.named_by = {
  ["AWS::CloudWatch::Alarm"] = "AlarmName", ["AWS::CloudWatch::Dashboard"] = "DashboardName",
  ["AWS::DynamoDB::Table"] = "TableName", ["AWS::ECR::Repository"] = "RepositoryName",
    ["AWS::ECS::Cluster"] = "ClusterName",
  ["AWS::ECS::Service"] = "ServiceName", ["AWS::Events::Rule"] = "Name",
    ["AWS::IAM::ManagedPolicy"] = "ManagedPolicyName",
  ["AWS::IAM::Role"] = "RoleName", ["AWS::IAM::User"] = "UserName",
    ["AWS::Lambda::Function"] = "FunctionName",
  ["AWS::Logs::LogGroup"] = "LogGroupName", ["AWS::RDS::DBInstance"] = "DBInstanceIdentifier",
  ["AWS::S3::Bucket"] = "BucketName",
  ["AWS::SNS::Topic"] = "TopicName", ["AWS::SQS::Queue"] = "QueueName",
    ["AWS::SSM::Parameter"] = "Name",
  ["AWS::SecretsManager::Secret"] = "Name",
}

--- By type, what is lost with a resource.
---@type table<string, string>
replacement.loses = {
  ["AWS::ApiGateway::ApiKey"] = "the key that callers have",
  ["AWS::ApiGateway::RestApi"] = "the address that callers have",
  ["AWS::DynamoDB::Table"] = "the items in it",
  ["AWS::IAM::AccessKey"] = "the key that senders have",
  ["AWS::IAM::User"] = "the keys that senders have",
  ["AWS::Logs::LogGroup"] = "the log",
  ["AWS::SNS::Topic"] = "its subscriptions and its ARN",
  ["AWS::SQS::Queue"] = "the messages in it",
  ["AWS::KMS::Key"] = "the data encrypted with it",
  ["AWS::S3::Bucket"] = "the objects in it",
}

--- What is lost with a resource of a type; nil: nothing.
---@param type string
---@return string?
function replacement.holds(type)
  local holds = replacement.loses[type]
  if holds or replacement.harmless[type] or type:match "^Custom::" then return holds end
  return ("what the %s holds"):format(type)
end

return replacement
