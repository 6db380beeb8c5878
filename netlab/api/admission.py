"""What happens to an object between its decoding and its storing, besides defaults.

A pod gets its service account and that account's token as a projected volume; a Service gets its
address; quotas are counted; a namespace must exist and be alive. Controllers that make pods pass
through here too, so that what they make is what a user's `kubectl run` would have made.
"""

from netlab.controllers import quota, storage
from netlab.schema import limitranges
from netlab.schema.defaults import complete
from netlab.schema.kinds import Kind, kind_named
from netlab.store import Store, containers_of, controller_of
from netlab.store.objects import new_uid, random_suffix

from . import addresses, status, validating
from .request import User

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path, not a secret
_TOKEN_SECONDS = 3607  # the odd number of the real one, which tells it from a token asked for
_ACCOUNTS = {
    "CronJob": "cronjob-controller",
    "DaemonSet": "daemon-set-controller",
    "Job": "job-controller",
    "ReplicaSet": "replicaset-controller",
    "ReplicationController": "replication-controller",
    "StatefulSet": "statefulset-controller",
}


def admit_new(store: Store, kind: Kind, obj: dict) -> None:
    """Complete a new object in place. Raises ApiError when it may not be."""
    _check_namespace(store, kind, obj)
    _settle_name(obj["metadata"])
    if kind.resource == "pods":
        _settle_priority(store, kind, obj)
        ranges = store.list("limitranges", obj["metadata"]["namespace"])
        limitranges.fill(ranges, obj)
        complete(kind, obj)
        _add_service_account(store, kind, obj)
        _check_limits(kind, obj, ranges)
    complete(kind, obj)
    if kind.resource == "jobs.batch":
        _name_job(obj)
    if kind.resource in storage.IN_USE:
        _settle_storage(store, obj, storage.IN_USE[kind.resource])
    if kind.resource == "services":
        addresses.assign(store, kind, obj)
    exceeded = quota.why_refused(store, kind.resource, obj)
    if exceeded:
        raise status.forbidden(kind, obj["metadata"].get("name", ""), exceeded)


def _settle_storage(store: Store, obj: dict, finalizer: str) -> None:
    """A claim that names no class gets the default one; what is in use is not deleted under its users."""
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if finalizer not in finalizers:
        finalizers.append(finalizer)
    if obj["kind"] == "PersistentVolumeClaim" and "storageClassName" not in obj["spec"]:
        classes = store.list(storage.CLASSES)
        chosen = [one["metadata"]["name"] for one in classes if storage.is_default(one)]
        if chosen:
            obj["spec"]["storageClassName"] = chosen[-1]


def _settle_priority(store: Store, kind: Kind, pod: dict) -> None:
    """A pod's priority is what its class says, or the class that is the default, or 0."""
    spec, pod_name = pod.setdefault("spec", {}), pod["metadata"].get("name", "")
    classes = store.list("priorityclasses.scheduling.k8s.io")
    name = spec.get("priorityClassName")
    found = [
        one for one in classes if (one["metadata"]["name"] == name if name else one.get("globalDefault"))
    ]
    if name and not found:
        raise status.forbidden(kind, pod_name, f"no PriorityClass with name {name} was found")
    chosen = min(found, key=lambda one: one.get("value", 0), default={})
    value = chosen.get("value", 0)
    if spec.get("priority", value) != value:
        why = (
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority"
            f" admission controller computed {value} from the given PriorityClass name"
        )
        raise status.forbidden(kind, pod_name, why)
    spec["priority"] = value
    if chosen:
        spec["priorityClassName"] = chosen["metadata"]["name"]
        spec.setdefault("preemptionPolicy", chosen["preemptionPolicy"])


def _check_limits(kind: Kind, pod: dict, ranges: list[dict]) -> None:
    found = limitranges.violations(ranges, pod)
    if found:
        why = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        raise status.forbidden(kind, pod["metadata"].get("name", ""), why)


def create(store: Store, obj: dict) -> dict:
    """Store what a controller makes, admitted like anybody's. Raises ApiError, StoreError."""
    kind = kind_named(obj["apiVersion"], obj["kind"])
    admit_new(store, kind, obj)
    validating.judge(store, validating.Write(kind, _controller_of(obj), obj))
    return store.create(kind.stored_as, obj, uid=obj["metadata"].get("uid"))


def _controller_of(obj: dict) -> User:
    """The account that the maker of an object has where controllers are programs of their own."""
    owner = controller_of(obj)
    name = _ACCOUNTS[owner["kind"]] if owner else "kube-controller-manager"
    groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
    return User(f"system:serviceaccount:kube-system:{name}", groups)


def _settle_name(meta: dict) -> None:
    """Names are made before anybody judges the object: refusals then tell the name, as on a real cluster."""
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + random_suffix()


def _check_namespace(store: Store, kind: Kind, obj: dict) -> None:
    if not kind.namespaced:
        return
    name = obj["metadata"]["namespace"]
    namespace = store.get("namespaces", None, name)
    if namespace["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        error = status.forbidden(kind, obj["metadata"].get("name", ""), why)
        error.details["causes"] = [
            {"reason": "NamespaceTerminating", "message": why, "field": "metadata.namespace"}
        ]
        raise error


def _name_job(job: dict) -> None:
    """A Job finds its pods by its own uid, so that it is known before the Job is stored."""
    meta, spec = job["metadata"], job["spec"]
    if spec.get("manualSelector"):
        return
    meta["uid"] = new_uid()
    labels = spec["template"]["metadata"].setdefault("labels", {})
    for prefix in ("", "batch.kubernetes.io/"):
        labels |= {f"{prefix}controller-uid": meta["uid"], f"{prefix}job-name": meta.get("name", "")}
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": meta["uid"]}})


def _add_service_account(store: Store, kind: Kind, pod: dict) -> None:
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    name = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = name
    account = store.find("serviceaccounts", namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise status.forbidden(kind, pod["metadata"].get("name", ""), why)
    wanted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
    if wanted:
        _mount_token(spec)


def _mount_token(spec: dict) -> None:
    without = [c for c in containers_of(spec) if not _has_token(c)]
    if not without:
        return
    volume = _token_volume()
    spec.setdefault("volumes", []).append(volume)
    for container in without:
        mount = {"name": volume["name"], "readOnly": True, "mountPath": TOKEN_PATH}
        container.setdefault("volumeMounts", []).append(mount)


def _has_token(container: dict) -> bool:
    return any(mount.get("mountPath") == TOKEN_PATH for mount in container.get("volumeMounts", []))


def _token_volume() -> dict:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {"configMap": authority},
        {"downwardAPI": {"items": [namespace]}},
    ]
    name = f"kube-api-access-{random_suffix()}"
    return {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
