"""The Node object: what a node is and can do, as `kubectl describe node` shows it. Pure but for /proc."""

import os
import platform
from pathlib import Path

from netlab.images import recipe
from netlab.schema.fields import LIMITS_ANNOTATION
from netlab.store import clock
from netlab.topology import Node, Topology

MAX_PODS = 110
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def node_object(topology: Topology, node: Node, bounds: str, listed: list[dict]) -> dict:
    """The whole object, Ready, with the images it has. `bounds`, an annotation: how it limits its pods."""
    arch = _ARCHITECTURES.get(platform.machine(), platform.machine())
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": arch,
    }
    spec: dict = {
        "podCIDR": str(node.pod_network),
        "podCIDRs": [str(node.pod_network)],
        "providerID": f"netlab://{topology.name}/{node.name}",
    }
    if node.control_plane:
        labels["node-role.kubernetes.io/control-plane"] = ""
        labels["node.kubernetes.io/exclude-from-external-load-balancers"] = ""
        spec["taints"] = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": {LIMITS_ANNOTATION: bounds}},
        "spec": spec,
        "status": _status(topology, node, arch, listed),
    }


def _status(topology: Topology, node: Node, arch: str, listed: list[dict]) -> dict:
    capacity = {
        "cpu": str(os.cpu_count()),
        "memory": f"{_memory_kib()}Ki",
        "pods": str(MAX_PODS),
        "ephemeral-storage": f"{_memory_kib() // 2}Ki",
    }
    return {
        "capacity": capacity,
        "allocatable": dict(capacity),
        "conditions": _conditions(),
        "addresses": [
            {"type": "InternalIP", "address": str(node.address)},
            {"type": "Hostname", "address": node.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": _node_info(topology, node, arch),
        "images": listed,
    }


def healthy_conditions() -> dict[str, dict]:
    """What a living node says of each condition, by its type."""
    return {
        kind: {"type": kind, "status": value, "reason": reason, "message": message}
        for kind, value, reason, message in _CONDITIONS
    }


def _conditions() -> list[dict]:
    now = clock.now()
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    return [{**condition, **times} for condition in healthy_conditions().values()]


def _node_info(topology: Topology, node: Node, arch: str) -> dict:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {
        "machineID": f"{node.index:032x}",
        "systemUUID": f"{node.index:032x}",
        "bootID": boot,
        "kernelVersion": platform.release(),
        "osImage": recipe.release().get("PRETTY_NAME", "Linux"),
        "containerRuntimeVersion": "crun://netlab",
        "kubeletVersion": topology.version,
        "kubeProxyVersion": topology.version,
        "operatingSystem": "linux",
        "architecture": arch,
    }


def _memory_kib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
