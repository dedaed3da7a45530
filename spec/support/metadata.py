"""A metadata service to test against: IMDSv2, and the endpoint that containers are given. Says its
port on stdout.

PUT /state sets what it does, as JSON: `credentials` and `role` to hand out, `token` that containers
must send, `status` to answer instead, `fail` that many requests with 503 first, `body` to send as
it is, `delay` in seconds. GET /calls tells what was asked since. It ends with its parent."""
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

START = {
    "credentials": {},
    "role": "app",
    "token": None,
    "status": 200,
    "fail": 0,
    "body": None,
    "delay": 0,
    "region": "eu-west-1",
}
state, calls, tokens = dict(START), [], set()
ROLES = "/latest/meta-data/iam/security-credentials/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write an answer

    def log_message(self, *_):
        pass

    def answer(self, status, body=""):
        body = body if isinstance(body, str) else json.dumps(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def trouble(self):
        calls.append(
            {
                "method": self.command,
                "path": self.path,
                "headers": {k.lower(): v for k, v in self.headers.items()},
            }
        )
        time.sleep(state["delay"])
        if state["fail"] > 0:
            state["fail"] -= 1
            return 503
        return state["status"] if state["status"] != 200 else None

    def do_PUT(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/state":
            state.clear()
            state.update(START, **json.loads(text))
            calls.clear()
            if state.get("forget"):
                tokens.clear()
            return self.answer(200)
        status = self.trouble()
        if status:
            return self.answer(status, "a secret body")
        if self.path != "/latest/api/token" or not self.headers.get(
            "X-aws-ec2-metadata-token-ttl-seconds"
        ):
            return self.answer(400)
        tokens.add("token-%d" % len(tokens))
        return self.answer(200, "token-%d" % (len(tokens) - 1))

    def do_GET(self):
        if self.path == "/calls":
            return self.answer(200, calls)
        status = self.trouble()
        if status:
            return self.answer(status, "a secret body")
        if self.path.startswith("/latest/"):
            return self.metadata()
        if self.headers.get("Authorization") != state["token"]:
            return self.answer(401, "a secret body")
        return self.answer(200, self.secrets())

    def metadata(self):
        if self.headers.get("X-aws-ec2-metadata-token") not in tokens:
            return self.answer(401)
        if self.path == "/latest/meta-data/placement/region":
            return self.answer(200, state["region"])
        if self.path == ROLES and state["role"]:
            return self.answer(200, state["role"])
        if state["role"] and self.path == ROLES + state["role"]:
            return self.answer(200, self.secrets())
        return self.answer(404)

    @staticmethod
    def secrets():
        return state["credentials"] if state["body"] is None else state["body"]


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
