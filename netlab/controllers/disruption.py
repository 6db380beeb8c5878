"""PodDisruptionBudgets: how many ready pods there must be, and which eviction would break that.

The judgement is made anew from the pods with each eviction, so that two at once cannot both use the last
allowance; the status only tells it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from netlab.api.selectors import matches
from netlab.store import Event, Store, controller_of, key_of

from . import podset
from .manager import Key, StoreController

RESOURCE = "poddisruptionbudgets.policy"
_SCALED = {
    "ReplicaSet": "replicasets.apps",
    "ReplicationController": "replicationcontrollers",
    "StatefulSet": "statefulsets.apps",
}


@dataclass(frozen=True)
class Count:
    expected: int
    desired: int  # healthy pods there must be
    healthy: int

    @property
    def allowed(self) -> int:
        return max(self.healthy - self.desired, 0)


class DisruptionController(StoreController):
    name = "disruption"

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == RESOURCE:
            yield key_of(event.object)
        elif event.resource == "pods":
            yield from map(key_of, self._store.list(RESOURCE, event.object["metadata"]["namespace"]))

    def sync(self, key: Key) -> None:
        budget = self._store.find(RESOURCE, *key)
        if budget is None:
            return
        found = count(self._store, budget)
        status = {
            "disruptionsAllowed": found.allowed,
            "currentHealthy": found.healthy,
            "desiredHealthy": found.desired,
            "expectedPods": found.expected,
            "observedGeneration": budget["metadata"]["generation"],
        }
        podset.set_status(self._store, RESOURCE, budget, status)


def count(store: Store, budget: dict) -> Count:
    spec, pods = budget["spec"], _guarded(store, budget)
    expected = _expected(store, pods)
    if "maxUnavailable" in spec:
        desired = max(expected - podset.share(spec["maxUnavailable"], expected, math.ceil), 0)
    else:
        desired = podset.share(spec.get("minAvailable", 1), expected, math.ceil)
    return Count(expected, desired, sum(map(podset.is_ready, pods)))


def why_not_evicted(store: Store, pod: dict) -> list[dict]:
    """The causes of a refusal; none when the pod may go."""
    if not podset.is_active(pod) or not pod["spec"].get("nodeName"):
        return []
    labels = pod["metadata"].get("labels", {})
    refusals = []
    for budget in store.list(RESOURCE, pod["metadata"]["namespace"]):
        if matches(budget["spec"].get("selector"), labels):
            found = count(store, budget)
            if not _permits(budget, found, podset.is_ready(pod)):
                need = f"needs {found.desired} healthy pods and has {found.healthy} currently"
                message = f"The disruption budget {budget['metadata']['name']} {need}"
                refusals.append({"reason": "DisruptionBudget", "message": message})
    return refusals


def _permits(budget: dict, found: Count, ready: bool) -> bool:
    if ready:
        return found.allowed > 0
    return budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or found.healthy >= found.desired


def _guarded(store: Store, budget: dict) -> list[dict]:
    selector, pods = budget["spec"].get("selector"), store.list("pods", budget["metadata"]["namespace"])
    return [
        pod for pod in filter(podset.is_active, pods) if matches(selector, pod["metadata"].get("labels", {}))
    ]


def _expected(store: Store, pods: list[dict]) -> int:
    """What the pods' controllers want; a pod without one that can be scaled counts for itself."""
    total, seen = 0, set()
    for pod in pods:
        owner = controller_of(pod)
        resource = _SCALED.get(owner["kind"]) if owner else None
        found = resource and store.find(resource, pod["metadata"]["namespace"], owner["name"])
        if not found:
            total += 1
        elif owner["uid"] not in seen:
            seen.add(owner["uid"])
            total += found["spec"]["replicas"]
    return total
