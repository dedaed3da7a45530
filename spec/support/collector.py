"""A collector of OTLP over HTTP for specs: takes what is JSON by the published mapping
(otlp_json.py), and nothing else.

    python3 collector.py

Listens on a port of the system's choice, and prints it. Ends when its standard input does. `POST
/v1/traces` and `/v1/metrics` take requests. `GET /received` returns them, in their order: path,
headers, request (decoded) and problems; `PUT /script` takes a list of steps for the next requests,
after which they are taken again. A step: status, headers, body, `delay` seconds before, `drop`:
closed without an answer, `for_ever`: every request from now on gets it.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import otlp_json

lock = threading.Lock()
script, received = [], []


def one_of_each(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name twice: {names}")
    return dict(pairs)


def read(path, headers, body):
    """=> the request, problems"""
    signal = {"/v1/traces": "traces", "/v1/metrics": "metrics"}.get(path.partition("?")[0])
    if not signal:
        return None, [f"no such path: {path}"]
    if headers.get("content-type") != "application/json":
        return None, [f"Content-Type is {headers.get('content-type')}"]
    try:
        request = json.loads(body.decode("utf-8"), object_pairs_hook=one_of_each)
    except ValueError as problem:
        return None, [f"no JSON: {problem}"]
    return request, otlp_json.problems(signal, request)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        head = [
            f"HTTP/1.1 {status} Told",
            f"Content-Length: {len(body)}",
            *[f"{n}: {v}" for n, v in headers],
        ]
        self.wfile.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        with lock:
            told = json.dumps(received).encode()
        self.answer(200, told, [("Content-Type", "application/json")])

    def do_PUT(self):
        steps = json.loads(self.body())
        with lock:
            script[:] = steps
        self.answer(200, b"{}")

    def do_POST(self):
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        request, problems = read(self.path, headers, body)
        with lock:
            step = script[0] if script else None
            if step and not step.get("for_ever"):
                script.pop(0)
            received.append(
                {
                    "path": self.path,
                    "headers": headers,
                    "request": request,
                    "problems": problems,
                    "bytes": len(body),
                    "status": step.get("status", 200) if step else 200,
                    "at": time.time(),
                }
            )
        if step:
            self.play(step)
        elif problems:
            self.answer(400, json.dumps({"code": 3, "message": "; ".join(problems)}).encode())
        else:
            self.answer(200, b"{}", [("Content-Type", "application/json")])

    def play(self, step):
        time.sleep(step.get("delay", 0))
        if step.get("drop"):
            self.close_connection = True
            return
        try:
            self.answer(step.get("status", 200), step.get("body", "").encode("latin-1"),
                        (step.get("headers") or {}).items())
        except OSError:
            pass  # the client has given up


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a client that has given up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
