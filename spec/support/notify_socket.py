"""A service manager's ear: notify_socket.py PATH LOG. Each datagram is appended to LOG, followed by
an empty line. Prints a port, as spec/support/server.lua wants it, and ends when its standard input
does."""
import os
import socket
import sys
import threading

ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind(sys.argv[1] if sys.argv[1][0] == "/" else "\0" + sys.argv[1][1:])


def listen():
    while True:
        text = ear.recv(65536)
        with open(sys.argv[2], "ab") as log:
            log.write(text + b"\n\n")


threading.Thread(target=listen, daemon=True).start()
print(1, flush=True)
while os.read(0, 4096):
    pass
