"""A proxy in front of an AWS-like server that applies faults of networks and servers to chosen
calls: for specs of a client's reaction.

    python3 fault_proxy.py http://HOST:PORT

Listens on 127.0.0.1, on a port of the system's choice, and prints it. Ends when its standard input
does. Calls are passed on unchanged, Host included, so that their signatures stay valid. It is
controlled under /-faults, see control().

A rule is a JSON object; the first that matches a call is applied to it:

    kind         one of the functions below FAULTS
    operation    "DeleteMessage": the end of X-Amz-Target, or the Action of a Query call; "GET
                 /path" for other requests; absent: every call
    skip         let this many matching calls pass first
    count        then apply it to this many calls
    seconds      apply it for this long from now on
    probability  apply it to this share of the calls, by a generator that starts with `seed` (0)
    delay        seconds, of the kinds delay, delay-answer and slow (1)
    status, code HTTP status (500) and AWS error code (InternalFailure) of the kinds status and
                 applied-status
    replace      pairs of text: in the answer the first of each becomes the second, of the kind
                 replace; characters are bytes
"""

import asyncio
import email.utils
import json
import os
import random
import socket
import struct
import sys
import time
import urllib.parse

CONTROL = "/-faults"

upstream = None  # host, port
rules = []
calls = []
serving = set()  # asyncio itself would drop a task without a reference


class Close(Exception):
    """Ends the connection to the client."""


# HTTP


class Message:
    """A request or a response: its first line, its headers as pairs, its body."""

    def __init__(self, first, headers, body):
        self.first, self.headers, self.body = first, headers, body

    def header(self, name):
        return next((value.strip() for key, value in self.headers if key.lower() == name), "")

    def without(self, *names):
        return [(key, value) for key, value in self.headers if key.lower() not in names]

    def encoded(self):
        lines = [self.first, *(f"{key}:{value}" for key, value in self.headers)]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


async def read_head(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    return Message(first, [tuple(line.split(":", 1)) for line in lines], b"")


async def read_chunks(reader):
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    return body


async def read_body(reader, message, to_the_end):
    if message.header("transfer-encoding") == "chunked":
        message.body = await read_chunks(reader)
    elif length := message.header("content-length"):
        message.body = await reader.readexactly(int(length))
    elif to_the_end:
        message.body = await reader.read()
    return message


async def ask_upstream(request):
    """One call on a separate connection; the response is returned with Content-Length."""
    reader, writer = await asyncio.open_connection(*upstream)
    try:
        headers = [*request.without("connection"), ("Connection", " close")]
        writer.write(Message(request.first, headers, request.body).encoded())
        answer = await read_head(reader)
        while answer.first.split(" ")[1].startswith("1"):  # 100 Continue
            answer = await read_head(reader)
        answer = await read_body(reader, answer, True)
    finally:
        writer.close()
    headers = answer.without("connection", "transfer-encoding", "content-length", "keep-alive")
    return Message(
        answer.first, [*headers, ("Content-Length", f" {len(answer.body)}")], answer.body
    )


def make_answer(status, content_type, body, headers=()):
    date = email.utils.formatdate(usegmt=True)
    headers = [
        ("Date", " " + date),
        ("Content-Type", " " + content_type),
        *headers,
        ("Content-Length", f" {len(body)}"),
    ]
    return Message(f"HTTP/1.1 {status} Told", headers, body)


def make_error(call, status, code, message):
    """The error in the format of the called service."""
    headers = [("x-amzn-RequestId", f" fault-{call.number}")]
    if call.request.header("x-amz-target"):
        body = {"__type": "com.amazonaws.fault#" + code, "message": message}
        return make_answer(
            status, call.request.header("content-type"), json.dumps(body).encode(), headers
        )
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{message}</Message></Error>"
        f"<RequestId>fault-{call.number}</RequestId></ErrorResponse>"
    )
    return make_answer(status, "text/xml", body.encode(), headers)


# calls


def operation_of(request):
    if target := request.header("x-amz-target"):
        return target.rsplit(".", 1)[-1]
    method, target, _ = request.first.split(" ")
    query = urllib.parse.urlsplit(target).query
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        query = request.body.decode("latin-1")
    action = urllib.parse.parse_qs(query).get("Action")
    return action[0] if action else f"{method} {target.split('?')[0]}"


class Call:
    """One call of the client, as the faults handle it and as the log shows it."""

    def __init__(self, request, reader, writer):
        self.request, self.reader, self.writer = request, reader, writer
        self.number = len(calls) + 1
        self.record = {
            "number": self.number,
            "time": time.time(),
            "operation": operation_of(request),
            "request": request.body.decode("utf-8", "replace"),
            "kind": None,
            "applied": 0,  # how often the server was asked
            "answers": [],  # of the server: status and body
            "status": None,  # that the client was given
            "over": False,
        }
        calls.append(self.record)

    async def apply(self):
        answer = await ask_upstream(self.request)
        self.record["applied"] += 1
        status = int(answer.first.split(" ")[1])
        self.record["answers"].append(
            {"status": status, "body": answer.body.decode("utf-8", "replace")}
        )
        return answer

    async def answer(self, message):
        self.record["status"] = int(message.first.split(" ")[1])
        await self.write(message.encoded())

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def hang(self):
        await self.reader.read(1)
        raise Close

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()
        raise Close


# faults


async def fault_drop(call, rule):
    """Not applied, and never answered."""
    await call.hang()


async def fault_reset(call, rule):
    """Not applied; the connection is reset."""
    call.reset()


async def fault_status(call, rule):
    """Not applied; an error is the answer."""
    code = rule.get("code", "InternalFailure")
    await call.answer(make_error(call, rule.get("status", 500), code, f"{code} by a rule"))


async def fault_applied_drop(call, rule):
    await call.apply()
    await call.hang()


async def fault_applied_reset(call, rule):
    await call.apply()
    call.reset()


async def fault_applied_status(call, rule):
    await call.apply()
    await fault_status(call, rule)


async def fault_truncate(call, rule):
    """Applied; the answer ends in the middle of its body."""
    whole = (await call.apply()).encoded()
    body = len(whole) - whole.index(b"\r\n\r\n") - 4
    await call.write(whole[: len(whole) - (body + 1) // 2])
    raise Close


async def fault_garbage(call, rule):
    """Applied; the answer is a good response with a body that means nothing."""
    answer = await call.apply()
    await call.answer(make_answer(200, answer.header("content-type"), b"\x00\xff<{garbage", []))


async def fault_replace(call, rule):
    """Applied; the answer says something else."""
    answer = await call.apply()
    for before, after in rule["replace"]:
        answer.body = answer.body.replace(before.encode("latin-1"), after.encode("latin-1"))
    await call.answer(make_answer(200, answer.header("content-type"), answer.body))


async def fault_noise(call, rule):
    """Applied; the answer is no HTTP at all."""
    await call.apply()
    await call.write(b"\x16\x03\x01 noise\r\n\r\n")
    raise Close


async def fault_empty(call, rule):
    """Applied; the answer has no body."""
    answer = await call.apply()
    await call.answer(make_answer(200, answer.header("content-type"), b""))


async def fault_delay(call, rule):
    """Applied late."""
    await asyncio.sleep(rule.get("delay", 1))
    await call.answer(await call.apply())


async def fault_delay_answer(call, rule):
    """Applied at once, answered late."""
    answer = await call.apply()
    await asyncio.sleep(rule.get("delay", 1))
    await call.answer(answer)


async def fault_slow(call, rule):
    """Applied at once; the answer comes in a hundred pieces."""
    answer = await call.apply()
    call.record["status"] = int(answer.first.split(" ")[1])
    data = answer.encoded()
    size = len(data) // 100 + 1
    for start in range(0, len(data), size):
        await call.write(data[start : start + size])
        await asyncio.sleep(rule.get("delay", 1) / 100)


async def fault_duplicate(call, rule):
    """Applied twice; the second answer counts."""
    await call.apply()
    await call.answer(await call.apply())


async def fault_close(call, rule):
    """Applied and answered; then the connection is closed, though nothing said so."""
    await call.answer(await call.apply())
    raise Close


FAULTS = {
    name[6:].replace("_", "-"): function
    for name, function in list(globals().items())
    if name.startswith("fault_")
}


# rules


class Rule:
    def __init__(self, fields):
        known = (
            "kind operation skip count seconds probability seed delay status code replace".split()
        )
        if unknown := set(fields) - set(known):
            raise ValueError(f"unknown field {sorted(unknown)}; known are {known}")
        if fields.get("kind") not in FAULTS:
            raise ValueError(f"unknown kind {fields.get('kind')!r}; known are {sorted(FAULTS)}")
        if fields["kind"] == "replace" and "replace" not in fields:
            raise ValueError("the kind 'replace' needs pairs to replace")
        self.fields = fields
        self.skip = fields.get("skip", 0)
        self.left = fields.get("count", float("inf"))
        self.ends = time.monotonic() + fields.get("seconds", float("inf"))
        self.random = random.Random(fields.get("seed", 0))

    def takes(self, operation):
        if (
            self.fields.get("operation", operation) != operation
            or self.left <= 0
            or time.monotonic() > self.ends
        ):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.random.random() >= self.fields.get("probability", 1):
            return False
        self.left -= 1
        return True


async def pass_on(call):
    rule = next((rule for rule in rules if rule.takes(call.record["operation"])), None)
    if rule:
        call.record["kind"] = rule.fields["kind"]
        await FAULTS[rule.fields["kind"]](call, rule.fields)
    else:
        await call.answer(await call.apply())


def control(method, path, body):
    """POST /-faults/rules adds a rule, DELETE removes all; GET /-faults/log lists all calls, DELETE
    forgets them.

    DELETE /-faults/log/over lists those of the calls that are over to which a rule was applied, and
    the receives; and forgets all that are over.
    """
    if (method, path) == ("POST", "/rules"):
        rules.append(Rule(json.loads(body)))
    elif (method, path) == ("DELETE", "/rules"):
        rules.clear()
    elif (method, path) == ("GET", "/log"):
        return calls
    elif (method, path) == ("DELETE", "/log"):
        calls.clear()
    elif (method, path) == ("DELETE", "/log/over"):
        over = [call for call in calls if call["over"]]
        calls[:] = [call for call in calls if not call["over"]]
        return [call for call in over if call["kind"] or call["operation"] == "ReceiveMessage"]
    else:
        raise ValueError(f"{method} {path} is not known")
    return []


def controlled(request):
    method, target, _ = request.first.split(" ")
    try:
        status, told = 200, control(method, target[len(CONTROL) :], request.body)
    except ValueError as error:
        status, told = 400, str(error)
    return make_answer(status, "application/json", json.dumps(told).encode())


# the server


async def serve_one(reader, writer):
    request = await read_body(reader, await read_head(reader), False)
    if request.first.split(" ")[1].startswith(CONTROL):
        writer.write(controlled(request).encoded())
        await writer.drain()
    else:
        call = Call(request, reader, writer)
        try:
            await pass_on(call)
        finally:
            call.record["over"] = True


async def serve(reader, writer):
    serving.add(asyncio.current_task())
    try:
        while True:
            await serve_one(reader, writer)
    except (Close, asyncio.IncompleteReadError, ConnectionError):
        writer.close()
    finally:
        serving.discard(asyncio.current_task())


async def main(url):
    global upstream
    parts = urllib.parse.urlsplit(url)
    upstream = parts.hostname, parts.port
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)  # whatever is still being served


asyncio.run(main(sys.argv[1]))
