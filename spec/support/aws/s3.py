"""S3: buckets with their objects, as far as watchbot uses them: PutObject, GetObject (signed in
headers or in the URL) and DeleteObject. It refuses what S3 refuses, in S3's words.

A spec makes buckets with the knob `buckets`, a stack with AWS::S3::Bucket. GET /-aws/objects lists
the objects. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import hashlib
import re
import time
from email.utils import formatdate
from urllib.parse import unquote
from xml.sax.saxutils import escape

import iam
import s3_sign
from common import Refused, identifier, refuse, store
from knobs import knobs

# The host without a region is that of us-east-1.
HOST = re.compile(r"^(?:(.+)\.)?s3(?:-fips)?(?:\.dualstack)?(?:\.([a-z]{2,}(?:-[a-z]+)+-\d))?\."
                  r"amazonaws\.com(?:\.cn)?$")
OPERATIONS = {"PUT": "PutObject", "GET": "GetObject", "DELETE": "DeleteObject"}
LONGEST_KEY = 1024
TYPE = {"Content-Type": "application/xml"}


def buckets():
    return store("buckets")


def make_bucket(name, region, properties=None):
    buckets().setdefault(name, {"region": region, "objects": {}, "properties": properties or {}})


def make_buckets(given):
    for name, region in given.items():
        make_bucket(name, region)


def drop_objects(given):
    for name, key in given:
        buckets()[name]["objects"].pop(key, None)


def age_objects(seconds):
    for found in buckets().values():
        for each in found["objects"].values():
            each["at"] -= seconds


knobs.actions["age_objects"] = age_objects
knobs.actions["buckets"] = make_buckets
knobs.actions["drop_objects"] = drop_objects


def is_meant(request):
    """Whether a request is one of S3's: by its host, or by its signature at an endpoint."""
    host = request.host.rsplit(":", 1)[0]
    scope = request.headers.get("authorization", "") + request.query
    return bool(HOST.match(host)) or bool(re.search(r"(?:/|%2F)s3(?:/|%2F)aws4_request", scope))


def operation_of(request):
    return OPERATIONS.get(request.method, "") if is_meant(request) else ""


def place_of(request):
    """The region of the host, the bucket and the key."""
    match = HOST.match(request.host.rsplit(":", 1)[0])
    path = request.path[1:]
    region = match and (match[2] or "us-east-1")
    if match and match[1]:
        return region, match[1], unquote(path)
    bucket, _, key = path.partition("/")
    return region, unquote(bucket), unquote(key)


def find(name, region, request):
    """The bucket; in another region than the host's, S3 names that."""
    found = buckets().get(name)
    refuse(not found, "NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)
    if region and found["region"] != region:
        raise Refused("PermanentRedirect", "The bucket you are attempting to access must be "
                      "addressed using the specified endpoint. Please send all future requests to "
                      "this endpoint.", 301, Bucket=name,
                      Endpoint=f"{name}.s3.{found['region']}.amazonaws.com")
    return found


def authorize(key, operation, bucket, name, found):
    iam.authorize(key, "s3", operation, f"arn:aws:s3:::{bucket}/{name}")
    # Only who may list a bucket gets to know that an object is not in it.
    if operation == "GetObject" and name not in found["objects"]:
        why = iam.denial(key, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
        refuse(why, "AccessDenied", f"User: {key.arn} is not authorized to perform: s3:ListBucket "
               f'on resource: "arn:aws:s3:::{bucket}" {(why or "").format("s3:ListBucket")}', 403)
        raise Refused("NoSuchKey", "The specified key does not exist.", 404, Key=name)


def put(request, found, name):
    etag = f'"{hashlib.md5(request.body).hexdigest()}"'
    found["objects"][name] = {"body": request.body, "etag": etag, "at": time.time(),
                              "type": request.headers.get("content-type")}
    return 200, b"", {"ETag": etag}


def get(_, found, name):
    kept = found["objects"][name]
    return 200, kept["body"], {"ETag": kept["etag"], "Last-Modified": formatdate(kept["at"], False,
                                                                                 True),
                               "Content-Type": kept["type"] or "binary/octet-stream"}


def delete(_, found, name):
    found["objects"].pop(name, None)
    return 204, b"", {}


ACTIONS = {"PutObject": put, "GetObject": get, "DeleteObject": delete}


def perform(request):
    region, bucket, name = place_of(request)
    operation = OPERATIONS.get(request.method)
    refuse(not operation or not bucket or not name, "MethodNotAllowed",
           "The specified method is not allowed against this resource.", 405)
    refuse(len(name.encode()) > LONGEST_KEY, "KeyTooLongError", "Your key is too long")
    known = buckets().get(bucket)
    key, _ = s3_sign.verify(request, region or (known and known["region"]), iam.keys())
    found = find(bucket, region, request)
    authorize(key, operation, bucket, name, found)
    return ACTIONS[operation](request, found, name)


def error(refused, request, identity):
    """As XML, with the header that names the region of a bucket that exists."""
    region, bucket, _ = place_of(request)
    more = "".join(f"<{name}>{escape(str(value))}</{name}>"
                   for name, value in refused.fields.items())
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{refused.query_code}</Code><Message>'
        f"{escape(refused.message)}</Message>{more}<RequestId>{identity}</RequestId></Error>"
    )
    known = buckets().get(bucket)
    headers = {"x-amz-bucket-region": known["region"]} if known else {}
    return refused.status, body.encode(), {**TYPE, **headers}


def answer(request):
    identity = identifier().replace("-", "")[:16].upper()
    try:
        status, body, headers = perform(request)
    except Refused as refused:
        status, body, headers = error(refused, request, identity)
    return status, body, {**headers, "x-amz-request-id": identity}


def listing():
    """The objects of each bucket: size, digest and time."""
    return {bucket: {name: {"size": len(each["body"]), "at": each["at"],
                            "sha256": hashlib.sha256(each["body"]).hexdigest()}
                     for name, each in found["objects"].items()}
            for bucket, found in buckets().items()}
