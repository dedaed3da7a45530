"""CloudFormation: as much as finding things by their stack needs. Templates are JSON; a resource is
made where its type is known here, and has a name in any case. Real stacks are for moto's specs."""

import json
import re

import dynamodb
import sns
import sqs
from common import arn, identifier, refuse, store


class Inner(dict):
    """A call that a stack makes."""

    def __init__(self, values, call):
        super().__init__(values)
        self.region, self.queue_host, self.key = call.region, call.queue_host, call.key


def make_queue(call, name, properties):
    name = properties.get("QueueName", name)
    texts = {key: json.dumps(value) if isinstance(value, dict) else
             str(value).lower() if isinstance(value, bool) else str(value)
             for key, value in properties.items() if key not in ("QueueName", "Tags")}
    url = sqs.create_queue(Inner({"QueueName": name, "Attributes": texts}, call))["QueueUrl"]
    return url, {"Arn": arn("sqs", call.region, name), "QueueName": name, "QueueUrl": url}


def make_topic(call, name, properties):
    made = sns.create_topic(Inner({"Name": properties.get("TopicName", name)}, call))["TopicArn"]
    return made, {"TopicArn": made, "TopicName": made.split(":")[-1]}


def make_group(call, name, properties):
    name = properties.get("LogGroupName", name)
    store("groups").setdefault((call.region, name), {})
    return name, {"Arn": arn("logs", call.region, f"log-group:{name}:*")}


def make_table(call, name, properties):
    name = properties.get("TableName", name)
    made = dynamodb.create_table(Inner({**properties, "TableName": name}, call))
    return name, {"Arn": made["TableDescription"]["TableArn"]}


MAKERS = {"AWS::SQS::Queue": make_queue, "AWS::SNS::Topic": make_topic,
          "AWS::Logs::LogGroup": make_group, "AWS::DynamoDB::Table": make_table}


class Stack:
    def __init__(self, call):
        self.call, self.name = call, call["StackName"]
        self.template = json.loads(call["TemplateBody"])
        self.id = arn("cloudformation", call.region, f"stack/{self.name}/{identifier()}")
        self.made, self.tags = {}, call.get("Tags") or []
        self.parameters = {name: each.get("Default", "")
                           for name, each in (self.template.get("Parameters") or {}).items()}
        self.parameters.update({each["ParameterKey"]: each["ParameterValue"]
                                for each in call.get("Parameters") or []})
        for name in self.template.get("Resources") or {}:
            self.resource(name)
        self.outputs = {name: self.value(each["Value"])
                        for name, each in (self.template.get("Outputs") or {}).items()}

    def resource(self, logical):
        if logical not in self.made:
            each = self.template["Resources"][logical]
            name = f"{self.name}-{logical}-{identifier()[:8]}"
            maker = MAKERS.get(each["Type"])
            properties = self.value(each.get("Properties") or {})
            self.made[logical] = maker(self.call, name, properties) if maker else (name, {})
        return self.made[logical]

    def reference(self, name):
        pseudo = {"AWS::Region": self.call.region, "AWS::StackName": self.name,
                  "AWS::AccountId": self.id.split(":")[4], "AWS::Partition": self.id.split(":")[1]}
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        refuse(name not in self.template["Resources"], "ValidationError", "Template format error: "
               f"Unresolved resource dependencies [{name}] in the Resources block of the template")
        return self.resource(name)[0]

    def value(self, given):
        if isinstance(given, list):
            return [self.value(each) for each in given]
        if not isinstance(given, dict):
            return given
        if set(given) == {"Ref"}:
            return self.reference(given["Ref"])
        if set(given) == {"Fn::GetAtt"}:
            place = given["Fn::GetAtt"]
            name, attribute = place if isinstance(place, list) else place.split(".")
            return self.resource(name)[1].get(attribute, "")
        if set(given) == {"Fn::Sub"}:
            return re.sub(r"\$\{([^}]+)\}", lambda match: self.reference(match[1]),
                          given["Fn::Sub"])
        return {name: self.value(each) for name, each in given.items()}


def stack_of(call):
    name = call.get("StackName", "")
    name = name.split("/")[1] if "/" in name else name
    found = store("stacks").get((call.region, name))
    refuse(not found, "ValidationError", f"Stack with id {name} does not exist")
    return found


def create_stack(call):
    key = call.region, call["StackName"]
    refuse(key in store("stacks"), "AlreadyExistsException",
           f"Stack [{call['StackName']}] already exists")
    store("stacks")[key] = made = Stack(call)
    return {"StackId": made.id}


def describe_stacks(call):
    found = stack_of(call)
    return {"Stacks": [{
        "StackName": found.name, "StackId": found.id, "StackStatus": "CREATE_COMPLETE",
        "CreationTime": "2026-01-01T00:00:00Z", "Tags": found.tags,
        "Outputs": [{"OutputKey": name, "OutputValue": value}
                    for name, value in found.outputs.items()],
    }]}


def list_resources(call):
    found = stack_of(call)
    return {"StackResourceSummaries": [
        {"LogicalResourceId": name, "PhysicalResourceId": found.made[name][0],
         "ResourceType": each["Type"], "ResourceStatus": "CREATE_COMPLETE"}
        for name, each in found.template["Resources"].items()]}


OPERATIONS = {"CreateStack": create_stack, "DescribeStacks": describe_stacks,
              "ListStackResources": list_resources}
