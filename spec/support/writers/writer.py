"""Sends rows through the outbox of a queue file, each in a transaction, and prints the number of
each one that is committed: writer.py FILE GROUP FIRST LAST. Python's standard library."""
import sqlite3
import sys

path, group, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
connection = sqlite3.connect(path, timeout=60, isolation_level=None)
for number in range(first, last + 1):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO outbox (body, fifo_group, deduplication_id) VALUES (?, ?, ?)",
        (f"{group} {number}", group, f"{group}-{number}"))
    if number % 7 == 0:  # its own transaction takes it back, and sends it again
        connection.execute("ROLLBACK")
        connection.execute(
            "INSERT INTO outbox (body, fifo_group, deduplication_id) VALUES (?, ?, ?)",
            (f"{group} {number}", group, f"{group}-{number}"))
    else:
        connection.execute("COMMIT")
    print(number, flush=True)
