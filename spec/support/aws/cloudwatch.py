"""CloudWatch: stores metric data, and returns it by period and statistic."""

import time

from common import lock, refuse, store

STATISTICS = {"Sum": sum, "Maximum": max, "Minimum": min, "SampleCount": len,
              "Average": lambda values: sum(values) / len(values)}


def key_of(call, namespace, metric, dimensions):
    pairs = tuple(sorted((each["Name"], each["Value"]) for each in dimensions or []))
    return call.region, namespace, metric, pairs


def put(call):
    with lock:
        for each in call["MetricData"]:
            key = key_of(call, call["Namespace"], each["MetricName"], each.get("Dimensions"))
            values = each.get("Values") or [each["Value"]]
            counts = each.get("Counts") or [1] * len(values)
            at = each.get("Timestamp") or time.time()
            points = store("metrics").setdefault(key, [])
            for value, count in zip(values, counts):
                points.extend([(at, value)] * int(count))
    return {}


def read(call, query):
    stat = query["MetricStat"]
    metric, period = stat["Metric"], stat["Period"]
    refuse(stat["Stat"] not in STATISTICS, "InvalidParameterValueException",
           f"The value {stat['Stat']} for parameter Stat is not supported.")
    key = key_of(call, metric["Namespace"], metric["MetricName"], metric.get("Dimensions"))
    buckets = {}
    for at, value in store("metrics").get(key, []):
        if call["StartTime"] <= at < call["EndTime"]:
            start = call["StartTime"] + (at - call["StartTime"]) // period * period
            buckets.setdefault(start, []).append(value)
    order = sorted(buckets, reverse=call.get("ScanBy") != "TimestampAscending")
    return {"Id": query["Id"], "Label": metric["MetricName"], "StatusCode": "Complete",
            "Timestamps": order, "Values": [STATISTICS[stat["Stat"]](buckets[each])
                                            for each in order]}


def get_data(call):
    refuse(call["StartTime"] >= call["EndTime"], "ValidationError",
           "The parameter StartTime must be less than the parameter EndTime.")
    with lock:
        return {"MetricDataResults": [read(call, each) for each in call["MetricDataQueries"]],
                "Messages": []}


def list_metrics(call):
    found = []
    for region, namespace, name, pairs in list(store("metrics")):
        if region == call.region and call.get("Namespace") in (None, namespace) \
                and call.get("MetricName") in (None, name):
            found.append({"Namespace": namespace, "MetricName": name, "Dimensions": [
                {"Name": key, "Value": value} for key, value in pairs]})
    return {"Metrics": found}


OPERATIONS = {"PutMetricData": put, "GetMetricData": get_data, "ListMetrics": list_metrics}
