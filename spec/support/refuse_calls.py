"""Runs a program whose kernel refuses system calls: refuse_calls.py CALL PROGRAM [ARGUMENT...].

close_range: ENOSYS, as Linux before 5.9. clone: EINVAL without an exit signal or with CLONE_PIDFD,
as qemu-user, which emulates a process of another architecture. It is a filter of seccomp(2).
"""
import ctypes
import errno
import os
import platform
import struct
import sys

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
CLONE_PIDFD, CLONE_THREAD = 0x1000, 0x10000
CALLS = {"clone": {"x86_64": 56, "aarch64": 220}[platform.machine()], "close_range": 436}


def no_call():
    return [(RETURN, 0, 0, REFUSE | errno.ENOSYS)]


def no_quiet_clone():
    return [
        (LOAD, 0, 0, 16),
        (ANY_BIT, 3, 0, CLONE_THREAD),
        (ANY_BIT, 1, 0, CLONE_PIDFD),
        (ANY_BIT, 1, 0, 0xFF),
        (RETURN, 0, 0, REFUSE | errno.EINVAL),
        (RETURN, 0, 0, ALLOW),
    ]


def install(call):
    body = {"clone": no_quiet_clone, "close_range": no_call}[call]()
    program = [(LOAD, 0, 0, 0), (EQUAL, 0, len(body), CALLS[call]), *body, (RETURN, 0, 0, ALLOW)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    filters = ctypes.create_string_buffer(code, len(code))
    description = struct.pack("HxxxxxxP", len(program), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, description, 0, 0):
        sys.exit(f"refuse_calls: {os.strerror(ctypes.get_errno())}")


install(sys.argv[1])
os.execvp(sys.argv[2], sys.argv[2:])
