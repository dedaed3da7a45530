"""ECS: clusters, task definitions and services, as far as watchbot and its stacks need them."""

import re
import time
import uuid

from common import arn, refuse, store

NAME = r"[A-Za-z0-9_-]{1,255}"


def check_region(call, name):
    refuse(name.startswith("arn:") and name.split(":")[3] != call.region,
           "InvalidParameterException", "Invalid Region in ARN")


def cluster_of(call):
    """By name or ARN, in the region of the request."""
    name = call.get("cluster") or "default"
    check_region(call, name)
    found = store("clusters").get((call.region, name.split("/")[-1]))
    refuse(not found, "ClusterNotFoundException", "Cluster not found.")
    return found


def create_cluster(call):
    name = call.get("clusterName") or "default"
    refuse(not re.fullmatch(NAME, name), "InvalidParameterException",
           f"Cluster must match ^{NAME}$, but was {name}")
    made = {"clusterArn": arn("ecs", call.region, f"cluster/{name}"), "clusterName": name,
            "status": "ACTIVE"}
    return {"cluster": store("clusters").setdefault((call.region, name), made)}


def list_clusters(call):
    return {"clusterArns": [each["clusterArn"] for (region, _), each
                            in store("clusters").items() if region == call.region]}


def describe_clusters(call):
    found, failures = [], []
    for name in call.get("clusters") or ["default"]:
        cluster = store("clusters").get((call.region, name.split("/")[-1]))
        missing = name if ":" in name else arn("ecs", call.region, f"cluster/{name}")
        if cluster:
            found.append(cluster)
        else:
            failures.append({"arn": missing, "reason": "MISSING"})
    return {"clusters": found, "failures": failures}


# Task definitions

def register(call):
    family, containers = call.get("family"), call.get("containerDefinitions") or []
    refuse(not family, "ClientException", "Family should not be blank.")
    refuse(not re.fullmatch(NAME, family), "ClientException", "Family contains invalid characters.")
    refuse(not containers, "ClientException", "Container list cannot be empty.")
    for each in containers:
        refuse(not each.get("name") or not each.get("image"), "ClientException",
               "Container.name and Container.image should not be null or empty.")
    revisions = store("definitions").setdefault((call.region, family), [])
    made = {**call, "family": family, "revision": len(revisions) + 1, "status": "ACTIVE",
            "containerDefinitions": containers, "registeredAt": time.time()}
    made["taskDefinitionArn"] = arn("ecs", call.region,
                                    f"task-definition/{family}:{made['revision']}")
    revisions.append(made)
    return {"taskDefinition": made}


def definition_of(call, missing):
    """By family, family:revision or ARN; without a revision the newest that is active."""
    name = call.get("taskDefinition") or ""
    refuse(not name, "ClientException", "TaskDefinition can not be blank.")
    check_region(call, name)
    family, _, revision = name.split("/")[-1].partition(":")
    revisions = store("definitions").get((call.region, family)) or []
    if revision:
        found = [each for each in revisions if str(each["revision"]) == revision]
    else:
        found = [each for each in revisions if each["status"] == "ACTIVE"]
    refuse(not found, "ClientException", missing)
    return found[-1]


def active_definition(call):
    found = definition_of(call, "TaskDefinition not found.")
    refuse(found["status"] != "ACTIVE", "ClientException", "TaskDefinition is inactive")
    return found


def describe_definition(call):
    found = definition_of(call, "Unable to describe task definition.")
    return {"taskDefinition": found, "tags": found.get("tags") or []}


def deregister(call):
    found = definition_of(call, "The specified task definition does not exist.")
    found["status"] = "INACTIVE"
    return {"taskDefinition": found}


# Services: only their counts are used, because the specs start the watchers themselves.

def create_service(call):
    cluster, name = cluster_of(call), call["serviceName"]
    definition, count = active_definition(call), call.get("desiredCount") or 0
    made = {
        "serviceArn": arn("ecs", call.region, f"service/{cluster['clusterName']}/{name}"),
        "serviceName": name, "clusterArn": cluster["clusterArn"], "status": "ACTIVE",
        "desiredCount": count, "runningCount": 0, "pendingCount": 0, "events": [],
        "taskDefinition": definition["taskDefinitionArn"],
        "deployments": [{
            "id": f"ecs-svc/{uuid.uuid4().int % 10**19}", "status": "PRIMARY",
            "rolloutState": "COMPLETED",
            "taskDefinition": definition["taskDefinitionArn"], "desiredCount": count,
            "pendingCount": 0, "runningCount": 0, "failedTasks": 0,
        }],
    }
    store("services")[cluster["clusterArn"], name] = made
    return {"service": made}


def describe_services(call):
    cluster, names = cluster_of(call), call.get("services") or []
    refuse(not names, "InvalidParameterException", "Services cannot be empty.")
    refuse(len(names) > 10, "InvalidParameterException",
           "Services cannot have more than 10 elements.")
    found, failures = [], []
    for name in names:
        check_region(call, name)
        service = store("services").get((cluster["clusterArn"], name.split("/")[-1]))
        if service:
            found.append(service)
        else:
            failures.append({"arn": name, "reason": "MISSING"})
    return {"services": found, "failures": failures}


def resource_of(call, operation):
    """The resource of a call, as IAM names it."""
    cluster = (call.get("cluster") or "default").split("/")[-1]
    if operation == "RunTask":
        name = call.get("taskDefinition") or ""
        return name if ":" in name and name.startswith("arn:") else arn(
            "ecs", call.region, f"task-definition/{name}")
    if operation in ("StopTask", "DescribeTasks"):
        task = call.get("task") or (call.get("tasks") or [""])[0]
        return task if ":" in task else arn("ecs", call.region, f"task/{cluster}/{task}")
    if operation == "DescribeServices":
        return arn("ecs", call.region, f"service/{cluster}/"
                   + (call.get("services") or [""])[0].split("/")[-1])
    return "*"


OPERATIONS = {
    "CreateCluster": create_cluster, "ListClusters": list_clusters,
    "DescribeClusters": describe_clusters, "RegisterTaskDefinition": register,
    "DescribeTaskDefinition": describe_definition, "DeregisterTaskDefinition": deregister,
    "CreateService": create_service, "DescribeServices": describe_services,
}
