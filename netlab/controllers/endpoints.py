"""EndpointSlices, and the older Endpoints, of every Service with a selector.

One slice holds the pods that resolve the Service's ports to the same numbers: a named port may differ
from pod to pod.
"""

import json
from collections.abc import Iterable

from netlab.store import Event, clone, has_ended, is_deleting, key_of, owner_reference
from netlab.store.objects import has_labels

from . import podset
from .manager import Key, StoreController

SLICES = "endpointslices.discovery.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
_MANAGED = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
_HEADLESS = "service.kubernetes.io/headless"


class EndpointsController(StoreController):
    name = "endpoints"

    def concerned(self, event: Event) -> Iterable[Key]:
        meta = event.object["metadata"]
        if event.resource == "services":
            yield key_of(event.object)
        elif event.resource == "pods":
            yield from self._of_pod(event)
        elif event.resource == SLICES and event.type == "DELETED":
            name = meta.get("labels", {}).get(SERVICE_NAME)
            if name:
                yield meta["namespace"], name

    def _of_pod(self, event: Event) -> Iterable[Key]:
        namespace = event.object["metadata"]["namespace"]
        views = [pod for pod in (event.object, event.previous) if pod]
        for service in self._store.list("services", namespace):
            selector = service["spec"].get("selector")
            if selector and any(has_labels(pod, selector) for pod in views):
                yield namespace, service["metadata"]["name"]

    def sync(self, key: Key) -> None:
        service = self._store.find("services", *key)
        if service is None:
            self._remove_all(*key)
        elif service["spec"].get("selector"):
            chosen = self._store.list("pods", key[0], labels=service["spec"]["selector"])
            pods = [pod for pod in chosen if _has_address(pod)]
            self._write_slices(service, _group_by_ports(service, pods))
            self._write_endpoints(service, _group_by_ports(service, pods))

    def _remove_all(self, namespace: str, name: str) -> None:
        for found in self._own_slices(namespace, name):
            self._store.delete(SLICES, namespace, found["metadata"]["name"])
        if self._store.find("endpoints", namespace, name):
            self._store.delete("endpoints", namespace, name)

    def _own_slices(self, namespace: str, name: str) -> list[dict]:
        return self._store.list(SLICES, namespace, labels={SERVICE_NAME: name, **_MANAGED})

    def _write_slices(self, service: dict, groups: list[tuple[list[dict], list[dict]]]) -> None:
        meta = service["metadata"]
        present = {_ports_key(s.get("ports") or []): s for s in self._own_slices(*key_of(service))}
        for ports, pods in groups or [([], [])]:
            endpoints = [_endpoint(service, pod) for pod in pods]
            found = present.pop(_ports_key(ports), None)
            if found is None and not pods and present:  # the last pods went: empty the slice, keep its name
                found = present.pop(next(iter(present)))
            self._write_slice(service, found, ports, endpoints)
        for stale in present.values():
            self._store.delete(SLICES, meta["namespace"], stale["metadata"]["name"])

    def _write_slice(
        self, service: dict, found: dict | None, ports: list[dict], endpoints: list[dict]
    ) -> None:
        if found is None:
            self._store.create(SLICES, _new_slice(service, ports, endpoints))
            return
        changed = clone(found)
        changed["metadata"]["labels"] = _slice_labels(service)
        changed.update(endpoints=endpoints, ports=ports)
        self._store.update(SLICES, changed)

    def _write_endpoints(self, service: dict, groups: list[tuple[list[dict], list[dict]]]) -> None:
        meta = service["metadata"]
        subsets = [s for ports, pods in groups if (s := _subset(service, ports, pods))]
        labels = {**meta.get("labels", {}), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        wanted = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": labels},
            **({"subsets": subsets} if subsets else {}),
        }
        if self._store.find("endpoints", *key_of(service)):
            self._store.update("endpoints", wanted)
        else:
            self._store.create("endpoints", wanted)


def _has_address(pod: dict) -> bool:
    return bool(pod.get("status", {}).get("podIP")) and not has_ended(pod)


def _group_by_ports(service: dict, pods: list[dict]) -> list[tuple[list[dict], list[dict]]]:
    """(ports, pods) for each way the pods resolve the Service's ports."""
    groups: dict[str, tuple[list[dict], list[dict]]] = {}
    for pod in pods:
        ports = resolve_ports(service, pod)
        groups.setdefault(_ports_key(ports), (ports, []))[1].append(pod)
    return [groups[key] for key in sorted(groups)]


def _ports_key(ports: list[dict]) -> str:
    return json.dumps(ports, sort_keys=True)


def resolve_ports(service: dict, pod: dict) -> list[dict]:
    """The Service's ports with the pod's numbers; a name the pod does not have is left out."""
    resolved = []
    for port in service["spec"].get("ports", []):
        number = _target_number(port, pod)
        if number is not None:
            found = {"name": port.get("name", ""), "port": number, "protocol": port["protocol"]}
            if port.get("appProtocol"):
                found["appProtocol"] = port["appProtocol"]
            resolved.append(found)
    return resolved


def _target_number(port: dict, pod: dict) -> int | None:
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for offered in container.get("ports", []):
            if (offered.get("name"), offered.get("protocol", "TCP")) == (target, port["protocol"]):
                return offered["containerPort"]
    return None


def _endpoint(service: dict, pod: dict) -> dict:
    ready, leaving = podset.is_ready(pod), is_deleting(pod)
    published = service["spec"].get("publishNotReadyAddresses", False)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": published or (ready and not leaving),
            "serving": ready,
            "terminating": leaving,
        },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _target(pod),
        **_hostname(service, pod),
    }


def _hostname(service: dict, pod: dict) -> dict:
    """A pod whose subdomain is the Service's name has a DNS name of its own in it."""
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        return {"hostname": spec["hostname"]}
    return {}


def _target(pod: dict) -> dict:
    meta = pod["metadata"]
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def _new_slice(service: dict, ports: list[dict], endpoints: list[dict]) -> dict:
    meta = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": _slice_labels(service),
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }


def _slice_labels(service: dict) -> dict:
    headless = {_HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {}
    own = {SERVICE_NAME: service["metadata"]["name"], **_MANAGED}
    return {**service["metadata"].get("labels", {}), **headless, **own}


def _subset(service: dict, ports: list[dict], pods: list[dict]) -> dict | None:
    ready, waiting = [], []
    for pod in pods:
        if is_deleting(pod):
            continue
        address = {
            "ip": pod["status"]["podIP"],
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": _target(pod),
            **_hostname(service, pod),
        }
        published = service["spec"].get("publishNotReadyAddresses", False)
        (ready if published or podset.is_ready(pod) else waiting).append(address)
    if not ready and not waiting:
        return None
    named = [{key: value for key, value in port.items() if value != ""} for port in ports]
    parts = {"addresses": ready, "notReadyAddresses": waiting, "ports": named}
    return {key: value for key, value in parts.items() if value}
