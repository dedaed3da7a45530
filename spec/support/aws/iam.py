"""IAM and STS: users and roles with their keys, and the effect of their policies."""

import fnmatch
import json
import secrets
import time

from common import ACCOUNT, Refused, identifier, refuse, store
from knobs import knobs

# Predefined keys with all permissions, to set up the account.
ROOT = {"AKIDROOT": "secret-of-root", "AKIDOFNOBODY": "secret-of-nobody", "AKID": "any"}


class Key:
    def __init__(self, secret, arn, token=None, expires=None, user=None):
        self.secret, self.arn, self.token, self.expires = secret, arn, token, expires
        self.user = user


def first_keys():
    root = f"arn:aws:iam::{ACCOUNT}:root"
    return {key: Key(secret, root) for key, secret in ROOT.items()}


def keys():
    return store("keys", first_keys)


def add_keys(given):
    for name, each in given.items():
        keys()[name] = Key(each["secret"], f"arn:aws:iam::{ACCOUNT}:root", each.get("token"))


knobs.actions["keys"] = add_keys


def statements(user):
    for document in store("users").get(user, {}).values():
        found = document["Statement"]
        yield from found if isinstance(found, list) else [found]


def listed(value):
    return [value] if isinstance(value, str) else value


def names(actions, action):
    return any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in listed(actions))


def covers(statement, action, resource):
    if "NotAction" in statement:
        is_meant = not names(statement["NotAction"], action)
    else:
        is_meant = names(statement["Action"], action)
    resources = listed(statement.get("Resource", "*"))
    return is_meant and any(fnmatch.fnmatchcase(resource, each) for each in resources)


def action_of(service, operation):
    """IAM's name: a batch needs the permission of the single call."""
    prefix = "cloudwatch" if service == "monitoring" else service
    if service in ("sqs", "sns"):
        operation = operation.removesuffix("Batch")
    return f"{prefix}:{operation}"


def denial(key, action, resource):
    """Why the key is not allowed, in IAM's words; None if it is."""
    if key.user is None or action == "sts:GetCallerIdentity":
        return None
    effects = {each["Effect"] for each in statements(key.user) if covers(each, action, resource)}
    if "Deny" in effects:
        return "with an explicit deny in an identity-based policy"
    return None if "Allow" in effects else "because no identity-based policy allows the {} action"


def authorize(key, service, operation, resource):
    """Refuses a call that the key's user is not allowed to make, in each service's words."""
    action = action_of(service, operation)
    why = denial(key, action, resource)
    if why:
        said = action.lower() if service == "sqs" else action.replace("sns:", "SNS:")
        code = {"sns": "AuthorizationError"}.get(service, "AccessDenied")
        raise Refused("AccessDeniedException", f"User: {key.arn} is not authorized to perform: "
                      f"{said} on resource: {resource} {why.format(said)}", 403, code)


def create_user(call):
    store("users")[call["UserName"]] = {}
    return {"User": {"UserName": call["UserName"]}}


def put_user_policy(call):
    user = store("users").get(call["UserName"])
    refuse(user is None, "NoSuchEntity",
           f"The user with name {call['UserName']} cannot be found.", 404)
    user[call["PolicyName"]] = json.loads(call["PolicyDocument"])
    return {}


def create_role(call):
    name = call["RoleName"]
    store("users")["role " + name] = {}
    return {"Role": {"RoleName": name, "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"}}


def put_role_policy(call):
    role = store("users").get("role " + call["RoleName"])
    refuse(role is None, "NoSuchEntity",
           f"The role with name {call['RoleName']} cannot be found.", 404)
    role[call["PolicyName"]] = json.loads(call["PolicyDocument"])
    return {}


def create_access_key(call):
    name = call["UserName"]
    key, secret = "AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20)
    keys()[key] = Key(secret, f"arn:aws:iam::{ACCOUNT}:user/{name}", user=name)
    return {"AccessKey": {"UserName": name, "AccessKeyId": key, "SecretAccessKey": secret}}


def assume(call, extra=None):
    arn, session = call["RoleArn"], call["RoleSessionName"]
    seconds = int(call.get("DurationSeconds", 3600))
    refuse(not 900 <= seconds <= 43200, "ValidationError",
           "1 validation error detected: DurationSeconds is out of range")
    key, secret = "ASIA" + secrets.token_hex(8).upper(), secrets.token_hex(20)
    named = arn.split("/")[-1]
    token, expires = secrets.token_hex(40), time.time() + seconds
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/{named}/{session}"
    # A role that was not created here has all permissions.
    of_role = "role " + named
    keys()[key] = Key(secret, role, token, expires,
                      of_role if of_role in store("users") else None)
    return {
        "Credentials": {
            "AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)),
        },
        "AssumedRoleUser": {"Arn": role, "AssumedRoleId": f"AROA{identifier()[:8]}:{session}"},
        **(extra or {}),
    }


def assume_with_web_identity(call):
    refuse(not call.get("WebIdentityToken"), "InvalidIdentityToken", "The ID Token is not valid.")
    return assume(call, {"Provider": "https://oidc.example.com", "Audience": "sts.amazonaws.com"})


def caller_identity(call):
    return {"Arn": call.key.arn, "UserId": "AIDAEXAMPLE", "Account": ACCOUNT}


# Operations without a signature.
UNSIGNED = {"AssumeRoleWithWebIdentity"}
IAM = {"CreateUser": create_user, "PutUserPolicy": put_user_policy,
       "CreateAccessKey": create_access_key, "CreateRole": create_role,
       "PutRolePolicy": put_role_policy}
STS = {"AssumeRole": assume, "AssumeRoleWithWebIdentity": assume_with_web_identity,
       "GetCallerIdentity": caller_identity}
