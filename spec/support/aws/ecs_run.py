"""ECS: the calls of tasks. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/"""

import json
import re
import time
from itertools import islice

import ecs
import iam
from common import refuse, store
from ecs_task import Task, instance, lock
from knobs import knobs

OVERRIDES_MAX = 8192
CONFLICT = ("The RunTask request could not be processed due to conflicts. The provided clientToken "
            "is already in use with a different RunTask request. The resourceIds are the existing "
            "task ARNs which are already associated with the clientToken.")


def invalid(condition, message, code="InvalidParameterException"):
    refuse(condition, code, message)


def tasks():
    return store("tasks")


def live():
    return [each for each in list(tasks().values())
            if each.status != "STOPPED" and not each.is_lost]


def chosen(which):
    return [each for each in live() if which is True or each.arn == which]


def lose(which):
    for each in chosen(which):
        each.lose()


def interrupt(given):
    for each in chosen(given.get("task", True)):
        (each.cut if given.get("cut") else each.stop)(given["stopCode"], given["reason"])


knobs.actions.update(lose=lose, interrupt=interrupt)


def end_all():
    """Ends running tasks, before everything is wiped."""
    ended = list(tasks().values())
    for task in ended:
        task.lose()
    for task in ended:
        task.thread.join()


def answered(value):
    """A response with null for absent members, or without them."""
    if isinstance(value, dict):
        return {name: answered(each) for name, each in value.items()
                if each is not None or knobs["nulls"]}
    return [answered(each) for each in value] if isinstance(value, list) else value


# RunTask

def check_overrides(asked, definition):
    overrides = asked.get("overrides") or {}
    names = [each["name"] for each in definition["containerDefinitions"]]
    length = len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False))
    invalid(length > OVERRIDES_MAX, f"Container Overrides length must be at most {OVERRIDES_MAX}")
    for each in overrides.get("containerOverrides") or []:
        invalid(each.get("name") not in names, f"Override for container named {each.get('name')} "
                "is not a container in the TaskDefinition.")


def check(asked, definition):
    check_overrides(asked, definition)
    count, launch = asked.get("count"), asked.get("launchType")
    invalid(not re.fullmatch(r"[A-Za-z0-9/_-]{0,128}", asked.get("startedBy") or ""),
            "startedBy is invalid.")
    invalid(not re.fullmatch(r"[!-~]{0,64}", asked.get("clientToken") or ""),
            "clientToken must be at most 64 characters.")
    invalid(count is not None and not 1 <= count <= 10, "Count must be between 1 and 10.")
    invalid(len(asked.get("tags") or []) > 50, "Tags cannot have more than 50 elements.")
    invalid(launch and asked.get("capacityProviderStrategy"), "Specifying both a launch type and "
            "capacity provider strategy is not supported. Remove one and try again.")
    compatible = definition.get("requiresCompatibilities") or []
    invalid(launch and compatible and launch not in compatible,
            f"Task definition does not support launch_type {launch}.")
    invalid(definition.get("networkMode") == "awsvpc" and not asked.get("networkConfiguration"),
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    invalid(asked.get("propagateTags") not in (None, "TASK_DEFINITION", "NONE"),
            "propagateTags: only TASK_DEFINITION is supported for RunTask.")


def check_roles(call, definition):
    """The caller must be allowed to pass the roles of the task."""
    overrides = call.get("overrides") or {}
    for name in ("taskRoleArn", "executionRoleArn"):
        role = overrides.get(name) or definition.get(name)
        if role:
            iam.authorize(call.key, "iam", "PassRole", role)


def recall(cluster, asked):
    """The tasks of an earlier request with the same token."""
    tokens = store("tokens")
    known = tokens.get((cluster["clusterArn"], asked.get("clientToken")))
    if not known or time.time() - known[2] > knobs["token_life"]:
        return None
    refuse(known[0] != asked, "ConflictException", CONFLICT, resourceIds=known[1])
    return [tasks()[arn] for arn in known[1]]


def placement_failure(cluster):
    arn = instance(cluster["clusterArn"])
    if knobs.take("no_capacity"):
        return {"arn": arn, "reason": knobs["capacity_reason"], "detail": None}
    if knobs["slots"] is not None and len(live()) >= knobs["slots"]:
        return {"arn": arn, "reason": "RESOURCE:MEMORY", "detail": None}
    return None


def place(call, cluster, definition, asked):
    made, failures = [], []
    for _ in range(asked.get("count") or 1):
        failure = placement_failure(cluster)
        if failure:
            failures.append(failure)
            continue
        task = Task(call.region, cluster["clusterArn"], definition, asked)
        tasks()[task.arn] = task
        made.append(task)
    if made and asked.get("clientToken"):
        token = cluster["clusterArn"], asked["clientToken"]
        store("tokens")[token] = (asked, [each.arn for each in made], time.time())
    return made, failures


def run_task(call):
    asked = {name: value for name, value in call.items() if value is not None}
    with lock:
        cluster = ecs.cluster_of(call)
        definition = ecs.active_definition(call)
        check(asked, definition)
        check_roles(call, definition)
        made, failures = recall(cluster, asked), []
        if not made:
            made, failures = place(call, cluster, definition, asked)
        answer = {"tasks": [each.described() for each in made], "failures": failures}
        for task in made:
            if task.thread.ident is None:
                task.thread.start()
    return answered(answer)


# The others

def full_arn(cluster, name):
    """The ARN of a task, from an ARN or an id; it must be in that cluster."""
    prefix = cluster["clusterArn"].replace(":cluster/", ":task/") + "/"
    if ":" not in name:
        return prefix + name
    parts = name.split("/")
    invalid(name.split(":")[3] != prefix.split(":")[3], "Invalid Region in ARN")
    invalid(len(parts) == 3 and parts[1] != cluster["clusterName"], "Invalid identifier: "
            f"Identifier is for cluster {parts[1]}. Your cluster is {cluster['clusterName']}")
    return name


def describe_tasks(call):
    cluster, names = ecs.cluster_of(call), call.get("tasks") or []
    invalid(not names, "Tasks cannot be empty.")
    invalid(len(names) > 100, "Tasks cannot have more than 100 elements.")
    found, failures = [], []
    with lock:
        for name in names:
            arn = full_arn(cluster, name)
            task = tasks().get(arn)
            if task and task.is_shown():
                tags = ({"tags": task.asked.get("tags") or []}
                        if "TAGS" in (call.get("include") or []) else {})
                found.append({**task.described(), **tags})
            else:
                failures.append({"arn": arn, "reason": "MISSING", "detail": None})
    return answered({"tasks": found, "failures": failures})


def is_listed(task, call, cluster):
    newest = time.time() - knobs["list_lag"]
    return (task.cluster_arn == cluster["clusterArn"] and task.is_shown()
            and task.desired == (call.get("desiredStatus") or "RUNNING")
            and task.times["createdAt"] <= newest
            and call.get("startedBy") in (None, task.asked.get("startedBy"))
            and call.get("family") in (None, task.definition["family"])
            and call.get("launchType") in (None, "FARGATE" if task.is_fargate() else "EC2"))


def listed_from(start, call, cluster):
    """The tasks that are listed, with their places. A page costs no more than its own tasks."""
    with lock:
        everything = list(tasks().values())
    for place in range(start, len(everything)):
        if is_listed(everything[place], call, cluster):
            yield place, everything[place]


def list_tasks(call):
    cluster = ecs.cluster_of(call)
    invalid(call.get("startedBy") and call.get("family"),
            "When startedBy is used as a filter, it must be the only one.")
    invalid(call.get("desiredStatus") not in (None, "RUNNING", "PENDING", "STOPPED"),
            "desiredStatus must be one of RUNNING, PENDING, STOPPED.")
    most = call.get("maxResults") or 100
    invalid(not 1 <= most <= 100, "maxResults must be between 1 and 100.")
    start = call.get("nextToken") or "0"
    invalid(not start.isdigit(), "Invalid token.")
    found = listed_from(int(start), call, cluster)
    page = [each.arn for _, each in islice(found, most)]
    place, _ = next(found, (None, None))
    return answered({"taskArns": page, "nextToken": None if place is None else str(place)})


def stop_task(call):
    cluster = ecs.cluster_of(call)
    task = tasks().get(full_arn(cluster, call.get("task") or ""))
    invalid(not task or not task.is_shown(), "The referenced task was not found.")
    task.stop("UserInitiated", call.get("reason") or "Task stopped by user")
    return answered({"task": task.described()})


OPERATIONS = {**ecs.OPERATIONS, "RunTask": run_task, "DescribeTasks": describe_tasks,
              "ListTasks": list_tasks, "StopTask": stop_task}
