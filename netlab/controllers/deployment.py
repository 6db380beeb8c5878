"""Deployments: one ReplicaSet per version of the template, and the walk from the old to the new.

A rolling update scales the new set up as far as `maxSurge` allows and the old ones down as far as
`maxUnavailable` allows, over and over, driven by pods becoming available.
"""

import hashlib
import json
from collections.abc import Iterable

from netlab.store import (
    Event,
    clone,
    controller_of,
    events,
    is_controlled_by,
    is_deleting,
    key_of,
    owner_reference,
)

from . import rollout
from .manager import Key, StoreController
from .replicaset import RESOURCE as REPLICA_SETS
from .rollout import RESOURCE, bounds

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
HASH = "pod-template-hash"
_COMPONENT = "deployment-controller"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_NOT_COPIED = (
    REVISION,
    HISTORY,
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
)


class DeploymentController(StoreController):
    name = "deployment"

    def concerned(self, event: Event) -> Iterable[Key]:
        meta = event.object["metadata"]
        if event.resource == RESOURCE:
            yield key_of(event.object)
        elif event.resource == REPLICA_SETS:
            yield from _owner_key(event.object)
        elif event.resource == "pods" and event.type == "DELETED":  # Recreate waits for the last to go
            owner = controller_of(event.object)
            replica_set = owner and self._store.find(REPLICA_SETS, meta["namespace"], owner["name"])
            yield from _owner_key(replica_set) if replica_set else ()

    def sync(self, key: Key) -> float | None:
        deployment = self._store.find(RESOURCE, *key)
        if deployment is None:
            return None
        if is_deleting(deployment):
            rollout.report(self._store, deployment, self._owned(deployment), None)
            return None
        current = self._current(deployment)
        if not deployment["spec"].get("paused"):
            current = current or self._create_set(deployment)
            self._mark_revision(deployment, current)
        if current or deployment["spec"].get("paused"):
            self._scale(deployment, current)
        self._forget_history(deployment)
        deployment = self._store.get(RESOURCE, *key)
        current = self._current(deployment)
        return rollout.report(self._store, deployment, self._owned(deployment), current)

    def _owned(self, deployment: dict) -> list[dict]:
        """Its ReplicaSets, oldest first."""
        sets = self._store.list(REPLICA_SETS, deployment["metadata"]["namespace"])
        owned = [rs for rs in sets if is_controlled_by(rs, deployment)]
        return sorted(owned, key=lambda rs: (_revision(rs), rs["metadata"]["creationTimestamp"]))

    def _others(self, deployment: dict, current: dict | None) -> list[dict]:
        uid = current["metadata"]["uid"] if current else ""
        return [rs for rs in self._owned(deployment) if rs["metadata"]["uid"] != uid]

    def _current(self, deployment: dict) -> dict | None:
        """The set whose template is the deployment's."""
        wanted = deployment["spec"]["template"]
        return next((rs for rs in self._owned(deployment) if _template(rs) == wanted), None)

    def _create_set(self, deployment: dict) -> dict:
        meta, spec = deployment["metadata"], deployment["spec"]
        template = clone(spec["template"])
        digest = template_hash(template)
        template["metadata"].setdefault("labels", {})[HASH] = digest
        selector = clone(spec["selector"])
        selector.setdefault("matchLabels", {})[HASH] = digest
        replica_set: dict = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{meta['name']}-{digest}",
                "namespace": meta["namespace"],
                "labels": template["metadata"]["labels"],
                "annotations": _copied_annotations(deployment),
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            replica_set["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        return self._store.create(REPLICA_SETS, replica_set)

    def _mark_revision(self, deployment: dict, current: dict) -> None:
        """The current set bears the highest revision, and the deployment tells which."""
        newest = max(map(_revision, self._others(deployment, current)), default=0)
        revision = _revision(current) if _revision(current) > newest else newest + 1
        marks = {**_copied_annotations(deployment), REVISION: str(revision), **_history(current, revision)}
        self._annotate(REPLICA_SETS, current, marks)
        self._annotate(RESOURCE, deployment, {REVISION: str(revision)})

    def _annotate(self, resource: str, obj: dict, marks: dict) -> None:
        changed = clone(self._store.get(resource, *key_of(obj)))
        changed["metadata"].setdefault("annotations", {}).update(marks)
        self._store.update(resource, changed)

    def _scale(self, deployment: dict, current: dict | None) -> None:
        spec = deployment["spec"]
        current = current and self._store.get(REPLICA_SETS, *key_of(current))
        old = self._others(deployment, current)
        if spec.get("paused"):
            self._scale_paused(deployment, current, old)
        elif spec["strategy"]["type"] == "Recreate":
            self._recreate(deployment, current, old)
        else:
            self._roll(deployment, current, old)

    def _scale_paused(self, deployment: dict, current: dict | None, old: list[dict]) -> None:
        """Only a change of `replicas` acts, and only while one set holds all of them."""
        active = [rs for rs in [*old, *([current] if current else [])] if rs["spec"]["replicas"]]
        if len(active) == 1:
            self._resize(deployment, active[0], deployment["spec"]["replicas"])

    def _recreate(self, deployment: dict, current: dict, old: list[dict]) -> None:
        for replica_set in old:
            self._resize(deployment, replica_set, 0)
        if not any(self._has_pods(rs) for rs in old):
            self._resize(deployment, current, deployment["spec"]["replicas"])

    def _has_pods(self, replica_set: dict) -> bool:
        pods = self._store.list("pods", replica_set["metadata"]["namespace"])
        return any(is_controlled_by(pod, replica_set) for pod in pods)

    def _roll(self, deployment: dict, current: dict, old: list[dict]) -> None:
        wanted = deployment["spec"]["replicas"]
        surge, unavailable = bounds(deployment)
        others = sum(rs["spec"]["replicas"] for rs in old)
        room = wanted + surge - others
        present = current["spec"]["replicas"]
        target = min(wanted, max(present, room)) if present < wanted else wanted
        current = self._resize(deployment, current, target)
        self._shrink_old(deployment, current, old, wanted - unavailable)

    def _shrink_old(self, deployment: dict, current: dict, old: list[dict], needed: int) -> None:
        """Take old pods away: the broken ones first, then as many as may be missing."""
        sets = [*old, current]
        available = sum(rs.get("status", {}).get("availableReplicas", 0) for rs in sets)
        total = sum(rs["spec"]["replicas"] for rs in sets)
        new_missing = current["spec"]["replicas"] - current.get("status", {}).get("availableReplicas", 0)
        to_go = max(0, total - needed - new_missing)
        spare = max(0, available - needed)
        for replica_set in old:
            alive = replica_set.get("status", {}).get("availableReplicas", 0)
            broken = min(replica_set["spec"]["replicas"] - alive, to_go)
            healthy = min(alive, spare, to_go - broken)
            to_go, spare = to_go - broken - healthy, spare - healthy
            self._resize(deployment, replica_set, replica_set["spec"]["replicas"] - broken - healthy)

    def _resize(self, deployment: dict, replica_set: dict, replicas: int) -> dict:
        before = replica_set["spec"]["replicas"]
        if before == replicas:
            return replica_set
        key = key_of(replica_set)
        resized = self._store.mutate(REPLICA_SETS, *key, lambda rs: rs["spec"].update(replicas=replicas))
        direction = "up" if replicas > before else "down"
        told = f"Scaled {direction} replica set {key[1]} from {before} to {replicas}"
        events.record(self._store, deployment, "ScalingReplicaSet", told, component=_COMPONENT)
        return resized

    def _forget_history(self, deployment: dict) -> None:
        others = self._others(deployment, self._current(deployment))
        empty = [
            rs for rs in others if not rs["spec"]["replicas"] and not rs.get("status", {}).get("replicas")
        ]
        excess = len(empty) - deployment["spec"]["revisionHistoryLimit"]
        for replica_set in empty[: max(0, excess)]:
            self._store.delete(REPLICA_SETS, *key_of(replica_set))


def _owner_key(replica_set: dict) -> Iterable[Key]:
    controller = controller_of(replica_set)
    if controller and controller["kind"] == "Deployment":
        yield replica_set["metadata"]["namespace"], controller["name"]


def template_hash(template: dict) -> str:
    """A short name for a template, in letters that form no words."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def _template(replica_set: dict) -> dict:
    template = clone(replica_set["spec"]["template"])
    template["metadata"].get("labels", {}).pop(HASH, None)
    return template


def _revision(replica_set: dict) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(REVISION, "0"))


def _history(replica_set: dict, revision: int) -> dict:
    """The revisions a set was before it was rolled back to, as an annotation."""
    if _revision(replica_set) in (0, revision):
        return {}
    told = replica_set["metadata"]["annotations"].get(HISTORY)
    former = str(_revision(replica_set))
    return {HISTORY: f"{told},{former}" if told else former}


def _copied_annotations(deployment: dict) -> dict:
    annotations = deployment["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}
