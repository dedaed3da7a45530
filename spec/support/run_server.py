"""Runs a server that knows nothing of specs, as spec/support/server.lua wants it.

    python3 run_server.py PROGRAM ARGUMENTS...

Prints the port that the server tells of ("http://127.0.0.1:PORT"), swallows whatever else it says,
and ends it when the standard input ends.
"""

import re
import subprocess
import sys
import threading


def read_output(output):
    said = []
    for line in output:
        said.append(line)
        if match := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            print(match[1], flush=True)
            break
    else:
        sys.stderr.writelines(said)  # it did not come up: say why
        print(flush=True)
    for line in output:
        pass


with subprocess.Popen(
    sys.argv[1:],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    stdin=subprocess.DEVNULL,
    text=True,
) as child:
    reader = threading.Thread(target=read_output, args=[child.stdout], daemon=True)
    reader.start()
    sys.stdin.buffer.read()
    child.terminate()
