"""SQS: one message: its validation, its digests, and its form in a receive."""

import base64
import hashlib
import re
import struct
import time

from common import Refused, identifier, refuse

LONGEST = 1024 * 1024
ALLOWED = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
NAME = re.compile(r"(?!aws\.|amazon\.)(?!.*\.\.)(?!\.)[A-Za-z0-9_.-]{1,256}(?<!\.)", re.I)
TYPE = re.compile(r"(String|Number|Binary)(\.[^\x00]+)?")


def invalid(message):
    return Refused("InvalidParameterValueException", message, 400, "InvalidParameterValue")


def md5(data):
    return hashlib.md5(data).hexdigest()


def raw_value(attribute):
    if attribute.get("BinaryValue") is not None:
        return base64.b64decode(attribute["BinaryValue"])
    return (attribute.get("StringValue") or "").encode()


def md5_of_attributes(attributes):
    data = b""
    for name in sorted(attributes):
        one = attributes[name]
        for part in (name.encode(), one["DataType"].encode()):
            data += struct.pack(">I", len(part)) + part
        value = raw_value(one)
        data += (b"\2" if one["DataType"].startswith("Binary") else b"\1")
        data += struct.pack(">I", len(value)) + value
    return md5(data)


def check_attribute(name, one):
    if not NAME.fullmatch(name):
        raise invalid(f"Message attribute name '{name}' is invalid.")
    if not TYPE.fullmatch(one.get("DataType") or ""):
        raise invalid(f"The message attribute '{name}' has an invalid message attribute type, the "
                      "set of supported type prefixes is Binary, Number, and String.")
    if not raw_value(one):
        raise invalid(f"Message (user) attribute '{name}' must contain a non-empty value of type "
                      f"'{one['DataType']}'.")
    if one["DataType"].startswith("Number"):
        try:
            float(one["StringValue"])
        except ValueError:
            raise invalid(f"Can't cast the value of message (user) attribute '{name}' to a "
                          "number.") from None


def size_of(sent):
    attributes = sent.get("MessageAttributes") or {}
    return len(sent["MessageBody"].encode("utf-8", "surrogatepass")) + sum(
        len(name.encode()) + len(one["DataType"]) + len(raw_value(one))
        for name, one in attributes.items())


# The one system attribute that a sender may set.
TRACE = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;Parent=[0-9a-f]{16})?(;Sampled=[01])?")


def check_system(system):
    for name, one in system.items():
        if name != "AWSTraceHeader":
            raise invalid(f"Message system attribute name '{name}' is invalid.")
        if one.get("DataType") != "String" or not TRACE.fullmatch(one.get("StringValue") or ""):
            raise invalid("Invalid X-Ray trace header.")


def check(sent, longest):
    body, attributes = sent.get("MessageBody"), sent.get("MessageAttributes") or {}
    check_system(sent.get("MessageSystemAttributes") or {})
    refuse(not body, "MissingParameter", "The request must contain the parameter MessageBody.")
    refuse(not ALLOWED.fullmatch(body), "InvalidMessageContents",
           "Invalid binary character was found in the message body, the set of allowed characters "
           "is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
    if len(attributes) > 10:
        raise invalid(f"Number of message attributes [{len(attributes)}] exceeds the allowed "
                      "maximum [10].")
    for name, one in attributes.items():
        check_attribute(name, one)
    if size_of(sent) > longest:
        raise invalid("One or more parameters are invalid. Reason: Message must be shorter than "
                      f"{longest} bytes.")


class Message:
    def __init__(self, sent, sequence):
        self.id, self.sequence = identifier(), sequence
        self.body, self.attributes = sent["MessageBody"], sent.get("MessageAttributes") or {}
        self.system = sent.get("MessageSystemAttributes") or {}
        self.group, self.token = sent.get("MessageGroupId"), sent.get("MessageDeduplicationId")
        self.sent, self.receives, self.first = time.time(), 0, None
        self.visible_at, self.lease_start, self.receipt = self.sent, None, None
        self.is_leased, self.source = False, None

    def answer(self):
        told = {"MessageId": self.id, "MD5OfMessageBody": md5(self.body.encode())}
        if self.attributes:
            told["MD5OfMessageAttributes"] = md5_of_attributes(self.attributes)
        if self.sequence:
            told["SequenceNumber"] = self.sequence
        return told

    def system_attributes(self):
        told = {
            "SenderId": "AIDAEXAMPLE", "SentTimestamp": str(int(self.sent * 1000)),
            "ApproximateReceiveCount": str(self.receives),
            "ApproximateFirstReceiveTimestamp": str(int(self.first * 1000)),
            "MessageGroupId": self.group, "MessageDeduplicationId": self.token,
            "SequenceNumber": self.sequence, "DeadLetterQueueSourceArn": self.source,
            "AWSTraceHeader": (self.system.get("AWSTraceHeader") or {}).get("StringValue"),
        }
        return {name: value for name, value in told.items() if value is not None}

    def received(self, call):
        told = {"MessageId": self.id, "ReceiptHandle": self.receipt, "Body": self.body,
                "MD5OfBody": md5(self.body.encode())}
        asked = (call.get("MessageSystemAttributeNames") or []) + (call.get("AttributeNames") or [])
        system = chosen(self.system_attributes(), asked)
        mine = chosen(self.attributes, call.get("MessageAttributeNames") or [])
        if system:
            told["Attributes"] = system
        if mine:
            told.update(MessageAttributes=mine, MD5OfMessageAttributes=md5_of_attributes(mine))
        return told


def chosen(values, names):
    if "All" in names or ".*" in names:
        return values
    return {name: value for name, value in values.items() if name in names or any(
        each.endswith(".*") and name.startswith(each[:-2]) for each in names)}
