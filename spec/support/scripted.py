"""A server with scripted responses, for the specs of AWS calls.

    python3 scripted.py

Listens on a port of the system's choice, and prints it. Ends when its standard input does. `PUT
/script` takes a list of steps; each request after that gets the next step, and {} with status 200
once there are none. `GET /log` returns the requests.

A step: status, headers, body (200 and empty by default; "[everything]" in it is what was sent);
`for_ever`: every request from now on gets it; `delay` seconds before; `truncate`: that many bytes
of the body are sent, then the connection is closed; `drop`: it is closed without an answer;
`ahead`: the clock here is that many seconds ahead, and a request whose X-Amz-Date is more than 300
seconds off is refused as AWS does, whatever else the step says.
"""

import calendar
import json
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
script = []
log = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=(), truncate=None):
        head = [
            f"HTTP/1.1 {status} Told",
            f"Content-Length: {len(body)}",
            *[f"{n}: {v}" for n, v in headers],
        ]
        sent = body if truncate is None else body[:truncate]
        self.wfile.write("\r\n".join(head).encode() + b"\r\n\r\n" + sent)
        if truncate is not None:
            self.close_connection = True

    def read(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_PUT(self):
        with lock:
            script[:] = json.loads(self.read())
            log.clear()
        self.answer(200, b"")

    def do_GET(self):
        with lock:
            told = json.dumps(log).encode()
        self.answer(200, told)

    def is_skewed(self, now):
        date = self.headers.get("X-Amz-Date")
        return date and abs(calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ")) - now) > 300

    def do_POST(self):
        body = self.read()
        with lock:
            step = script[0] if script else {"body": "{}"}
            if not step.get("for_ever"):
                del script[:1]
            log.append(
                {
                    "path": self.path,
                    "headers": {n.lower(): v for n, v in self.headers.items()},
                    "body": body.decode("latin-1"),
                    "at": time.monotonic(),
                }
            )
        time.sleep(step.get("delay", 0))
        now = time.time() + step.get("ahead", 0)
        headers = {"Date": formatdate(now, usegmt=True), **step.get("headers", {})}
        if step.get("drop"):
            self.close_connection = True
        elif "ahead" in step and self.is_skewed(now):
            told = {
                "__type": step.get("code", "com.amazon.coral.service#RequestExpired"),
                "message": "Signature not yet current",
            }
            self.answer(403, json.dumps(told).encode(), headers.items())
        else:
            text = step.get("body", "").replace("[everything]", str(self.headers))
            self.answer(
                step.get("status", 200),
                text.encode("latin-1"),
                headers.items(),
                step.get("truncate"),
            )


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that goes away is no error."""


server = Server(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
