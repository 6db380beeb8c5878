"""`nodes/NAME/proxy/...`: what a kubelet answers on its port, as far as netlab's has something to tell."""

from collections.abc import Iterable

from aiohttp import web

from netlab.node.runtime import Runtime
from netlab.node.usage import Usage
from netlab.store import Store, clock

from . import status
from .rendering import json_response
from .request import Call

_PATHS = ("healthz", "pods", "stats/summary")


def serve(store: Store, runtime: Runtime, call: Call) -> web.Response:
    """Raises ApiError, StoreError."""
    name = (call.name or "").partition(":")[0]  # a port may follow, which can only be the kubelet's
    store.get("nodes", None, name)
    if why := runtime.unreachable({"spec": {"nodeName": name}}):
        raise status.ApiError(503, "ServiceUnavailable", f"error trying to reach service: {why}")
    path, pods = call.rest.strip("/"), [p for p in store.list("pods") if p["spec"].get("nodeName") == name]
    if path == "healthz":
        return web.Response(text="ok")
    if path == "pods":
        return json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})
    if path == "stats/summary":
        return json_response(_summary(name, pods, runtime.meter.usage(pods)))
    why = f"a node of netlab answers at {', '.join(_PATHS)}; it has no files, logs or metrics of its own"
    raise status.ApiError(404, "NotFound", why)


def _summary(node: str, pods: list[dict], usage: dict[str, dict[str, Usage]]) -> dict:
    used = [one for containers in usage.values() for one in containers.values()]
    measured = [pod for pod in pods if pod["metadata"]["uid"] in usage]
    told = [_pod(pod, usage[pod["metadata"]["uid"]]) for pod in measured]
    return {"node": {"nodeName": node, **_figures(used)}, "pods": told}


def _pod(pod: dict, usage: dict[str, Usage]) -> dict:
    reference = {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
    containers = [{"name": name, **_figures([one])} for name, one in usage.items()]
    return {"podRef": reference, "containers": containers, **_figures(usage.values())}


def _figures(used: Iterable[Usage]) -> dict:
    now, all_used = clock.now(), list(used)
    return {
        "cpu": {"time": now, "usageNanoCores": sum(int(one.cores * 1e9) for one in all_used)},
        "memory": {"time": now, "workingSetBytes": sum(one.memory for one in all_used)},
    }
