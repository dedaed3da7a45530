"""ECS in memory, faster than the watcher that is measured: tasks that run nothing, and end with 0
after a while.

    python3 ecs_stub.py SECONDS [EVENTS]

Listens on a port of the system's choice, and prints it. Ends when its standard input does.
Connections are kept. It knows RunTask (count 1, clientToken), DescribeTasks, ListTasks (startedBy,
family, desiredStatus; one page) and StopTask; signatures and parameters are not looked at, any
cluster and definition exists. A task is RUNNING at once and STOPPED after SECONDS; the event of its
end goes to EVENTS, the URL of a queue in a server that wants no signature, like sqs_stub.c. `GET
/told` tells the calls of each operation, how many tasks run, and how many ran at once, at the most.
"""

import asyncio
import collections
import itertools
import json
import os
import re
import sys
import time
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
TARGET = re.compile(rb"\r\nx-amz-target: *AmazonEC2ContainerServiceV20141113\.(\w+)", re.I)

PLACE = "arn:aws:ecs:us-east-1:123456789012"


class Events:
    """A connection to which ends are written; its responses are ignored."""

    HEAD = (
        "POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.SendMessageBatch\r\nContent-Length: {}\r\n\r\n"
    )

    async def open(self, url):
        self.url, place = url, urlsplit(url)
        reader, self.writer = await asyncio.open_connection(place.hostname, place.port)
        self.reading = asyncio.create_task(self.discard(reader))

    async def discard(self, reader):
        while await reader.read(65536):
            pass

    def send(self, task):
        detail = {
            **task,
            **{name: iso(task[name]) for name in ("createdAt", "startedAt", "stoppedAt")},
        }
        event = json.dumps(
            {
                "version": "0",
                "id": task["taskArn"][-32:],
                "detail-type": "ECS Task State Change",
                "source": "aws.ecs",
                "account": "123456789012",
                "time": iso(time.time())[:19] + "Z",
                "region": "us-east-1",
                "resources": [task["taskArn"]],
                "detail": detail,
            }
        )
        body = json.dumps({"QueueUrl": self.url, "Entries": [{"Id": "1", "MessageBody": event}]})
        self.writer.write((self.HEAD.format(len(body)) + body).encode())


def iso(seconds):
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        + f".{int(seconds * 1000) % 1000:03d}Z"
    )


class Ecs:
    def __init__(self, seconds):
        self.seconds, self.events = seconds, None
        self.tasks, self.tokens, self.timers = {}, {}, {}
        self.calls, self.numbers = collections.Counter(), itertools.count(1)
        self.most = 0

    def RunTask(self, request):
        token = request.get("clientToken")
        task = self.tokens.get(token) or self.start(request)
        if token:
            self.tokens[token] = task
        return {"tasks": [task], "failures": []}

    def start(self, request):
        cluster, now = request.get("cluster", "default").split("/")[-1], time.time()
        arn = f"{PLACE}:task/{cluster}/{next(self.numbers):032x}"
        overrides = (request.get("overrides") or {}).get("containerOverrides") or [{}]
        task = self.tasks[arn] = {
            "taskArn": arn,
            "clusterArn": f"{PLACE}:cluster/{cluster}",
            "lastStatus": "RUNNING",
            "desiredStatus": "RUNNING",
            "taskDefinitionArn": f"{PLACE}:task-definition/{request['taskDefinition']}",
            "version": 3,
            "launchType": "FARGATE",
            "startedBy": request.get("startedBy"),
            "createdAt": now,
            "startedAt": now,
            "overrides": request.get("overrides"),
            "containers": [
                {"name": overrides[0].get("name", "main"), "lastStatus": "RUNNING", "taskArn": arn}
            ],
        }
        self.timers[arn] = asyncio.get_running_loop().call_later(
            self.seconds,
            self.end,
            task,
            0,
            "EssentialContainerExited",
            "Essential container in task exited",
        )
        self.most = max(self.most, len(self.timers))
        return task

    def end(self, task, code, stop_code, reason):
        self.timers.pop(task["taskArn"]).cancel()
        task.update(
            lastStatus="STOPPED",
            desiredStatus="STOPPED",
            version=5,
            stoppedAt=time.time(),
            stopCode=stop_code,
            stoppedReason=reason,
        )
        task["containers"][0].update(lastStatus="STOPPED", exitCode=code)
        if self.events:
            self.events.send(task)

    def DescribeTasks(self, request):
        found = [self.tasks[arn] for arn in request["tasks"] if arn in self.tasks]
        return {
            "tasks": found,
            "failures": [
                {"arn": a, "reason": "MISSING"} for a in request["tasks"] if a not in self.tasks
            ],
        }

    def ListTasks(self, request):
        desired, family = request.get("desiredStatus", "RUNNING"), request.get("family")
        found = [arn for arn, task in self.tasks.items() if task["desiredStatus"] == desired
                 and request.get("startedBy") in (None, task["startedBy"])
                 and (not family or f"/{family}" in task["taskDefinitionArn"])]
        return {"taskArns": found[:100]}

    def StopTask(self, request):
        task = self.tasks[request["task"]]
        if request["task"] in self.timers:
            self.end(task, 143, "UserInitiated", request.get("reason"))
        return {"task": task}

    def told(self):
        return {"calls": dict(self.calls), "running": len(self.timers), "most": self.most}


ecs = Ecs(float(sys.argv[1]))
OPERATIONS = {
    name: getattr(ecs, name) for name in ("RunTask", "DescribeTasks", "ListTasks", "StopTask")
}


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[: end + 2]
            length = LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < size:
                return
            body, self.buffer = self.buffer[end + 4 : size], self.buffer[size:]
            self.answer(self.handle(TARGET.search(head), body))

    def handle(self, target, body):
        if not target:
            return ecs.told()
        operation = target[1].decode()
        ecs.calls[operation] += 1
        return OPERATIONS[operation](json.loads(body))

    def answer(self, value):
        body = json.dumps(value).encode()
        kind = "Content-Type: application/x-amz-json-1.1"
        head = f"HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def main():
    loop = asyncio.get_running_loop()
    if len(sys.argv) > 2:
        ecs.events = Events()
        await ecs.events.open(sys.argv[2])
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)


asyncio.run(main())
