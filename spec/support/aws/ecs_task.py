"""An ECS task that really runs: its states, and its end."""

import hashlib
import signal
import threading
import time
import uuid

import events
import logs
from ecs_container import Container
from knobs import knobs

lock = threading.RLock()
NO_GROUP = ("ResourceInitializationError: failed to validate logger args: create stream has been "
            "retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: "
            "The specified log group does not exist. : exit status 1")
NO_IMAGE = ("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to "
            "resolve ref {}: not found")


def instance(cluster_arn):
    identity = hashlib.md5(cluster_arn.encode()).hexdigest()
    return f"{cluster_arn.replace(':cluster/', ':container-instance/')}/{identity}"


class Task:
    def __init__(self, region, cluster_arn, definition, asked):
        self.region, self.cluster_arn, self.asked = region, cluster_arn, asked
        self.definition = definition
        self.arn = f"{cluster_arn.replace(':cluster/', ':task/')}/{uuid.uuid4().hex}"
        overrides = {each["name"]: each for each in
                     (asked.get("overrides") or {}).get("containerOverrides") or []}
        self.containers = [Container(self, each, overrides.get(each["name"], {}))
                           for each in definition["containerDefinitions"]]
        self.status, self.desired, self.version = "PROVISIONING", "RUNNING", 1
        self.stop_code = self.stopped_reason = None
        self.times = {"createdAt": time.time()}
        self.is_lost = self.is_cut = False
        self.wake, self.stopping = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.live, daemon=True)

    # A stopped task is shown for an hour.
    def is_shown(self):
        age = time.time() - self.times.get("stoppedAt", time.time())
        return not self.is_lost and age <= knobs["stopped_for"]

    def change(self, status, *times):
        with lock:
            self.status = status
            self.version += 1
            self.times.update({name: time.time() for name in times})
        self.report()

    def report(self):
        if not self.is_lost:
            events.publish(self, self.region, lock)

    def live(self):
        self.report()
        self.stopping.wait(knobs["start_delay"] / 2)
        self.change("PENDING", "pullStartedAt")
        if knobs.take("pending"):
            self.stopping.wait()
        self.stopping.wait(knobs["start_delay"] / 2)
        if not self.stopping.is_set() and self.start():
            self.run()
        self.end()

    def start(self):
        failure = self.image_failure() or self.log_failure() or (
            knobs.take("fail_starts") and knobs["start_failure"])
        if failure:
            return self.fail(failure)
        try:
            for container in self.containers:
                container.start()
        except (OSError, ValueError) as problem:  # no such program, too big, NUL in it
            return self.fail("CannotStartContainerError: Error response from daemon: "
                             f"{problem}", container)
        return True

    def image_failure(self):
        for container in self.containers:
            if "missing" in container.image:
                return NO_IMAGE.format(container.image)
        return None

    def log_failure(self):
        for container in self.containers:
            options = self.log_options(container)
            if options and not logs.exists(self.region, options["awslogs-group"]):
                if options.get("awslogs-create-group") != "true":
                    return NO_GROUP
        return None

    @staticmethod
    def log_options(container):
        configuration = container.definition.get("logConfiguration") or {}
        return configuration["options"] if configuration.get("logDriver") == "awslogs" else None

    def log(self, container, line):
        options = self.log_options(container)
        if options:
            prefix, identity = options.get("awslogs-stream-prefix", "ecs"), self.arn.split("/")[-1]
            logs.append(self.region, options["awslogs-group"],
                        f"{prefix}/{container.name}/{identity}", line)

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
        """Stops it; only the first reason counts."""
        with lock:
            if self.desired == "STOPPED":
                return
            self.desired, self.stop_code, self.stopped_reason = "STOPPED", code, reason
        self.stopping.set()
        self.wake.set()

    def cut(self, code, reason):
        """As if its machine had failed: the exit codes of its processes are unknown."""
        self.is_cut = True
        self.stop(code, reason)

    def lose(self):
        """As if it had never existed, although its message was received."""
        self.is_lost = True
        self.cut("InfrastructureHealth", "lost")

    def end(self):
        self.change(self.status, "stoppingAt")
        for container in self.containers:
            container.signal(signal.SIGTERM)
        for container in self.containers:
            patience = 0 if self.is_cut else container.definition.get("stopTimeout") or 30
            container.await_end(patience)
            container.status = "STOPPED"
            if self.is_cut:
                container.exit_code = None
        self.change("DEPROVISIONING", "executionStoppedAt")
        time.sleep(0 if self.is_lost else knobs["stop_delay"])
        self.change("STOPPED", "stoppedAt")

    def described(self):
        """In the form of DescribeTasks, with times as numbers."""
        asked, definition, is_fargate = self.asked, self.definition, self.is_fargate()
        overrides = [{"name": each.name, **each.override} for each in self.containers]
        return {
            "taskArn": self.arn, "clusterArn": self.cluster_arn,
            "taskDefinitionArn": definition["taskDefinitionArn"],
            "lastStatus": self.status, "desiredStatus": self.desired, "version": self.version,
            "startedAt": None, "stoppedAt": None, **self.times, "stopCode": self.stop_code,
            "stoppedReason": self.stopped_reason, "startedBy": asked.get("startedBy"),
            "group": asked.get("group") or "family:" + definition["family"],
            "launchType": "FARGATE" if is_fargate else "EC2",
            "cpu": definition.get("cpu") or "128", "memory": definition.get("memory") or "128",
            "availabilityZone": self.region + "a",
            "platformVersion": "1.4.0" if is_fargate else None,
            "containerInstanceArn": None if is_fargate else instance(self.cluster_arn),
            "capacityProviderName": (self.providers() or [None])[0],
            "overrides": {**(asked.get("overrides") or {}), "containerOverrides": overrides},
            "containers": [each.described() for each in self.containers],
            "attachments": [], "attributes": [], "connectivity": "CONNECTED",
            "enableExecuteCommand": asked.get("enableExecuteCommand") or False,
        }

    def providers(self):
        return [each["capacityProvider"]
                for each in self.asked.get("capacityProviderStrategy") or []]

    def is_fargate(self):
        return self.asked.get("launchType") == "FARGATE" or any(
            each.startswith("FARGATE") for each in self.providers())
