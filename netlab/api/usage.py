"""`metrics.k8s.io`: what nodes and pods use now, as metrics-server tells it. `kubectl top` reads it.

A node of netlab is nothing but its pods: what it uses is what they use. Parts of netlab's server that run as
pods (kube-proxy, kindnet, ...) have no processes to be measured, and so no figures.
"""

from aiohttp import web

from netlab.node.usage import Meter, Usage
from netlab.store import NotFound, Store, clock

from .rendering import Renderer, json_response
from .request import Call
from .rest import selection


def serve(store: Store, meter: Meter, call: Call) -> web.Response:
    """Raises NotFound."""
    objects = (_of_nodes if call.kind.name == "NodeMetrics" else _of_pods)(store, meter, call)
    renderer = Renderer(call.kind, call.http)
    if not call.name:
        return json_response(renderer.page([obj for obj in objects if selection(call)(obj)], {}))
    if not objects:
        raise NotFound(call.kind.resource, "/".join(filter(None, (call.namespace, call.name))))
    return json_response(renderer.object(objects[0]))


def _of_pods(store: Store, meter: Meter, call: Call) -> list[dict]:
    pods = [p for p in store.list("pods", call.namespace) if call.name in (None, p["metadata"]["name"])]
    usage = meter.usage(pods)
    return [_pod_metrics(pod, usage[uid]) for pod in pods if (uid := pod["metadata"]["uid"]) in usage]


def _pod_metrics(pod: dict, usage: dict[str, Usage]) -> dict:
    containers = [{"name": name, "usage": _quantities([one])} for name, one in usage.items()]
    return {**_head(pod, "PodMetrics", list(usage.values())), "containers": containers}


def _of_nodes(store: Store, meter: Meter, call: Call) -> list[dict]:
    pods = store.list("pods")
    usage = meter.usage(pods)
    found = []
    for node in store.list("nodes"):
        name = node["metadata"]["name"]
        own = [usage.get(pod["metadata"]["uid"], {}) for pod in pods if pod["spec"].get("nodeName") == name]
        used = [one for containers in own for one in containers.values()]
        if call.name in (None, name):
            found.append({**_head(node, "NodeMetrics", used), "usage": _quantities(used)})
    return found


def _head(obj: dict, kind: str, used: list[Usage]) -> dict:
    kept = ("name", "namespace", "labels")
    now = clock.now()
    meta = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]} | {"creationTimestamp": now}
    window = max((one.seconds for one in used), default=0.0)
    head = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": meta}
    return {**head, "timestamp": now, "window": f"{window:.3f}s"}


def _quantities(used: list[Usage]) -> dict[str, str]:
    nanocores, memory = sum(int(one.cores * 1e9) for one in used), sum(one.memory for one in used)
    return {"cpu": f"{nanocores}n", "memory": f"{memory >> 10}Ki"}
