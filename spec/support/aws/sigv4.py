"""Signature Version 4, checked as AWS does: who signed, for which day, region and service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import calendar
import functools
import hashlib
import hmac
import re
import time
from urllib.parse import parse_qsl, quote

from common import Refused
from knobs import knobs, now

MISMATCH = ("The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details.")
HEADER = re.compile(r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),"
                    r"\s*Signature=([0-9a-f]+)\s*$")


def bad_signature(message):
    return Refused("InvalidSignatureException", message, 403, "SignatureDoesNotMatch")


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


@functools.lru_cache(256)
def signing_key(secret, day, region, service):
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = digest(key, part)
    return key


def canonical_query(text):
    pairs = sorted(parse_qsl(text, keep_blank_values=True))
    return "&".join(f"{quote(name, '-_.~')}={quote(value, '-_.~')}" for name, value in pairs)


def canonical_request(request, signed):
    lines = []
    for name in signed:
        value = request.headers.get(name)
        if value is None:
            raise bad_signature(MISMATCH)
        lines.append(f"{name}:{re.sub(' +', ' ', value.strip())}")
    payload = hashlib.sha256(request.body).hexdigest()
    path = quote(request.path, "/-_.~%")
    return "\n".join([request.method, path, canonical_query(request.query), *lines, "",
                      ";".join(signed), payload])


class Scope:
    """The signer, and the scope."""

    def __init__(self, header):
        match = HEADER.match(header)
        parts = match[1].split("/") if match else []
        if len(parts) != 5 or parts[4] != "aws4_request":
            raise Refused("IncompleteSignatureException", "Authorization header requires a "
                          f"'Credential' of the right form. Authorization={header[:60]}", 400,
                          "IncompleteSignature")
        self.key, self.day, self.region, self.service = parts[:4]
        self.signed, self.signature = match[2].split(";"), match[3]


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def check_date(date, day):
    ours, skew = now(), knobs["skew"]
    minutes = f"{skew / 60:g} min."
    try:
        at = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. "
                      f"Got '{date}'.", 400, "IncompleteSignature") from None
    if day != date[:8]:
        raise bad_signature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version"
                            f" of date from HTTP: '{day}' != '{date[:8]}', from '{date}'.")
    if at < ours - skew:
        raise bad_signature(f"Signature expired: {date} is now earlier than {stamp(ours - skew)} "
                            f"({stamp(ours)} - {minutes})")
    if at > ours + skew:
        raise bad_signature(f"Signature not yet current: {date} is still later than "
                            f"{stamp(ours + skew)} ({stamp(ours)} + {minutes})")


def check_scope(scope, service, region):
    """Refuses a signature for another service or region than the host's."""
    if service and scope.service != service:
        raise bad_signature(f"Credential should be scoped to correct service: '{service}'. ")
    if region and scope.region != region:
        raise bad_signature(
            f"Credential should be scoped to a valid region, not '{scope.region}'. ")


def check_key(request, scope, keys):
    known = keys.get(scope.key)
    token = request.headers.get("x-amz-security-token")
    if not known or (known.token or None) != (token or None):
        raise Refused("UnrecognizedClientException", "The security token included in the request "
                      "is invalid.", 403, "InvalidClientTokenId")
    if known.expires and known.expires <= time.time():
        raise Refused("ExpiredTokenException", "The security token included in the request is "
                      "expired", 403, "ExpiredToken")
    return known


def verify(request, service, region, keys):
    """The key that signed, and the scope; `service` and `region` are those of the host."""
    header = request.headers.get("authorization")
    if not header:
        raise Refused("MissingAuthenticationTokenException", "Request is missing Authentication "
                      "Token", 403, "MissingAuthenticationToken")
    scope = Scope(header)
    date = request.headers.get("x-amz-date", "")
    key = check_key(request, scope, keys)
    check_scope(scope, service, region)
    check_date(date, scope.day)
    if "host" not in scope.signed:
        raise bad_signature("'Host' or ':authority' must be a 'SignedHeader' in the AWS "
                            "Authorization.")
    hashed = hashlib.sha256(canonical_request(request, scope.signed).encode()).hexdigest()
    place = f"{scope.day}/{scope.region}/{scope.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{date}\n{place}\n{hashed}"
    made = digest(signing_key(key.secret, scope.day, scope.region, scope.service), text).hex()
    if not hmac.compare_digest(made, scope.signature):
        raise bad_signature(MISMATCH)
    return key, scope
