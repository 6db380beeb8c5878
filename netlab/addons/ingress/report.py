"""What the controller writes into the cluster: Events, addresses of Ingresses, states of TransportServers.

A thread of its own sends it, so that a slow API delays no reload.
"""

import datetime
import json
import queue
import threading
from collections.abc import Callable
from hashlib import sha256

from netlab.addons.kubeapi import FAILURES, Client

from .drafts import Message, Ref

_NAME = "nginx-ingress-controller"
_MERGE = "application/merge-patch+json"
NETWORKING = "/apis/networking.k8s.io/v1"
NGINX = "/apis/k8s.nginx.org/v1"


class Reporter:
    def __init__(self, client: Client, log: Callable[[str, str], None]):
        self._client, self._log = client, log
        self._work: queue.Queue = queue.Queue()
        self._told: dict[Ref, str] = {}
        self._addresses: dict[Ref, tuple[str, list]] = {}  # of an Ingress' uid
        threading.Thread(target=self._run, name="report", daemon=True).start()

    def tell(self, ref: Ref, obj: dict, message: Message) -> None:
        """An Event, unless the same was said of the same object; a TransportServer has a state as well."""
        meta = obj["metadata"]
        about = [meta.get("uid"), obj.get("spec") or obj.get("data"), meta.get("annotations"), repr(message)]
        mark = sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        if self._told.get(ref) == mark:
            return
        self._told[ref] = mark
        kind, namespace, name = ref
        self._log("W" if message.warning else "I", f"Event({kind} {namespace}/{name}): {message.text}")
        self._work.put(("POST", f"/api/v1/namespaces/{namespace}/events", _event(ref, obj, message), ""))
        if kind == "TransportServer":
            self._work.put(("PATCH", f"{NGINX}/{_path(ref)}/status", {"status": _state(message)}, _MERGE))

    def forget_others(self, known: set[Ref]) -> None:
        self._told = {ref: mark for ref, mark in self._told.items() if ref in known}
        self._addresses = {ref: one for ref, one in self._addresses.items() if ref in known}

    def address(self, ref: Ref, obj: dict, addresses: list[dict]) -> None:
        present = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        wanted = obj["metadata"]["uid"], addresses
        if present == addresses or self._addresses.get(ref) == wanted:
            return
        self._addresses[ref] = wanted
        status = {"status": {"loadBalancer": {"ingress": addresses}}}
        self._work.put(("PATCH", f"{NETWORKING}/{_path(ref)}/status", status, _MERGE))

    def _run(self) -> None:
        while True:
            method, path, body, kind = self._work.get()
            try:
                self._client.send(method, path, body, kind or "application/json").read()
            except FAILURES as error:
                self._log("W", f"cannot report to the API: {error}")


def _path(ref: Ref) -> str:
    kind, namespace, name = ref
    plural = {"Ingress": "ingresses", "TransportServer": "transportservers"}[kind]
    return f"namespaces/{namespace}/{plural}/{name}"


def _state(message: Message) -> dict:
    state = "Valid"
    if message.warning:
        state = "Invalid" if message.reason in ("Rejected", "AddedOrUpdatedWithError") else "Warning"
    return {"state": state, "reason": message.reason, "message": message.text}


def _event(ref: Ref, obj: dict, message: Message) -> dict:
    kind, namespace, name = ref
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = obj["metadata"]
    versions = {"Ingress": "networking.k8s.io/v1", "ConfigMap": "v1"}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{name}.", "namespace": namespace},
        "involvedObject": {
            "apiVersion": versions.get(kind, "k8s.nginx.org/v1"),
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "uid": meta.get("uid"),
            "resourceVersion": meta.get("resourceVersion"),
        },
        "type": "Warning" if message.warning else "Normal",
        "reason": message.reason,
        "message": message.text[:1024],
        "source": {"component": _NAME},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
