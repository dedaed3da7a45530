"""The part of the ECS agent that sets a task's scale-in protection, and what ECS says of the task's
deployment, for spec/watcher/protection_spec.lua and spec/watcher/deployment_spec.lua.

    python3 ecs_agent.py

Listens on a port of the system's choice and prints it; ends when its standard input does. What it
answers to the next requests is set by POST /answer with "ok", "failure", "blocked", "error", "500",
"garbage", "hang" or "close"; GET /requests returns the bodies that were put, one a line, and GET
/hanging how many requests are being held. GET /v4/task is the task's metadata; POST / are
DescribeTasks and DescribeServices, whose answers are set by POST /deployment with "current",
"replaced", "forced", "denied" or "standalone"; GET /calls returns their names, one a line.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TASK = "arn:aws:ecs:eu-west-1:111122223333:task/1234567890abcdef0"

DEFINITION = "arn:aws:ecs:eu-west-1:111122223333:task-definition/tiles:"

requests = []
calls = []
deployment = "current"
answer = "ok"
hanging = 0
end = threading.Event()


def described(operation):
    if deployment == "denied":
        return 400, {
            "__type": "AccessDeniedException",
            "message": "User is not authorized to perform: ecs:" + operation,
        }
    if operation == "DescribeTasks":
        group = "family:tiles" if deployment == "standalone" else "service:tiles"
        task = {
            "taskArn": TASK,
            "group": group,
            "startedBy": "ecs-svc/1",
            "taskDefinitionArn": DEFINITION + "1",
        }
        return 200, {"tasks": [task], "failures": []}
    former = {"id": "ecs-svc/1", "status": "ACTIVE", "taskDefinition": DEFINITION + "1"}
    newer = {"id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": DEFINITION + "2"}
    if deployment == "forced":
        newer["taskDefinition"] = DEFINITION + "1"
    if deployment == "current":
        former["status"], newer["status"] = "PRIMARY", "INACTIVE"
    return 200, {
        "services": [{"serviceName": "tiles", "deployments": [newer, former]}],
        "failures": [],
    }


def told(body):
    if answer == "blocked":
        return 200, {"failure": {"Arn": TASK, "Detail": None, "Reason": "DEPLOYMENT_BLOCKED"}}
    if answer == "failure":
        return 200, {"failure": {"Arn": TASK, "Detail": None, "Reason": "TASK_NOT_VALID"}}
    if answer == "error":
        return 400, {
            "error": {"Arn": TASK, "Code": "ThrottlingException", "Message": "rate exceeded"}
        }
    return 200, {
        "protection": {
            "ExpirationDate": None,
            "ProtectionEnabled": body["ProtectionEnabled"],
            "TaskArn": TASK,
        }
    }


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
        texts = {
            "/requests": lambda: "".join(f"{line}\n" for line in requests),
            "/calls": lambda: "".join(f"{line}\n" for line in calls),
            "/v4/task": lambda: json.dumps(
                {"Cluster": "main", "TaskARN": TASK, "Family": "tiles", "Revision": "1"}
            ),
        }
        self.reply(200, texts.get(self.path, lambda: str(hanging))())

    def do_POST(self):
        global answer, deployment
        body = self.body()
        if self.path == "/answer":
            answer = body
        elif self.path == "/deployment":
            deployment = body
        else:
            operation = self.headers["X-Amz-Target"].split(".")[1]
            calls.append(operation)
            status, value = described(operation)
            return self.reply(status, json.dumps(value))
        self.reply(200, "")

    def do_PUT(self):
        global hanging
        body = self.body()
        good = (
            self.path == "/api/1/task-protection/v1/state"
            and self.headers["Content-Type"] == "application/json"
        )
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
