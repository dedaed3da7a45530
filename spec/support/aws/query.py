"""AWS's Query protocol: a form as parameters, and results and errors as XML."""

import re
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape


def insert(tree, name, value):
    *path, last = name.split(".")
    for part in path:
        tree = tree.setdefault(part, {})
    tree[last] = value


def fold(tree):
    """Lists (`member.N`) and maps (`entry.N.key`) from the tree of dotted names."""
    if not isinstance(tree, dict):
        return tree
    if set(tree) == {"member"}:
        return [fold(tree["member"][each]) for each in sorted(tree["member"], key=int)]
    if set(tree) == {"entry"}:
        pairs = [list(tree["entry"][each].items()) for each in sorted(tree["entry"], key=int)]
        return {dict(pair)[key_of(pair)]: fold(dict(pair)[value_of(pair)]) for pair in pairs}
    return {name: fold(value) for name, value in tree.items()}


def key_of(pair):
    return next(name for name, _ in pair if name.lower() in ("key", "name"))


def value_of(pair):
    return next(name for name, _ in pair if name.lower() == "value")


def parse(body):
    tree = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        insert(tree, name, value)
    return {name: fold(value) for name, value in tree.items()}


def element(name, value):
    if isinstance(value, dict):
        inner = "".join(element(each, value[each]) for each in value)
    elif isinstance(value, list):
        inner = "".join(element("member", each) for each in value)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        inner = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", escape(text))
    return f"<{name}>{inner}</{name}>"


def entries(values):
    """A map in the form of Query responses."""
    return {"!entries": values}


def result(operation, value, request_id):
    def shown(name, each):
        if isinstance(each, dict) and "!entries" in each:
            inner = "".join("<entry>" + element("key", key) + element("value", one) + "</entry>"
                            for key, one in each["!entries"].items())
            return f"<{name}>{inner}</{name}>"
        return element(name, each)
    inner = "".join(shown(name, each) for name, each in (value or {}).items())
    return (f"<{operation}Response><{operation}Result>{inner}</{operation}Result>"
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
            f"</{operation}Response>").encode()


def error(refused, request_id):
    told = {"Type": "Sender" if refused.status < 500 else "Receiver",
            "Code": refused.query_code, "Message": refused.message}
    return (f"<ErrorResponse>{element('Error', told)}<RequestId>{request_id}</RequestId>"
            "</ErrorResponse>").encode()
