"""Nodes and pods as the pages draw them: plain facts read from API objects."""

from curriculum.kinds import NODE_PLACE
from k8s_tasks.cluster.namespaces import is_world

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def number_nodes(nodes: list[dict]) -> dict[str, dict]:
    """Nodes, as API objects or as their facts, as a lab names them: `control`, then the workers by name."""
    facts = [node if "name" in node else node_facts(node) for node in nodes]
    controls = [node for node in facts if node.get("role") == "control-plane"]
    workers = sorted((node for node in facts if node not in controls), key=lambda node: node["name"])
    numbered = {f"worker{number}": node for number, node in enumerate(workers, start=1)}
    return {**({"control": controls[0]} if controls else {}), **numbered}


def fill_in_values(namespace: str, bindings: dict) -> dict:
    """What the cluster decides of a lab's templates: `namespace`, other namespaces as `ns.KEY`, each pod's
    `ip` and `node`, the nodes' addresses as `nodes.control`, `nodes.worker1`, ..., `ingress.ip`, the
    ingress controller's, and the session's own way for TCP through it: `ingress.door`, an address, and
    `ingress.listener`."""
    nodes = number_nodes(bindings.get("nodes", []))
    return {
        "namespace": namespace,
        "ns": bindings.get("namespaces", {}),
        "nodes": {name: node["address"] for name, node in nodes.items()},
        "ingress": {"ip": bindings.get("ingress", ""), **bindings.get("door", {})},
        **{pod["name"]: {"ip": pod["address"], "node": pod["node"]} for pod in bindings.get("pods", [])},
    }


def node_place(name: str) -> str:
    """`node:0` for `control`, `node:1` for `worker1`: how conditions name the nodes of `number_nodes`."""
    return f"{NODE_PLACE}{name.removeprefix('worker') if name != 'control' else 0}"


def node_facts(node: dict) -> dict:
    return {
        "name": node["metadata"]["name"],
        "role": "control-plane" if CONTROL_PLANE in node["metadata"].get("labels", {}) else "worker",
        "address": _internal_address(node),
        "pod_cidr": node.get("spec", {}).get("podCIDR", ""),
    }


def pod_facts(pod: dict) -> dict:
    status = pod.get("status", {})
    containers = status.get("containerStatuses") or []
    return {
        "name": pod["metadata"]["name"],
        "namespace": pod["metadata"].get("namespace", ""),
        "address": status.get("podIP", ""),
        "node": pod["spec"].get("nodeName", ""),
        "phase": "Terminating"
        if pod["metadata"].get("deletionTimestamp")
        else status.get("phase", "Pending"),
        "ready": bool(containers) and all(container.get("ready") for container in containers),
        "image": pod["spec"]["containers"][0]["image"],
        "background": is_world(pod["metadata"].get("namespace", "")),
    }


def _internal_address(node: dict) -> str:
    addresses = node.get("status", {}).get("addresses") or []
    return next((each["address"] for each in addresses if each["type"] == "InternalIP"), "")
