"""A small HTTP/1.1 server for spec/http_spec.lua, with the faults that a client must cope with.

    python3 http_server.py ADDRESS [CERTIFICATE KEY]

Listens on a port of the system's choice, and prints it. Ends when its standard input does, so it
never outlives the spec that started it. Is a proxy too: it answers requests for whole URLs itself,
and CONNECT with a tunnel to that port here.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import sys

connections = 0  # since the last /count/reset
open_now = 0
closed = 0  # by the server, since the last /count/reset
waiting = 0  # requests for /never whose client has not gone
requests = []  # since the last /count/reset


def response(body=b"", status="200 OK", headers=()):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Close(Exception):
    """Ends the connection."""


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = [line.split(":", 1) for line in lines]
    if target.startswith("/read-slowly"):
        await asyncio.sleep(0.3)
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    return method, target, headers, await reader.readexactly(length)


async def read_slowly(writer, method, target, headers, body):
    writer.write(response(str(len(body)).encode()))


async def echo(writer, method, target, headers, body):
    told = {
        "method": method,
        "target": target,
        "headers": [f"{name}:{value}" for name, value in headers],
    }
    writer.write(response(json.dumps(told).encode() + b"\n" + body))


async def count(writer, method, target, *_):
    global connections, closed
    told = {
        "connections": connections,
        "open": open_now,
        "closed": closed,
        "waiting": waiting,
        "requests": requests[:-1],
    }
    writer.write(response(json.dumps(told).encode()))
    if target.endswith("/reset"):
        connections = closed = 0
        requests.clear()


async def status(writer, method, target, *_):
    writer.write(
        response(
            b"status",
            target.split("/")[2] + " Told",
            ["Location: /elsewhere", "X-Twice: a", "x-twice:  b "],
        )
    )


async def slow(writer, *_):
    await asyncio.sleep(0.3)
    writer.write(response(b"slow"))


async def dripping(writer, *_):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


async def never(writer, *_):
    global waiting
    waiting += 1
    await writer.reader.read(1)
    waiting -= 1


async def chunked(writer, *_):
    writer.write(b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    await writer.drain()
    writer.write(b"4\r\n\0two\r\n0\r\nX-Trailer: late\r\n\r\n")


async def truncated(writer, *_):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    raise Close


async def truncated_chunked(writer, *_):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf")
    raise Close


async def truncated_headers(writer, *_):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    raise Close


async def only_continue(writer, *_):
    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    raise Close


async def until_closed(writer, *_):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    raise Close


async def huge(writer, *_):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    while not writer.is_closing():
        writer.write(bytes(65536))
        await writer.drain()
        await asyncio.sleep(0)


async def huge_headers(writer, *_):
    headers = [f"X-{number}: " + "x" * 1000 for number in range(1000)]
    writer.write(response(headers=headers))


async def garbage(writer, *_):
    writer.write(b"\x16\x03\x01 this is no HTTP at all\r\n\r\n")
    raise Close


async def nothing(*_):
    raise Close


async def reset(writer, *_):
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()
    raise Close


async def closing(writer, *_):
    """Answers as if the connection stayed open, then closes it."""
    writer.write(response(b"closing"))
    raise Close


async def once(writer, *_):
    """Answers; the next request on this connection is read, and gets no answer."""
    writer.write(response(b"once"))
    writer.last_answer = True


async def empty(writer, *_):
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


paths = {
    name.replace("_", "-"): function
    for name, function in list(globals().items())
    if asyncio.iscoroutinefunction(function)
}


async def serve_one(reader, writer):
    method, target, headers, body = await read_request(reader)
    requests.append(f"{method} {target}")
    if getattr(writer, "last_answer", False):
        raise Close
    path = target.split("://", 1)[-1].split("/", 1)[-1].split("?")[0]
    function = paths.get(path.split("/")[0])
    if method == "CONNECT":
        await tunnel(reader, writer, int(target.rsplit(":", 1)[1]))
    elif function:
        await function(writer, method, target, headers, body)
    else:
        await echo(writer, method, target, headers, body)
    await writer.drain()


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def tunnel(reader, writer, port):
    if port == 407:  # as a proxy that asks for a password
        writer.write(
            response(b"", "407 Proxy Authentication Required", ["Proxy-Authenticate: Basic"])
        )
        return
    try:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.write(response(b"", "502 Bad Gateway"))
        return
    writer.write(b"HTTP/1.1 200 Connected\r\nX-Proxy: tunnel\r\n\r\n")
    await asyncio.gather(pump(reader, back_writer), pump(back_reader, writer))
    raise Close


async def serve(reader, writer):
    global connections, open_now, closed
    writer.reader = reader
    connections += 1
    open_now += 1
    try:
        while True:
            await serve_one(reader, writer)
    except Close:
        writer.close()
        closed += 1
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        writer.close()
    finally:
        open_now -= 1


async def main(address, certificate=None, key=None, clients=None):
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if clients:  # certificates of authorities, one of which must have signed the client's
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(serve, address, 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)  # whatever is still being served


asyncio.run(main(*sys.argv[1:]))
