"""Shared by the parts of the local AWS: errors, arguments, the account and its names."""

import threading
import uuid

ACCOUNT = "123456789012"
# Every service keeps its state here by name; a reset replaces it.
state = {}
lock = threading.RLock()


class Refused(Exception):
    """An error for a client. JSON and Query services may use different names for it."""

    def __init__(self, code, message, status=400, query_code=None, **fields):
        super().__init__(message)
        self.code, self.message, self.status, self.fields = code, message, status, fields
        self.query_code = query_code or code


def refuse(condition, code, message, status=400, **fields):
    if condition:
        raise Refused(code, message, status, **fields)


def partition(region):
    for start, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(start):
            return name
    return "aws"


def arn(service, region, name):
    return f"arn:{partition(region)}:{service}:{region}:{ACCOUNT}:{name}"


def store(kind, make=dict):
    """The state of that kind, created at its first use."""
    with lock:
        if kind not in state:
            state[kind] = make()
        return state[kind]


def identifier():
    return str(uuid.uuid4())
