"""AWS by host name, for specs of where requests go: an HTTPS proxy that is every host of AWS itself.

    python3 aws_hosts.py CERTIFICATE KEY

Listens on a port of the system's choice, and prints it; ends when its standard input does. A CONNECT to any host is
answered by this program, with that certificate. As AWS does, it refuses what is signed for another region or service
than its host's, and it refuses hosts that are none of AWS's. `GET /log` tells what came: host, region and service of
the signature, operation.
"""

import json
import re
import socketserver
import ssl
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
log = []

HOSTS = [
    re.compile(r"^(?P<service>[a-z]+)\.(?P<region>[a-z-]+-\d)\.(amazonaws\.com(\.cn)?|api\.aws)$"),
    re.compile(r"^vpce-[a-z0-9-]+\.(?P<service>[a-z]+)\.(?P<region>[a-z-]+-\d)\.vpce\.amazonaws\.com$"),
    re.compile(r"^(?P<region>[a-z-]+-\d)\.queue\.amazonaws\.com(\.cn)?$"),
    re.compile(r"^queue\.amazonaws\.com$"),
]

ANSWERS = {
    "GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "3"}},
    "GetMetricData": {"MetricDataResults": [{"Id": "oldest", "StatusCode": "Complete", "Values": [7]}]},
    "ReceiveMessage": {"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": "hello", "Attributes": {
        "ApproximateReceiveCount": "1", "SentTimestamp": "1469664757000"}}]},
    "ListTasks": {"taskArns": []},
    "RunTask": {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]},
}

STS = ("<{0}Response><{0}Result><Credentials><AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
       "<SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></{0}Result></{0}Response>")


def owner(host):
    for form in HOSTS:
        found = form.match(host)
        if found:
            groups = found.groupdict()
            return groups.get("service", "sqs"), groups.get("region", "us-east-1")
    return None


def answer(host, headers, body):
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request", headers.get("authorization", ""))
    region, service = scope.groups() if scope else ("", "")
    action = re.search(r"Action=(\w+)", body)
    operation = headers.get("x-amz-target", "." + (action[1] if action else "")).split(".")[1]
    log.append(f"{host} {region}/{service} {operation}")
    if owner(host) is None:
        return 404, json.dumps({"__type": "UnknownHost", "message": "not a host of AWS"})
    if owner(host) != (service, region):
        told = f"Credential should be scoped to a valid region, not '{region}', and to correct service: '{owner(host)[0]}'"
        return 403, json.dumps({"__type": "InvalidSignatureException", "message": told})
    if service == "sts":
        return 200, STS.format(operation)
    if operation.endswith("Batch"):
        return 200, json.dumps({"Successful": [{"Id": entry["Id"]} for entry in json.loads(body)["Entries"]]})
    return 200, json.dumps(ANSWERS.get(operation, {}))


def read_request(stream):
    first = stream.readline().decode().split()
    headers = {}
    while (line := stream.readline().decode().strip()):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return first, headers, stream.read(int(headers.get("content-length", 0))).decode()


def reply(stream, status, body):
    data = body.encode()
    stream.write(f"HTTP/1.1 {status} Told\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
    stream.flush()


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        plain = self.request.makefile("rwb")
        first, _, _ = read_request(plain)
        if first[0] != "CONNECT":
            return reply(plain, 200, json.dumps(log))
        plain.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        plain.flush()
        host = first[1].rsplit(":", 1)[0]
        try:
            with context.wrap_socket(self.request, server_side=True) as secure:
                stream = secure.makefile("rwb")
                _, headers, body = read_request(stream)
                status, text = answer(host, headers, body) if headers.get("host") == host else (421, "{}")
                reply(stream, status, text)
        except (OSError, IndexError):
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
