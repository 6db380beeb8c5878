"""What happens to an object between its decoding and its storing, besides defaults.

A pod gets its service account and that account's token as a projected volume; a Service gets its
address; quotas are counted; a namespace must exist and be alive. Controllers that make pods pass
through here too, so that what they make is what a user's `kubectl run` would have made.
"""

import ipaddress
import secrets

from netlab.controllers import quota
from netlab.schema.causes import invalid
from netlab.schema.defaults import apply_defaults
from netlab.schema.kinds import Kind, kind_named
from netlab.store import Store
from netlab.store.objects import random_suffix

from . import status

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path, not a secret
SERVICE_RANGE = ipaddress.ip_network("10.96.0.0/16")
_TOKEN_SECONDS = 3607  # the odd number of the real one, which tells it from a token asked for


def admit_new(store: Store, kind: Kind, obj: dict) -> None:
    """Complete a new object in place. Raises ApiError when it may not be."""
    _check_namespace(store, kind, obj)
    apply_defaults(obj)
    if kind.name == "Pod":
        _add_service_account(store, kind, obj)
        apply_defaults(obj)
    if kind.name == "Service":
        assign_cluster_ip(store, kind, obj)
    exceeded = quota.why_refused(store, kind.resource, obj["metadata"].get("namespace"))
    if exceeded:
        raise status.forbidden(kind, obj["metadata"].get("name", ""), exceeded)


def create_pod(store: Store, pod: dict) -> dict:
    """Store a pod that a controller makes, admitted like anybody's. Raises ApiError, StoreError."""
    admit_new(store, kind_named("v1", "Pod"), pod)
    return store.create("pods", pod)


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
    without = [c for c in _containers(spec) if not _has_token(c)]
    if not without:
        return
    volume = _token_volume()
    spec.setdefault("volumes", []).append(volume)
    for container in without:
        mount = {"name": volume["name"], "readOnly": True, "mountPath": TOKEN_PATH}
        container.setdefault("volumeMounts", []).append(mount)


def _containers(spec: dict) -> list[dict]:
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


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


def assign_cluster_ip(store: Store, kind: Kind, service: dict) -> None:
    """Give a Service a free address of the service range, or check the one it asks for."""
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        return
    if spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    asked = spec.get("clusterIP")
    if asked and asked != "None":
        _check_asked_address(store, kind, service, asked)
    spec["clusterIP"] = asked or _free_address(store)
    spec["clusterIPs"] = [spec["clusterIP"]]


def _check_asked_address(store: Store, kind: Kind, service: dict, asked: str) -> None:
    name = service["metadata"].get("name", "")
    try:
        outside = ipaddress.ip_address(asked) not in SERVICE_RANGE
    except ValueError:
        return  # the rules say what is wrong with it
    detail = None
    if outside:
        detail = f"failed to allocate IP {asked}: the provided network does not match the current range"
    elif asked in _used_addresses(store):
        detail = f"failed to allocate IP {asked}: provided IP is already allocated"
    if detail:
        raise status.invalid(kind, name, [invalid("spec.clusterIPs", [asked], detail)])


def _used_addresses(store: Store) -> set[str]:
    return {service["spec"].get("clusterIP", "") for service in store.list("services")}


def _free_address(store: Store) -> str:
    """Random, as on a real cluster, and clear of the low block kept for well-known addresses."""
    used = _used_addresses(store)
    while True:
        address = str(SERVICE_RANGE[256 + secrets.randbelow(SERVICE_RANGE.num_addresses - 512)])
        if address not in used:
            return address
