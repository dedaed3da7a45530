"""A stand-in for awslambdaric (Python's runtime client for Lambda), with its habits.

ric.py MODULE.FUNCTION: one keep-alive connection for invocations, 202 only, an X-Ray cause in a
header, a connection of its own for init errors, records joined by CR; ends with 1 when an answer is
refused. https://github.com/aws/aws-lambda-python-runtime-interface-client
"""
import http.client
import importlib
import json
import os
import sys
import traceback

API = "/2018-06-01/runtime/"


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.deadline = int(headers["Lambda-Runtime-Deadline-Ms"])
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.headers = dict(headers)


def error_of(error):
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_exc().splitlines(),
    }


def post(connection, path, body, headers):
    connection.request("POST", API + path, body, headers)
    response = connection.getresponse()
    response.read()
    if response.status != 202:
        raise RuntimeError(f"the runtime API answered {response.status}")


def load(name):
    module, function = name.rsplit(".", 1)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    return getattr(importlib.import_module(module), function)


def invoke(connection, handler):
    connection.request("GET", API + "invocation/next")
    response = connection.getresponse()
    event, context = response.read(), Context(response.headers)
    request = context.aws_request_id
    echo = {"Lambda-Runtime-Invocation-Id": context.headers["Lambda-Runtime-Invocation-Id"]}
    try:
        answer = json.dumps(handler(json.loads(event), context)).encode()
    except Exception as error:
        told = error_of(error)
        sys.stdout.write("[ERROR] " + "\r".join([told["errorType"]] + told["stackTrace"]) + "\n")
        sys.stdout.flush()
        echo["Lambda-Runtime-Function-Error-Type"] = told["errorType"]
        echo["Lambda-Runtime-Function-XRay-Error-Cause"] = "{}"
        return post(connection, f"invocation/{request}/error", json.dumps(told), echo)
    sys.stdout.flush()
    post(connection, f"invocation/{request}/response", answer, echo)


def main():
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    try:
        handler = load(sys.argv[1] if len(sys.argv) > 1 else os.environ["_HANDLER"])
    except Exception as error:
        told = error_of(error)
        own = http.client.HTTPConnection(address)
        post(own, "init/error", json.dumps(told),
             {"Lambda-Runtime-Function-Error-Type": told["errorType"]})
        sys.exit(1)
    connection = http.client.HTTPConnection(address)
    while True:
        invoke(connection, handler)


main()
