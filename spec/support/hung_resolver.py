"""Runs a command where no name is ever resolved: the only name server takes every question and
answers none.

    unshare --mount --net python3 hung_resolver.py COMMAND ARGUMENTS...

Exits with the status of the command; 77 where this machine does not allow it.
"""

import fcntl
import socket
import struct
import subprocess
import sys
import tempfile

SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def serve_nothing():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(server, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    server.bind(("127.0.0.1", 53))
    return server


with tempfile.NamedTemporaryFile("w") as resolv:
    resolv.write("nameserver 127.0.0.1\n")
    resolv.flush()
    try:
        server = serve_nothing()
        subprocess.run(["mount", "--bind", resolv.name, "/etc/resolv.conf"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        sys.exit(77)
    sys.exit(subprocess.run(sys.argv[1:]).returncode)
