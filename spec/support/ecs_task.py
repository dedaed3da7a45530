"""An ECS task that really runs: each of its containers is a process here, in a session of its own.

Used by ecs_server.py, which is its `world`: that one tells how long things take and what fails, keeps the log lines, and
hears of each change. Unlike in a container, a process that does not care for SIGTERM dies of it, and it sees this machine's
files.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid

# Ends the processes that are left when this program is gone, also when it was killed: its standard input ends then.
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
    def __init__(self):
        self.lock = threading.Lock()
        self.child = subprocess.Popen([sys.executable, "-c", GUARD], stdin=subprocess.PIPE, text=True, start_new_session=True)

    def tell(self, line):
        with self.lock:
            if not self.child.stdin.closed:
                print(line, file=self.child.stdin, flush=True)

    def close(self):
        with self.lock:
            self.child.stdin.close()
            self.child.wait()


class Container:
    def __init__(self, task, definition, override):
        self.task, self.definition, self.override = task, definition, override
        self.name, self.image = definition["name"], definition.get("image", "")
        self.is_essential = definition.get("essential", True)
        self.status, self.process, self.exit_code, self.reason = "PENDING", None, None, None
        self.ended, self.lock, self.is_reaped = threading.Event(), threading.RLock(), False

    def argv(self):
        command = self.override.get("command") or self.definition.get("command") or []
        return [*(self.definition.get("entryPoint") or []), *command]

    def environment(self):
        variables = {"PATH": os.environ["PATH"], "HOME": "/"}
        for source in (self.definition, self.override):
            variables.update((each["name"], each["value"]) for each in source.get("environment") or [])
        return variables

    def start(self):
        self.process = subprocess.Popen(
            self.argv(), env=self.environment(), cwd=self.definition.get("workingDirectory"), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.task.world.guard.tell(f"+{self.process.pid}")
        self.status = "RUNNING"
        reader = threading.Thread(target=self.read, daemon=True)
        reader.start()
        threading.Thread(target=self.follow, args=[reader], daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.task.world.log(self, line.decode(errors="replace").rstrip("\n"))

    # What the first process leaves behind goes with it. Nobody but this thread may reap it (Popen.kill would): until then
    # its id and its group's are its own.
    def follow(self, reader):
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        with self.lock:
            self.signal(signal.SIGKILL, os.killpg)
            code = self.process.wait()
            self.is_reaped = True
        self.task.world.guard.tell(f"-{self.process.pid}")
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
        told = {
            "containerArn": self.task.arn.replace(":task/", ":container/") + "/" + self.name, "taskArn": self.task.arn,
            "name": self.name, "image": self.image, "lastStatus": self.status, "networkInterfaces": [],
            "healthStatus": "UNKNOWN", "exitCode": self.exit_code, "reason": self.reason,
        }
        return {name: value for name, value in told.items() if value is not None}


class Task:
    def __init__(self, world, region, cluster, definition, asked):
        self.world, self.region, self.cluster, self.definition, self.asked = world, region, cluster, definition, asked
        identity = uuid.uuid4().hex
        self.arn = f"{cluster.arn.replace(':cluster/', ':task/')}/{identity}"
        overrides = {each["name"]: each for each in (asked.get("overrides") or {}).get("containerOverrides") or []}
        self.containers = [Container(self, each, overrides.get(each["name"], {})) for each in definition.container_definitions]
        self.status, self.desired, self.version = "PROVISIONING", "RUNNING", 1
        self.stop_code = self.stopped_reason = None
        self.times = {"createdAt": time.time()}
        self.is_lost = self.is_cut = False
        self.wake, self.stopping = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.live, daemon=True)

    def change(self, status, *times):
        with self.world.lock:
            self.status = status
            self.version += 1
            self.times.update({name: time.time() for name in times})
        self.world.changed(self)

    def live(self):
        self.world.changed(self)
        self.stopping.wait(self.world.knobs["start_delay"] / 2)
        self.change("PENDING", "pullStartedAt")
        if self.world.take("pending"):
            self.stopping.wait()
        self.stopping.wait(self.world.knobs["start_delay"] / 2)
        if not self.stopping.is_set() and self.start():
            self.run()
        self.end()

    def start(self):
        failure = self.image_failure() or (self.world.take("fail_starts") and self.world.knobs["start_failure"])
        if failure:
            return self.fail(failure)
        try:
            for container in self.containers:
                container.start()
        except (OSError, ValueError) as problem:  # no such program, an environment that is too big, NUL in it
            return self.fail(f"CannotStartContainerError: Error response from daemon: {problem}", container)
        return True

    def image_failure(self):
        for container in self.containers:
            if "missing" in container.image:
                return (f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
                        f"{container.image}: not found")

    def fail(self, reason, container=None):
        (container or self.containers[0]).reason = reason
        self.stop("TaskFailedToStart", "Task failed to start")
        return False

    def run(self):
        self.change("RUNNING", "pullStoppedAt", "startedAt")
        while not self.stopping.is_set() and not self.has_finished():
            self.wake.wait()
            self.wake.clear()
        self.stop("EssentialContainerExited", "Essential container in task exited")

    def has_finished(self):
        return any(each.ended.is_set() for each in self.containers if each.is_essential)

    def stop(self, code, reason):
        """Asks it to end; only the first reason counts."""
        with self.world.lock:
            if self.desired == "STOPPED":
                return
            self.desired, self.stop_code, self.stopped_reason = "STOPPED", code, reason
        self.stopping.set()
        self.wake.set()

    def cut(self, code, reason):
        """As when the machine under it fails: nobody hears how its processes ended."""
        self.is_cut = True
        self.stop(code, reason)

    def lose(self):
        """As if it had never been, though its message has been taken."""
        self.is_lost = True
        self.cut("InfrastructureHealth", "lost")

    def end(self):
        self.change(self.status, "stoppingAt")
        for container in self.containers:
            container.signal(signal.SIGTERM)
        for container in self.containers:
            container.await_end(0 if self.is_cut else container.definition.get("stopTimeout") or 30)
            container.status = "STOPPED"
            if self.is_cut:
                container.exit_code = None
        self.change("DEPROVISIONING", "executionStoppedAt")
        time.sleep(0 if self.is_lost else self.world.knobs["stop_delay"])
        self.change("STOPPED", "stoppedAt")

    def described(self):
        """As DescribeTasks tells it, with the times as numbers."""
        asked, is_fargate = self.asked, self.is_fargate()
        overrides = {each.name: {"name": each.name, **each.override} for each in self.containers}
        told = {
            "taskArn": self.arn, "clusterArn": self.cluster.arn, "taskDefinitionArn": self.definition.arn,
            "lastStatus": self.status, "desiredStatus": self.desired, "version": self.version, **self.times,
            "stopCode": self.stop_code, "stoppedReason": self.stopped_reason, "startedBy": asked.get("startedBy"),
            "group": asked.get("group") or "family:" + self.definition.family,
            "launchType": "FARGATE" if is_fargate else "EC2", "cpu": self.definition.cpu or "128",
            "memory": self.definition.memory or "128", "availabilityZone": self.region + "a",
            "platformVersion": "1.4.0" if is_fargate else None,
            "containerInstanceArn": None if is_fargate else self.world.instance(self.cluster),
            "capacityProviderName": (self.providers() or [None])[0],
            "overrides": {**(asked.get("overrides") or {}), "containerOverrides": list(overrides.values())},
            "containers": [each.described() for each in self.containers], "attachments": [], "attributes": [],
            "connectivity": "CONNECTED", "enableExecuteCommand": asked.get("enableExecuteCommand", False),
        }
        return {name: value for name, value in told.items() if value is not None}

    def providers(self):
        return [each["capacityProvider"] for each in self.asked.get("capacityProviderStrategy") or []]

    def is_fargate(self):
        return self.asked.get("launchType") == "FARGATE" or any(each.startswith("FARGATE") for each in self.providers())
