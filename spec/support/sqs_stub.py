"""One SQS queue in memory, faster than the clients that are measured.

    python3 sqs_stub.py

Listens on a port of the system's choice, and prints it. Ends when its standard input does.
Connections are kept. It knows ReceiveMessage (with long polls), SendMessageBatch,
DeleteMessage(Batch), ChangeMessageVisibility(Batch) and GetQueueAttributes in JSON; the URL of the
queue may be any, signatures are not looked at, and there is no redrive, no FIFO and no delay. `POST
/fill?NUMBER` adds that many messages, whose body is the request's; `GET /told` tells the calls of
each operation, how many messages are there, and how many polls were open at once while the queue
was empty, at the most.
"""

import asyncio
import collections
import hashlib
import heapq
import itertools
import json
import os
import re
import sys
import time
import uuid

HEAD = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.1\r\n", re.S)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
TARGET = re.compile(rb"\r\nx-amz-target: *AmazonSQS\.(\w+)", re.I)

DEFAULT_VISIBILITY = 30


def now_ms():
    return int(time.time() * 1000)


class Message:
    """`until` is when it is visible again, None while it is visible; only the newest receipt is
    worth something."""

    def __init__(self, body):
        self.id = str(uuid.uuid4())
        self.text = json.dumps(body)
        self.md5 = hashlib.md5(body.encode()).hexdigest()
        self.sent, self.first, self.receives, self.receipt, self.until = (
            now_ms(),
            None,
            0,
            None,
            None,
        )

    def rendered(self):
        return (
            f'{{"MessageId":"{self.id}","ReceiptHandle":"{self.receipt}","MD5OfBody":"{self.md5}",'
            f'"Body":{self.text},'
            f'"Attributes":{{"SentTimestamp":"{self.sent}",'
            f'"ApproximateReceiveCount":"{self.receives}",'
            f'"ApproximateFirstReceiveTimestamp":"{self.first}"}}}}'
        )


class Queue:
    def __init__(self):
        self.visible = collections.deque()
        self.held = {}  # receipt -> message
        self.ends = []  # heap of (until, number, receipt)
        self.waiting = collections.deque()  # polls: answer, most, visibility, timer
        self.numbers = itertools.count()
        self.calls = collections.Counter()
        self.most_polls = 0

    def add(self, message):
        message.until = None
        self.visible.append(message)
        self.serve_waiting()

    def serve_waiting(self):
        while self.waiting and self.visible:
            answer, most, visibility, timer = self.waiting.popleft()
            timer.cancel()
            answer(self.take(most, visibility))

    def take(self, most, visibility):
        taken = []
        while self.visible and len(taken) < most:
            message = self.visible.popleft()
            message.receives += 1
            message.first = message.first or now_ms()
            message.receipt = f"{message.id}#{message.receives}"
            self.held[message.receipt] = message
            self.hide(message, visibility)
            taken.append(message.rendered())
        return '{"Messages":[' + ",".join(taken) + "]}" if taken else "{}"

    def hide(self, message, seconds):
        message.until = time.monotonic() + seconds
        heapq.heappush(self.ends, (message.until, next(self.numbers), message.receipt))

    def release(self, message):
        del self.held[message.receipt]
        self.add(message)

    def expire(self):
        now = time.monotonic()
        while self.ends and self.ends[0][0] <= now:
            until, _, receipt = heapq.heappop(self.ends)
            message = self.held.get(receipt)
            if message and message.until == until:
                self.release(message)

    def receive(self, request, answer):
        most = request.get("MaxNumberOfMessages", 1)
        visibility = request.get("VisibilityTimeout", DEFAULT_VISIBILITY)
        wait = request.get("WaitTimeSeconds", 0)
        if self.visible or not wait:
            return answer(self.take(most, visibility))
        poll = []
        poll += [
            answer,
            most,
            visibility,
            asyncio.get_running_loop().call_later(wait, self.give_up, poll),
        ]
        self.waiting.append(poll)
        self.most_polls = max(self.most_polls, len(self.waiting))

    def give_up(self, poll):
        self.waiting.remove(poll)
        poll[0]("{}")

    def settle(self, request, change):
        done, failed = [], []
        for entry in request["Entries"]:
            message = self.held.get(entry["ReceiptHandle"])
            if message:
                change(message, entry)
                done.append({"Id": entry["Id"]})
            else:
                failed.append(
                    {"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid", "SenderFault": True}
                )
        return json.dumps({"Successful": done, **({"Failed": failed} if failed else {})})

    def delete(self, message, _):
        del self.held[message.receipt]

    def change(self, message, entry):
        if entry["VisibilityTimeout"]:
            self.hide(message, entry["VisibilityTimeout"])
        else:
            self.release(message)

    def send(self, request):
        done = []
        for entry in request["Entries"]:
            message = Message(entry["MessageBody"])
            self.add(message)
            done.append(
                {"Id": entry["Id"], "MessageId": message.id, "MD5OfMessageBody": message.md5}
            )
        return json.dumps({"Successful": done})

    def attributes(self):
        counts = {"": len(self.visible), "NotVisible": len(self.held), "Delayed": 0}
        return json.dumps(
            {
                "Attributes": {
                    "ApproximateNumberOfMessages" + name: str(n) for name, n in counts.items()
                }
            }
        )

    def told(self):
        calls = dict(self.calls)
        return json.dumps(
            {
                "calls": calls,
                "visible": len(self.visible),
                "held": len(self.held),
                "most_polls": self.most_polls,
            }
        )


queue = Queue()


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def connection_lost(self, _):
        for poll in [poll for poll in queue.waiting if poll[0].__self__ is self]:
            poll[3].cancel()
            queue.waiting.remove(poll)

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[: end + 2]
            length = LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < size:
                return
            body, self.buffer = self.buffer[end + 4 : size], self.buffer[size:]
            self.handle(head, body)

    def answer(self, text, status="200 OK"):
        body = text.encode()
        kind = "Content-Type: application/x-amz-json-1.0"
        head = f"HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)

    def handle(self, head, body):
        queue.expire()
        target = TARGET.search(head)
        if target:
            operation = target[1].decode()
            queue.calls[operation] += 1
            return self.call(operation, json.loads(body))
        path = HEAD.match(head)[2].decode()
        if path.startswith("/fill?"):
            for _ in range(int(path[6:])):
                queue.add(Message(body.decode()))
        self.answer(queue.told())

    def call(self, operation, request):
        if operation == "ReceiveMessage":
            queue.receive(request, self.answer)
        elif operation == "DeleteMessageBatch":
            self.answer(queue.settle(request, queue.delete))
        elif operation == "ChangeMessageVisibilityBatch":
            self.answer(queue.settle(request, queue.change))
        elif operation == "SendMessageBatch":
            self.answer(queue.send(request))
        elif operation == "GetQueueAttributes":
            self.answer(queue.attributes())
        else:  # of an invalid handle, by which a watcher checks its permission
            self.answer(
                '{"__type":"com.amazonaws.sqs#ReceiptHandleIsInvalid","message":"it is none"}',
                "400 Bad Request",
            )


async def look_for_expired():
    while True:
        await asyncio.sleep(0.05)
        queue.expire()


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    looking = asyncio.create_task(look_for_expired())
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    looking.cancel()
    os._exit(0)


asyncio.run(main())
