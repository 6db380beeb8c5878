"""A pod's status from what its containers are doing. Pure: facts in, dicts out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from netlab.store import clock

_LOST = {"exitCode": 255, "reason": "Unknown"}  # as containerd reports a container that a reboot took


@dataclass
class ContainerRecord:
    """What the kubelet remembers of one container over all its runs."""

    name: str
    image: str
    state: dict = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: dict = field(default_factory=dict)
    restarts: int = 0
    started: bool = False
    ready: bool = False
    container_id: str = ""
    image_reference: str = ""
    sidecar: bool = False  # an init container that is kept running beside the others

    @property
    def terminated(self) -> dict | None:
        return self.state.get("terminated")

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def has_done_its_part(self) -> bool:
        """Of an init container: the next one may begin."""
        if self.sidecar:
            return self.started
        return bool(self.terminated) and self.terminated["exitCode"] == 0

    def wait(self, reason: str, message: str = "") -> None:
        self.state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        self.ready = self.started = False

    def run(self, container_id: str, started_at: float) -> None:
        self.container_id = f"containerd://{container_id}"
        self.state = {"running": {"startedAt": stamp(started_at)}}

    def end(self, code: int, started_at: float, finished_at: float, message: str = "") -> None:
        ended = {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "startedAt": stamp(started_at),
            "finishedAt": stamp(finished_at),
            "containerID": self.container_id,
        }
        self.state = {"terminated": {**ended, **({"message": message} if message else {})}}
        self.ready = self.started = False

    def end_unstarted(self, reason: str, message: str) -> None:
        """The runtime could not start it: exit code 128, as containerd reports."""
        self.end(128, 0, 0, message)
        self.state["terminated"]["reason"] = reason

    def begin_again(self) -> None:
        """The current end becomes the last one, and a new run is counted."""
        self.last_state = self.state
        self.restarts += 1

    def as_status(self) -> dict:
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image_reference,
            "state": self.state,
            "lastState": self.last_state,
            "restartCount": self.restarts,
            "ready": self.ready,
            "started": self.started,
            "containerID": self.container_id,
        }


def stamp(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None


@dataclass
class PodFacts:
    init: list[ContainerRecord]
    main: list[ContainerRecord]
    restart_policy: str
    host_ip: str
    ephemeral: list[ContainerRecord] = field(default_factory=list)
    pod_ip: str = ""
    host_network: bool = False
    started: str = ""
    sandbox_ready: bool = False
    gates: list[str] = field(default_factory=list)  # conditions that somebody else writes, for readiness
    failure: tuple[str, str] = ("", "")  # reason and message of a pod that the node itself has ended

    @property
    def initialized(self) -> bool:
        """Once a main container has begun, a sidecar that begins anew changes nothing of it."""
        begun = any(record.running or record.terminated or record.last_state for record in self.main)
        return begun or all(record.has_done_its_part for record in self.init)

    @property
    def lasting(self) -> list[ContainerRecord]:
        """Those that must be ready for the pod to be."""
        return [*self.main, *(record for record in self.init if record.sidecar)]

    @property
    def all_ready(self) -> bool:
        return self.initialized and all(record.ready for record in self.lasting)


def resume(facts: PodFacts, status: dict) -> None:
    """The node has been off meanwhile: what ran there before counts as runs that ended without a word."""
    known = {one["name"]: one for one in status.get("containerStatuses") or []}
    for record in facts.main:
        before = known.get(record.name)
        if before and before.get("containerID"):
            ran = before["state"].get("running") or before["state"].get("terminated") or {}
            record.restarts = before["restartCount"] + 1
            record.last_state = {"terminated": {**_LOST, **ran, "containerID": before["containerID"]}}


def phase(facts: PodFacts) -> str:
    if facts.failure[0]:
        return "Failed"
    if not facts.initialized:
        given_up = facts.restart_policy == "Never" and any(
            record.terminated and record.terminated["exitCode"] and not record.sidecar
            for record in facts.init
        )
        return "Failed" if given_up else "Pending"
    if any(not record.running and not record.terminated and not record.last_state for record in facts.main):
        return "Pending"
    codes = [record.terminated["exitCode"] for record in facts.main if record.terminated]
    if len(codes) < len(facts.main) or facts.restart_policy == "Always":
        return "Running"
    if not any(codes):
        return "Succeeded"
    return "Failed" if facts.restart_policy == "Never" else "Running"


def write_into(status: dict, facts: PodFacts) -> None:
    """Bring a pod's `status` up to date; times of conditions that did not change stay."""
    status["phase"] = phase(facts)
    if facts.failure[0]:
        status["reason"], status["message"] = facts.failure
    status["hostIP"], status["hostIPs"] = facts.host_ip, [{"ip": facts.host_ip}]
    if facts.pod_ip:
        status["podIP"], status["podIPs"] = facts.pod_ip, [{"ip": facts.pod_ip}]
    status.setdefault("startTime", facts.started)
    status["conditions"] = _conditions(status, facts)
    if facts.init:
        status["initContainerStatuses"] = [record.as_status() for record in facts.init]
    status["containerStatuses"] = [record.as_status() for record in facts.main]
    if facts.ephemeral:
        status["ephemeralContainerStatuses"] = [record.as_status() for record in facts.ephemeral]


def _conditions(status: dict, facts: PodFacts) -> list[dict]:
    known = {condition["type"]: condition for condition in status.get("conditions") or []}
    finished = status["phase"] in ("Succeeded", "Failed")
    unready = "PodCompleted" if status["phase"] == "Succeeded" else "ContainersNotReady"
    names = [record.name for record in facts.lasting if not record.ready]
    message = f"containers with unready status: [{' '.join(names)}]"
    all_ready = facts.all_ready and not finished
    containers = (all_ready, unready, message)
    shut = [gate for gate in facts.gates if known.get(gate, {}).get("status") != "True"]
    told = f'the status of pod readiness gates [{" ".join(shut)}] is not "True"'
    unfinished = " ".join(record.name for record in facts.init if not record.has_done_its_part)
    wanted = {
        "PodReadyToStartContainers": (facts.sandbox_ready, "", ""),
        "Initialized": (
            facts.initialized,
            "ContainersNotInitialized",
            f"containers with incomplete status: [{unfinished}]",
        ),
        "Ready": (False, "ReadinessGatesNotReady", told) if all_ready and shut else containers,
        "ContainersReady": containers,
        "PodScheduled": (True, "", ""),
    }
    own = [_condition(known.get(kind), kind, *value) for kind, value in wanted.items()]
    return own + [condition for kind, condition in known.items() if kind not in wanted]


def _condition(known: dict | None, kind: str, true: bool, reason: str, message: str) -> dict:
    value = "True" if true else "False"
    since = known["lastTransitionTime"] if known and known["status"] == value else clock.now()
    condition = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": since}
    if not true and reason:
        condition |= {"reason": reason, "message": message}
    return condition
