"""CloudFormation: stacks from watchbot's templates. Templates are JSON; a resource is created
if its type is known (cfn_resources.py), and has a name in any case."""

import json
import re

from cfn_resources import MAKERS
from common import arn, identifier, refuse, store


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
                  "AWS::AccountId": self.id.split(":")[4], "AWS::Partition": self.id.split(":")[1],
                  "AWS::StackId": self.id, "AWS::URLSuffix": "amazonaws.com"}
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        refuse(name not in self.template["Resources"], "ValidationError", "Template format error: "
               f"Unresolved resource dependencies [{name}] in the Resources block of the template")
        return self.resource(name)[0]

    def attribute(self, place):
        name, attribute = place if isinstance(place, list) else place.split(".", 1)
        return self.resource(name)[1].get(attribute, "")

    def substituted(self, given):
        text, more = given if isinstance(given, list) else (given, {})

        def one(match):
            name = match[1]
            if name in more:
                return str(self.value(more[name]))
            return self.attribute(name) if "." in name else self.reference(name)
        return re.sub(r"\$\{([^!}][^}]*)\}", one, text)

    def joined(self, given):
        return given[0].join(str(each) for each in self.value(given[1]))

    def value(self, given):
        if isinstance(given, list):
            return [self.value(each) for each in given]
        if not isinstance(given, dict):
            return given
        functions = {"Ref": self.reference, "Fn::GetAtt": self.attribute,
                     "Fn::Sub": self.substituted, "Fn::Join": self.joined}
        [name] = list(given) if len(given) == 1 else [None]
        if name in functions:
            return functions[name](given[name])
        return {name: self.value(each) for name, each in given.items()
                if each != {"Ref": "AWS::NoValue"}}


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
