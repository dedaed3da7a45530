"""A local AWS for specs that refuses what AWS refuses. Python's standard library only.

    python3 spec/support/aws/main.py

Prints its port; ends when its standard input does. Clients reach it in two ways: at AWS's host
names, as an HTTPS proxy (HTTPS_PROXY, with the authority from GET /-aws/ca in AWS_CA_BUNDLE), where
host, service and region of a request must match; and at http://127.0.0.1:PORT as an
endpoint of all services, where the scope of the signature selects the service.
GET /-aws/spans lists the spans that X-Ray has taken, GET /-aws/objects the objects of S3.

POST /moto-api/reset wipes everything. GET /-aws/log lists the requests at host names. /knobs and
/calls: see knobs.py. ECS tasks really run (ecs_task.py): they end with this program.
"""

import json
import os
import re
import sys
import threading
import time

import cloudformation
import cloudwatch
import common
import dynamodb
import eb_scheduler
import ecs
import ecs_container
import ecs_run
import events
import iam
import knobs
import logs
import query
import s3
import sigv4
import sns
import sqs
import sso
import tls
import xray
from common import Refused
from http_front import Front

# By signing name: the prefix of X-Amz-Target of a JSON service, and the operations.
SERVICES = {
    "sqs": ("AmazonSQS", sqs.OPERATIONS),
    "dynamodb": ("DynamoDB_20120810", dynamodb.OPERATIONS),
    "logs": ("Logs_20140328", logs.OPERATIONS),
    "monitoring": ("GraniteServiceVersion20100801", cloudwatch.OPERATIONS),
    "ecs": ("AmazonEC2ContainerServiceV20141113", ecs_run.OPERATIONS),
    "events": ("AWSEvents", events.OPERATIONS),
    "sns": (None, sns.OPERATIONS), "sts": (None, iam.STS), "iam": (None, iam.IAM),
    "cloudformation": (None, cloudformation.OPERATIONS),
}
# Services that respond to a bad signature with 403 although they use JSON.
FORBIDDING = {"sqs", "sns", "sts", "iam"}
HOST = re.compile(r"^([a-z0-9-]+?)(?:-fips)?\.([a-z]{2,}(?:-[a-z]+)+-\d)\.(?:vpce\.)?"
                  r"(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws|"
                  r"api\.amazonwebservices\.com\.cn)$")
LEGACY = re.compile(r"^(?:([a-z0-9-]+)\.queue|queue|sqs)\.amazonaws\.com$")
VPC = re.compile(r"^vpce-[a-z0-9-]+\.([a-z]+)\.([a-z0-9-]+)\.vpce\.amazonaws\.com(?:\.cn)?$")

seen = []


def place_of(host):
    """Service and region of a host of AWS; nothing for any other host."""
    host = host.rsplit(":", 1)[0] if ":" in host else host
    match = VPC.match(host) or HOST.match(host)
    if match and match[2].startswith("cn-") == host.endswith(".cn"):
        return match[1], match[2]
    if match := LEGACY.match(host):
        return "sqs", match[1] or "us-east-1"
    if match := sso.HOST.match(host):
        return match[1], match[2]
    if match := s3.HOST.match(host):
        return "s3", match[2] or "us-east-1"
    if host in ("sts.amazonaws.com", "iam.amazonaws.com"):
        return host.split(".")[0], "us-east-1"
    return None, None


class Call(dict):
    """The parameters of a call, and where and by whom it was made."""

    def __init__(self, parameters, key, region, request):
        super().__init__(parameters)
        self.key, self.region, self.request = key, region, request
        self.is_local = place_of(request.host)[0] is None

    def queue_host(self):
        if self.is_local:
            return "http://" + self.request.host
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://sqs.{self.region}.{suffix}"


def resource_of(call, service, operation):
    """The resource of a call, as IAM names it."""
    name = call.get("QueueUrl") or call.get("QueueName")
    group = call.get("logGroupName") or (call.get("logGroupIdentifier") or "").split(":")[-1]
    table = call.get("TableName")
    if service == "ecs":
        return ecs.resource_of(call, operation)
    if group:
        return common.arn("logs", call.region, f"log-group:{group}:log-stream:")
    if table:
        return table if ":" in table else common.arn("dynamodb", call.region, f"table/{table}")
    if name:
        return common.arn(service, call.region, name.split("/")[-1])
    return call.get("TopicArn") or call.get("SourceArn") or "*"


def operation_of(request, service):
    """The operation, and its parameters from the body."""
    target = request.headers.get("x-amz-target")
    prefix = SERVICES[service][0] if service in SERVICES else None
    if not target:
        parameters = query.parse(request.body)
        return parameters.pop("Action", ""), parameters
    name, _, operation = target.partition(".")
    if name != prefix:
        raise Refused("UnknownOperationException", "", 400, "InvalidAction")
    try:
        parameters = json.loads(request.body or b"{}")
    except ValueError:
        raise Refused("SerializationException", "could not parse the request body") from None
    return operation, parameters


def is_unsigned(request):
    return not request.headers.get("authorization") and any(
        b"Action=" + name.encode() in request.body for name in iam.UNSIGNED)


def perform(request):
    service, region = place_of(request.host)
    key = None
    if is_unsigned(request):
        service, region = service or "sts", region or "us-east-1"
    else:
        key, scope = sigv4.verify(request, service, region, iam.keys())
        service, region = scope.service, scope.region
    request.service = service
    operation, parameters = operation_of(request, service)
    function = SERVICES.get(service, (None, {}))[1].get(operation)
    common.refuse(not function, "UnknownOperationException" if request.headers.get("x-amz-target")
                  else "InvalidAction", f"The action {operation} is not valid for this endpoint.")
    call = Call(parameters, key, region, request)
    if key:
        iam.authorize(key, service, operation, resource_of(call, service, operation))
    return operation, function(call)


def json_error(refused, service):
    status = refused.status
    if status == 403 and service not in FORBIDDING:
        status = 400
    told = {"__type": "com.amazonaws#" + refused.code, "message": refused.message,
            **refused.fields}
    headers = {"x-amzn-query-error": refused.query_code + ";Sender"} if service == "sqs" else {}
    return status, json.dumps(told).encode(), headers


def answer_call(request):
    is_json = "x-amz-target" in request.headers
    identity = common.identifier()
    kind = request.headers.get("content-type") if is_json else "text/xml"
    headers = {"Content-Type": kind, "x-amzn-RequestId": identity}
    service, region = place_of(request.host)
    if sso.is_meant(request):
        return sso.answer(request)
    if s3.is_meant(request):
        return s3.answer(request)
    if service == "xray":
        return xray.answer(request, region)
    if eb_scheduler.is_meant(request, service):
        return eb_scheduler.answer(request, region)
    request.service = service or {
        "AmazonSQS": "sqs"}.get(request.headers.get("x-amz-target", "").split(".")[0])
    try:
        operation, result = perform(request)
        if result is None:
            return None
        if is_json:
            return 200, json.dumps(result).encode(), headers
        return 200, query.result(operation, result, identity), headers
    except Refused as refused:
        if is_json:
            status, body, more = json_error(refused, request.service)
            return status, body, {**headers, **more}
        return refused.status, query.error(refused, identity), headers
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        told = Refused("ValidationError", f"parameters of the wrong form: {problem!r}")
        if is_json:
            return 400, json_error(told, request.service)[1], headers
        return 400, query.error(told, identity), headers


def control(request):
    if request.path.startswith("/moto-api/"):
        if request.path.endswith("/reset"):
            ecs_run.end_all()
            knobs.knobs.reset()
            with common.lock:
                common.state.clear()
        return 200, b"{}", {}
    if request.path == "/-aws/spans":
        return 200, json.dumps(xray.spans()).encode(), {}
    if request.path.startswith("/-aws/schedules"):
        return 200, json.dumps(eb_scheduler.control(request)).encode(), {}
    if request.path == "/-aws/objects":
        return 200, json.dumps(s3.listing()).encode(), {}
    if request.path == "/-aws/ca":
        return 200, authority().certificate.encode(), {}
    return 200, json.dumps(seen).encode(), {}


def answer(request):
    if request.path.startswith(("/-aws/", "/moto-api/")):
        return control(request)
    if request.path in ("/knobs", "/calls"):
        return knobs.control(request)
    if request.is_proxied and not place_of(request.host)[0]:
        done = 421, b"this is no host of AWS", {}
    else:
        done = knobs.watched(request, answer_call)
    if request.is_proxied:
        seen.append({"host": request.host, "at": time.time(), "status": done and done[0],
                     "operation": request.operation()})
    return done


made = []
making = threading.Lock()


def authority():
    with making:
        if not made:
            made.append(tls.Authority())
        return made[0]


front = Front(answer, lambda place: authority().context(place))
front.start()
print(front.port, flush=True)
sys.stdin.buffer.read()
ecs_container.guard.close()
for each in made:
    each.folder.cleanup()
os._exit(0)  # threads that wait in a call must not delay the exit
