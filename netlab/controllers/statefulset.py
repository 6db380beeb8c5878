"""StatefulSets: pods with a number, a name and claims of their own, which outlive them.

In order (`OrderedReady`) a pod is made when all before it are up, and goes when all after it are gone; an
update goes from the last to the first. A pod that never gets up stops all that, as on any cluster: whoever
gave the bad template has to delete it.
"""

import re
from collections.abc import Iterable
from functools import partial

from netlab.store import Event, clone, has_ended, is_deleting, key_of, owner_reference

from . import podset, revisions
from .manager import Key, StoreController

RESOURCE = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"
_COMPONENT = "statefulset-controller"


class StatefulSetController(StoreController):
    name = "statefulset"

    def concerned(self, event: Event) -> Iterable[Key]:
        return podset.owner_concerned(event, RESOURCE, "StatefulSet")

    def sync(self, key: Key) -> float | None:
        owner = self._store.find(RESOURCE, *key)
        if owner is None:
            return None
        current = owner.get("status", {}).get("currentRevision", "")
        update = revisions.note(self._store, owner, in_use=[current])["metadata"]["name"]
        refused = None if is_deleting(owner) else self._adjust(owner, current or update, update)
        pods = podset.claim(self._store, self._store.get(RESOURCE, *key))
        self._report(self._store.get(RESOURCE, *key), pods, current or update, update)
        waiting = podset.seconds_until_available(pods, owner["spec"].get("minReadySeconds", 0))
        return podset.RETRY_REFUSED if refused else waiting

    def _adjust(self, owner: dict, current: str, update: str) -> str | None:
        """One step, or all at once where the order does not matter; the reason when a pod was refused."""
        pods = {
            number: pod for pod in podset.claim(self._store, owner) if (number := ordinal(owner, pod)) >= 0
        }
        self._keep_claims(owner, pods)
        in_order = owner["spec"]["podManagementPolicy"] == "OrderedReady"
        for number in _wanted(owner):
            pod = pods.get(number)
            if pod is None:
                refused = self._make(owner, number, current, update)
                if refused or in_order:
                    return refused
            elif not is_deleting(pod) and has_ended(pod):
                self._delete(owner, pod)
            if in_order and pod and not self._is_up(owner, pod):
                return None
        for number in sorted(set(pods) - set(_wanted(owner)), reverse=True):
            if not is_deleting(pods[number]):
                self._delete(owner, pods[number])
            if in_order:
                return None
        self._roll(owner, pods, update)
        return None

    def _is_up(self, owner: dict, pod: dict) -> bool:
        return podset.is_active(pod) and podset.is_available(pod, owner["spec"].get("minReadySeconds", 0))

    def _make(self, owner: dict, number: int, current: str, update: str) -> str | None:
        """The pod with its claims; below the partition as the template was before the update."""
        strategy = owner["spec"]["updateStrategy"]
        old = strategy["type"] == "RollingUpdate" and number < _first(owner) + _partition(strategy)
        revision = current if old else update
        pod = _pod_for(revisions.at(self._store, owner, revision), number, revision)
        where = f"Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']}"
        for claim in _claims_of(owner, number):
            if self._store.find(CLAIMS, *key_of(claim)) is None:
                told = f"create Claim {claim['metadata']['name']} {where} success"
                refused = podset.create(self._store, owner, claim, component=_COMPONENT, told=told)
                if refused:
                    return refused
        told = f"create {where} successful"
        return podset.create(self._store, owner, pod, component=_COMPONENT, told=told)

    def _delete(self, owner: dict, pod: dict) -> None:
        told = f"delete Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']} successful"
        podset.delete(self._store, owner, pod, component=_COMPONENT, told=told)

    def _roll(self, owner: dict, pods: dict[int, dict], update: str) -> None:
        """Delete pods of another template from the last on, no more being down than may be."""
        strategy = owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        allowed = podset.bound(
            strategy.get("rollingUpdate", {}).get("maxUnavailable", 1), len(_wanted(owner))
        )
        down = 0
        for number in reversed(_wanted(owner)[_partition(strategy) :]):
            pod = pods.get(number)
            if pod and not is_deleting(pod) and pod["metadata"]["labels"].get(revisions.HASH) != update:
                self._delete(owner, pod)
                down += 1
            elif pod is None or not self._is_up(owner, pod):
                down += 1
            if down >= allowed:
                return

    def _keep_claims(self, owner: dict, pods: dict[int, dict]) -> None:
        """Claims go with the set, or with the pod that scaling takes away, where the policy says so."""
        policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy", {})
        for number, pod in pods.items():
            leaving = number not in _wanted(owner)
            owners = [owner] if policy.get("whenDeleted") == "Delete" else []
            owners += [pod] if leaving and policy.get("whenScaled") == "Delete" else []
            for claim in _claims_of(owner, number):
                if self._store.find(CLAIMS, *key_of(claim)):
                    self._store.mutate(CLAIMS, *key_of(claim), partial(_set_owners, owners=owners))

    def _report(self, owner: dict, pods: list[dict], current: str, update: str) -> None:
        spec, patience = owner["spec"], owner["spec"].get("minReadySeconds", 0)
        living = [pod for pod in pods if not is_deleting(pod)]
        labels = [pod["metadata"]["labels"].get(revisions.HASH) for pod in living]
        ready = sum(map(podset.is_ready, living))
        if spec["updateStrategy"]["type"] == "RollingUpdate" and (
            labels.count(update) == len(pods) == ready == spec["replicas"]
        ):
            current = update
        status = {
            "replicas": len(pods),
            "observedGeneration": owner["metadata"]["generation"],
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
            "availableReplicas": sum(podset.is_available(pod, patience) for pod in living),
        }
        optional = {
            "readyReplicas": ready,
            "currentReplicas": labels.count(current),
            "updatedReplicas": labels.count(update),
        }
        status.update({name: count for name, count in optional.items() if count})
        podset.set_status(self._store, RESOURCE, owner, status)


def ordinal(owner: dict, pod: dict) -> int:
    """The number in the pod's name; -1 of a pod that is none of the set's."""
    found = re.fullmatch(rf"{re.escape(owner['metadata']['name'])}-(\d+)", pod["metadata"]["name"])
    return int(found[1]) if found else -1


def _first(owner: dict) -> int:
    return owner["spec"].get("ordinals", {}).get("start", 0)


def _wanted(owner: dict) -> range:
    return range(_first(owner), _first(owner) + owner["spec"]["replicas"])


def _partition(strategy: dict) -> int:
    return strategy.get("rollingUpdate", {}).get("partition", 0)


def _pod_for(owner: dict, number: int, revision: str) -> dict:
    name = f"{owner['metadata']['name']}-{number}"
    labels = {
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(number),
        revisions.HASH: revision,
    }
    pod = podset.from_template(owner, labels=labels)
    del pod["metadata"]["generateName"]
    pod["metadata"]["name"] = name
    spec, claimed = pod["spec"], [_volume(one, name) for one in owner["spec"].get("volumeClaimTemplates", [])]
    kept = [one for one in spec.get("volumes", []) if one["name"] not in {new["name"] for new in claimed}]
    spec.update(hostname=name, volumes=[*kept, *claimed])
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    return pod


def _volume(template: dict, pod_name: str) -> dict:
    name = template["metadata"]["name"]
    return {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-{pod_name}"}}


def _claims_of(owner: dict, number: int) -> list[dict]:
    claims = clone(owner["spec"].get("volumeClaimTemplates", []))
    for claim in claims:
        meta = claim["metadata"]
        meta["name"] = f"{meta['name']}-{owner['metadata']['name']}-{number}"
        meta["namespace"] = owner["metadata"]["namespace"]
        meta["labels"] = {**meta.get("labels", {}), **owner["spec"]["selector"].get("matchLabels", {})}
        claim.pop("status", None)
    return claims


def _set_owners(claim: dict, owners: list[dict]) -> None:
    others = [
        one
        for one in claim["metadata"].get("ownerReferences", [])
        if one["kind"] not in ("StatefulSet", "Pod")
    ]
    wanted = [{**owner_reference(one), "controller": False, "blockOwnerDeletion": False} for one in owners]
    claim["metadata"]["ownerReferences"] = others + wanted
