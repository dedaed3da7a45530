"""A program with AWS's SDK for Python, for big messages as Amazon's extended client library sends
and receives them. It writes one line of JSON.

    big.py send QUEUE BUCKET KEY    the message is standard input
    big.py receive QUEUE            what the queue's pointer points to: {sha256, bucket, key}
    big.py presign BUCKET KEY       a URL
"""

import hashlib
import json
import sys

import boto3
from botocore.config import Config

CLASS = "software.amazon.payloadoffloading.PayloadS3Pointer"


def client(service):
    # The suite's own S3 knows no trailing checksums.
    return boto3.client(service, config=Config(request_checksum_calculation="when_required",
                                               signature_version="s3v4" if service == "s3"
                                               else None))


def send(queue, bucket, key):
    body = sys.stdin.buffer.read()
    client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    pointer = json.dumps([CLASS, {"s3BucketName": bucket, "s3Key": key}])
    size = {"ExtendedPayloadSize": {"DataType": "Number", "StringValue": str(len(body))}}
    return client("sqs").send_message(QueueUrl=queue, MessageBody=pointer,
                                      MessageAttributes=size)["MessageId"]


def receive(queue):
    message = client("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"],
                                            WaitTimeSeconds=5)["Messages"][0]
    kind, place = json.loads(message["Body"])
    assert kind == CLASS and "ExtendedPayloadSize" in message["MessageAttributes"]
    body = client("s3").get_object(Bucket=place["s3BucketName"],
                                   Key=place["s3Key"])["Body"].read()
    assert str(len(body)) == message["MessageAttributes"]["ExtendedPayloadSize"]["StringValue"]
    return {"sha256": hashlib.sha256(body).hexdigest(), "bucket": place["s3BucketName"],
            "key": place["s3Key"]}


def presign(bucket, key):
    return client("s3").generate_presigned_url("get_object", ExpiresIn=60,
                                               Params={"Bucket": bucket, "Key": key})


print(json.dumps({"send": send, "receive": receive, "presign": presign}[sys.argv[1]](
    *sys.argv[2:])))
