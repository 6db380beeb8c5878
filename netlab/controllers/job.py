"""Jobs: pods that end, run until enough of them have succeeded or too many have failed.

Each pod carries a finalizer until its outcome is counted in the Job's status, so that no end is missed or
counted twice, even when somebody deletes the pod. After a failure the next pod waits, longer each time.
"""

from collections.abc import Iterable

from netlab.store import (
    Event,
    clock,
    clone,
    controller_of,
    events,
    has_ended,
    is_controlled_by,
    is_deleting,
    key_of,
)

from . import podset
from .manager import Key, StoreController

RESOURCE = "jobs.batch"
FINALIZER = "batch.kubernetes.io/job-tracking"
_COMPONENT = "job-controller"
_FIRST_PAUSE, _LAST_PAUSE = 10, 600


class JobController(StoreController):
    name = "job"

    def concerned(self, event: Event) -> Iterable[Key]:
        return podset.owner_concerned(event, RESOURCE, "Job")

    def sync(self, key: Key) -> float | None:
        job = self._store.find(RESOURCE, *key)
        pods = self._pods(key)
        if job is None or is_deleting(job) or is_finished(job):
            self._release(pods)
            return self._tend_finished(job) if job else None
        self._count(job, [pod for pod in pods if is_controlled_by(pod, job)])
        return self._advance(self._store.get(RESOURCE, *key))

    def _pods(self, key: Key) -> list[dict]:
        """All pods that name the Job as their controller, also those of an earlier Job of that name."""
        found = []
        for pod in self._store.list("pods", key[0]):
            owner = controller_of(pod)
            if owner and (owner["kind"], owner["name"]) == ("Job", key[1]):
                found.append(pod)
        return found

    def _tend_finished(self, job: dict) -> float | None:
        """Delete it when its time is over; else the seconds until then."""
        patience = job["spec"].get("ttlSecondsAfterFinished")
        if patience is None or is_deleting(job):
            return None
        left = patience - clock.seconds_since(condition_of(job)["lastTransitionTime"])
        if left <= 0:
            self._store.delete(RESOURCE, *key_of(job))
            return None
        return left

    # --- counting

    def _count(self, job: dict, pods: list[dict]) -> None:
        ended = [pod for pod in pods if _is_tracked(pod) and _outcome(pod)]
        status = clone(job.get("status", {}))
        status.setdefault("startTime", clock.now())
        for pod in ended:
            status[_outcome(pod)] = status.get(_outcome(pod), 0) + 1
        podset.set_status(self._store, RESOURCE, job, status)
        self._release(ended)

    def _release(self, pods: list[dict]) -> None:
        for pod in filter(_is_tracked, pods):
            changed = clone(pod)
            changed["metadata"]["finalizers"].remove(FINALIZER)
            self._store.update("pods", changed)

    # --- deciding

    def _advance(self, job: dict) -> float | None:
        pods = [pod for pod in self._pods(key_of(job)) if is_controlled_by(pod, job)]
        active = [pod for pod in pods if podset.is_active(pod)]
        failure = _why_failed(job, active)
        if failure:
            return self._finish(job, active, "Failed", *failure)
        if _has_enough(job, active):
            return self._finish(
                job, active, "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
            )
        again = self._adjust(job, pods, active)
        self._report(job)
        deadline = job["spec"].get("activeDeadlineSeconds")
        left = deadline - clock.seconds_since(job["status"]["startTime"]) if deadline else None
        return min((wait for wait in (again, left) if wait is not None), default=None)

    def _adjust(self, job: dict, pods: list[dict], active: list[dict]) -> float | None:
        """Create what is missing, delete what is too much; seconds until a pod may be created again."""
        missing = _wanted(job, active) - len(active)
        for pod in active[: max(0, -missing)]:
            podset.delete(self._store, job, pod, component=_COMPONENT)
        pause = _pause(job, pods) if missing > 0 else 0
        if pause > 0:
            return pause
        for _ in range(missing):
            pod = podset.from_template(job)
            pod["metadata"]["finalizers"] = [*pod["metadata"].get("finalizers", []), FINALIZER]
            if podset.create(self._store, job, pod, component=_COMPONENT):
                return podset.RETRY_REFUSED
        return None

    def _finish(self, job: dict, active: list[dict], kind: str, reason: str, message: str) -> float | None:
        for pod in active:
            podset.delete(self._store, job, pod, component=_COMPONENT)
        now = clock.now()
        first = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind]
        seen = {"status": "True", "lastProbeTime": now, "lastTransitionTime": now}
        job = clone(job)
        job["status"]["conditions"] = [
            {"type": name, **seen, "reason": reason, "message": message} for name in (first, kind)
        ]
        if kind == "Complete":
            job["status"]["completionTime"] = now
            events.record(self._store, job, "Completed", "Job completed", component=_COMPONENT)
        else:
            events.record(self._store, job, reason, message, type="Warning", component=_COMPONENT)
        return self._tend_finished(self._report(job))

    def _report(self, job: dict) -> dict:
        pods = [pod for pod in self._pods(key_of(job)) if is_controlled_by(pod, job)]
        active = [pod for pod in pods if podset.is_active(pod)]
        status = {**job["status"], "ready": sum(map(podset.is_ready, active)), "uncountedTerminatedPods": {}}
        status["terminating"] = sum(is_deleting(pod) and not has_ended(pod) for pod in pods)
        status.pop("active", None)
        return podset.set_status(
            self._store, RESOURCE, job, {**status, **({"active": len(active)} if active else {})}
        )


def is_finished(job: dict) -> bool:
    return condition_of(job) is not None


def condition_of(job: dict) -> dict | None:
    """The condition that says how the Job ended."""
    conditions = job.get("status", {}).get("conditions", [])
    ends = (c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True")
    return next(ends, None)


def _is_tracked(pod: dict) -> bool:
    return FINALIZER in pod["metadata"].get("finalizers", [])


def _outcome(pod: dict) -> str | None:
    """A pod that is deleted before it ended counts as failed, and is replaced."""
    if pod.get("status", {}).get("phase") == "Succeeded":
        return "succeeded"
    return "failed" if has_ended(pod) or is_deleting(pod) else None


def _has_enough(job: dict, active: list[dict]) -> bool:
    succeeded, completions = job["status"].get("succeeded", 0), job["spec"].get("completions")
    return succeeded > 0 and not active if completions is None else succeeded >= completions


def _wanted(job: dict, active: list[dict]) -> int:
    succeeded, completions = job["status"].get("succeeded", 0), job["spec"].get("completions")
    if completions is None:  # a queue of work: when one has found it empty, nobody new begins
        return len(active) if succeeded else job["spec"]["parallelism"]
    return min(job["spec"]["parallelism"], completions - succeeded)


def _why_failed(job: dict, active: list[dict]) -> tuple[str, str] | None:
    spec, failed = job["spec"], job["status"].get("failed", 0)
    restarts = sum(_restarts(pod) for pod in active)
    if failed > spec["backoffLimit"] or restarts > spec["backoffLimit"]:
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline = spec.get("activeDeadlineSeconds")
    if deadline and clock.seconds_since(job["status"]["startTime"]) >= deadline:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    return None


def _restarts(pod: dict) -> int:
    return sum(status["restartCount"] for status in pod.get("status", {}).get("containerStatuses", []))


def _pause(job: dict, pods: list[dict]) -> float:
    """Seconds the next pod has to wait because of the last failure."""
    ends = [_ended_at(pod) for pod in pods if pod.get("status", {}).get("phase") == "Failed"]
    if not ends:
        return 0
    pause = min(_FIRST_PAUSE * 2 ** (job["status"].get("failed", 1) - 1), _LAST_PAUSE)
    return pause - clock.seconds_since(max(ends))


def _ended_at(pod: dict) -> str:
    states = [status.get("state", {}) for status in pod["status"].get("containerStatuses", [])]
    ends = [state["terminated"].get("finishedAt") for state in states if "terminated" in state]
    return max((end for end in ends if end), default=pod["metadata"]["creationTimestamp"])
