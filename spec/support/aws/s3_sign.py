"""Signature Version 4 as S3 checks it: in headers or in the query, with the body's digest, and with
the path as it was sent.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import calendar
import hashlib
import hmac
import time
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import sigv4
from common import Refused, refuse
from knobs import knobs, now

WEEK = 7 * 86400
UNSIGNED = "UNSIGNED-PAYLOAD"


class Signed:
    """What a request says about its signature."""

    def __init__(self, credential, names, signature, date, token):
        parts = credential.split("/")
        refuse(len(parts) != 5 or parts[4] != "aws4_request", "AuthorizationHeaderMalformed",
               "The authorization header is malformed; the Credential is mal-formed; expecting "
               '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
        self.key, self.day, self.region, self.service = parts[:4]
        self.names, self.signature, self.date = names, signature, date
        self.token, self.expires = token, None


def of_query(pairs):
    values = dict(pairs)
    missing = [name for name in ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                                 "X-Amz-SignedHeaders", "X-Amz-Signature") if name not in values]
    refuse(missing or values["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256",
           "AuthorizationQueryParametersError", "Query-string authentication version 4 requires "
           "the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
           "X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
    signed = Signed(values["X-Amz-Credential"], values["X-Amz-SignedHeaders"].split(";"),
                    values["X-Amz-Signature"], values["X-Amz-Date"],
                    values.get("X-Amz-Security-Token"))
    signed.expires = int(values["X-Amz-Expires"])
    refuse(not 0 < signed.expires <= WEEK, "AuthorizationQueryParametersError",
           "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
           "must be less than 604800 seconds")
    return signed


def of_headers(headers):
    header = headers.get("authorization")
    refuse(not header, "AccessDenied", "Access Denied", 403)
    match = sigv4.HEADER.match(header)
    refuse(not match, "AuthorizationHeaderMalformed",
           "The authorization header is malformed.")
    refuse("x-amz-content-sha256" not in headers, "InvalidRequest",
           "Missing required header for this request: x-amz-content-sha256")
    return Signed(match[1], match[2].split(";"), match[3], headers.get("x-amz-date", ""),
                  headers.get("x-amz-security-token"))


def check_key(signed, keys):
    known = keys.get(signed.key)
    refuse(not known, "InvalidAccessKeyId",
           "The AWS Access Key Id you provided does not exist in our records.", 403)
    refuse((known.token or None) != (signed.token or None), "InvalidToken",
           "The provided token is malformed or otherwise invalid.")
    refuse(known.expires and known.expires <= time.time(), "ExpiredToken",
           "The provided token has expired.")
    return known


def check_time(signed):
    try:
        at = calendar.timegm(time.strptime(signed.date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused("AccessDenied", "AWS authentication requires a valid Date or x-amz-date "
                      "header", 403) from None
    refuse(signed.day != signed.date[:8], "SignatureDoesNotMatch", sigv4.MISMATCH, 403)
    if signed.expires is not None:
        refuse(at > now() + knobs["skew"], "AccessDenied", "Request is not valid yet", 403)
        refuse(now() > at + signed.expires, "AccessDenied", "Request has expired", 403)
    else:
        refuse(abs(now() - at) > 900, "RequestTimeTooSkewed", "The difference between the request "
               "time and the current time is too large.", 403)


def check_body(request, signed):
    """The digest that was signed."""
    if signed.expires is not None:
        return UNSIGNED
    told = request.headers["x-amz-content-sha256"]
    if told != UNSIGNED:
        refuse(told != hashlib.sha256(request.body).hexdigest(), "XAmzContentSHA256Mismatch",
               "The provided 'x-amz-content-sha256' header does not match what was computed.")
    return told


def check_names(request, signed):
    needed = {name for name in request.headers if name.startswith("x-amz-")} | {"host"}
    left = sorted(needed - set(signed.names))
    refuse(left, "AccessDenied", "There were headers present in the request which were not signed: "
           + ", ".join(left), 403)


def check_place(signed, region):
    refuse(signed.service != "s3", "AuthorizationHeaderMalformed", "The authorization header is "
           f'malformed; incorrect service "{signed.service}". This endpoint belongs to "s3".')
    refuse(region and signed.region != region, "AuthorizationHeaderMalformed", "The authorization "
           f"header is malformed; the region '{signed.region}' is wrong; expecting '{region}'",
           Region=region)


def canonical(request, signed, pairs, payload):
    kept = sorted((quote(name, "-_.~"), quote(value, "-_.~")) for name, value in pairs
                  if name != "X-Amz-Signature")
    path = quote(unquote_to_bytes(request.path), "/-_.~")
    lines = [f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signed.names]
    return "\n".join([request.method, path, "&".join(f"{name}={value}" for name, value in kept),
                      *lines, "", ";".join(signed.names), payload])


def verify(request, region, keys):
    """The key that signed, and its region; `region` is that of the host, or of the bucket."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    by_query = any(name == "X-Amz-Algorithm" for name, _ in pairs)
    signed = of_query(pairs) if by_query else of_headers(request.headers)
    key = check_key(signed, keys)
    check_place(signed, region)
    check_time(signed)
    check_names(request, signed)
    payload = check_body(request, signed)
    hashed = hashlib.sha256(canonical(request, signed, pairs, payload).encode()).hexdigest()
    place = f"{signed.day}/{signed.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{signed.date}\n{place}\n{hashed}"
    secret = sigv4.signing_key(key.secret, signed.day, signed.region, "s3")
    refuse(not hmac.compare_digest(sigv4.digest(secret, text).hex(), signed.signature),
           "SignatureDoesNotMatch", sigv4.MISMATCH, 403)
    return key, signed.region
