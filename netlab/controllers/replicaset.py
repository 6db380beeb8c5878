"""ReplicaSets, and ReplicationControllers before them: as many pods as asked for, no more and no fewer."""

from collections.abc import Iterable

from netlab.store import Event, clock, condition, controller_of, is_deleting, key_of

from . import podset
from .manager import Key, StoreController

RESOURCE = "replicasets.apps"


class ReplicaSetController(StoreController):
    name, kind, resource, component = "replicaset", "ReplicaSet", RESOURCE, "replicaset-controller"

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == "pods" and not controller_of(event.object):  # an orphan that a set may adopt
            yield from map(key_of, self._store.list(self.resource, event.object["metadata"]["namespace"]))
        else:
            yield from podset.owner_concerned(event, self.resource, self.kind)

    def sync(self, key: Key) -> float | None:
        owner = self._store.find(self.resource, *key)
        if owner is None:
            return None
        pods = [pod for pod in podset.claim(self._store, owner) if podset.is_active(pod)]
        refused = None if is_deleting(owner) else self._adjust(owner, pods)
        self._report(self._store.get(self.resource, *key), refused)
        waiting = podset.seconds_until_available(pods, owner["spec"].get("minReadySeconds", 0))
        return podset.RETRY_REFUSED if refused else waiting

    def _adjust(self, owner: dict, pods: list[dict]) -> str | None:
        """Create what is missing, delete what is too much; the reason when creating was refused."""
        missing = owner["spec"]["replicas"] - len(pods)
        for _ in range(missing):
            refused = podset.create(self._store, owner, podset.from_template(owner), component=self.component)
            if refused:
                return refused
        for pod in sorted(pods, key=_keep_rank)[: max(0, -missing)]:
            podset.delete(self._store, owner, pod, component=self.component)
        return None

    def _report(self, owner: dict, refused: str | None) -> None:
        pods = [pod for pod in podset.claim(self._store, owner) if podset.is_active(pod)]
        template = owner["spec"]["template"]["metadata"].get("labels", {}).items()
        patience = owner["spec"].get("minReadySeconds", 0)
        counts = {
            "fullyLabeledReplicas": sum(template <= p["metadata"].get("labels", {}).items() for p in pods),
            "readyReplicas": sum(map(podset.is_ready, pods)),
            "availableReplicas": sum(podset.is_available(pod, patience) for pod in pods),
        }
        status = {"replicas": len(pods), **{name: count for name, count in counts.items() if count}}
        status["observedGeneration"] = owner["metadata"]["generation"]
        if refused:
            status["conditions"] = [_failure(owner, refused)]
        podset.set_status(self._store, self.resource, owner, status)


class ReplicationManager(ReplicaSetController):
    """The same of ReplicationControllers, whose selector is a plain map of labels."""

    name, kind, resource = "replication", "ReplicationController", "replicationcontrollers"
    component = "replication-controller"


def _keep_rank(pod: dict) -> tuple:
    """Sorts the pods to lose first to the front: unplaced, not ready, then the youngest."""
    ready = podset.is_ready(pod)
    version = -int(pod["metadata"]["resourceVersion"])
    born = pod["metadata"]["creationTimestamp"]
    return bool(pod["spec"].get("nodeName")), ready, [-ord(letter) for letter in born], version


def _failure(owner: dict, message: str) -> dict:
    """The message stays the first one: the next differs by the made-up name of its pod alone, and writing it
    would wake this controller again."""
    before = condition(owner, "ReplicaFailure")
    return before or {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": clock.now(),
        "reason": "FailedCreate",
        "message": message,
    }
