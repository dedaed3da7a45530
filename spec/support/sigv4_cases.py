# Makes spec/aws/sigv4_cases.json: requests that resemble ours, with the signatures that botocore
# gives them. usage: python3 spec/support/sigv4_cases.py > spec/aws/sigv4_cases.json ; needs
# botocore. The credentials are made up.

import datetime
import json
from unittest import mock

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2024, 2, 29, 23, 59, 59)
HOST = "sqs.eu-west-1.amazonaws.com"
TOKEN = "FwoGZXIvYXdzEXAMPLE//////////token+with/all=the=signs=="
SQS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "AmazonSQS.ReceiveMessage",
}

CASES = [
    dict(
        name="an SQS call",
        headers=SQS,
        body='{"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/q"}',
    ),
    dict(name="an SQS call with a session token", headers=SQS, body="{}", token=TOKEN),
    dict(
        name="a form",
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        body="Action=Publish&Message=%C3%A9%20%26&Version=2010-03-31",
        service="sns",
        host="sns.us-gov-west-1.amazonaws.com",
        region="us-gov-west-1",
    ),
    dict(name="a port in the host", headers=SQS, body="{}", host="127.0.0.1:5000"),
    dict(name="an empty body", headers=SQS, body=""),
    dict(name="bytes in the body", headers=SQS, body="\u0000\u0001\u00e9\U0001f600" * 300),
    dict(
        name="a path with an encoded name",
        headers={},
        method="GET",
        path="/a%20b/%C3%A9~/c+d",
        service="es",
    ),
    dict(
        name="a path that needs normalising",
        headers={},
        method="GET",
        path="/a/./b//c/../d/",
        service="es",
    ),
    dict(
        name="an S3 object with dots, slashes and signs",
        headers={},
        method="PUT",
        path="/a%20b/..//c%2Fd/./e%2B",
        body="x",
        service="s3",
        s3=True,
        host="bucket.s3.eu-west-1.amazonaws.com",
    ),
    dict(
        name="a query with equal names and prefixes of names",
        headers={},
        method="GET",
        path="/",
        query="b=2&a-b=1&a=z&a=y&a%2F=1&B=&empty=",
        service="es",
    ),
    dict(
        name="many headers",
        headers={f"X-Header-{i}": f"  value  {i} " for i in range(40)},
        body="x",
    ),
    dict(name="a long secret key", headers=SQS, body="{}", secret="0123456789" * 10),
]


def authorization(case, query, url, scope, credentials):
    """What botocore makes of it: a header, or the query."""
    request = AWSRequest(method=case.get("method", "POST"), url=url, headers=dict(case["headers"]),
                         data=case.get("body", "").encode())
    request.context["payload_signing_enabled"] = True
    is_s3 = case.get("s3")
    if query:
        signer = auth.SigV4QueryAuth(credentials, *scope, expires=900)
    else:
        signer = (auth.S3SigV4Auth if is_s3 else auth.SigV4Auth)(credentials, *scope)
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW):
        signer.add_auth(request)
    return request.url.split("?", 1)[1] if query else request.headers["Authorization"]


def sign(case, query):
    token, host, path = case.get("token"), case.get("host", HOST), case.get("path", "/")
    secret = case.get("secret", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    scope, search = (case.get("service", "sqs"), case.get("region", "eu-west-1")), case.get(
        "query", ""
    )
    if query:
        search = search.replace("&a=y", "")  # botocore keeps one value of a name there
    url, is_s3 = f"https://{host}{path}" + (f"?{search}" if search else ""), bool(case.get("s3"))
    signed = authorization(case, query, url, scope, Credentials("AKIDEXAMPLE", secret, token))
    return dict(
        name=case["name"], kind="query" if query else "header",
        request=dict(method=case.get("method", "POST"), path=path, query=search,
                     body=case.get("body", ""), headers={**case["headers"], "Host": host}),
        credentials=dict(access_key="AKIDEXAMPLE", secret_key=secret,
                         **({"token": token} if token else {})),
        scope=dict(region=scope[1], service=scope[0], raw_path=is_s3, encoded_path=is_s3,
                   time=int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp()),
                   expires=900 if query else 0, content_sha256=is_s3),
        signed=signed,
    )


def cases():
    for case in CASES:
        yield sign(case, False)
        # botocore's query signing puts a form's fields into the query and drops the content type,
        # and S3's hashes no body.
        if case.get("method") == "GET":
            yield sign(case, True)


print(json.dumps(list(cases()), indent=1, ensure_ascii=True))
