"""HorizontalPodAutoscalers in the words of autoscaling/v1: one aim for the CPU, and no other metric.

What v1 has no field for is told in annotations, as JSON, and read back from there: a client of v1 that writes
what it has read loses nothing. Names and forms are those of a real cluster.
"""

import json

from .decode import WrongType, conform

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_V2 = "#/$defs/io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"
_SOURCES = ("resource", "containerResource")


def from_v2(scaler: dict) -> dict:
    spec, status = dict(scaler.get("spec", {})), dict(scaler.get("status", {}))
    metrics, current = spec.pop("metrics", []), status.pop("currentMetrics", [])
    told = {
        "metrics": [_old_metric(one, "target") for one in metrics if _share(one, "target") is None],
        "behavior": _capitalized(spec.pop("behavior", {})),
        "current-metrics": [_old_metric(one, "current") for one in current],
        "conditions": status.pop("conditions", []),
    }
    _put_share(spec, "targetCPUUtilizationPercentage", metrics, "target")
    _put_share(status, "currentCPUUtilizationPercentage", current, "current")
    meta = dict(scaler["metadata"])
    notes = {
        _PREFIX + name: json.dumps(value, separators=(",", ":")) for name, value in told.items() if value
    }
    if notes:
        meta["annotations"] = {**meta.get("annotations", {}), **notes}
    return _whole("autoscaling/v1", meta, spec, status)


def to_v2(scaler: dict) -> dict:
    """Annotations that cannot be read are dropped, as on a real cluster."""
    spec, status = dict(scaler.get("spec", {})), dict(scaler.get("status", {}))
    meta, notes = dict(scaler["metadata"]), dict(scaler["metadata"].get("annotations", {}))
    target = spec.pop("targetCPUUtilizationPercentage", None)
    share = status.pop("currentCPUUtilizationPercentage", None)
    metrics = _listed(notes, "metrics", "target") + (
        [_of_cpu("target", target)] if target is not None else []
    )
    current = _listed(notes, "current-metrics", "current")
    if share is not None and not current:
        current = [_of_cpu("current", share)]
    spec |= _fitting("Spec", {"metrics": metrics}) | _fitting("Spec", {"behavior": _behavior(notes)})
    status |= _fitting("Status", {"currentMetrics": current})
    status |= _fitting("Status", {"conditions": _read(notes, "conditions")})
    if "annotations" in meta:
        meta["annotations"] = notes
    return _whole("autoscaling/v2", meta, spec, status)


def _whole(api_version: str, meta: dict, spec: dict, status: dict) -> dict:
    parts = {"metadata": meta, "spec": spec, "status": status}
    kept = {key: value for key, value in parts.items() if value or key == "metadata"}
    return {"apiVersion": api_version, "kind": "HorizontalPodAutoscaler", **kept}


def _share(metric: dict, side: str) -> int | None:
    source = metric.get("resource", {})
    return source.get(side, {}).get("averageUtilization") if source.get("name") == "cpu" else None


def _put_share(part: dict, name: str, metrics: list[dict], side: str) -> None:
    shares = [share for one in metrics if (share := _share(one, side)) is not None]
    if shares:
        part[name] = shares[0]


def _of_cpu(side: str, share: int) -> dict:
    return _new_metric(
        {"type": "Resource", "resource": {"name": "cpu", f"{side}AverageUtilization": share}}, side
    )


def _old_metric(metric: dict, side: str) -> dict:
    """Of `{"target": {"averageValue": ..}}` v1 makes `{"targetAverageValue": ..}`."""
    found = {"type": metric["type"]}
    for name in _SOURCES:
        source = dict(metric.get(name, {}))
        figures = {key: value for key, value in source.pop(side, {}).items() if key != "type"}
        if source:
            found[name] = {**source, **{f"{side}A{key[1:]}": value for key, value in figures.items()}}
    return found


def _new_metric(metric: dict, side: str) -> dict:
    found = dict(metric)
    for name in _SOURCES:
        if isinstance(metric.get(name), dict):
            source = dict(metric[name])
            keys = [key for key in source if key.startswith(f"{side}A")]
            figures = {f"a{key.removeprefix(side)[1:]}": source.pop(key) for key in keys}
            if side == "target":
                figures["type"] = "Utilization" if "averageUtilization" in figures else "AverageValue"
            found[name] = {**source, side: figures}
    return found


def _listed(notes: dict, name: str, side: str) -> list[dict]:
    return [_new_metric(one, side) for one in _read(notes, name) if isinstance(one, dict)]


def _behavior(notes: dict) -> dict:
    return _capitalized(_read(notes, "behavior", {}), str.lower)


def _read(notes: dict, name: str, empty: list | dict = []):  # noqa: B006 - never changed
    try:
        found = json.loads(notes.pop(_PREFIX + name, "null"))
    except ValueError:
        return empty
    return found if isinstance(found, type(empty)) else empty


def _capitalized(value, case=str.upper):
    """Go writes the behavior by the names of its own fields: ScaleUp, Policies."""
    if isinstance(value, list):
        return [_capitalized(one, case) for one in value]
    if not isinstance(value, dict):
        return value
    return {case(key[:1]) + key[1:]: _capitalized(one, case) for key, one in value.items()}


def _fitting(part: str, found: dict) -> dict:
    """What an annotation told, where it has the form of v2's field, else nothing."""
    try:
        return {key: value for key, value in conform(found, {"$ref": _V2 + part}).object.items() if value}
    except WrongType:
        return {}
