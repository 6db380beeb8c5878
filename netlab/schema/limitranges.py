"""LimitRanges: what a container gets that asks for nothing, and what is too little or too much."""

from collections.abc import Iterator
from decimal import Decimal

from netlab.store import containers_of

from .quantities import amount, written


def fill(ranges: list[dict], pod: dict) -> None:
    """Put the defaults of the namespace's ranges into the pod's containers."""
    for item in _items(ranges, "Container"):
        for container in containers_of(pod["spec"]):
            for kind, defaults in (("limits", "default"), ("requests", "defaultRequest")):
                _fill(container, kind, item.get(defaults, {}))


def _fill(container: dict, kind: str, defaults: dict) -> None:
    resources = container.setdefault("resources", {})
    for resource, quantity in defaults.items():
        # A request that is not given is the limit that is; only what neither says is filled in.
        if kind == "requests" and resource in resources.get("limits", {}) and "requests" not in resources:
            continue
        resources.setdefault(kind, {}).setdefault(resource, quantity)


def violations(ranges: list[dict], pod: dict) -> list[str]:
    """Why the pod may not be, in Kubernetes' words."""
    found = []
    for item in _items(ranges, "Container"):
        for container in containers_of(pod["spec"]):
            found += _broken(item, container.get("resources", {}), "Container")
    for item in _items(ranges, "Pod"):
        found += _broken(item, _sum(pod["spec"]), "Pod")
    return found


def _items(ranges: list[dict], kind: str) -> Iterator[dict]:
    for one in ranges:
        yield from (item for item in one["spec"].get("limits", []) if item["type"] == kind)


def _broken(item: dict, resources: dict, kind: str) -> Iterator[str]:
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for resource, least in item.get("min", {}).items():
        about = f"minimum {resource} usage per {kind} is {least}"
        if resource not in requests:
            yield f"{about}, but no request is specified"
        elif amount(requests[resource]) < amount(least):
            yield f"{about}, but request is {requests[resource]}"
    for resource, most in item.get("max", {}).items():
        about = f"maximum {resource} usage per {kind} is {most}"
        if resource not in limits:
            yield f"{about}, but no limit is specified"
        elif amount(limits[resource]) > amount(most):
            yield f"{about}, but limit is {limits[resource]}"
    for resource, ratio in item.get("maxLimitRequestRatio", {}).items():
        yield from _broken_ratio(resource, ratio, limits, requests, kind)


def _broken_ratio(resource: str, ratio: str, limits: dict, requests: dict, kind: str) -> Iterator[str]:
    about = f"{resource} max limit to request ratio per {kind} is {ratio}"
    if resource not in limits or resource not in requests or not amount(requests[resource]):
        yield f"{about}, but no limit is specified or request is 0"
        return
    given = amount(limits[resource]) / amount(requests[resource])
    if given > amount(ratio):
        yield f"{about}, but provided ratio is {given:.6f}"


def _sum(spec: dict) -> dict:
    """What the whole pod asks for; a resource that one container says nothing of is not said of the pod."""
    totals: dict = {"limits": {}, "requests": {}}
    for kind, total in totals.items():
        parts = [container.get("resources", {}).get(kind, {}) for container in spec.get("containers", [])]
        for resource in {name for part in parts for name in part}:
            if all(resource in part for part in parts):
                value = sum((amount(part[resource]) for part in parts), Decimal(0))
                total[resource] = written(value, resource)
    return totals
