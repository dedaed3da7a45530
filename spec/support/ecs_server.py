"""A local AWS whose ECS tasks really run, as processes: moto with its RunTask, DescribeTasks, ListTasks and StopTask replaced.

    python3 ecs_server.py        (a Python that can import moto)

Listens on a port of the system's choice, and prints it. Ends when its standard input does, and the tasks' processes with it.
All else, at the same address, is moto's: clusters, task definitions, SQS (in JSON), SNS, events, logs. Unlike moto it keeps
connections open, and a message goes to one receiver, for there is one call at a time. Signatures of the four go unchecked.
Each change of a task is an EventBridge event, for the rules that there are (PutRule; PutTargets: queues). An image with
"missing" in its name cannot be pulled.

POST /knobs takes an object; what is not named stays. N is how often, counted down; true: always.

    start_delay, stop_delay       seconds from RunTask to RUNNING, from the last exit to STOPPED
    pending N                     tasks that stay PENDING until they are stopped
    slots                         tasks that have room; null: any number. Others fail with RESOURCE:MEMORY
    no_capacity N                 RunTask calls that fail with the reason `capacity_reason`
    fail_starts N                 tasks that end before they run, for the reason `start_failure`
    list_lag                      seconds that ListTasks is behind
    lose_events N, double_events N   of STOPPED events
    event_delay                   seconds
    event_queue                   a queue's URL that gets each event, without a rule
    faults [{operation, count or seconds, status, code, message, applied, drop}]
                                  more faults for calls of any service ("*": of ECS): the answer is an error, or (drop) the
                                  connection is closed; `applied`: it is done all the same
    lose, interrupt {task, stopCode, reason, cut}
                                  ARN, or true for all that have not stopped: nobody knows of it any more; it is stopped for
                                  another reason (cut: as when its machine fails, without exit codes)

GET /calls?operation=RunTask tells the calls since DELETE /calls: { operation, parameters, at, status, answer }; parameters and
answer as JSON, null where they are none. POST /moto-api/reset wipes everything, knobs and calls too.
"""

import hashlib
import json
import logging
import re
import select
import socket
import sys
import threading
import time
import uuid
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.ecs.exceptions import TaskDefinitionNotFoundException
from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs.models import sqs_backends
from werkzeug.test import Client

from ecs_task import Guard, Task

CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
KNOBS = {
    "start_delay": 0, "stop_delay": 0, "pending": 0, "slots": None, "no_capacity": 0, "capacity_reason": CAPACITY,
    "fail_starts": 0, "start_failure": "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s",
    "list_lag": 0, "lose_events": 0, "double_events": 0, "event_delay": 0, "event_queue": None,
}
OVERRIDES_MAX = 8192


class Refused(Exception):
    def __init__(self, code, message, **more):
        super().__init__(message)
        self.answer = {"__type": code, "message": message, **more}


def invalid(condition, message, code="InvalidParameterException"):
    if condition:
        raise Refused(code, message)


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


class Ecs:
    """The tasks, and what is to go wrong with them."""

    def __init__(self):
        self.lock = threading.RLock()  # moto's too: what it does is not made for threads
        self.guard = Guard()
        self.forget()

    def forget(self):
        self.knobs, self.faults, self.tasks, self.tokens, self.calls = dict(KNOBS), [], {}, {}, []

    def reset(self):
        tasks = list(self.tasks.values())
        for task in tasks:
            task.lose()
        for task in tasks:
            task.thread.join()
        with self.lock:
            self.forget()

    def take(self, name):
        with self.lock:
            left = self.knobs[name]
            if left and left is not True:
                self.knobs[name] -= 1
            return bool(left)

    def turn(self, knobs):
        with self.lock:
            for name, value in knobs.items():
                if name in KNOBS:
                    self.knobs[name] = value
                elif name == "faults":
                    self.faults += [{**each, "until": time.monotonic() + each.get("seconds", 1e9)} for each in value]
                elif name == "lose":
                    for task in self.chosen(value):
                        task.lose()
                elif name == "interrupt":
                    self.interrupt(**value)
                else:
                    raise Refused("UnknownKnob", name)

    def chosen(self, which):
        return [each for each in self.live() if which is True or each.arn == which]

    def interrupt(self, stopCode, reason, task=True, cut=False):
        for each in self.chosen(task):
            (each.cut if cut else each.stop)(stopCode, reason)

    def fault(self, operation, is_ecs):
        with self.lock:
            for each in self.faults:
                fits = each["operation"] == operation or (each["operation"] == "*" and is_ecs)
                if fits and time.monotonic() < each["until"] and each.get("count", 1) > 0:
                    each["count"] = each.get("count", float("inf")) - 1
                    return each

    def live(self):
        return [each for each in self.tasks.values() if each.status != "STOPPED" and not each.is_lost]

    def instance(self, cluster):
        identity = hashlib.md5(cluster.arn.encode()).hexdigest()
        return f"{cluster.arn.replace(':cluster/', ':container-instance/')}/{identity}"

    # What tasks tell

    def log(self, container, line):
        configuration = container.definition.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        if configuration.get("logDriver") != "awslogs":
            return
        group, identity = options["awslogs-group"], container.task.arn.split("/")[-1]
        stream = f"{options.get('awslogs-stream-prefix', 'ecs')}/{container.name}/{identity}"
        with self.lock:
            logs = logs_backends[ACCOUNT][container.task.region]
            if group not in logs.groups:
                logs.create_log_group(group, {})
            logs.ensure_log_stream(group, stream)
            logs.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": line}])

    def changed(self, task):
        has_stopped = task.status == "STOPPED"
        if task.is_lost or (has_stopped and self.take("lose_events")):
            return
        with self.lock:
            event = self.event(task)
        for _ in range(2 if has_stopped and self.take("double_events") else 1):
            if self.knobs["event_delay"]:
                timer = threading.Timer(self.knobs["event_delay"], self.deliver, [event])
                timer.daemon = True
                timer.start()
            else:
                self.deliver(event)

    def event(self, task):
        detail = {name: iso(value) if name in task.times else value for name, value in task.described().items()}
        return {
            "version": "0", "id": str(uuid.uuid4()), "detail-type": "ECS Task State Change", "source": "aws.ecs",
            "account": ACCOUNT, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "region": task.region,
            "resources": [task.arn], "detail": {**detail, "updatedAt": iso(time.time())},
        }

    # moto's own delivery leaves out the account, and turns lists of lists into text.
    def deliver(self, event):
        with self.lock:
            for queue in self.queues(event):
                sqs_backends[ACCOUNT][event["region"]].send_message(queue, json.dumps(event))

    def queues(self, event):
        named = [self.knobs["event_queue"].split("/")[-1]] if self.knobs["event_queue"] else []
        for rule in events_backends[ACCOUNT][event["region"]].event_buses["default"].rules.values():
            if rule.state == "ENABLED" and rule.event_pattern.matches_event(event):
                named += [each["Arn"].split(":")[-1] for each in rule.targets if ":sqs:" in each["Arn"]]
        return named

    # The four operations

    def cluster(self, region, name):
        found = ecs_backends[ACCOUNT][region].clusters.get((name or "default").split("/")[-1])
        invalid(not found, "Cluster not found.", "ClusterNotFoundException")
        return found

    def definition(self, region, name):
        try:
            found = ecs_backends[ACCOUNT][region].describe_task_definition(name)
        except TaskDefinitionNotFoundException:
            raise Refused("ClientException", "TaskDefinition not found.") from None
        invalid(found.status != "ACTIVE", "TaskDefinition is inactive", "ClientException")
        return found

    def check(self, asked, definition):
        overrides, names = asked.get("overrides") or {}, [each["name"] for each in definition.container_definitions]
        length = len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False))
        invalid(length > OVERRIDES_MAX, f"Container Overrides length must be at most {OVERRIDES_MAX}")
        for name in (each.get("name") for each in overrides.get("containerOverrides") or []):
            invalid(name not in names, f"Override for container named {name} is not a container in the TaskDefinition.")
        invalid(not re.fullmatch(r"[A-Za-z0-9/_-]{0,128}", asked.get("startedBy") or ""), "startedBy is invalid.")
        invalid(len(asked.get("clientToken") or "") > 64, "clientToken must be at most 64 characters.")
        invalid(not 1 <= asked.get("count", 1) <= 10, "Count must be between 1 and 10.")
        invalid(asked.get("launchType") and asked.get("capacityProviderStrategy"),
                "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
        invalid(definition.network_mode == "awsvpc" and not asked.get("networkConfiguration"),
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.")

    # The tasks of an earlier request with the same token.
    def recall(self, cluster, asked):
        known = self.tokens.get((cluster.arn, asked.get("clientToken")))
        if known and known[0] != asked:
            message = "The provided clientToken is already in use with a different RunTask request."
            raise Refused("ConflictException", message, resourceIds=known[1])
        return known and [self.tasks[arn] for arn in known[1]]

    def placement_failure(self, cluster):
        if self.take("no_capacity"):
            return {"arn": self.instance(cluster), "reason": self.knobs["capacity_reason"]}
        if self.knobs["slots"] is not None and len(self.live()) >= self.knobs["slots"]:
            return {"arn": self.instance(cluster), "reason": "RESOURCE:MEMORY"}

    def place(self, region, cluster, definition, asked):
        tasks, failures = [], []
        for _ in range(asked.get("count", 1)):
            if failure := self.placement_failure(cluster):
                failures.append(failure)
                continue
            task = Task(self, region, cluster, definition, asked)
            self.tasks[task.arn] = task
            tasks.append(task)
        if tasks and asked.get("clientToken"):
            self.tokens[cluster.arn, asked["clientToken"]] = (asked, [each.arn for each in tasks])
        return tasks, failures

    def run_task(self, region, asked):
        cluster = self.cluster(region, asked.get("cluster"))
        definition = self.definition(region, asked["taskDefinition"])
        self.check(asked, definition)
        tasks, failures = self.recall(cluster, asked), []
        if not tasks:
            tasks, failures = self.place(region, cluster, definition, asked)
        answer = {"tasks": [each.described() for each in tasks], "failures": failures}
        for task in tasks:
            if task.thread.ident is None:
                task.thread.start()
        return answer

    def describe_tasks(self, region, asked):
        cluster, arns = self.cluster(region, asked.get("cluster")), asked.get("tasks") or []
        tasks, failures = [], []
        invalid(not arns, "Tasks cannot be empty.")
        invalid(len(arns) > 100, "Tasks cannot have more than 100 elements.")
        for arn in arns:
            task = self.tasks.get(self.full_arn(cluster, arn))
            if task and not task.is_lost:
                tags = {"tags": task.asked.get("tags") or []} if "TAGS" in (asked.get("include") or []) else {}
                tasks.append({**task.described(), **tags})
            else:
                failures.append({"arn": self.full_arn(cluster, arn), "reason": "MISSING"})
        return {"tasks": tasks, "failures": failures}

    def full_arn(self, cluster, arn):
        return arn if ":" in arn else f"{cluster.arn.replace(':cluster/', ':task/')}/{arn}"

    def list_tasks(self, region, asked):
        cluster = self.cluster(region, asked.get("cluster"))
        invalid(asked.get("startedBy") and asked.get("family"), "When startedBy is used as a filter, it must be the only one.")
        newest, desired = time.time() - self.knobs["list_lag"], asked.get("desiredStatus", "RUNNING")
        found = [each.arn for each in self.tasks.values()
                 if each.cluster is cluster and not each.is_lost and each.desired == desired
                 and each.times["createdAt"] <= newest
                 and asked.get("startedBy") in (None, each.asked.get("startedBy"))
                 and asked.get("family") in (None, each.definition.family)]
        start, most = int(asked.get("nextToken") or 0), min(asked.get("maxResults") or 100, 100)
        more = {"nextToken": str(start + most)} if len(found) > start + most else {}
        return {"taskArns": found[start:start + most], **more}

    def stop_task(self, region, asked):
        task = self.tasks.get(self.full_arn(self.cluster(region, asked.get("cluster")), asked["task"]))
        invalid(not task or task.is_lost, "The referenced task was not found.")
        task.stop("UserInitiated", asked.get("reason") or "Task stopped by user")
        return {"task": task.described()}


ecs = Ecs()
OPERATIONS = {
    "RunTask": ecs.run_task, "DescribeTasks": ecs.describe_tasks, "ListTasks": ecs.list_tasks, "StopTask": ecs.stop_task,
}
# What moto's CloudFormation skips is for the specs to tell.
logging.getLogger("moto").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message="Tried to parse")

moto = Client(DomainDispatcherApplication(create_backend_app), use_cookies=False)


def decoded(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tell(self, status, value):
        self.answer(status, json.dumps(value).encode(), [("Content-Type", "application/x-amz-json-1.1")])

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path)
        if path.path == "/knobs":
            self.do_knobs(body)
        elif path.path == "/calls":
            self.do_calls(parse_qs(path.query))
        else:
            if path.path == "/moto-api/reset":
                ecs.reset()
            self.do_call(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_request

    def do_knobs(self, body):
        try:
            ecs.turn(json.loads(body))
            self.tell(200, {})
        except (Refused, TypeError) as problem:
            self.tell(400, repr(problem))

    def do_calls(self, query):
        with ecs.lock:
            found = [each for each in ecs.calls if each["operation"] in query.get("operation", [each["operation"]])]
            if self.command == "DELETE":
                ecs.calls = []
        self.tell(200, found)

    def do_call(self, body):
        target = self.headers.get("X-Amz-Target", "")
        operation = target.split(".")[-1] or parse_qs(body.decode(errors="replace")).get("Action", [None])[0]
        parameters = decoded(body)
        call = {"operation": operation, "parameters": parameters, "at": time.time(), "status": None, "answer": None}
        with ecs.lock:
            ecs.calls.append(call)
        fault = ecs.fault(operation, "ContainerService" in target)
        done = None
        if not fault or fault.get("applied"):
            done = self.serve(operation, parameters, body)
        if fault:
            done = self.failed(fault)
        if not done:  # there is nobody, or nothing, to tell
            self.close_connection = True
            return
        call.update(status=done[0], answer=decoded(done[1]))
        self.answer(*done)

    def failed(self, fault):
        told = {"__type": fault.get("code", "ServerException"), "message": fault.get("message", "Service Unavailable.")}
        return None if fault.get("drop") else (fault.get("status", 500), json.dumps(told).encode(), [])

    def serve(self, operation, parameters, body):
        if operation in OPERATIONS:
            return self.serve_task(OPERATIONS[operation], parameters)
        if operation == "ReceiveMessage" and parameters:
            return self.receive(parameters)
        return self.serve_moto(body)

    def serve_task(self, function, parameters):
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", self.headers.get("Authorization", ""))
        try:
            with ecs.lock:
                status, answer = 200, function(scope[1] if scope else "us-east-1", parameters)
        except Refused as refused:
            status, answer = 400, refused.answer
        return status, json.dumps(answer).encode(), [("Content-Type", "application/x-amz-json-1.1")]

    def serve_moto(self, body):
        with ecs.lock:
            response = moto.open(self.path, method=self.command, base_url="http://" + self.headers["Host"],
                                 headers=list(self.headers.items()), data=body)
            return response.status_code, response.data, list(response.headers.items())

    # moto would wait with the lock held.
    def receive(self, parameters):
        until = time.monotonic() + parameters.get("WaitTimeSeconds", 0)
        body = json.dumps({**parameters, "WaitTimeSeconds": 0}).encode()
        self.headers.replace_header("Content-Length", str(len(body)))
        while not self.has_gone():
            done = self.serve_moto(body)
            if done[0] != 200 or (decoded(done[1]) or {}).get("Messages") or time.monotonic() >= until:
                return done
            time.sleep(0.05)
        return None

    def has_gone(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """A client that goes away is no error."""


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
ecs.guard.close()
