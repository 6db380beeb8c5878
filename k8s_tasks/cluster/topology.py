"""Nodes and pods as the pages draw them: plain facts read from API objects."""


def node_facts(node: dict) -> dict:
    return {
        "name": node["metadata"]["name"],
        "address": _internal_address(node),
        "pod_cidr": node.get("spec", {}).get("podCIDR", ""),
    }


def pod_facts(pod: dict) -> dict:
    status = pod.get("status", {})
    containers = status.get("containerStatuses") or []
    return {
        "name": pod["metadata"]["name"],
        "address": status.get("podIP", ""),
        "node": pod["spec"].get("nodeName", ""),
        "phase": "Terminating"
        if pod["metadata"].get("deletionTimestamp")
        else status.get("phase", "Pending"),
        "ready": bool(containers) and all(container.get("ready") for container in containers),
        "image": pod["spec"]["containers"][0]["image"],
    }


def _internal_address(node: dict) -> str:
    addresses = node.get("status", {}).get("addresses") or []
    return next((each["address"] for each in addresses if each["type"] == "InternalIP"), "")
