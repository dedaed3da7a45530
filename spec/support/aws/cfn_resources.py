"""CloudFormation: the resources of a stack, by type, with the values of Ref and attributes."""

import json

import dynamodb
import ecs
import events
import s3
import sns
import sqs
from common import ACCOUNT, arn, store


class Inner(dict):
    """A call of a stack to another service."""

    def __init__(self, values, call):
        super().__init__(values)
        self.region, self.queue_host, self.key = call.region, call.queue_host, call.key


def text_of(value):
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def lower(value):
    """Names in the services' form: containerDefinitions for ContainerDefinitions."""
    if isinstance(value, list):
        return [lower(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name[:1].lower() + name[1:]: lower(each) for name, each in value.items()}


def make_queue(call, name, properties):
    name = properties.get("QueueName", name)
    name = name + ".fifo" if properties.get("FifoQueue") and not name.endswith(".fifo") else name
    texts = {key: text_of(value) for key, value in properties.items()
             if key not in ("QueueName", "Tags")}
    url = sqs.create_queue(Inner({"QueueName": name, "Attributes": texts}, call))["QueueUrl"]
    return url, {"Arn": arn("sqs", call.region, name), "QueueName": name, "QueueUrl": url}


def make_topic(call, name, properties):
    made = sns.create_topic(Inner({"Name": properties.get("TopicName", name)}, call))["TopicArn"]
    for each in properties.get("Subscription") or []:
        sns.subscribe(Inner({"TopicArn": made, **each}, call))
    return made, {"TopicArn": made, "TopicName": made.split(":")[-1]}


def make_subscription(call, _, properties):
    raw = {"RawMessageDelivery": text_of(properties.get("RawMessageDelivery", False))}
    made = sns.subscribe(Inner({**properties, "Attributes": raw}, call))["SubscriptionArn"]
    return made, {"Arn": made}


def make_group(call, name, properties):
    name = properties.get("LogGroupName", name)
    store("groups").setdefault((call.region, name), {})
    return name, {"Arn": arn("logs", call.region, f"log-group:{name}:*")}


def make_table(call, name, properties):
    name = properties.get("TableName", name)
    made = dynamodb.create_table(Inner({**properties, "TableName": name}, call))
    return name, {"Arn": made["TableDescription"]["TableArn"]}


def make_cluster(call, name, properties):
    name = properties.get("ClusterName", name)
    made = ecs.create_cluster(Inner({"clusterName": name}, call))["cluster"]
    return name, {"Arn": made["clusterArn"]}


def make_definition(call, name, properties):
    asked = {"family": name, **lower(properties)}
    made = ecs.register(Inner(asked, call))["taskDefinition"]["taskDefinitionArn"]
    return made, {"TaskDefinitionArn": made}


def make_service(call, name, properties):
    asked = {"serviceName": name, **lower(properties)}
    made = ecs.create_service(Inner(asked, call))["service"]["serviceArn"]
    return made, {"Name": made.split("/")[-1], "ServiceArn": made}


def make_rule(call, name, properties):
    asked = {"Name": name, "EventPattern": json.dumps(properties["EventPattern"])}
    made = events.put_rule(Inner(asked, call))["RuleArn"]
    targets = {"Rule": name, "Targets": properties.get("Targets") or []}
    events.put_targets(Inner(targets, call))
    return name, {"Arn": made}


def make_role(_, name, properties):
    """Has the permissions of its inline policies; AWS managed policies are unknown here."""
    name = properties.get("RoleName", name)
    store("users")["role " + name] = {each["PolicyName"]: each["PolicyDocument"]
                                      for each in properties.get("Policies") or []}
    return name, {"Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"}


def make_message_bucket(call, name, properties):
    name = properties.get("BucketName", f"{name.lower()}-{len(s3.buckets())}")
    s3.make_bucket(name, call.region, properties)
    return name, {"Arn": f"arn:aws:s3:::{name}"}


MAKERS = {
    "AWS::S3::Bucket": make_message_bucket,
    "AWS::SQS::Queue": make_queue, "AWS::SNS::Topic": make_topic,
    "AWS::SNS::Subscription": make_subscription, "AWS::Logs::LogGroup": make_group,
    "AWS::DynamoDB::Table": make_table, "AWS::ECS::Cluster": make_cluster,
    "AWS::ECS::TaskDefinition": make_definition, "AWS::ECS::Service": make_service,
    "AWS::Events::Rule": make_rule, "AWS::IAM::Role": make_role,
}
