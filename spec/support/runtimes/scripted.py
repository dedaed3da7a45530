"""A Lambda runtime that does what its message says: a JSON list of steps, and writes what it saw.

scripted.py SEEN: appends a line of JSON to the file SEEN for each invocation: its event's bodies,
its headers, and the statuses of what it posted. A step is a list: ["answer", text], ["error", type,
text], ["stream", text, type, text], ["exit", code], ["kill"], ["sleep", seconds], ["print", text],
["flood", bytes], ["next"], ["large", bytes], ["other", id, text], ["stale", text], ["header",
bytes], ["deaf"], ["leave"], ["chaos", seed].
"""
import base64
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time

API = "/2018-06-01/runtime/invocation/"


class Runtime:
    def __init__(self, seen):
        self.seen = seen
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        self.statuses = []

    def request(self, method, path, body=None, headers=None, **more):
        try:
            self.connection.request(method, path, body, headers or {}, **more)
            response = self.connection.getresponse()
        except (ConnectionError, http.client.HTTPException):
            self.connection.close()
            return None
        self.body = response.read()
        return response

    def post(self, path, body, headers=None, **more):
        response = self.request("POST", API + path, body, headers, **more)
        self.statuses.append(response.status if response else 0)

    def next(self):
        response = self.request("GET", API + "next")
        if response is None:
            sys.exit(0)
        self.headers = dict(response.headers)
        self.id = self.headers["Lambda-Runtime-Aws-Request-Id"]
        self.event = json.loads(self.body)
        self.statuses = []

    def note(self):
        records = self.event.get("Records", [])
        line = json.dumps({
            "ids": [record.get("messageId") for record in records], "event": self.event,
            "headers": self.headers, "statuses": self.statuses, "pid": os.getpid(),
            "time": time.time(),
        })
        with open(self.seen, "a", encoding="utf-8") as file:
            file.write(line + "\n")

    # steps

    def answer(self, text="null"):
        self.post(self.id + "/response", text)

    def error(self, kind, text):
        self.post(self.id + "/error", json.dumps({"errorType": kind, "errorMessage": text}),
                  {"Lambda-Runtime-Function-Error-Type": kind})

    def header(self, size):
        self.post(self.id + "/error", json.dumps({"errorType": "E", "errorMessage": "e"}),
                  {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * int(size)})

    def stream(self, text, kind=None, why=""):
        """A chunked answer with declared trailers, as aws-lambda-go writes it."""
        lines = [f"POST {API}{self.id}/response HTTP/1.1", "Host: x", "Transfer-Encoding: chunked",
                 "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"]
        body = f"{len(text):x}\r\n{text}\r\n0\r\n"
        if kind:
            told = base64.b64encode(json.dumps({"errorType": kind, "errorMessage": why}).encode())
            body += f"Lambda-Runtime-Function-Error-Type: {kind}\r\n"
            body += f"Lambda-Runtime-Function-Error-Body: {told.decode()}\r\n"
        self.connection.send(("\r\n".join(lines) + "\r\n\r\n" + body + "\r\n").encode())
        response = http.client.HTTPResponse(self.connection.sock, method="POST")
        response.begin()
        response.read()
        self.statuses.append(response.status)

    def large(self, size):
        self.post(self.id + "/response", "x" * int(size))

    def other(self, name, text):
        self.post(name + "/response", text)

    def stale(self, text):
        self.post(self.id + "/response", text, {"Lambda-Runtime-Invocation-Id": "stale"})

    def exit(self, code):
        self.note()
        sys.stdout.flush()
        os._exit(int(code))

    def kill(self):
        self.note()
        os.kill(os.getpid(), signal.SIGKILL)

    def chaos(self, seed):
        """Ends at random in one of the ways of a runtime; notes when it begins and when it ends."""
        name = self.event["Records"][0]["messageId"]
        count = self.event["Records"][0]["attributes"]["ApproximateReceiveCount"]
        chance = random.Random(f"{seed} {name} {count}")

        def note(what):
            with open("chaos", "a", encoding="utf-8") as file:
                file.write(f"{what} {name} {os.getpid()} {time.monotonic()}\n")

        note("begin")
        time.sleep(chance.random() * 0.01)
        way = chance.choice(["answer"] * 5 + ["error", "exit", "kill", "next", "answer then exit"])
        note("end")
        if way in ("answer", "answer then exit"):
            self.answer()
        elif way == "error":
            self.error("Chaos", "by chance")
        if way in ("exit", "answer then exit"):
            os._exit(chance.choice([0, 1, 3, 4]))
        elif way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    def leave(self):
        """Starts a process that leaves session and parent."""
        subprocess.Popen(["sh", "-c", "LEFT_BY=scripted setsid sleep 300 >/dev/null 2>&1 &"]).wait()

    def sleep(self, seconds):
        time.sleep(seconds)

    def deaf(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def print(self, text):
        sys.stdout.write(text)
        sys.stdout.flush()

    def flood(self, size):
        self.print("x" * int(size))


def steps_of(event):
    try:
        body = event["Records"][0]["body"] if "Records" in event else json.dumps(event)
        return json.loads(body)
    except (ValueError, KeyError):
        return [["answer"]]


def main():
    runtime = Runtime(sys.argv[1])
    runtime.next()
    while True:
        for step in steps_of(runtime.event):
            if step[0] == "next":
                break
            getattr(runtime, step[0])(*step[1:])
        runtime.note()
        runtime.next()


main()
