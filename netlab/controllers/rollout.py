"""A Deployment's status: counts, conditions, and the words `kubectl rollout status` waits for."""

import math

from netlab.store import Store, clock, condition

from . import podset

RESOURCE = "deployments.apps"
_COUNTS = ("replicas", "readyReplicas", "availableReplicas")


def report(store: Store, deployment: dict, sets: list[dict], current: dict | None) -> float | None:
    """Write the status; answers the seconds until a stuck rollout has to be called so."""
    counts = {name: sum(rs.get("status", {}).get(name, 0) for rs in sets) for name in _COUNTS}
    updated = (current or {}).get("status", {}).get("replicas", 0)
    wanted = deployment["spec"]["replicas"]
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        "updatedReplicas": updated,
        "unavailableReplicas": max(0, max(wanted, counts["replicas"]) - counts["availableReplicas"]),
    }
    status = {key: value for key, value in status.items() if value}
    complete = updated == counts["replicas"] == counts["availableReplicas"] == wanted
    conditions = [
        _available(deployment, counts["availableReplicas"]),
        *_failures(sets),
    ]
    again = None
    if not deployment["spec"].get("paused"):
        progress, again = _progress(deployment, status, current, complete)
        conditions.append(progress)
    old = deployment.get("status", {}).get("conditions", [])
    status["conditions"] = [_keep_times(condition, old) for condition in conditions if condition]
    podset.set_status(store, RESOURCE, deployment, status)
    return again


def _available(deployment: dict, available: int) -> dict:
    needed = deployment["spec"]["replicas"]
    if deployment["spec"]["strategy"]["type"] == "RollingUpdate":
        needed -= bounds(deployment)[1]
    if available >= needed:
        return _condition(
            "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."
        )
    message = "Deployment does not have minimum availability."
    return _condition("Available", "False", "MinimumReplicasUnavailable", message)


def _failures(sets: list[dict]) -> list[dict]:
    found = [
        c for rs in sets for c in rs.get("status", {}).get("conditions", []) if c["type"] == "ReplicaFailure"
    ]
    return [_condition("ReplicaFailure", "True", c["reason"], c["message"]) for c in found[:1]]


def _progress(
    deployment: dict, status: dict, current: dict | None, complete: bool
) -> tuple[dict | None, float | None]:
    name = current["metadata"]["name"] if current else ""
    if complete:
        message = f'ReplicaSet "{name}" has successfully progressed.'
        return _condition("Progressing", "True", "NewReplicaSetAvailable", message), None
    old = condition(deployment, "Progressing")
    message = f'ReplicaSet "{name}" is progressing.'
    going = _condition("Progressing", "True", "ReplicaSetUpdated", message)
    moved = _moved(deployment.get("status", {}), status)
    if not old or moved or old["reason"] == "NewReplicaSetAvailable" or name not in old["message"]:
        going["lastUpdateTime"] = clock.now()
        return going, _deadline(deployment)
    quiet = clock.seconds_since(old.get("lastUpdateTime", clock.now()))
    if quiet < _deadline(deployment):
        going["lastUpdateTime"] = old.get("lastUpdateTime")
        return going, _deadline(deployment) - quiet
    message = f'ReplicaSet "{name}" has timed out progressing.'
    return _condition("Progressing", "False", "ProgressDeadlineExceeded", message), None


def _moved(old: dict, new: dict) -> bool:
    fields = ("updatedReplicas", "readyReplicas", "availableReplicas", "replicas", "observedGeneration")
    return any(old.get(field, 0) != new.get(field, 0) for field in fields)


def _deadline(deployment: dict) -> float:
    return float(deployment["spec"]["progressDeadlineSeconds"])


def _condition(kind: str, status: str, reason: str, message: str) -> dict:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _keep_times(condition: dict, old: list[dict]) -> dict:
    before = next((c for c in old if c.get("type") == condition["type"]), None)
    now = clock.now()
    same_status = before is not None and before["status"] == condition["status"]
    said = ("status", "reason", "message")
    same = before is not None and all(before[key] == condition[key] for key in said)
    condition.setdefault("lastUpdateTime", before["lastUpdateTime"] if same else now)
    condition["lastTransitionTime"] = before["lastTransitionTime"] if same_status else now
    return condition


def bounds(deployment: dict) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers of pods; both 0 would stand still, so one may be missing."""
    rolling = deployment["spec"]["strategy"].get("rollingUpdate", {})
    replicas = deployment["spec"]["replicas"]
    surge = podset.share(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    unavailable = podset.share(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    return surge, unavailable if surge or unavailable else 1
