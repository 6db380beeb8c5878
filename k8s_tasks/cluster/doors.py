"""A session's own way for TCP through the ingress controller.

F5's controller opens a port for TCP only where its GlobalConfiguration names a listener, and a listener
serves one TransportServer. Both belong to whoever runs the cluster, so the platform makes them: a listener
with the name of the session's namespace, on a port that is free, and a Service in the controller's namespace
that leads to it. The student then writes the TransportServer.

The GlobalConfiguration is one object for all sessions; it is changed from the version that was read, and read
again when somebody was faster.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError, NotFound, Refused
from k8s_tasks.cluster.objects import apply_manifest

logger = logging.getLogger(__name__)

PORT = 9000  # of every door: each has an address of its own
LABEL = "redes.local/door"  # the listener's name
_LISTENERS = range(20000, 30000)
_GROUP = "/apis/k8s.nginx.org/v1"
_CONFLICT = 409
_TRIES = 20


@dataclass(frozen=True)
class Door:
    address: str
    listener: str

    def told(self) -> dict[str, str]:
        return {"door": self.address, "listener": self.listener}


async def open_door(api: Api, name: str, labels: dict[str, str]) -> Door:
    """The same again when it is there. Raises ClusterError where the controller takes no listeners."""
    configuration = await _configuration(api)
    place = configuration["metadata"]["namespace"]
    selector = await _controller_of(api, place)
    # The Service first: it carries the label by which what a dead worker has left is found again.
    await _apply_service(api, place, name, labels, selector, port=_LISTENERS[0])
    changed = await _change(api, lambda listeners: _with(listeners, name))
    port = next(each["port"] for each in changed if each["name"] == name)
    made = await _apply_service(api, place, name, labels, selector, port=port)
    return Door(made["spec"]["clusterIP"], name)


async def close_doors(api: Api, labels: str) -> None:
    """Take away the doors whose Services these labels select. Raises ClusterError."""
    found = await api.request("GET", "/api/v1/services", query={"labelSelector": f"{LABEL},{labels}"})
    for service in found["items"]:
        metadata = service["metadata"]
        name = metadata["labels"][LABEL]
        await _change(api, lambda listeners, name=name: [each for each in listeners if each["name"] != name])
        try:
            await api.request(
                "DELETE", f"/api/v1/namespaces/{metadata['namespace']}/services/{metadata['name']}"
            )
        except NotFound:
            pass


async def _configuration(api: Api) -> dict:
    """The oldest GlobalConfiguration: a controller reads one."""
    try:
        found = (await api.request("GET", f"{_GROUP}/globalconfigurations"))["items"]
    except NotFound:
        found = []
    if not found:
        raise ClusterError("the cluster has no GlobalConfiguration of k8s.nginx.org/v1")
    return min(found, key=lambda each: each["metadata"]["creationTimestamp"])


async def _controller_of(api: Api, namespace: str) -> dict[str, str]:
    """The labels of the controller's pods, as the Service before them has them."""
    services = (await api.request("GET", f"/api/v1/namespaces/{namespace}/services"))["items"]
    selectors = (
        service["spec"]["selector"]
        for service in services
        if service["spec"].get("selector") and any(port["port"] == 443 for port in service["spec"]["ports"])
    )
    if selector := next(selectors, None):
        return selector
    raise ClusterError(f"no Service of namespace {namespace} leads to the ingress controller")


async def _change(api: Api, change: Callable[[list[dict]], list[dict]]) -> list[dict]:
    """The listeners, once they are what `change` makes of them."""
    for _ in range(_TRIES):
        configuration = await _configuration(api)
        listeners = configuration.setdefault("spec", {}).get("listeners") or []
        changed = change(listeners)
        if changed == listeners:
            return changed
        configuration["spec"]["listeners"] = changed
        metadata = configuration["metadata"]
        path = f"{_GROUP}/namespaces/{metadata['namespace']}/globalconfigurations/{metadata['name']}"
        try:
            await api.request("PUT", path, body=_whole(configuration))
        except Refused as error:
            if error.status != _CONFLICT:
                raise
        else:
            return changed
    raise ClusterError("the GlobalConfiguration is changed by too many at once")


def _whole(configuration: dict) -> dict:
    """Items of a list come without these."""
    return {"apiVersion": "k8s.nginx.org/v1", "kind": "GlobalConfiguration", **configuration}


def _with(listeners: list[dict], name: str) -> list[dict]:
    if any(each["name"] == name for each in listeners):
        return listeners
    taken = {each["port"] for each in listeners}
    port = next((port for port in _LISTENERS if port not in taken), None)
    if port is None:
        raise ClusterError("every port that the platform may give to a listener is taken")
    return [*listeners, {"name": name, "port": port, "protocol": "TCP"}]


async def _apply_service(
    api: Api, namespace: str, name: str, labels: dict[str, str], selector: dict[str, str], *, port: int
) -> dict:
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {**labels, LABEL: name}},
        "spec": {
            "selector": selector,
            "ports": [{"name": "tcp", "port": PORT, "targetPort": port, "protocol": "TCP"}],
        },
    }
    return await apply_manifest(api, manifest, namespace=namespace)
