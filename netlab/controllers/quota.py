"""ResourceQuotas: what is counted, what is used, and whether one more fits.

Counted are pods and `count/<resource>`; amounts of CPU and memory are not measured here, and the API
says so when such a quota is written.
"""

from decimal import Decimal

from netlab.schema.fields import counted_resource
from netlab.store import Store

_SUFFIXES: dict[str, int | Decimal] = {
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "m": Decimal("0.001"),
}


def why_refused(store: Store, resource: str, namespace: str | None) -> str | None:
    """The reason why one more object would exceed a quota, or None."""
    if not namespace:
        return None
    for quota in store.list("resourcequotas", namespace):
        for key, limit in quota.get("spec", {}).get("hard", {}).items():
            if counted_resource(key) != resource:
                continue
            used = usage(store, key, namespace)
            if used + 1 > amount(limit):
                name = quota["metadata"]["name"]
                return (
                    f"exceeded quota: {name}, requested: {key}=1, used: {key}={used}, limited: {key}={limit}"
                )
    return None


def usage(store: Store, key: str, namespace: str) -> int:
    objects = store.list(counted_resource(key), namespace)
    if key == "pods":  # only those that still hold something
        objects = [p for p in objects if p.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    return len(objects)


def amount(quantity: str | int) -> Decimal:
    text = str(quantity)
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if text.endswith(suffix):
            return Decimal(text.removesuffix(suffix)) * _SUFFIXES[suffix]
    return Decimal(text)
