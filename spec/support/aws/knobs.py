"""The failures of the local AWS that a spec requests, and the log of ECS calls.

POST /knobs accepts an object; other settings stay. N is how often, counted down; true: always.

    start_delay, stop_delay       seconds from RunTask to RUNNING, from the last exit to STOPPED
    pending N                     tasks that stay PENDING until they are stopped
    slots                         tasks that fit; null: any number. Others: RESOURCE:MEMORY
    no_capacity N                 RunTask calls that fail with the reason `capacity_reason`
    fail_starts N                 tasks that end before they run, for the reason `start_failure`
    list_lag                      seconds that ListTasks is behind
    stopped_for, token_life       seconds: a stopped task is shown, a clientToken is known
    rates {operation: [burst, a second]}  a token bucket for each; more: ThrottlingException
    nulls                         whether responses and events have null for absent members
    lose_events N, double_events N   of STOPPED events
    event_delay                   seconds
    event_queue                   a queue's URL that gets each event, without a rule
    in_flight, lease_max          messages that a queue may have in flight, seconds of a lease,
                                  instead of SQS's own limits
    fail_entries N                batch entries that SQS fails with SenderFault false
    fail_messages N               the same, but of each receipt or body only the first entry
    clock_ahead, skew             seconds: of the servers' clock, and allowed for a client's
    buckets {name: region}        makes buckets of S3
    sso {region, token, ...}      signs a person in to IAM Identity Center, see sso.py
    age_objects seconds           makes all objects older
    drop_objects [[bucket, key]]  deletes objects, as a lifecycle would
    keys {id: {secret, token}}    further keys with all permissions
    faults [{operation, count or seconds, status, code, message, applied, drop}]
                                  calls of any service ("*": of ECS) that fail: an error as the
                                  response, or (drop) the connection is closed; `applied`: the call
                                  is applied all the same
    lose, interrupt {task, stopCode, reason, cut}
                                  ARN, or true for all that have not stopped: ECS forgets it; or
                                  it is stopped for another reason (cut: as when its machine
                                  fails, without exit codes)

GET /calls?operation=RunTask lists the calls of ECS since DELETE /calls, in their order:
{ operation, parameters, at, status, answer }.
"""

import json
import threading
import time

from common import Refused

CAPACITY = ("Capacity is unavailable at this time. Please try again later or in a different "
            "availability zone")
START_FAILURE = ("DockerTimeoutError: Could not transition to started; timed out after waiting "
                 "3m0s")
KNOBS = {
    "start_delay": 0, "stop_delay": 0, "pending": 0, "slots": None, "no_capacity": 0,
    "capacity_reason": CAPACITY, "fail_starts": 0, "start_failure": START_FAILURE, "list_lag": 0,
    "stopped_for": 3600, "token_life": 86400, "rates": {"ListTasks": [100, 20]}, "nulls": True,
    "lose_events": 0, "double_events": 0, "event_delay": 0, "event_queue": None,
    "in_flight": None, "lease_max": 12 * 3600, "fail_entries": 0, "fail_messages": 0,
    "clock_ahead": 0, "skew": 300,
}


class Knobs:
    def __init__(self):
        self.lock = threading.RLock()
        self.actions = {}
        self.reset()

    def reset(self):
        with self.lock:
            self.values, self.faults, self.calls, self.buckets = dict(KNOBS), [], [], {}
            self.failed = set()

    def __getitem__(self, name):
        return self.values[name]

    def take(self, name):
        """Whether the failure happens now; counts it down."""
        with self.lock:
            left = self.values[name]
            if left and left is not True:
                self.values[name] -= 1
            return bool(left)

    def take_once(self, name, what):
        """The same, at most once for each `what` until the servers are reset."""
        with self.lock:
            if what in self.failed or not self.take(name):
                return False
            self.failed.add(what)
            return True

    def turn(self, settings):
        for name, value in settings.items():
            if name in KNOBS:
                self.values[name] = value
            elif name == "faults":
                self.faults += [{**each, "until": time.monotonic() + each.get("seconds", 1e9)}
                                for each in value]
            elif name in self.actions:
                self.actions[name](value)
            else:
                raise Refused("UnknownKnob", name)

    def fault(self, operation, is_ecs):
        with self.lock:
            for each in self.faults:
                fits = each["operation"] == operation or (each["operation"] == "*" and is_ecs)
                if fits and time.monotonic() < each["until"] and each.get("count", 1) > 0:
                    each["count"] = each.get("count", float("inf")) - 1
                    return each
        return self.throttle(operation) if is_ecs else None

    def throttle(self, operation):
        """A fault if the operation's bucket is empty."""
        if operation not in self.values["rates"]:
            return None
        burst, rate = self.values["rates"][operation]
        with self.lock:
            now = time.monotonic()
            left, at = self.buckets.get(operation, (burst, now))
            left = min(burst, left + (now - at) * rate)
            self.buckets[operation] = (left - 1 if left >= 1 else left, now)
        if left >= 1:
            return None
        return {"status": 400, "code": "ThrottlingException", "message": "Rate exceeded"}


knobs = Knobs()


def now():
    """By the clock of the servers."""
    return time.time() + knobs["clock_ahead"]


def decoded(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def failed(fault):
    if fault.get("drop"):
        return None
    told = {"__type": fault.get("code", "ServerException"),
            "message": fault.get("message", "Service Unavailable.")}
    return fault.get("status", 500), json.dumps(told).encode(), {}


def note(operation, request):
    call = {"operation": operation, "parameters": decoded(request.body), "at": time.time(),
            "status": None, "answer": None}
    with knobs.lock:
        knobs.calls.append(call)
    return call


def watched(request, answer_call):
    """Answers a request, or fails it as a spec requests, and logs it if it is a call of ECS."""
    target, operation = request.headers.get("x-amz-target", ""), request.operation()
    is_ecs = target.startswith("AmazonEC2ContainerService")
    call = note(operation, request) if is_ecs else {}
    fault = knobs.fault(operation, is_ecs)
    done = None
    if not fault or fault.get("applied"):
        done = answer_call(request)
    if fault:
        done = failed(fault)
    if done and is_ecs:
        call.update(status=done[0], answer=decoded(done[1]))
    return done


def control(request):
    """/knobs and /calls."""
    if request.path == "/knobs":
        try:
            knobs.turn(json.loads(request.body))
            return 200, b"{}", {}
        except (Refused, TypeError, AttributeError) as problem:
            return 400, repr(problem).encode(), {}
    wanted = request.query.partition("operation=")[2]
    with knobs.lock:
        found = [each for each in knobs.calls if wanted in ("", each["operation"])]
        if request.method == "DELETE":
            knobs.calls = []
    return 200, json.dumps(found).encode(), {}
