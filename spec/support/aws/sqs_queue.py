"""SQS: one queue: which message a receive returns, and the validity of receipt handles."""

import base64
import hashlib
import heapq
import json
import threading
import time
from collections import deque

from common import Refused, arn, refuse, store
from knobs import knobs
from sqs_message import LONGEST, Message, check, invalid

DEDUPLICATION = 300
IN_FLIGHT, IN_FLIGHT_FIFO = 120000, 20000
DEFAULTS = {
    "VisibilityTimeout": "30", "MaximumMessageSize": str(LONGEST), "DelaySeconds": "0",
    "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
GONE = ("Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
        "available for visibility timeout change.")


def content_id(body):
    return hashlib.sha256(body.encode()).hexdigest()


def by_arn(name):
    parts = (name or "").split(":")
    return store("queues").get((parts[3], parts[5])) if len(parts) == 6 else None


class Queue:
    def __init__(self, region, name, attributes):
        self.region, self.name, self.arn = region, name, arn("sqs", region, name)
        self.is_fifo, self.attributes = name.endswith(".fifo"), {**DEFAULTS, **attributes}
        self.tags, self.created, self.purged = {}, int(time.time()), 0
        self.messages, self.ready, self.timed = {}, deque(), []
        self.tokens, self.attempts, self.sequence = {}, {}, 18850000000000000000
        self.lock = threading.Condition()
        self.is_deleted, self.in_flight = False, 0

    def number(self, name):
        return int(self.attributes[name])

    # Sending

    def check_fifo(self, sent):
        refuse(not sent.get("MessageGroupId"), "MissingParameter",
               "The request must contain the parameter MessageGroupId.")
        if sent.get("DelaySeconds"):
            raise invalid(f"Value {sent['DelaySeconds']} for parameter DelaySeconds is invalid. "
                          "Reason: The request include parameter that is not valid for this queue "
                          "type.")
        by_content = self.attributes.get("ContentBasedDeduplication") == "true"
        if not by_content and not sent.get("MessageDeduplicationId"):
            raise invalid("The queue should either have ContentBasedDeduplication enabled or "
                          "MessageDeduplicationId provided explicitly")

    def check(self, sent):
        check(sent, self.number("MaximumMessageSize"))
        if self.is_fifo:
            self.check_fifo(sent)
        elif sent.get("MessageDeduplicationId"):
            raise invalid(f"Value {sent['MessageDeduplicationId']} for parameter "
                          "MessageDeduplicationId is invalid. Reason: The request includes a "
                          "parameter that is not valid for this queue type.")
        if not 0 <= int(sent.get("DelaySeconds") or 0) <= 900:
            raise invalid(f"Value {sent['DelaySeconds']} for parameter DelaySeconds is invalid. "
                          "Reason: DelaySeconds must be >= 0 and <= 900.")

    def send(self, sent):
        self.check(sent)
        with self.lock:
            token = self.is_fifo and (sent.get("MessageDeduplicationId")
                                      or content_id(sent["MessageBody"]))
            at, known = self.tokens.get(token, (0, None))
            if known and time.time() - at < DEDUPLICATION:
                return known.answer()
            self.sequence += 256
            message = Message(sent, str(self.sequence) if self.is_fifo else None)
            if token:
                message.token = token
                self.tokens[token] = (time.time(), message)
            delay = sent.get("DelaySeconds")
            delay = self.number("DelaySeconds") if delay is None else int(delay)
            self.add(message, message.sent + delay)
            return message.answer()

    def add(self, message, at):
        with self.lock:
            self.messages[message.id] = message
            self.schedule(message, at)

    def schedule(self, message, at):
        message.visible_at = at
        if self.is_fifo:
            pass  # FIFO queues are read in their order
        elif at <= time.time():
            self.ready.append(message)
        else:
            heapq.heappush(self.timed, (at, id(message), message))
        self.lock.notify_all()

    # Receiving

    def wake(self, now):
        """Expired leases, and delays."""
        while self.timed and self.timed[0][0] <= now:
            at, _, message = heapq.heappop(self.timed)
            if message.visible_at == at and message.id in self.messages:
                self.release(message)
                self.ready.append(message)

    def release(self, message):
        if message.is_leased:
            message.is_leased = False
            self.in_flight -= 1

    def lapse(self, now):
        """Ends expired leases."""
        self.wake(now)
        for message in self.messages.values() if self.is_fifo else ():
            if message.visible_at <= now:
                self.release(message)

    def candidates(self, now):
        return self.unlocked(now) if self.is_fifo else self.take_ready(now)

    def take_ready(self, now):
        while self.ready:
            message = self.ready.popleft()
            if self.messages.get(message.id) is message and message.visible_at <= now \
                    and not message.is_leased:
                yield message

    # No message of a group is returned while an earlier one is hidden.
    def unlocked(self, now):
        locked = set()
        for message in list(self.messages.values()):
            if message.visible_at > now:
                locked.add(message.group)
            elif message.group not in locked:
                self.release(message)
                yield message

    def redrive(self):
        policy = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        dead = by_arn(policy.get("deadLetterTargetArn"))
        return dead, int(policy.get("maxReceiveCount", 0)) if dead else None

    def bury(self, message, dead):
        del self.messages[message.id]
        message.source = message.source or self.arn
        dead.add(message, 0)

    def lease(self, message, now, seconds):
        message.receives += 1
        message.first = message.first or now
        message.lease_start, message.is_leased = now, True
        self.in_flight += 1
        text = f"{self.region} {self.name} {message.id} {message.receives} {now}"
        message.receipt = base64.b64encode(text.encode()).decode()
        if seconds == 0:
            self.release(message)
        self.schedule(message, now + seconds)

    def room(self, is_short):
        """How many more may be in flight. Only a short poll of a standard queue is refused."""
        limit = knobs["in_flight"] or (IN_FLIGHT_FIFO if self.is_fifo else IN_FLIGHT)
        refuse(self.in_flight >= limit and is_short and not self.is_fifo, "OverLimit",
               "Too many messages in flight", 403)
        return limit - self.in_flight

    def take(self, most, seconds, is_short=False):
        """Up to `most` messages that are visible now; call with the lock held."""
        now, found = time.time(), []
        self.lapse(now)
        most = min(most, self.room(is_short))
        if most <= 0:
            return []
        dead, max_receives = self.redrive()
        for message in self.candidates(now):
            if max_receives and message.receives >= max_receives:
                self.bury(message, dead)
                continue
            found.append(message)
            if len(found) == most:
                break
        for message in found:
            self.lease(message, now, seconds)
        return found

    def repeat(self, token, seconds):
        """The messages that the same attempt has received before, while they are hidden."""
        at, known = self.attempts.get(token, (0, None))
        now = time.time()
        if not known or now - at > DEDUPLICATION or not all(
                self.messages.get(each.id) is each and each.receipt == receipt
                and each.visible_at > now for each, receipt in known):
            return None
        for each, _ in known:
            self.schedule(each, now + seconds)
        return [each for each, _ in known]

    def receive(self, most, seconds, wait, token, has_gone):
        until = time.monotonic() + wait
        with self.lock:
            while True:
                found = (token and self.repeat(token, seconds)
                         or self.take(most, seconds, wait == 0))
                left = until - time.monotonic()
                if found or left <= 0 or self.is_deleted:
                    if found and token:
                        self.attempts[token] = (time.time(), [(each, each.receipt)
                                                              for each in found])
                    return found
                self.lock.wait(max(0.001, min(left, self.pause())))
                if has_gone():
                    return None

    def pause(self):
        now = time.time()
        times = [each.visible_at for each in self.messages.values() if each.visible_at > now] \
            if self.is_fifo else [each[0] for each in self.timed[:1]]
        return min([0.25, *(max(0.001, at - now) for at in times)])

    # Receipts

    def find(self, receipt):
        try:
            region, name, identity, *_ = base64.b64decode(receipt or "", validate=True).decode() \
                .split(" ")
        except (ValueError, UnicodeDecodeError):
            region = name = identity = None
        if (region, name) != (self.region, self.name):
            raise Refused("ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not '
                          "a valid receipt handle.", 404)
        message = self.messages.get(identity)
        return message, bool(message) and message.receipt == receipt

    def delete(self, receipt):
        """A stale receipt succeeds and deletes nothing; in a FIFO queue an expired one fails."""
        with self.lock:
            message, is_newest = self.find(receipt)
            expired = message and (not is_newest or message.visible_at <= time.time())
            if self.is_fifo and expired:
                raise invalid(f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: "
                              "The receipt handle has expired.")
            if is_newest:
                self.release(message)
                del self.messages[message.id]
                self.lock.notify_all()

    def change(self, receipt, seconds):
        if not 0 <= seconds <= 43200:
            raise invalid(f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: "
                          "VisibilityTimeout must be an integer between 0 and 43200.")
        with self.lock:
            message, is_newest = self.find(receipt)
            now = time.time()
            if not is_newest:
                raise invalid(GONE.format(receipt))
            refuse(message.visible_at <= now, "MessageNotInflight", "The message referred to isn't "
                   "in flight.")
            if now + seconds - message.lease_start > knobs["lease_max"]:
                raise invalid(f"Value {seconds} for parameter VisibilityTimeout is invalid. "
                              "Reason: Total VisibilityTimeout for the message is beyond the limit "
                              "[43200 seconds].")
            if seconds == 0:
                self.release(message)
            self.schedule(message, now + seconds)

    def counts(self):
        with self.lock:
            now = time.time()
            hidden = [each for each in self.messages.values() if each.visible_at > now]
            flying = sum(each.is_leased for each in hidden)
            return len(self.messages) - len(hidden), flying, len(hidden) - flying
