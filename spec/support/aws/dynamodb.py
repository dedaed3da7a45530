"""DynamoDB: items by a key, and the expressions that progress needs."""

import copy
import json

from common import Refused, arn, lock, refuse, store
from expression import Condition, change, check_used


def table_of(call, name=None):
    found = store("tables").get((call.region, (name or call["TableName"]).split("/")[-1]))
    refuse(not found, "ResourceNotFoundException", "Requested resource not found")
    return found


def key_of(table, values):
    refuse(any(name not in values for name in table["keys"]), "ValidationException",
           "The provided key element does not match the schema")
    for name in table["keys"]:
        (kind, raw), = values[name].items()
        refuse(kind in ("S", "B") and not raw, "ValidationException",
               "One or more parameter values are not valid. The AttributeValue for a key attribute "
               f"cannot contain an empty string value. Key: {name}")
        refuse(kind == "S" and len(raw.encode()) > 2048, "ValidationException",
               "One or more parameter values were invalid: Size of hashkey has exceeded the "
               "maximum size limit of2048 bytes")
    return json.dumps([values[name] for name in table["keys"]])


def create_table(call):
    name = call["TableName"]
    refuse((call.region, name) in store("tables"), "ResourceInUseException",
           f"Table already exists: {name}")
    keys = [each["AttributeName"] for each in call["KeySchema"]]
    store("tables")[call.region, name] = {"keys": keys, "items": {}}
    return {"TableDescription": {"TableName": name, "TableStatus": "ACTIVE",
                                 "TableArn": arn("dynamodb", call.region, "table/" + name)}}


def describe_table(call):
    table_of(call)
    return {"Table": {"TableName": call["TableName"], "TableStatus": "ACTIVE"}}


def update_time_to_live(call):
    """Items whose time is over stay: AWS deletes them days later."""
    table, wanted = table_of(call), call["TimeToLiveSpecification"]
    refuse(table.get("ttl") == wanted["AttributeName"] and wanted["Enabled"], "ValidationException",
           "TimeToLive is already enabled")
    table["ttl"] = wanted["AttributeName"] if wanted["Enabled"] else None
    return {"TimeToLiveSpecification": wanted}


def describe_time_to_live(call):
    name = table_of(call).get("ttl")
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": name} if name
            else {"TimeToLiveStatus": "DISABLED"}}


def get_item(call):
    table = table_of(call)
    item = table["items"].get(key_of(table, call["Key"]))
    return {"Item": item} if item else {}


def check_size(item):
    refuse(len(json.dumps(item, ensure_ascii=False).encode()) > 400 * 1024, "ValidationException",
           "Item size has exceeded the maximum allowed size")


def check_condition(call, item):
    names = call.get("ExpressionAttributeNames") or {}
    values = call.get("ExpressionAttributeValues") or {}
    text = call.get("ConditionExpression")
    check_used([text or "", call.get("UpdateExpression") or ""], names, values)
    wanted = call.get("ReturnValuesOnConditionCheckFailure", "NONE")
    refuse(wanted not in ("NONE", "ALL_OLD"), "ValidationException",
           "ReturnValuesOnConditionCheckFailure can only be ALL_OLD or NONE")
    if text and not Condition(text, names, values).holds(item or {}):
        shown = {"Item": item} if item and wanted == "ALL_OLD" else {}
        raise Refused("ConditionalCheckFailedException", "The conditional request failed", **shown)


def put_item(call):
    table = table_of(call)
    with lock:
        key = key_of(table, call["Item"])
        check_condition(call, table["items"].get(key))
        check_size(call["Item"])
        table["items"][key] = call["Item"]
    return {}


def delete_item(call):
    table = table_of(call)
    with lock:
        key = key_of(table, call["Key"])
        check_condition(call, table["items"].get(key))
        table["items"].pop(key, None)
    return {}


def update_item(call):
    table = table_of(call)
    with lock:
        key = key_of(table, call["Key"])
        old = table["items"].get(key)
        check_condition(call, old)
        item = copy.deepcopy(old or dict(call["Key"]))
        changed = change(item, call["UpdateExpression"], call.get("ExpressionAttributeNames") or {},
                         call.get("ExpressionAttributeValues") or {})
        check_size(item)
        table["items"][key] = item
    wanted = call.get("ReturnValues", "NONE")
    if wanted == "ALL_NEW":
        return {"Attributes": item}
    return {"Attributes": {name: item[name] for name in changed if name in item}} \
        if wanted == "UPDATED_NEW" else {}


def scan(call):
    items = list(table_of(call)["items"].values())
    return {"Items": items, "Count": len(items), "ScannedCount": len(items)}


def batch_get(call):
    answers = {}
    total = sum(len(each["Keys"]) for each in call["RequestItems"].values())
    refuse(total > 100, "ValidationException", "Too many items requested for the BatchGetItem call")
    for name, asked in call["RequestItems"].items():
        table = table_of(call, name)
        found = [table["items"].get(key_of(table, each)) for each in asked["Keys"]]
        answers[name] = [each for each in found if each]
    return {"Responses": answers, "UnprocessedKeys": {}}


def batch_write(call):
    total = sum(len(each) for each in call["RequestItems"].values())
    refuse(total > 25, "ValidationException", "Too many items requested for the BatchWriteItem "
           "call")
    with lock:
        for name, requests in call["RequestItems"].items():
            table = table_of(call, name)
            for each in requests:
                if "DeleteRequest" in each:
                    table["items"].pop(key_of(table, each["DeleteRequest"]["Key"]), None)
                else:
                    item = each["PutRequest"]["Item"]
                    table["items"][key_of(table, item)] = item
    return {"UnprocessedItems": {}}


OPERATIONS = {
    "CreateTable": create_table, "DescribeTable": describe_table, "GetItem": get_item,
    "PutItem": put_item, "DeleteItem": delete_item, "UpdateItem": update_item, "Scan": scan,
    "UpdateTimeToLive": update_time_to_live, "DescribeTimeToLive": describe_time_to_live,
    "BatchGetItem": batch_get, "BatchWriteItem": batch_write,
}
