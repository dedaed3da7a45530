#!/usr/bin/env python3
"""An app that takes an order: the row and its message are one transaction of one SQLite file."""
import sqlite3
import sys


def take_order(app, order, amount):
    with app:  # commits at the end, or rolls back
        app.execute("INSERT INTO watchbot_outbox (body) VALUES (?)", (f"{order} {amount}",))
        app.execute("INSERT INTO orders (id, amount) VALUES (?, ?)", (order, amount))


def main():
    app = sqlite3.connect("app.db", timeout=10)
    app.execute("CREATE TABLE IF NOT EXISTS orders (id PRIMARY KEY, amount CHECK (amount > 0))")
    try:
        take_order(app, sys.argv[1], int(sys.argv[2]))
    except sqlite3.IntegrityError as error:
        sys.exit(f"the order is not taken: {error}")
    finally:
        app.close()


if __name__ == "__main__":
    main()
