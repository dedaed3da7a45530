"""A small HTTP/1.1 server with keep-alive: a thread for each connection, and CONNECT with TLS.

A request for a whole host (`CONNECT sqs.eu-west-1.amazonaws.com:443`) is handled as if this server
were that host, with a certificate from the suite's own authority.
"""

import re
import socket
import ssl
import threading
from email.utils import formatdate

import s3
from knobs import now

REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           500: "Internal Server Error", 503: "Service Unavailable"}


class Request:
    def __init__(self, method, target, headers, body, connection):
        self.method, self.headers, self.body, self.connection = method, headers, body, connection
        path, _, self.query = target.partition("?")
        self.path = "/" + path.split("://", 1)[1].partition("/")[2] if "://" in path else path
        self.host = headers.get("host", "").lower()
        self.is_proxied = False

    def operation(self):
        """The name of the operation: in JSON, in Query, or by S3's method."""
        if self.path.startswith("/schedules/"):
            return "CreateSchedule"
        if s3.is_meant(self):
            return s3.operation_of(self)
        action = re.search(rb"(?:^|&)Action=(\w+)", self.body)
        target = self.headers.get("x-amz-target", "")
        return target.split(".")[-1] or (action[1].decode() if action else "")

    def has_gone(self):
        """Whether the client has closed its end, so that a long poll ends with it."""
        plain = self.connection
        plain.settimeout(0.0)
        try:
            if isinstance(plain, ssl.SSLSocket):
                return not plain.pending() and plain.read(0) is None
            return plain.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            plain.settimeout(None)


def read_request(stream, connection):
    first = stream.readline(65536).split()
    if len(first) != 3:
        return None
    headers = {}
    while True:
        line = stream.readline(65536)
        if line in (b"\r\n", b"\n", b""):
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(first[0].decode(), first[1].decode("latin-1"), headers, body, connection)


def write_answer(connection, status, body, headers):
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Told')}", f"Content-Length: {len(body)}",
             f"Date: {formatdate(now(), usegmt=True)}",
             *(f"{name}: {headers[name]}" for name in headers)]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)


class Front:
    def __init__(self, answer, context=None):
        """`answer(request)` returns status, body and headers, or None to close the connection."""
        self.answer, self.context = answer, context
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                self.converse(connection)
        except (OSError, ValueError):
            pass  # a client that closes the connection is not an error here

    def converse(self, connection, is_proxied=False):
        stream = connection.makefile("rb")
        while request := read_request(stream, connection):
            if request.method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with self.context(request.path).wrap_socket(connection, server_side=True) as inner:
                    self.converse(inner, True)
                return
            request.is_proxied = is_proxied
            done = self.answer(request)
            if not done:
                return
            write_answer(connection, *done)
            if request.headers.get("connection", "").lower() == "close":
                return
