"""ResourceQuotas: what they count, what is used, and whether one more fits.

Counted are objects (`pods`, `services`, `count/<resource>` ...) and what pods ask for (`requests.cpu`,
`limits.memory` ...), of all pods or of those in the quota's scopes. Only pods that still hold something
count.
"""

from collections.abc import Callable
from decimal import Decimal

from netlab.schema.fields import COMPUTE, counted_resource, scopes_of
from netlab.schema.quantities import amount, written
from netlab.store import Store, containers_of, has_ended

_SERVICE_TYPES = {
    "services.nodeports": ("NodePort", "LoadBalancer"),
    "services.loadbalancers": ("LoadBalancer",),
}


def why_refused(store: Store, resource: str, obj: dict) -> str | None:
    """The reason why this new object would exceed a quota, or None."""
    namespace = obj["metadata"].get("namespace")
    if not namespace:
        return None
    for quota in store.list("resourcequotas", namespace):
        if why := _exceeds(store, quota, resource, obj):
            return why
    return None


def _exceeds(store: Store, quota: dict, resource: str, obj: dict) -> str | None:
    name, hard = quota["metadata"]["name"], quota.get("spec", {}).get("hard", {})
    if resource == "pods" and not in_scopes(quota, obj):
        return None
    keys = [key for key in sorted(hard) if concerns(key, resource)]
    if resource == "pods" and (missing := _unsaid(keys, obj)):
        return f"failed quota: {name}: must specify {missing}"
    asked = {key: _weight(key, obj) for key in keys}
    used = {key: usage(store, quota, key) for key in keys}
    over = [key for key in keys if asked[key] and used[key] + asked[key] > amount(hard[key])]
    if not over:
        return None

    def told(values: dict) -> str:
        return ",".join(f"{key}={values[key]}" for key in over)

    shown = {key: written(asked[key], key) for key in over}
    present = {key: written(used[key], key) for key in over}
    return f"exceeded quota: {name}, requested: {told(shown)}, used: {told(present)}, limited: {told(hard)}"


def concerns(key: str, resource: str) -> bool:
    """Whether a new object of this resource weighs on the key."""
    return counted_resource(key) == resource or (key in COMPUTE and resource == "pods")


def usage(store: Store, quota: dict, key: str) -> Decimal:
    resource = "pods" if key in COMPUTE else counted_resource(key)
    objects = store.list(resource, quota["metadata"]["namespace"]) if resource else []
    if resource == "pods":
        objects = [pod for pod in objects if not has_ended(pod) and in_scopes(quota, pod)]
    return sum((_weight(key, obj) for obj in objects), Decimal(0))


def _weight(key: str, obj: dict) -> Decimal:
    if key in COMPUTE:
        return _asked(obj["spec"], *COMPUTE[key])
    if key in _SERVICE_TYPES:
        return Decimal(obj["spec"].get("type") in _SERVICE_TYPES[key])
    return Decimal(1)


def _asked(spec: dict, kind: str, resource: str) -> Decimal:
    """What a pod asks for: its containers together, or its hungriest init container."""

    def of(container: dict) -> Decimal:
        return amount(container.get("resources", {}).get(kind, {}).get(resource, 0))

    together = sum((of(one) for one in spec.get("containers", [])), Decimal(0))
    return max([together, *(of(one) for one in spec.get("initContainers", []))])


def _unsaid(keys: list[str], pod: dict) -> str:
    """`limits.cpu for: a,b; ...`: what a quota limits must be said by every container."""
    told = []
    for key in (key for key in keys if key in COMPUTE):
        kind, resource = COMPUTE[key]
        silent = [
            container["name"]
            for container in containers_of(pod["spec"])
            if resource not in container.get("resources", {}).get(kind, {})
        ]
        if silent:
            told.append(f"{key} for: {','.join(sorted(silent))}")
    return "; ".join(told)


def in_scopes(quota: dict, pod: dict) -> bool:
    return all(_SCOPES[scope](pod) for scope in scopes_of(quota))


def _is_best_effort(pod: dict) -> bool:
    return not any(
        container.get("resources", {}).get(kind)
        for container in containers_of(pod["spec"])
        for kind in ("limits", "requests")
    )


_SCOPES: dict[str, Callable[[dict], bool]] = {
    "Terminating": lambda pod: pod["spec"].get("activeDeadlineSeconds") is not None,
    "NotTerminating": lambda pod: pod["spec"].get("activeDeadlineSeconds") is None,
    "BestEffort": _is_best_effort,
    "NotBestEffort": lambda pod: not _is_best_effort(pod),
}
