"""One container of an ECS task: a process of this machine, in a new session.

Unlike in a container, a process that does not handle SIGTERM ends by it, and it sees this machine's
files.
"""

import os
import signal
import subprocess
import sys
import threading

# Ends the remaining processes when this program has ended, even if it was killed: then its standard
# input ends.
GUARD = """
import os, sys
left = set()
for line in sys.stdin:
    (left.add if line[0] == "+" else left.discard)(int(line[1:]))
for pid in left:
    try: os.killpg(pid, 9)
    except ProcessLookupError: pass
"""


class Guard:
    """Started with the first task, because most users of this server have none."""

    def __init__(self):
        self.lock, self.child = threading.Lock(), None

    def tell(self, line):
        with self.lock:
            if not self.child:
                self.child = subprocess.Popen([sys.executable, "-c", GUARD], text=True,
                                              stdin=subprocess.PIPE, start_new_session=True)
            if not self.child.stdin.closed:
                print(line, file=self.child.stdin, flush=True)

    def close(self):
        with self.lock:
            if self.child:
                self.child.stdin.close()
                self.child.wait()


guard = Guard()


class Container:
    def __init__(self, task, definition, override):
        self.task, self.definition, self.override = task, definition, override
        self.name, self.image = definition["name"], definition.get("image", "")
        self.is_essential = definition.get("essential") is not False
        self.status, self.process, self.exit_code, self.reason = "PENDING", None, None, None
        self.ended, self.lock, self.is_reaped = threading.Event(), threading.RLock(), False

    def argv(self):
        command = self.override.get("command") or self.definition.get("command") or []
        return [*(self.definition.get("entryPoint") or []), *command]

    def environment(self):
        variables = {"PATH": os.environ["PATH"], "HOME": "/"}
        for source in (self.definition, self.override):
            variables.update((each["name"], each["value"])
                             for each in source.get("environment") or [])
        return variables

    def start(self):
        self.process = subprocess.Popen(
            self.argv(), env=self.environment(), cwd=self.definition.get("workingDirectory"),
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        guard.tell(f"+{self.process.pid}")
        self.status = "RUNNING"
        reader = threading.Thread(target=self.read, daemon=True)
        reader.start()
        threading.Thread(target=self.follow, args=[reader], daemon=True).start()

    # A task that has stopped is remembered for an hour, its pipe is not.
    def read(self):
        with self.process.stdout as lines:
            for line in lines:
                self.task.log(self, line.decode(errors="replace").rstrip("\n"))

    # Remaining processes end with the first one. Only this thread may reap it (Popen.kill
    # would): until then its id and its group's are its own.
    def follow(self, reader):
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        with self.lock:
            self.signal(signal.SIGKILL, os.killpg)
            code = self.process.wait()
            self.is_reaped = True
        guard.tell(f"-{self.process.pid}")
        reader.join(5)
        self.exit_code, self.status = code if code >= 0 else 128 - code, "STOPPED"
        self.ended.set()
        self.task.wake.set()

    def signal(self, number, send=os.kill):
        with self.lock:
            if self.process and not self.is_reaped:
                send(self.process.pid, number)

    def await_end(self, patience):
        if self.process and not self.ended.wait(patience):
            self.signal(signal.SIGKILL)
            self.ended.wait()

    def described(self):
        return {
            "containerArn": self.task.arn.replace(":task/", ":container/") + "/" + self.name,
            "taskArn": self.task.arn, "name": self.name, "image": self.image,
            "lastStatus": self.status, "networkInterfaces": [], "healthStatus": "UNKNOWN",
            "exitCode": self.exit_code, "reason": self.reason,
        }
