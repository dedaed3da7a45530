"""IAM Identity Center: roles for a person's token (portal.sso), and a new token for a refresh token
(oidc). Neither is signed. A spec signs a person in with the knob `sso`.

https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
"""

import json
import re
import secrets
import time
from urllib.parse import parse_qs

import iam
from common import ACCOUNT, Refused, refuse, store
from knobs import knobs

HOST = re.compile(r"^(portal\.sso|oidc)\.([a-z]{2,}(?:-[a-z]+)+-\d)\.amazonaws\.com$")
ROLE_LIFE, TOKEN_LIFE = 3600, 3600


def sessions():
    return store("sso", lambda: {"tokens": {}, "refresh": {}, "roles": []})


def sign_in(given):
    """{region, token, seconds, refresh, client, secret, roles: ["ACCOUNT/ROLE"]}"""
    mine = sessions()
    mine["tokens"][given["token"]] = {"region": given["region"], "roles": given["roles"],
                                      "expires": time.time() + given.get("seconds", TOKEN_LIFE)}
    if given.get("refresh"):
        mine["refresh"][given["refresh"]] = given


knobs.actions["sso"] = sign_in


def is_meant(request):
    host = request.host.rsplit(":", 1)[0]
    return bool(HOST.match(host)) or request.path in ("/federation/credentials", "/token")


def get_role_credentials(request, region):
    refuse(request.method != "GET", "UnknownOperationException", "", 404)
    token = sessions()["tokens"].get(request.headers.get("x-amz-sso_bearer_token"))
    refuse(not token or token["expires"] <= time.time() or token["region"] != region,
           "UnauthorizedException", "Session token not found or invalid", 401)
    asked = parse_qs(request.query)
    refuse("role_name" not in asked or "account_id" not in asked, "InvalidRequestException", "")
    account, role = asked["account_id"][0], asked["role_name"][0]
    refuse(f"{account}/{role}" not in token["roles"], "ForbiddenException", "No access", 403)
    key, secret = "ASIA" + secrets.token_hex(8).upper(), secrets.token_hex(20)
    session, expires = secrets.token_hex(40), time.time() + ROLE_LIFE
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_{role}/me"
    iam.keys()[key] = iam.Key(secret, arn, session, expires)
    return {"roleCredentials": {"accessKeyId": key, "secretAccessKey": secret,
                                "sessionToken": session, "expiration": int(expires * 1000)}}


def create_token(request, region):
    refuse(request.method != "POST", "UnknownOperationException", "", 404)
    asked = json.loads(request.body)
    refuse(asked.get("grantType") != "refresh_token", "UnsupportedGrantTypeException", "")
    known = sessions()["refresh"].pop(asked.get("refreshToken"), None)
    refuse(not known or known["region"] != region, "InvalidGrantException",
           "Invalid refresh token provided")
    refuse((asked.get("clientId"), asked.get("clientSecret")) != (known["client"], known["secret"]),
           "InvalidClientException", "Invalid client provided", 401)
    token, refresh = "new-" + secrets.token_hex(8), "refresh-" + secrets.token_hex(8)
    sign_in({**known, "token": token, "refresh": refresh, "seconds": TOKEN_LIFE})
    return {"accessToken": token, "tokenType": "Bearer", "expiresIn": TOKEN_LIFE,
            "refreshToken": refresh}


OPERATIONS = {"/federation/credentials": get_role_credentials, "/token": create_token}


def answer(request):
    match = HOST.match(request.host.rsplit(":", 1)[0])
    headers = {"Content-Type": "application/json"}
    try:
        function = OPERATIONS.get(request.path)
        refuse(not function, "UnknownOperationException", "", 404)
        wanted = {"/token": "oidc"}.get(request.path, "portal.sso")
        refuse(match and match[1] != wanted, "UnknownOperationException", "", 404)
        return (
            200,
            json.dumps(function(request, match[2] if match else "us-east-1")).encode(),
            headers,
        )
    except Refused as refused:
        told = {"message": refused.message, "__type": refused.code}
        return refused.status, json.dumps(told).encode(), {**headers,
                                                           "x-amzn-ErrorType": refused.code}
    except (ValueError, KeyError) as problem:
        return 400, json.dumps({"message": repr(problem)}).encode(), headers
