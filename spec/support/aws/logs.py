"""CloudWatch Logs: groups, streams, and the events that match a filter's terms."""

import itertools
import json
import re
import time

from common import Refused, arn, lock, refuse, store

numbers = itertools.count(1)
TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')


def missing(kind):
    return Refused("ResourceNotFoundException", f"The specified log {kind} does not exist.")


def group_of(call):
    name = call.get("logGroupName") or (call.get("logGroupIdentifier") or "").split(":")[-1]
    found = store("groups").get((call.region, name))
    if found is None:
        raise missing("group")
    return found


def create_group(call):
    key = call.region, call["logGroupName"]
    refuse(key in store("groups"), "ResourceAlreadyExistsException",
           "The specified log group already exists")
    store("groups")[key] = {}
    return {}


def create_stream(call):
    group, name = group_of(call), call["logStreamName"]
    refuse(name in group, "ResourceAlreadyExistsException",
           "The specified log stream already exists")
    group[name] = []
    return {}


def put(call):
    stream = group_of(call).get(call["logStreamName"])
    if stream is None:
        raise missing("stream")
    events = call["logEvents"]
    refuse(not 1 <= len(events) <= 10000, "InvalidParameterException", "logEvents is invalid")
    times = [each["timestamp"] for each in events]
    refuse(times != sorted(times), "InvalidParameterException", "Log events in a single "
           "PutLogEvents request must be in chronological order.")
    with lock:
        now = int(time.time() * 1000)
        stream.extend({**each, "ingestionTime": now, "eventId": f"{next(numbers):056d}"}
                      for each in events)
        stream.sort(key=lambda each: each["timestamp"])
    return {"nextSequenceToken": "0"}


def exists(region, group):
    return (region, group) in store("groups")


def append(region, group, stream, line):
    """One line of an ECS task, by the awslogs driver."""
    with lock:
        now = int(time.time() * 1000)
        store("groups").setdefault((region, group), {}).setdefault(stream, []).append(
            {"timestamp": now, "message": line, "ingestionTime": now,
             "eventId": f"{next(numbers):056d}"})


def streams(call):
    prefix = call.get("logStreamNamePrefix") or ""
    names = sorted(name for name in group_of(call) if name.startswith(prefix))
    return {"logStreams": [
        {"logStreamName": name, "arn": arn("logs", call.region, name), "storedBytes": 0}
        for name in names[:call.get("limit") or 50]]}


def json_test(pattern):
    match = re.fullmatch(r'\{\s*\$((?:\.[\w-]+)+)\s*(=|!=)\s*"?([^"]*?)"?\s*\}', pattern)
    if not match:
        raise Refused("InvalidParameterException", "Invalid filter pattern")
    path = match[1].strip(".").split(".")

    def test(line):
        try:
            value = json.loads(line)
            for name in path:
                value = value[name]
        except (ValueError, KeyError, TypeError):
            return False
        text = value if isinstance(value, str) else json.dumps(value)
        return (text == match[3]) == (match[2] == "=")
    return test


def test_of(pattern):
    """A filter pattern as a test of a line."""
    if pattern.strip().startswith("{"):
        return json_test(pattern.strip())
    terms = [(sign, re.sub(r"\\(.)", r"\1", quoted) if quoted else word)
             for sign, quoted, word in TERM.findall(pattern)]
    every = [word for sign, word in terms if sign == ""]
    some = [word for sign, word in terms if sign == "?"]
    without = [word for sign, word in terms if sign == "-"]
    return lambda line: (all(each in line for each in every)
                         and (not some or any(each in line for each in some))
                         and not any(each in line for each in without))


def is_wanted(call, name):
    names, prefix = call.get("logStreamNames"), call.get("logStreamNamePrefix")
    return (not names or name in names) and name.startswith(prefix or "")


def filter_events(call):
    group, test = group_of(call), test_of(call.get("filterPattern") or "")
    for name in call.get("logStreamNames") or []:
        if name not in group:
            raise missing("stream")
    start, end = call.get("startTime") or 0, call.get("endTime") or 1 << 62
    with lock:
        found = [{**each, "logStreamName": name}
                 for name, events in group.items() if is_wanted(call, name)
                 for each in events
                 if start <= each["timestamp"] < end and test(each["message"])]
    found.sort(key=lambda each: each["timestamp"])
    first, most = int(call.get("nextToken") or 0), call.get("limit") or 10000
    told = {"events": found[first:first + most], "searchedLogStreams": []}
    if first + most < len(found):
        told["nextToken"] = str(first + most)
    return told


OPERATIONS = {"CreateLogGroup": create_group, "CreateLogStream": create_stream,
              "PutLogEvents": put, "DescribeLogStreams": streams, "FilterLogEvents": filter_events}
