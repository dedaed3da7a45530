"""EventBridge: rules of the default bus whose targets are queues, and ECS's events of tasks."""

import json
import threading
import time

import sqs
from common import ACCOUNT, identifier, refuse, store
from knobs import knobs


def put_rule(call):
    rule = store("rules").setdefault((call.region, call["Name"]), {"targets": {}})
    rule["pattern"] = json.loads(call["EventPattern"])
    rule["is_on"] = call.get("State") != "DISABLED"
    return {"RuleArn": f"arn:aws:events:{call.region}:{ACCOUNT}:rule/{call['Name']}"}


def put_targets(call):
    rule = store("rules").get((call.region, call["Rule"]))
    refuse(not rule, "ResourceNotFoundException", f"Rule {call['Rule']} does not exist on EventBus "
           "default.")
    rule["targets"].update({each["Id"]: each["Arn"] for each in call["Targets"]})
    return {"FailedEntryCount": 0, "FailedEntries": []}


def fits_one(value, wanted):
    if not isinstance(wanted, dict):
        return value == wanted
    if "prefix" in wanted:
        return isinstance(value, str) and value.startswith(wanted["prefix"])
    if "exists" in wanted:
        return (value is not None) == wanted["exists"]
    but = wanted["anything-but"]
    return value not in (but if isinstance(but, list) else [but])


def fits(event, pattern):
    for name, wanted in pattern.items():
        value = event.get(name)
        if isinstance(wanted, dict):
            if not isinstance(value, dict) or not fits(value, wanted):
                return False
        elif not any(fits_one(each, one) for one in wanted
                     for each in (value if isinstance(value, list) else [value])):
            return False
    return True


def queues_of(event):
    if knobs["event_queue"]:
        name = knobs["event_queue"].split("/")[-1]
        yield f"arn:aws:sqs:{event['region']}:{ACCOUNT}:{name}"
    for (region, _), rule in list(store("rules").items()):
        if region == event["region"] and rule["is_on"] and fits(event, rule["pattern"]):
            yield from list(rule["targets"].values())


def deliver(event):
    for arn in queues_of(event):
        queue = sqs.by_arn(arn)
        if queue:
            queue.send({"MessageBody": json.dumps(event)})


def iso(seconds):
    return (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            + f".{int(seconds * 1000) % 1000:03d}Z")


def state_change(task, region):
    told = task.described()
    if not knobs["nulls"]:
        told = {name: value for name, value in told.items() if value is not None}
    detail = {name: iso(value) if name in task.times else value for name, value in told.items()}
    return {
        "version": "0", "id": identifier(), "detail-type": "ECS Task State Change",
        "source": "aws.ecs", "account": ACCOUNT, "region": region, "resources": [task.arn],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "detail": {**detail, "updatedAt": iso(time.time())},
    }


def publish(task, region, lock):
    """The event of a task's state, as often and as late as the knobs set."""
    has_stopped = task.status == "STOPPED"
    if has_stopped and knobs.take("lose_events"):
        return
    with lock:
        event = state_change(task, region)
    for _ in range(2 if has_stopped and knobs.take("double_events") else 1):
        if knobs["event_delay"]:
            timer = threading.Timer(knobs["event_delay"], deliver, [event])
            timer.daemon = True
            timer.start()
        else:
            deliver(event)


OPERATIONS = {"PutRule": put_rule, "PutTargets": put_targets}
