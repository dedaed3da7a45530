"""DNS and TLS's port for a network namespace of its own: name_server.py PORT.

Each name that is asked for gets an address 127.0.1.N; a connection to port 443 of that address goes
on to the proxy at PORT, as a CONNECT to that name. So a program reaches the specs' own AWS by host
name, without knowing of a proxy. Prints a port, and ends when its standard input does.
"""
import os
import socket
import sys
import threading

PROXY = int(sys.argv[1])
names = []


def address_of(name):
    if name not in names:
        names.append(name)
    return f"127.0.1.{names.index(name) + 1}"


def read_name(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), query[at + 1:at + 3], at + 5


def answer(query):
    name, kind, end = read_name(query)
    known = name.endswith(".amazonaws.com")
    head = query[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\1"
    if not known or kind != b"\0\1":
        return head + b"\0\0\0\0\0\0" + query[12:end]
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address_of(name))
    return head + b"\0\1\0\0\0\0" + query[12:end] + record


def serve_names(udp):
    while True:
        query, client = udp.recvfrom(4096)
        udp.sendto(answer(query), client)


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def forward(client):
    index = int(client.getsockname()[0].rsplit(".", 1)[1]) - 1
    proxy = socket.create_connection(("127.0.0.1", PROXY))
    host = f"{names[index]}:443"
    proxy.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += proxy.recv(1)
    threading.Thread(target=pump, args=(client, proxy), daemon=True).start()
    pump(proxy, client)


def accept(listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=forward, args=(client,), daemon=True).start()


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 53))
tls = socket.create_server(("0.0.0.0", 443))
for work in (lambda: serve_names(udp), lambda: accept(tls)):
    threading.Thread(target=work, daemon=True).start()
print(443, flush=True)
while os.read(0, 4096):
    pass
