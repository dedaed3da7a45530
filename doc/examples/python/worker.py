#!/usr/bin/env python3
"""Checks one link. The message is in the environment; the exit code decides what happens to it.

Only the standard library is used. What is printed goes to the log, with the message's id.
"""

import os
import sys
import urllib.error
import urllib.request

COMPLETE, FAILED, REJECT, TEMPORARY = 0, 1, 3, 75


def check(url: str) -> int:
    if not url.startswith(("http://", "https://")):
        print(f"not a link: {url!r}", file=sys.stderr)
        return REJECT  # it would fail again: deleted, with a notification
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            print(f"{url} answers {response.status}")
            return COMPLETE
    except urllib.error.HTTPError as error:
        print(f"{url} answers {error.code}", file=sys.stderr)
        return TEMPORARY if error.code in (429, 503) else FAILED
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"{url} cannot be reached: {error}", file=sys.stderr)
        return FAILED  # tried again later, with a notification


def message() -> str:
    """The message's text; one that does not fit into a variable is in a file."""
    if path := os.environ.get("MessageFile"):
        with open(path, encoding="utf-8") as file:
            return file.read()
    return os.environ["Message"]


sys.exit(check(message().strip()))
