"""Nodes and pods as the portal keeps them."""

NODES = [
    {"name": "redes-worker", "address": "172.18.0.3", "pod_cidr": "10.244.1.0/24"},
    {"name": "redes-worker2", "address": "172.18.0.4", "pod_cidr": "10.244.2.0/24"},
]


def pod(name: str, node: int, last: int = 2, **facts) -> dict:
    return {
        "name": name,
        "address": f"10.244.{node}.{last}",
        "node": NODES[node - 1]["name"],
        "phase": "Running",
        "ready": True,
        "image": "redes.local/toolbox:0.1.0",
    } | facts
