"""SNS: topics, which deliver published messages to the subscribed queues."""

import json
import re
import time

import query
import sqs
from common import arn, identifier, lock, refuse, store

LONGEST = 256 * 1024


def topics():
    return store("topics")


def topic_of(call):
    topic = topics().get(call.get("TopicArn"))
    refuse(not re.fullmatch(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d+:.+", call.get("TopicArn") or ""),
           "InvalidParameter", "Invalid parameter: TopicArn")
    region = call["TopicArn"].split(":")[3]
    refuse(region != call.region, "InvalidParameter", "Invalid parameter: TopicArn")
    refuse(not topic, "NotFound", "Topic does not exist", 404)
    return topic


def create_topic(call):
    name, attributes = call["Name"], call.get("Attributes") or {}
    is_fifo = attributes.get("FifoTopic") == "true"
    refuse(not re.fullmatch(r"[\w-]{1,256}(\.fifo)?", name) or name.endswith(".fifo") != is_fifo,
           "InvalidParameter", "Invalid parameter: Topic Name")
    made = arn("sns", call.region, name)
    with lock:
        topics().setdefault(made, {"arn": made, "attributes": attributes, "subscriptions": {},
                                   "is_fifo": is_fifo, "seen": {}, "sequence": 0})
    return {"TopicArn": made}


def delete_topic(call):
    topics().pop(call["TopicArn"], None)
    return {}


def list_topics(call):
    mine = [each for each in topics() if each.split(":")[3] == call.region]
    return {"Topics": [{"TopicArn": each} for each in mine]}


def get_topic_attributes(call):
    topic = topic_of(call)
    return {"Attributes": query.entries({"TopicArn": topic["arn"], **topic["attributes"]})}


def set_topic_attributes(call):
    topic_of(call)["attributes"][call["AttributeName"]] = call.get("AttributeValue", "")
    return {}


def subscribe(call):
    topic = topic_of(call)
    made = f"{topic['arn']}:{identifier()}"
    topic["subscriptions"][made] = {
        "protocol": call["Protocol"], "endpoint": call["Endpoint"],
        "is_raw": (call.get("Attributes") or {}).get("RawMessageDelivery") == "true",
    }
    return {"SubscriptionArn": made}


def list_subscriptions(call):
    topic = topic_of(call)
    return {"Subscriptions": [
        {"SubscriptionArn": made, "Protocol": each["protocol"], "Endpoint": each["endpoint"],
         "TopicArn": topic["arn"], "Owner": topic["arn"].split(":")[4]}
        for made, each in topic["subscriptions"].items()]}


def check(call, topic):
    message, subject = call.get("Message"), call.get("Subject")
    refuse(not message, "InvalidParameter", "Invalid parameter: Empty message")
    refuse(len(message.encode()) > LONGEST, "InvalidParameter",
           "Invalid parameter: Message too long")
    if subject is not None:
        refuse(not re.fullmatch(r"[!-~\u00a0-\uffff][ -~\u00a0-\uffff]{0,99}", subject),
               "InvalidParameter", "Invalid parameter: Subject")
    refuse(topic["is_fifo"] and not call.get("MessageGroupId"), "InvalidParameter",
           "Invalid parameter: The MessageGroupId parameter is required for FIFO topics")
    by_content = topic["attributes"].get("ContentBasedDeduplication") == "true"
    refuse(topic["is_fifo"] and not by_content and not call.get("MessageDeduplicationId"),
           "InvalidParameter", "Invalid parameter: The topic should either have "
           "ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")


def envelope(call, topic, made, message_id):
    told = {
        "Type": "Notification", "MessageId": message_id, "TopicArn": topic["arn"],
        "Subject": call.get("Subject"), "Message": call["Message"],
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "SignatureVersion": "1", "Signature": "EXAMPLE",
        "SigningCertURL": f"https://sns.{call.region}.amazonaws.com/certificate.pem",
        "UnsubscribeURL": f"https://sns.{call.region}.amazonaws.com/?SubscriptionArn={made}",
    }
    attributes = call.get("MessageAttributes") or {}
    if attributes:
        told["MessageAttributes"] = {
            name: {"Type": each["DataType"],
                   "Value": each.get("StringValue", each.get("BinaryValue"))}
            for name, each in attributes.items()}
    return json.dumps({name: value for name, value in told.items() if value is not None})


def deliver(call, topic, message_id):
    for made, each in topic["subscriptions"].items():
        queue = sqs.by_arn(each["endpoint"]) if each["protocol"] == "sqs" else None
        if not queue:
            continue
        told = {"MessageBody": call["Message"] if each["is_raw"]
                else envelope(call, topic, made, message_id)}
        if each["is_raw"]:
            told["MessageAttributes"] = call.get("MessageAttributes") or {}
        if queue.is_fifo:
            told["MessageGroupId"] = call.get("MessageGroupId")
            told["MessageDeduplicationId"] = (call.get("MessageDeduplicationId")
                                              or sqs.content_id(call["Message"]))
        queue.send(told)


def publish_one(call, topic):
    check(call, topic)
    message_id = identifier()
    if topic["is_fifo"]:
        token = call.get("MessageDeduplicationId") or sqs.content_id(call["Message"])
        at, known = topic["seen"].get(token, (0, None))
        if time.time() - at < 300:
            return {"MessageId": known, "SequenceNumber": str(topic["sequence"])}
        topic["seen"][token] = (time.time(), message_id)
        topic["sequence"] += 1
    deliver(call, topic, message_id)
    more = {"SequenceNumber": f"{topic['sequence']:020d}"} if topic["is_fifo"] else {}
    return {"MessageId": message_id, **more}


def publish(call):
    return publish_one(call, topic_of(call))


class Entry(dict):
    """One message of a batch, checked like a call of Publish."""

    def __init__(self, values, region):
        super().__init__(values)
        self.region = region


def publish_batch(call):
    topic, entries = topic_of(call), call.get("PublishBatchRequestEntries") or []
    sqs.check_batch(entries)
    size = sum(len(each.get("Message", "").encode()) for each in entries)
    refuse(size > LONGEST, "BatchRequestTooLong", "The length of all the batch messages put "
           "together is more than the limit.")
    answers = sqs.each_entry(entries, lambda each: publish_one(Entry(each, call.region), topic))
    return {"Successful": answers["Successful"], "Failed": answers["Failed"]}


OPERATIONS = {
    "CreateTopic": create_topic, "DeleteTopic": delete_topic, "ListTopics": list_topics,
    "GetTopicAttributes": get_topic_attributes, "SetTopicAttributes": set_topic_attributes,
    "Subscribe": subscribe, "ListSubscriptionsByTopic": list_subscriptions, "Publish": publish,
    "PublishBatch": publish_batch,
}
