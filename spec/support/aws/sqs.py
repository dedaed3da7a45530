"""SQS: the calls. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"""

import json
import re
import threading
import time

from common import ACCOUNT, Refused, identifier, refuse, store
from knobs import knobs
from sqs_message import LONGEST, invalid, size_of
from sqs_queue import Queue, by_arn, content_id

__all__ = ["OPERATIONS", "by_arn", "content_id", "check_batch", "each_entry"]
# Seconds that a move waits before its first message, and between two batches.
MOVE_PAUSE = 0.05


def queues():
    return store("queues")


def nonexistent():
    return Refused("QueueDoesNotExist", "The specified queue does not exist.", 400,
                   "AWS.SimpleQueueService.NonExistentQueue")


def queue_of(call):
    url = call.get("QueueUrl")
    refuse(not url, "MissingParameter", "The request must contain the parameter QueueUrl.")
    match = re.fullmatch(r"(?:https?://[^/]+)?/?(\d+)/([^/]+)", url)
    found = match and match[1] == ACCOUNT and queues().get((call.region, match[2]))
    if not found:
        raise nonexistent()
    return found


def url_of(call, queue):
    return f"{call.queue_host()}/{ACCOUNT}/{queue.name}"


def create_queue(call):
    name, attributes = call["QueueName"], call.get("Attributes") or {}
    if not re.fullmatch(r"[\w-]{1,80}|[\w-]{1,75}\.fifo", name):
        raise invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 "
                      "in length")
    if name.endswith(".fifo") != (attributes.get("FifoQueue") == "true"):
        raise invalid("The name of a FIFO queue can only include alphanumeric characters, hyphens, "
                      "or underscores, must end with .fifo suffix and be 1 to 80 in length.")
    check_attributes(attributes)
    found = queues().get((call.region, name))
    same = found and all(found.attributes.get(each) == attributes[each] for each in attributes)
    refuse(found and not same, "QueueNameExists",
           "A queue already exists with the same name and a different value for an attribute")
    if not found:
        found = queues()[call.region, name] = Queue(call.region, name, attributes)
        found.tags.update(call.get("tags") or {})
    return {"QueueUrl": url_of(call, found)}


RANGES = {"VisibilityTimeout": (0, 43200), "DelaySeconds": (0, 900),
          "MaximumMessageSize": (1024, LONGEST), "ReceiveMessageWaitTimeSeconds": (0, 20),
          "MessageRetentionPeriod": (60, 1209600)}


def check_attributes(attributes):
    for name, (least, most) in RANGES.items():
        if name in attributes and not least <= int(attributes[name]) <= most:
            raise Refused("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def get_queue_url(call):
    found = queues().get((call.region, call["QueueName"]))
    if not found:
        raise nonexistent()
    return {"QueueUrl": url_of(call, found)}


def list_queues(call):
    prefix, most = call.get("QueueNamePrefix") or "", call.get("MaxResults")
    names = sorted(name for region, name in list(queues())
                   if region == call.region and name.startswith(prefix))
    start = int(call.get("NextToken") or 0)
    page = names[start:start + (most or 1000)]
    told = {"QueueUrls": [f"{call.queue_host()}/{ACCOUNT}/{name}" for name in page]}
    if most and start + most < len(names):
        told["NextToken"] = str(start + most)
    return told if page else {}


def delete_queue(call):
    found = queue_of(call)
    del queues()[found.region, found.name]
    with found.lock:
        found.is_deleted = True
        found.lock.notify_all()
    return {}


def purge_queue(call):
    found = queue_of(call)
    with found.lock:
        refuse(time.time() - found.purged < 60, "PurgeQueueInProgress", "Only one PurgeQueue "
               f"operation on {found.name} is allowed every 60 seconds.", 403)
        found.purged, found.in_flight = time.time(), 0
        found.messages.clear()
    return {}


def get_attributes(call):
    found, asked = queue_of(call), call.get("AttributeNames") or []
    visible, flying, delayed = found.counts()
    told = {
        **found.attributes, "QueueArn": found.arn, "CreatedTimestamp": str(found.created),
        "LastModifiedTimestamp": str(found.created), "ApproximateNumberOfMessages": str(visible),
        "ApproximateNumberOfMessagesNotVisible": str(flying),
        "ApproximateNumberOfMessagesDelayed": str(delayed),
    }
    told = {name: value for name, value in told.items() if value not in ("", None)}
    return {"Attributes": told if "All" in asked else
            {name: told[name] for name in asked if name in told}}


def set_attributes(call):
    found = queue_of(call)
    check_attributes(call["Attributes"])
    found.attributes.update(call["Attributes"])
    return {}


# Messages

def send(call):
    return queue_of(call).send(call)


def check_batch(entries, prefix=""):
    ids = [each.get("Id") for each in entries]
    refuse(not entries, "EmptyBatchRequest",
           "There should be at least one entry in the request.")
    refuse(len(entries) > 10, "TooManyEntriesInBatchRequest",
           f"Maximum number of entries per request are 10. You have sent {len(entries)}.")
    refuse(len(set(ids)) < len(ids), "BatchEntryIdsNotDistinct", "Two or more batch entries in the "
           "request have the same Id.")
    refuse(not all(re.fullmatch(r"[\w-]{1,80}", each or "") for each in ids), "InvalidBatchEntryId",
           "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It "
           "can be at most 80 letters long.")


def each_entry(entries, work):
    successful, failed = [], []
    for each in entries:
        try:
            successful.append({"Id": each["Id"], **(work(each) or {})})
        except Refused as refused:
            failed.append({"Id": each["Id"], "SenderFault": refused.status < 500,
                           "Code": refused.query_code, "Message": refused.message})
    return {"Successful": successful, "Failed": failed}


def batch(call, work):
    entries = call.get("Entries") or []
    check_batch(entries)

    def one(entry):
        known_by = entry.get("ReceiptHandle") or entry.get("MessageBody")
        refuse(knobs.take("fail_entries") or knobs.take_once("fail_messages", known_by),
               "InternalError", "We encountered an internal error. Please try again.", 500)
        return work(entry)
    return each_entry(entries, one)


def send_batch(call):
    found, entries = queue_of(call), call.get("Entries") or []
    total = sum(size_of(each) for each in entries if each.get("MessageBody"))
    refuse(total > LONGEST, "BatchRequestTooLong", "Batch requests cannot be longer than "
           f"{LONGEST} bytes. You have sent {total} bytes.")

    return batch(call, found.send)


def value_between(call, name, least, most, default):
    value = call.get(name)
    value = default if value is None else value
    if not isinstance(value, int) or not least <= value <= most:
        raise invalid(f"Value {value} for parameter {name} is invalid. Reason: Must be between "
                      f"{least} and {most}, if provided.")
    return value


def receive(call):
    found = queue_of(call)
    most = value_between(call, "MaxNumberOfMessages", 1, 10, 1)
    seconds = value_between(call, "VisibilityTimeout", 0, 43200, found.number("VisibilityTimeout"))
    wait = value_between(call, "WaitTimeSeconds", 0, 20,
                         found.number("ReceiveMessageWaitTimeSeconds"))
    token = found.is_fifo and call.get("ReceiveRequestAttemptId")
    messages = found.receive(most, seconds, wait, token, call.request.has_gone)
    if messages is None:
        return None
    return {"Messages": [each.received(call) for each in messages]} if messages else {}


def delete(call):
    queue_of(call).delete(call.get("ReceiptHandle"))
    return {}


def delete_batch(call):
    found = queue_of(call)
    return batch(call, lambda each: found.delete(each.get("ReceiptHandle")))


def change(call):
    queue_of(call).change(call.get("ReceiptHandle"), call["VisibilityTimeout"])
    return {}


def change_batch(call):
    found = queue_of(call)
    return batch(call, lambda each: found.change(each.get("ReceiptHandle"),
                                                 each["VisibilityTimeout"]))


# Dead letters

def dead_sources(call):
    dead = queue_of(call).arn
    urls = [url_of(call, each) for each in list(queues().values()) if each.region == call.region
            and json.loads(each.attributes.get("RedrivePolicy") or "{}").get(
                "deadLetterTargetArn") == dead]
    return {"queueUrls": urls}


def renew(message):
    """For SQS, a message moved back from a dead-letter queue is a new message."""
    message.id, message.sent = identifier(), time.time()
    message.receives, message.first, message.source = 0, None, None


def move_all(task, source, destination):
    time.sleep(MOVE_PAUSE)
    while task["Status"] == "RUNNING":
        with source.lock:
            found = source.take(10, 30)
            for message in found:
                source.release(message)
                del source.messages[message.id]
        for message in found:
            target = destination or by_arn(message.source)
            renew(message)
            (target or source).add(message, 0)
            task["ApproximateNumberOfMessagesMoved"] += 1
        if not found:
            task["Status"] = "COMPLETED"
        time.sleep(0.01)
    if task["Status"] == "CANCELLING":
        task["Status"] = "CANCELLED"


def start_move(call):
    source, to = by_arn(call["SourceArn"]), call.get("DestinationArn")
    refuse(not source, "ResourceNotFoundException", "The resource that you specified for the "
           "SourceArn parameter doesn't exist.", 404)
    is_dead = any(call["SourceArn"] in (each.attributes.get("RedrivePolicy") or "")
                  for each in list(queues().values()))
    if not is_dead:
        raise invalid("Source queue must be configured as a Dead Letter Queue.")
    refuse(to and not by_arn(to), "ResourceNotFoundException", "The resource that you specified "
           "for the DestinationArn parameter doesn't exist.", 404)
    tasks = store("moves")
    refuse(any(each["SourceArn"] == source.arn and each["Status"] == "RUNNING"
               for each in tasks.values()), "UnsupportedOperation",
           "There is already a task running. Only one active task is allowed for a source queue "
           "arn at a given time.", 400)
    handle = identifier()
    task = {"TaskHandle": handle, "Status": "RUNNING", "SourceArn": source.arn,
            "ApproximateNumberOfMessagesMoved": 0, "StartedTimestamp": int(time.time() * 1000),
            "ApproximateNumberOfMessagesToMove": source.counts()[0]}
    if to:
        task["DestinationArn"] = to
    tasks[handle] = task
    threading.Thread(target=move_all, args=[task, source, by_arn(to)], daemon=True).start()
    return {"TaskHandle": handle}


def list_moves(call):
    found = [each for each in store("moves").values() if each["SourceArn"] == call["SourceArn"]]
    newest = found[::-1][:call.get("MaxResults") or 1]
    return {"Results": [{name: value for name, value in each.items()
                         if name != "TaskHandle" or each["Status"] == "RUNNING"}
                        for each in newest]}


def cancel_move(call):
    task = store("moves").get(call["TaskHandle"])
    refuse(not task or task["Status"] != "RUNNING", "ResourceNotFoundException",
           "Task does not exist.", 404)
    task["Status"] = "CANCELLING"
    return {"ApproximateNumberOfMessagesMoved": task["ApproximateNumberOfMessagesMoved"]}


# Tags: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
# sqs-queue-tags.html

def check_tag(key, value):
    shape = re.compile(r"[\w .:/=+\-@]*")
    refuse(not 1 <= len(key) <= 128 or not shape.fullmatch(key) or key.lower().startswith("aws:"),
           "InvalidParameterValue", f"The tag key '{key}' is invalid.")
    refuse(not isinstance(value, str) or len(value) > 256 or not shape.fullmatch(value),
           "InvalidParameterValue", f"The value of the tag '{key}' is invalid.")


def tag(call):
    found, tags = queue_of(call), call.get("Tags")
    refuse(not isinstance(tags, dict) or not tags, "MissingParameter",
           "The request must contain the parameter Tags.")
    for key, value in tags.items():
        check_tag(key, value)
    found.tags.update(tags)
    return {}


def untag(call):
    found, keys = queue_of(call), call.get("TagKeys")
    refuse(not isinstance(keys, list) or not keys, "MissingParameter",
           "The request must contain the parameter TagKeys.")
    for key in keys:
        found.tags.pop(key, None)
    return {}


def list_tags(call):
    """A queue without tags is answered without the member."""
    tags = queue_of(call).tags
    return {"Tags": tags} if tags else {}


OPERATIONS = {
    "CreateQueue": create_queue, "DeleteQueue": delete_queue, "GetQueueUrl": get_queue_url,
    "ListQueues": list_queues, "PurgeQueue": purge_queue, "GetQueueAttributes": get_attributes,
    "SetQueueAttributes": set_attributes, "SendMessage": send, "SendMessageBatch": send_batch,
    "ReceiveMessage": receive, "DeleteMessage": delete, "DeleteMessageBatch": delete_batch,
    "ChangeMessageVisibility": change, "ChangeMessageVisibilityBatch": change_batch,
    "ListDeadLetterSourceQueues": dead_sources, "StartMessageMoveTask": start_move,
    "ListMessageMoveTasks": list_moves, "CancelMessageMoveTask": cancel_move, "TagQueue": tag,
    "UntagQueue": untag, "ListQueueTags": list_tags,
}
