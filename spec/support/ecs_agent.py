"""The part of the ECS agent that sets a task's scale-in protection, for spec/protection_spec.lua.

    python3 ecs_agent.py

Listens on a port of the system's choice and prints it; ends when its standard input does. What it answers to the next
requests is set by POST /answer with "ok", "failure", "error", "500", "garbage", "hang" or "close"; GET /requests returns the
bodies that were put, one a line, and GET /hanging how many requests are being held.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TASK = "arn:aws:ecs:eu-west-1:111122223333:task/1234567890abcdef0"

requests = []
answer = "ok"
hanging = 0
end = threading.Event()


def told(body):
    if answer == "failure":
        return 200, {"failure": {"Arn": TASK, "Detail": None, "Reason": "TASK_NOT_VALID"}}
    if answer == "error":
        return 400, {"error": {"Arn": TASK, "Code": "ThrottlingException", "Message": "rate exceeded"}}
    return 200, {"protection": {"ExpirationDate": None, "ProtectionEnabled": body["ProtectionEnabled"], "TaskArn": TASK}}


class Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    def do_GET(self):
        self.reply(200, "".join(f"{line}\n" for line in requests) if self.path == "/requests" else str(hanging))

    def do_POST(self):
        global answer
        answer = self.body()
        self.reply(200, "")

    def do_PUT(self):
        global hanging
        body = self.body()
        good = self.path == "/api/1/task-protection/v1/state" and self.headers["Content-Type"] == "application/json"
        requests.append(body if good else f"wrong request: {self.path}")
        if answer == "hang":
            hanging += 1
            end.wait()
        elif answer == "close":
            self.close_connection = True
        elif answer == "500":
            self.reply(500, "<html>oops</html>")
        elif answer == "garbage":
            self.reply(200, "[")
        else:
            status, value = told(json.loads(body))
            self.reply(status, json.dumps(value))


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a client that does not wait for its answer is what the specs are about


server = Server(("127.0.0.1", 0), Agent)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.buffer.read()
end.set()
