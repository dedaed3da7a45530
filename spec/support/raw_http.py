"""Speaks to an HTTP server byte by byte, as no HTTP library would.

raw_http.py PORT|PATH: reads a JSON list of cases from standard input, each a list of steps: text to
send (latin-1), ["pause", seconds], ["close"] (this side), ["reset"], ["read", count] (until so many
bytes have come). Prints a JSON list of what came back until the server closed, latin-1.
"""
import json
import socket
import struct
import sys
import time


def connect(where):
    if where.isdigit():
        return socket.create_connection(("127.0.0.1", int(where)), timeout=60)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(where)
    return connection


def read(connection, count):
    got = b""
    while len(got) < count:
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            break
        if not piece:
            break
        got += piece
    return got


def send(connection, text):
    try:
        connection.sendall(text.encode("latin-1"))
    except ConnectionError:
        pass  # the server has closed already; what it said is read below


def step(connection, what):
    if isinstance(what, str):
        send(connection, what)
        return b""
    if what[0] == "pause":
        time.sleep(what[1])
    elif what[0] == "close":
        connection.shutdown(socket.SHUT_WR)
    elif what[0] == "read":
        return read(connection, what[1])
    elif what[0] == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    return b""


def run(where, case):
    got = b""
    with connect(where) as connection:
        if where.isdigit():
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for what in case:
            got += step(connection, what)
        if connection.fileno() >= 0:
            got += read(connection, 1 << 62)
    return got.decode("latin-1")


def main():
    cases = json.load(sys.stdin)
    json.dump([run(sys.argv[1], case) for case in cases], sys.stdout)


main()
