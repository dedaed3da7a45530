"""X-Ray: its endpoint for spans by OTLP, https://xray.REGION.amazonaws.com/v1/traces, which takes
what is signed for the service `xray` and written by the published mapping (../otlp_json.py)."""

import json
import os
import sys

import iam
import sigv4
from common import Refused, arn, store

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import otlp_json  # noqa: E402

PATH = "/v1/traces"


def spans():
    """The requests that were taken."""
    return store("xray").setdefault("requests", [])


def check(request, region):
    key, scope = sigv4.verify(request, "xray", region, iam.keys())
    iam.authorize(key, "xray", "PutSpans", arn("xray", scope.region, "*"))
    if request.headers.get("content-type") != "application/json":
        raise Refused("InvalidRequestException", "the content type is not application/json", 415)
    told = json.loads(request.body)
    problems = otlp_json.problems("traces", told)
    if problems:
        raise Refused("InvalidRequestException", "; ".join(problems))
    spans().append(told)


def answer(request, region):
    headers = {"Content-Type": "application/json"}
    try:
        if request.method != "POST" or request.path != PATH:
            raise Refused("UnknownOperationException", "no such path", 404)
        check(request, region)
        return 200, b"{}", headers
    except Refused as refused:
        told = {"message": f"{refused.code}: {refused.message}"}
        return refused.status, json.dumps(told).encode(), headers
    except ValueError as problem:
        return 400, json.dumps({"message": str(problem)}).encode(), headers
