"""The JSON mapping of OTLP, strictly: which fields each message has, and how each is written. As
published at https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, with the messages of
opentelemetry-proto 1.x.

`problems(signal, request)` returns what is wrong with a decoded request, a line each.
"""

import math
import re

HEX = {16: re.compile("[0-9a-f]{32}"), 8: re.compile("[0-9a-f]{16}")}
STATE = re.compile(r"[a-z0-9][a-z0-9_*/@-]*=[\x20-\x2b\x2d-\x3c\x3e-\x7e]*"
                   r"(,[a-z0-9][a-z0-9_*/@-]*=[\x20-\x2b\x2d-\x3c\x3e-\x7e]*)*")


def text(value):
    return None if isinstance(value, str) else "is not text"


def boolean(value):
    return None if isinstance(value, bool) else "is not a boolean"


def double(value):
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return None if good else "is not a finite number"


def integer(low, high):
    def check(value):
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if good else f"is not an integer from {low} to {high}"
    return check


def long_integer(low, high):
    """A 64-bit integer: decimal text."""
    def check(value):
        good = isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d*)", value)
        return None if good and low <= int(value) <= high else "is not a 64-bit integer as text"
    return check


def identifier(size):
    def check(value):
        if not isinstance(value, str) or not HEX[size].fullmatch(value):
            return f"is not {size * 2} digits of lower-case hex"
        return "is all zeros" if set(value) == {"0"} else None
    return check


def state(value):
    return None if isinstance(value, str) and STATE.fullmatch(value) else "is not a tracestate"


UINT32, UINT64 = integer(0, 2**32 - 1), long_integer(0, 2**64 - 1)
INT64, FIXED64 = long_integer(-2**63, 2**63 - 1), long_integer(1, 2**64 - 1)
TRACE_ID, SPAN_ID = identifier(16), identifier(8)


class Many:
    def __init__(self, kind):
        self.kind = kind


class Needs(dict):
    """The fields of a message: those with `!` must be there; of a `|` group exactly one."""


ANY = Needs()
ARRAY = Needs({"values": Many(ANY)})
KEY_VALUE = Needs({"key!": text, "value!": ANY})
ANY.update(
    {
        "|stringValue": text,
        "|boolValue": boolean,
        "|intValue": INT64,
        "|doubleValue": double,
        "|arrayValue": ARRAY,
        "|kvlistValue": Needs({"values": Many(KEY_VALUE)}),
        "|bytesValue": text,
    }
)
ATTRIBUTES = {"attributes": Many(KEY_VALUE), "droppedAttributesCount": UINT32}
RESOURCE = Needs(ATTRIBUTES)
SCOPE = Needs({"name": text, "version": text, **ATTRIBUTES})
STATUS = Needs({"message": text, "code": integer(0, 2)})
EVENT = Needs({"timeUnixNano!": FIXED64, "name!": text, **ATTRIBUTES})
LINK = Needs(
    {"traceId!": TRACE_ID, "spanId!": SPAN_ID, "traceState": state, "flags": UINT32, **ATTRIBUTES}
)
SPAN = Needs(
    {
        "traceId!": TRACE_ID,
        "spanId!": SPAN_ID,
        "traceState": state,
        "parentSpanId": SPAN_ID,
        "flags": UINT32,
        "name!": text,
        "kind!": integer(1, 5),
        "startTimeUnixNano!": FIXED64,
        "endTimeUnixNano!": FIXED64,
        "events": Many(EVENT),
        "droppedEventsCount": UINT32,
        "links": Many(LINK),
        "droppedLinksCount": UINT32,
        "status": STATUS,
        **ATTRIBUTES,
    }
)
TRACES = Needs({"resourceSpans!": Many(Needs({
    "resource!": RESOURCE, "schemaUrl": text,
    "scopeSpans!": Many(Needs({"scope": SCOPE, "spans!": Many(SPAN), "schemaUrl": text}))}))})

POINT = {
    "attributes": Many(KEY_VALUE),
    "startTimeUnixNano": FIXED64,
    "timeUnixNano!": FIXED64,
    "flags": UINT32,
}
NUMBER = Needs({**POINT, "|asInt": INT64, "|asDouble": double})
HISTOGRAM_POINT = Needs({**POINT, "count!": UINT64, "sum": double, "bucketCounts": Many(UINT64),
                         "explicitBounds": Many(double), "min": double, "max": double})
TEMPORALITY = integer(1, 2)
METRIC = Needs(
    {
        "name!": text,
        "description": text,
        "unit": text,
        "|gauge": Needs({"dataPoints!": Many(NUMBER)}),
        "|sum": Needs(
            {
                "dataPoints!": Many(NUMBER),
                "aggregationTemporality!": TEMPORALITY,
                "isMonotonic": boolean,
            }
        ),
        "|histogram": Needs(
            {"dataPoints!": Many(HISTOGRAM_POINT), "aggregationTemporality!": TEMPORALITY}
        ),
    }
)
METRICS = Needs({"resourceMetrics!": Many(Needs({
    "resource!": RESOURCE, "schemaUrl": text,
    "scopeMetrics!": Many(Needs({"scope": SCOPE, "metrics!": Many(METRIC), "schemaUrl": text}))}))})


def check(kind, value, where):
    if isinstance(kind, Many):
        if not isinstance(value, list):
            return [f"{where}: is not a list"]
        return [
            one
            for index, each in enumerate(value)
            for one in check(kind.kind, each, f"{where}[{index}]")
        ]
    if not isinstance(kind, Needs):
        problem = kind(value)
        return [f"{where}: {problem}: {value!r}"] if problem else []
    if not isinstance(value, dict):
        return [f"{where}: is not an object"]
    found, fields = [], {name.strip("!|"): (name, each) for name, each in kind.items()}
    for name, each in value.items():
        if name in fields:
            found += check(fields[name][1], each, f"{where}.{name}")
        else:
            found.append(f"{where}: has no field '{name}'")
    found += [
        f"{where}: has no '{name[:-1]}'"
        for name in kind
        if name.endswith("!") and name[:-1] not in value
    ]
    choices = [name[1:] for name in kind if name.startswith("|")]
    if choices and sum(name in value for name in choices) != 1:
        found.append(f"{where}: has not exactly one of {', '.join(choices)}")
    return found


def unique_keys(value, where):
    """Attributes of one name twice are not allowed, anywhere."""
    if isinstance(value, list):
        return [one for each in value for one in unique_keys(each, where)]
    if not isinstance(value, dict):
        return []
    keys = [each.get("key") for each in value.get("attributes") or [] if isinstance(each, dict)]
    found = [f"{where}: an attribute twice: {keys}"] if len(set(keys)) != len(keys) else []
    return found + [
        one for name, each in value.items() for one in unique_keys(each, f"{where}.{name}")
    ]


def spans_of(request):
    return [
        span
        for each in request["resourceSpans"]
        for scope in each["scopeSpans"]
        for span in scope["spans"]
    ]


def metrics_of(request):
    return [
        one
        for each in request["resourceMetrics"]
        for scope in each["scopeMetrics"]
        for one in scope["metrics"]
    ]


def of_span(span):
    start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    found = [] if start <= end else [f"span {span['name']}: ends before it begins"]
    for event in span.get("events") or []:
        if not start <= int(event["timeUnixNano"]) <= end:
            found.append(f"span {span['name']}: event {event['name']} is outside of it")
    if span.get("parentSpanId") == span["spanId"]:
        found.append(f"span {span['name']}: is its own parent")
    return found


def of_metric(metric):
    found, name = [], metric["name"]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]{0,254}", name):
        found.append(f"metric {name}: is not a name")
    for point in metric.get("histogram", {}).get("dataPoints", []):
        counts, bounds = [int(each) for each in point["bucketCounts"]], point["explicitBounds"]
        if (
            len(counts) != len(bounds) + 1
            or sum(counts) != int(point["count"])
            or sorted(set(bounds)) != bounds
        ):
            found.append(f"metric {name}: buckets and bounds do not fit")
    for kind in ("sum", "histogram"):
        for point in metric.get(kind, {}).get("dataPoints", []):
            if int(point.get("startTimeUnixNano", 0)) == 0:
                found.append(f"metric {name}: a cumulative point without its start")
    return found


def problems(signal, request):
    found = check(TRACES if signal == "traces" else METRICS, request, signal)
    found = found or unique_keys(request, signal)
    if found:
        return found
    if signal == "metrics":
        return [one for metric in metrics_of(request) for one in of_metric(metric)]
    spans = spans_of(request)
    ids = [span["spanId"] for span in spans]
    found = ["an id of a span twice"] if len(set(ids)) != len(ids) else []
    return found + [one for span in spans for one in of_span(span)]
