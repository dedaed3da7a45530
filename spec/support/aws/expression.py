"""DynamoDB's expressions: conditions, and updates of top-level attributes."""

import re
from decimal import Decimal

from common import Refused
from reserved import WORDS

WORD = re.compile(r"\s*(<>|<=|>=|[=<>(),]|[#:]?\w+|$)")
CLAUSE = re.compile(r"(?<![#:\w])(SET|REMOVE|ADD|DELETE)\b", re.I)


def invalid(message):
    return Refused("ValidationException", message)


def words_of(text):
    words, at = [], 0
    while at < len(text):
        match = WORD.match(text, at)
        if not match:
            raise invalid(f"Invalid expression: Syntax error; near: {text[at:at + 20]!r}")
        if match[1]:
            words.append(match[1])
        at = match.end() if match.end() > at else len(text)
    return words


def comparable(value):
    if value is None:
        return None
    kind, raw = next(iter(value.items()))
    if kind == "N":
        return kind, Decimal(raw)
    if kind == "NS":
        return kind, frozenset(Decimal(each) for each in raw)
    return kind, frozenset(raw) if kind in ("SS", "BS") else raw


def attribute(word, names, kind):
    """The attribute that a word of an expression names; `kind`: "Condition" or "Update"."""
    if word.startswith("#"):
        if word not in names:
            raise invalid(f"Invalid {kind}Expression: An expression attribute name used in the "
                          f"document path is not defined; attribute name: {word}")
        return names[word]
    if word.upper() in WORDS:
        raise invalid(f"Invalid {kind}Expression: Attribute name is a reserved keyword; reserved "
                      f"keyword: {word}")
    return word


def check_used(texts, names, values):
    """DynamoDB refuses names and values that no expression uses."""
    used = set(re.findall(r"[#:]\w+", " ".join(texts)))
    for kind, given in (("Names", names), ("Values", values)):
        unused = sorted(set(given) - used)
        if unused:
            raise invalid(f"Value provided in ExpressionAttribute{kind} unused in expressions: "
                          f"keys: {{{', '.join(unused)}}}")


class Condition:
    """A recursive-descent parser that evaluates while it reads."""

    def __init__(self, text, names, values):
        self.words, self.names, self.values = words_of(text), names, values
        self.at, self.item = 0, {}

    def holds(self, item):
        self.at, self.item = 0, item
        result = self.either()
        if self.at < len(self.words):
            raise invalid("Invalid ConditionExpression: Syntax error; token: "
                          + self.words[self.at])
        return result

    def peek(self):
        return self.words[self.at].upper() if self.at < len(self.words) else None

    def next(self, expected=None):
        if self.at >= len(self.words) or expected and self.words[self.at] != expected:
            raise invalid("Invalid ConditionExpression: Syntax error")
        self.at += 1
        return self.words[self.at - 1]

    def either(self):
        result = self.both()
        while self.peek() == "OR":
            self.next()
            result = self.both() or result
        return result

    def both(self):
        result = self.negated()
        while self.peek() == "AND":
            self.next()
            result = self.negated() and result
        return result

    def negated(self):
        if self.peek() == "NOT":
            self.next()
            return not self.negated()
        if self.peek() == "(":
            self.next()
            result = self.either()
            self.next(")")
            return result
        return self.test()

    def name(self, word):
        return attribute(word, self.names, "Condition")

    def operand(self):
        word = self.next()
        if word.startswith(":"):
            if word not in self.values:
                raise invalid("An expression attribute value used in expression is not defined; "
                              f"attribute value: {word}")
            return self.values[word]
        if word.lower() == "size" and self.peek() == "(":
            self.next("(")
            value = self.operand()
            self.next(")")
            return value and {"N": str(len(next(iter(value.values()))))}
        return self.item.get(self.name(word))

    def function(self, name):
        self.next("(")
        first = self.operand()
        if name == "contains":
            self.next(",")
            second = self.operand()
            result = bool(first and second) and contains(first, second)
        else:
            result = (first is not None) == (name == "attribute_exists")
        self.next(")")
        return result

    def test(self):
        name = self.peek().lower() if self.peek() else ""
        if name in ("attribute_exists", "attribute_not_exists", "contains"):
            self.next()
            return self.function(name)
        left, sign, right = comparable(self.operand()), self.next(), comparable(self.operand())
        if sign in ("=", "<>"):
            return (left == right and left is not None) == (sign == "=")
        if left is None or right is None or left[0] != right[0]:
            return False
        return {"<": left[1] < right[1], ">": left[1] > right[1], "<=": left[1] <= right[1],
                ">=": left[1] >= right[1]}[sign]


def contains(whole, part):
    kind, raw = next(iter(whole.items()))
    if kind == "S":
        return "S" in part and part["S"] in raw
    if kind in ("NS", "SS", "BS"):
        part_kind, one = next(iter(part.items()))
        return part_kind == kind[0] and comparable({kind: [one]})[1] <= comparable(whole)[1]
    return kind == "L" and part in raw


def merge(item, name, value, adds):
    kind, raw = next(iter(value.items()))
    old = item.get(name)
    if old and kind not in old:
        raise invalid("An operand in the update expression has an incorrect data type")
    if kind == "N" and adds:
        item[name] = {"N": str(Decimal((old or {"N": "0"})["N"]) + Decimal(raw))}
        return
    if kind not in ("NS", "SS", "BS"):
        raise invalid("Invalid UpdateExpression: Incorrect operand type for operator or function")
    left = list((old or {kind: []})[kind])
    left = left + [each for each in raw if each not in left] if adds \
        else [each for each in left if each not in raw]
    item[name] = {kind: left}
    if not left:
        del item[name]


def apply(item, verb, part, names, values):
    words = part.replace("=", " ").split()
    name = attribute(words[0], names, "Update")
    if verb == "REMOVE":
        item.pop(name, None)
    elif len(words) != 2 or words[1] not in values:
        raise invalid(f"Invalid UpdateExpression: Syntax error; near: {part!r}")
    elif verb == "SET":
        item[name] = values[words[1]]
    else:
        merge(item, name, values[words[1]], verb == "ADD")
    return name


def change(item, text, names, values):
    """Applies an update expression; returns the names of changed attributes."""
    pieces, changed = CLAUSE.split(text), []
    for verb, parts in zip(pieces[1::2], pieces[2::2]):
        for part in parts.split(","):
            changed.append(apply(item, verb.upper(), part, names, values))
    return changed
