"""Claims, volumes, and who brings them together: the binder and kind's local-path provisioner in one.

A claim is bound to a volume that fits it, or one is made for it on a node. Where its class waits for the
first consumer, the scheduler names the node in an annotation of the claim, and waits until it is bound.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from netlab.api.selectors import matches
from netlab.schema.quantities import amount
from netlab.store import Event, Store, clone, events, has_ended, is_deleting, key_of

from . import placement
from .manager import Key, StoreController

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"
SELECTED = "volume.kubernetes.io/selected-node"
PROVISIONER = "rancher.io/local-path"
DEFAULT = "storageclass.kubernetes.io/is-default-class"
MADE_BY = "pv.kubernetes.io/provisioned-by"
IN_USE = {CLAIMS: "kubernetes.io/pvc-protection", VOLUMES: "kubernetes.io/pv-protection"}
_PLACE = "/var/local-path-provisioner"
_BINDER = "persistentvolume-controller"
_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"


class StorageController(StoreController):
    """Keys are (resource, namespace, name)."""

    name = "storage"

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource in (CLAIMS, VOLUMES):
            yield event.resource, *key_of(event.object)
        if event.resource in (VOLUMES, CLASSES):
            yield from ((CLAIMS, *key_of(one)) for one in self._store.list(CLAIMS) if not is_bound(one))
        elif event.resource == CLAIMS:
            name = event.object["spec"].get("volumeName")
            yield from [(VOLUMES, "", name)] if name else []
        elif event.resource == "pods" and (event.type == "DELETED" or has_ended(event.object)):
            namespace = event.object["metadata"]["namespace"]
            yield from ((CLAIMS, namespace, name) for name in claim_names(event.object))

    def sync(self, key: Key) -> None:
        obj = self._store.find(*key)
        if obj is None:
            return
        if key[0] == VOLUMES:
            self._tend_volume(obj)
        elif is_deleting(obj):
            self._let_go(CLAIMS, obj, held=self._is_used(obj))
        elif not is_bound(obj):
            self._seek(obj)
        elif self._store.find(VOLUMES, None, obj["spec"]["volumeName"]) is None:
            self._set(CLAIMS, obj, lambda claim: claim["status"].update(phase="Lost"))

    # --- claims

    def _is_used(self, claim: dict) -> bool:
        pods = self._store.list("pods", claim["metadata"]["namespace"])
        return any(claim["metadata"]["name"] in claim_names(pod) for pod in pods if not has_ended(pod))

    def _seek(self, claim: dict) -> None:
        waits = waits_for_pod(self._store, claim)
        node_name = claim["metadata"].get("annotations", {}).get(SELECTED)
        node = self._store.find("nodes", None, node_name) if node_name else None
        volume = find_volume(self._store, claim, node)
        if volume is not None and (node or not waits or _names(volume, claim)):
            self._bind(claim, volume)
        elif waits and node is None:
            why = "waiting for first consumer to be created before binding"
            events.record(self._store, claim, "WaitForFirstConsumer", why, component=_BINDER)
        elif not claim["spec"].get("volumeName"):
            self._provision(claim, node)

    def _provision(self, claim: dict, node: dict | None) -> None:
        name = claim["spec"].get("storageClassName")
        found = self._store.find(CLASSES, None, name) if name else None
        if not name:
            why = "no persistent volumes available for this claim and no storage class is set"
            events.record(self._store, claim, "FailedBinding", why, component=_BINDER)
        elif found is None:
            self._warn(claim, f'storageclass.storage.k8s.io "{name}" not found', _BINDER)
        elif found["provisioner"] != PROVISIONER:
            why = (
                "Waiting for a volume to be created either by the external provisioner"
                f" '{found['provisioner']}' or manually by the system administrator. If volume creation is"
                " delayed, please verify that the provisioner is running and correctly registered."
            )
            events.record(self._store, claim, "ExternalProvisioning", why, component=_BINDER)
        elif why := _why_not_local(claim, node):
            self._warn(claim, f'failed to provision volume with StorageClass "{name}": {why}', PROVISIONER)
        else:
            volume = self._store.create(VOLUMES, _local_volume(claim, found, node["metadata"]["name"]))
            told = f"Successfully provisioned volume {volume['metadata']['name']}"
            events.record(self._store, claim, "ProvisioningSucceeded", told, component=PROVISIONER)
            self._bind(claim, volume)

    def _warn(self, claim: dict, why: str, component: str) -> None:
        events.record(self._store, claim, "ProvisioningFailed", why, type="Warning", component=component)

    def _bind(self, claim: dict, volume: dict) -> None:
        name, meta = volume["metadata"]["name"], claim["metadata"]

        def bind_volume(one: dict) -> None:
            reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
            reference |= {key: meta[key] for key in ("namespace", "name", "uid", "resourceVersion")}
            if not one["spec"].get("claimRef"):
                _annotate(one, _BY_CONTROLLER)
            one["spec"]["claimRef"] = {**one["spec"].get("claimRef", {}), **reference}
            one["status"] = {"phase": "Bound"}

        def bind_claim(one: dict) -> None:
            if not one["spec"].get("volumeName"):
                _annotate(one, _BY_CONTROLLER)
            _annotate(one, "pv.kubernetes.io/bind-completed")
            one["spec"]["volumeName"] = name
            told = {key: clone(volume["spec"][key]) for key in ("accessModes", "capacity")}
            one["status"] = {"phase": "Bound", **told}

        self._set(VOLUMES, volume, bind_volume)
        self._set(CLAIMS, claim, bind_claim)

    # --- volumes

    def _tend_volume(self, volume: dict) -> None:
        reference = volume["spec"].get("claimRef")
        claim = reference and self._store.find(CLAIMS, reference["namespace"], reference["name"])
        is_held = bool(claim) and claim["metadata"]["uid"] == reference.get("uid")
        if is_deleting(volume):
            self._let_go(VOLUMES, volume, held=is_held)
        elif not reference or not reference.get("uid"):
            self._set(VOLUMES, volume, lambda one: one.update(status={"phase": "Available"}))
        elif not is_held:
            self._reclaim(volume)

    def _reclaim(self, volume: dict) -> None:
        status = {"phase": "Released"}
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
            if volume["metadata"].get("annotations", {}).get(MADE_BY) == PROVISIONER:
                self._let_go(
                    VOLUMES, self._store.delete(VOLUMES, None, volume["metadata"]["name"]), held=False
                )
                return
            why = f'error getting deleter volume plugin for volume "{volume["metadata"]["name"]}"'
            status = {"phase": "Failed", "message": f"{why}: no volume plugin matched"}
        self._set(VOLUMES, volume, lambda one: one.update(status=status))

    def _let_go(self, resource: str, obj: dict, *, held: bool) -> None:
        finalizers = obj["metadata"].get("finalizers", [])
        if not held and IN_USE[resource] in finalizers:
            others = [one for one in finalizers if one != IN_USE[resource]]
            self._set(resource, obj, lambda one: one["metadata"].update(finalizers=others))

    def _set(self, resource: str, obj: dict, change) -> None:
        self._store.mutate(resource, *key_of(obj), change)


# --- what the scheduler asks


def claim_names(pod: dict) -> Iterator[str]:
    for volume in pod["spec"].get("volumes", []):
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"]


def is_bound(claim: dict) -> bool:
    return claim.get("status", {}).get("phase") in ("Bound", "Lost")


def why_pod_waits(store: Store, pod: dict) -> str | None:
    """What of its claims is in the way, on whatever node: they are not there, or not bound."""
    namespace = pod["metadata"]["namespace"]
    for name in claim_names(pod):
        claim = store.find(CLAIMS, namespace, name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if is_deleting(claim):
            return f'persistentvolumeclaim "{name}" is being deleted'
        if not is_bound(claim) and not waits_for_pod(store, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
        if claim["spec"]["accessModes"] == ["ReadWriteOncePod"] and _has_other_user(store, pod, name):
            return (
                "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
            )
    return None


def why_not_on(store: Store, pod: dict, node: dict) -> str | None:
    """Why the volumes of this pod cannot be on this node."""
    for claim in _claims(store, pod):
        if is_bound(claim):
            volume = store.find(VOLUMES, None, claim["spec"]["volumeName"])
            if volume is None or not _is_on(volume, node):
                return "node(s) didn't match PersistentVolume's node affinity"
        elif find_volume(store, claim, node) is None and not _is_offered(store, claim, node):
            return "node(s) didn't find available persistent volumes to bind"
    return None


def select_node(store: Store, pod: dict, node: str) -> bool:
    """Have volumes made on this node for claims that waited; False when there is nothing to wait for."""
    unbound = [claim for claim in _claims(store, pod) if not is_bound(claim)]
    for claim in unbound:
        store.mutate(CLAIMS, *key_of(claim), lambda one: _annotate(one, SELECTED, node))
    return bool(unbound)


def is_default(found: dict) -> bool:
    return found["metadata"].get("annotations", {}).get(DEFAULT) == "true"


def waits_for_pod(store: Store, claim: dict) -> bool:
    found = store.find(CLASSES, None, claim["spec"].get("storageClassName") or "")
    return bool(found) and found["volumeBindingMode"] == "WaitForFirstConsumer"


def find_volume(store: Store, claim: dict, node: dict | None) -> dict | None:
    """The smallest free volume that fits, but one that names this claim before all others."""
    fitting = [
        one for one in store.list(VOLUMES) if _fits(one, claim) and (node is None or _is_on(one, node))
    ]
    return min(
        fitting, key=lambda one: (not _names(one, claim), _size(one["spec"]["capacity"])), default=None
    )


def _claims(store: Store, pod: dict) -> list[dict]:
    found = [store.find(CLAIMS, pod["metadata"]["namespace"], name) for name in claim_names(pod)]
    return [claim for claim in found if claim]


def _has_other_user(store: Store, pod: dict, name: str) -> bool:
    others = store.list("pods", pod["metadata"]["namespace"])
    placed = [one for one in others if one["spec"].get("nodeName") and not has_ended(one)]
    return any(name in claim_names(one) for one in placed)


def _fits(volume: dict, claim: dict) -> bool:
    spec, wanted = volume["spec"], claim["spec"]
    if (
        is_deleting(volume)
        or wanted.get("volumeName", volume["metadata"]["name"]) != volume["metadata"]["name"]
    ):
        return False
    if spec.get("claimRef") and not _names(volume, claim):
        return False
    return (
        spec.get("storageClassName", "") == wanted.get("storageClassName", "")
        and set(wanted["accessModes"]) <= set(spec["accessModes"])
        and _size(spec["capacity"]) >= _size(wanted["resources"]["requests"])
        and ("selector" not in wanted or matches(wanted["selector"], volume["metadata"].get("labels", {})))
    )


def _names(volume: dict, claim: dict) -> bool:
    reference, meta = volume["spec"].get("claimRef") or {}, claim["metadata"]
    named = (reference.get("namespace"), reference.get("name")) == key_of(claim)
    return named and reference.get("uid", meta["uid"]) == meta["uid"]


def _is_on(volume: dict, node: dict) -> bool:
    terms = volume["spec"].get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms")
    return terms is None or any(placement.node_term_matches(term, node) for term in terms)


def _is_offered(store: Store, claim: dict, node: dict) -> bool:
    found = store.find(CLASSES, None, claim["spec"].get("storageClassName") or "")
    if (
        found is None
        or found["provisioner"] == "kubernetes.io/no-provisioner"
        or "volumeName" in claim["spec"]
    ):
        return False
    terms, labels = found.get("allowedTopologies"), node["metadata"].get("labels", {})
    return not terms or any(
        all(labels.get(rule["key"]) in rule["values"] for rule in term["matchLabelExpressions"])
        for term in terms
    )


def _size(quantities: dict) -> Decimal:
    return amount(quantities["storage"])


def _annotate(obj: dict, key: str, value: str = "yes") -> None:
    obj["metadata"].setdefault("annotations", {})[key] = value


# --- the provisioner


def _why_not_local(claim: dict, node: dict | None) -> str | None:
    if node is None:
        return "configuration error, no node was specified"
    if not set(claim["spec"]["accessModes"]) <= {"ReadWriteOnce", "ReadWriteOncePod"}:
        return "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"
    if claim["spec"].get("selector"):
        return "claim.Spec.Selector is not supported"
    return None


def _local_volume(claim: dict, found: dict, node: str) -> dict:
    meta = claim["metadata"]
    name = f"pvc-{meta['uid']}"
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    path = f"{_PLACE}/{name}_{meta['namespace']}_{meta['name']}"
    reference = {key: meta[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {MADE_BY: PROVISIONER}, "finalizers": [IN_USE[VOLUMES]]},
        "spec": {
            "accessModes": clone(claim["spec"]["accessModes"]),
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
            "hostPath": {"path": path, "type": "DirectoryOrCreate"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
            "persistentVolumeReclaimPolicy": found["reclaimPolicy"],
            "storageClassName": found["metadata"]["name"],
            "volumeMode": "Filesystem",
            **({"mountOptions": found["mountOptions"]} if found.get("mountOptions") else {}),
        },
        "status": {"phase": "Pending"},
    }
