"""EventBridge Scheduler: one-time schedules of SQS's SendMessage, by REST JSON at
https://scheduler.REGION.amazonaws.com. POST /-aws/schedules/due sends those that are due in the
given number of seconds; GET /-aws/schedules lists what is scheduled.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

import calendar
import json
import re
import time

import iam
import sigv4
import sqs
from common import Refused, arn, lock, refuse, store
from knobs import now

NAME = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
TOKEN = re.compile(r"[a-zA-Z0-9-_]{1,64}")
ROLE = re.compile(r"arn:aws(-[a-z]+)?:iam::\d{12}:role\/[\w+=,.@\/-]+")
AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
UNIVERSAL = re.compile(r"arn:aws(-[a-z]+)?:scheduler:::aws-sdk:sqs:sendMessage")
CONTEXT = re.compile(r"<aws\.scheduler\.[a-z-]+>")
LARGEST = 256 * 1024
PATH = re.compile(r"/schedules/([^/]+)")


def is_meant(request, service):
    scope = request.headers.get("authorization", "")
    return service == "scheduler" or service is None and "/scheduler/aws4_request" in scope


def schedules():
    return store("schedules")


def invalid(condition, message):
    refuse(condition, "ValidationException", message)


def text(parameters, name, pattern, where):
    value = parameters.get(name)
    invalid(not isinstance(value, str) or not pattern.fullmatch(value),
            f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy "
            f"constraint: Member must satisfy regular expression pattern: {pattern.pattern}")
    return value


def moment(expression):
    match = AT.fullmatch(expression or "")
    invalid(not match, f"Invalid Schedule Expression {expression}.")
    try:
        at = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        raise Refused("ValidationException",
                      f"Invalid Schedule Expression {expression}.") from None
    invalid(at <= now(), f"Invalid Schedule Expression {expression}: it is in the past.")
    return at


def check_target(target, key):
    role = text(target, "RoleArn", ROLE, "target.roleArn")
    invalid(not UNIVERSAL.fullmatch(target.get("Arn", "")),
            f"Provided Arn is not in correct format: {target.get('Arn')}")
    content = target.get("Input")
    invalid(not isinstance(content, str) or not content, "Input is missing")
    invalid(len(content.encode()) > LARGEST, "Input is too long")
    try:
        told = json.loads(content)
    except ValueError:
        raise Refused("ValidationException", "Invalid RequestJson provided. Reason Invalid JSON") \
            from None
    invalid(not {"QueueUrl", "MessageBody"} <= set(told),
            "Invalid RequestJson provided. Reason The field(s) are missing")
    iam.authorize(key, "iam", "PassRole", role)


def create(request, region, name, key):
    parameters = json.loads(request.body)
    iam.authorize(key, "scheduler", "CreateSchedule",
                  arn("scheduler", region, f"schedule/default/{name}"))
    invalid("Name" in parameters, "the name is in the path")
    text({"Name": name}, "Name", NAME, "name")
    token = text(parameters, "ClientToken", TOKEN, "clientToken")
    invalid(parameters.get("FlexibleTimeWindow") != {"Mode": "OFF"},
            "flexibleTimeWindow: only OFF is known here")
    invalid(parameters.get("ActionAfterCompletion", "NONE") not in ("NONE", "DELETE"),
            "actionAfterCompletion: NONE or DELETE")
    at = moment(parameters.get("ScheduleExpression"))
    check_target(parameters.get("Target") or {}, key)
    made = arn("scheduler", region, f"schedule/default/{name}")
    with lock:
        old = schedules().get(made)
        refuse(old and old["token"] != token, "ConflictException",
               f"Schedule {name} already exists.", 409)
        schedules()[made] = {"name": name, "at": at, "token": token, "region": region,
                             "parameters": parameters}
    return {"ScheduleArn": made}


class Sending(dict):
    """The call of SQS that a schedule makes."""

    def __init__(self, parameters, region):
        super().__init__(parameters)
        self.region, self.key, self.is_local, self.request = region, None, True, None


def fill(content, one):
    """Puts in the values of context attributes, as the service does before it reads the JSON."""
    return CONTEXT.sub(str(one["at"]), content)


def send_due(seconds):
    with lock:
        due = {key: one for key, one in schedules().items() if one["at"] <= now() + seconds}
    for key, one in due.items():
        told = json.loads(fill(one["parameters"]["Target"]["Input"], one))
        sqs.OPERATIONS["SendMessage"](Sending(told, one["region"]))
        if one["parameters"].get("ActionAfterCompletion") == "DELETE":
            with lock:
                schedules().pop(key, None)
    return len(due)


def control(request):
    if request.path == "/-aws/schedules/due":
        return {"sent": send_due(json.loads(request.body)["seconds"])}
    return [{"name": one["name"], "at": one["at"], "parameters": one["parameters"]}
            for one in schedules().values()]


def answer(request, region):
    headers = {"Content-Type": "application/json"}
    try:
        key, scope = sigv4.verify(request, "scheduler", region, iam.keys())
        match = PATH.fullmatch(request.path)
        refuse(not match or request.method != "POST", "UnknownOperationException",
               "no such operation", 404)
        return 200, json.dumps(create(request, scope.region, match[1], key)).encode(), headers
    except Refused as refused:
        headers["x-amzn-ErrorType"] = refused.code
        return refused.status, json.dumps({"Message": refused.message}).encode(), headers
