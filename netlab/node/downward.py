"""The downward API: what a pod may learn about itself."""

import math
import re

from netlab.schema.quantities import amount

_PLAIN = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "metadata.uid": ("metadata", "uid"),
    "spec.nodeName": ("spec", "nodeName"),
    "spec.serviceAccountName": ("spec", "serviceAccountName"),
    "status.podIP": ("status", "podIP"),
    "status.hostIP": ("status", "hostIP"),
}
_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def field_value(pod: dict, path: str) -> str:
    """The text of one field; empty where it is not set. An unknown path is refused with ValueError."""
    if path in _PLAIN:
        part, key = _PLAIN[path]
        return str(pod.get(part, {}).get(key) or "")
    if path in ("status.podIPs", "status.hostIPs"):
        return ",".join(item["ip"] for item in pod.get("status", {}).get(path.split(".")[1]) or [])
    if path in ("metadata.labels", "metadata.annotations"):
        return _lines(pod["metadata"].get(path.split(".")[1]) or {})
    if match := _KEYED.fullmatch(path):
        return (pod["metadata"].get(match[1]) or {}).get(match[2], "")
    raise ValueError(f"field path not supported: {path}")


def _lines(items: dict[str, str]) -> str:
    return "\n".join(f'{key}="{_escape(value)}"' for key, value in sorted(items.items()))


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_value(container: dict, reference: dict) -> str:
    """limits.cpu and the like, in units of the divisor; 0 where the container sets none."""
    bound, _, resource = reference["resource"].partition(".")
    quantity = ((container.get("resources") or {}).get(bound) or {}).get(resource, "0")
    divisor = amount(reference.get("divisor") or 1) or 1
    return str(math.ceil(amount(quantity) / divisor))
