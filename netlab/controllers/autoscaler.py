"""HorizontalPodAutoscalers: as many pods as bring what they use near to what they shall use.

The figures are those of `kubectl top`. Every 15 seconds each metric asks for a number of pods, the greatest
counts; `behavior` holds it back: a shrinking is believed when it has been asked for all through a window.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable

from netlab.api.selectors import matches
from netlab.schema.quantities import amount
from netlab.store import Event, Store, clock, clone, events, is_deleting, key_of, selector_of

from . import podset
from .manager import Key

RESOURCE = "horizontalpodautoscalers.autoscaling"
_COMPONENT = "horizontal-pod-autoscaler"
_SCALED = {
    ("apps", "Deployment"): "deployments.apps",
    ("apps", "ReplicaSet"): "replicasets.apps",
    ("apps", "StatefulSet"): "statefulsets.apps",
    ("", "ReplicationController"): "replicationcontrollers",
}
_PERIOD = 15.0
_TOLERANCE = 0.1
_WINDOWS = {"scaleUp": 0, "scaleDown": 300}
_POLICIES = {
    "scaleUp": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
    "scaleDown": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


class NoFigure(Exception):
    """A metric cannot be told; the message says why."""


class AutoscalerController:
    """`usage(pods)` answers as `node.usage.Meter.usage` does; `now` is a clock in seconds."""

    name = "autoscaler"

    def __init__(self, store: Store, usage, now=time.monotonic):
        self._store, self._usage, self._now = store, usage, now
        self._wanted: dict[str, list[tuple[float, int]]] = defaultdict(
            list
        )  # by uid: what was asked for when
        self._changes: dict[str, list[tuple[float, int]]] = defaultdict(list)  # by uid: pods added, or less

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource != RESOURCE:
            return
        if event.type == "DELETED":
            for kept in (self._wanted, self._changes):
                kept.pop(event.object["metadata"]["uid"], None)
        elif event.type == "ADDED" or event.object["spec"] != event.previous["spec"]:
            yield key_of(event.object)

    def sync(self, key: Key) -> float | None:
        scaler = self._store.find(RESOURCE, *key)
        if scaler is None:
            return None
        conditions = {one["type"]: one for one in scaler.get("status", {}).get("conditions", [])}
        status = {**clone(scaler.get("status", {})), "currentReplicas": 0, "desiredReplicas": 0}
        resource, target = self._target(scaler)
        if target is None:
            reference = scaler["spec"]["scaleTargetRef"]
            what = f'{reference["kind"].lower()}s "{reference["name"]}" not found'
            why = f"the HPA controller was unable to get the target's current scale: {what}"
            _say(conditions, "AbleToScale", "False", "FailedGetScale", why)
        else:
            self._scale(scaler, resource, target, status, conditions)
        status["conditions"] = list(conditions.values())
        podset.set_status(self._store, RESOURCE, scaler, status)
        return _PERIOD

    def _target(self, scaler: dict) -> tuple[str, dict | None]:
        reference = scaler["spec"]["scaleTargetRef"]
        group = reference.get("apiVersion", "").rpartition("/")[0]
        resource = _SCALED.get((group, reference["kind"]), "")
        return resource, self._store.find(resource, scaler["metadata"]["namespace"], reference["name"])

    def _scale(self, scaler: dict, resource: str, target: dict, status: dict, conditions: dict) -> None:
        spec, present = scaler["spec"], target["spec"]["replicas"]
        status.update(currentReplicas=target.get("status", {}).get("replicas", 0), desiredReplicas=present)
        found = "the HPA controller was able to get the target's current scale"
        _say(conditions, "AbleToScale", "True", "SucceededGetScale", found)
        if present == 0:
            why = "scaling is disabled since the replica count of the target is zero"
            _say(conditions, "ScalingActive", "False", "ScalingDisabled", why)
            return
        low, high = spec["minReplicas"], spec["maxReplicas"]
        if not low <= present <= high:
            wanted = max(low, min(present, high))
            side = "above Spec.MaxReplicas" if present > high else "below Spec.MinReplicas"
            reason = f"Current number of replicas {side}"
        else:
            asked, reason = self._ask(scaler, target, status, conditions)
            wanted = self._held_back(scaler, present, asked, conditions)
        status["desiredReplicas"] = wanted
        if wanted != present:
            self._store.mutate(resource, *key_of(target), lambda one: one["spec"].update(replicas=wanted))
            self._changes[scaler["metadata"]["uid"]].append((self._now(), wanted - present))
            status["lastScaleTime"] = clock.now()
            done = f"the HPA controller was able to update the target scale to {wanted}"
            _say(conditions, "AbleToScale", "True", "SucceededRescale", done)
            told = f"New size: {wanted}; reason: {reason}"
            events.record(self._store, scaler, "SuccessfulRescale", told, component=_COMPONENT)

    # --- what is asked for

    def _ask(self, scaler: dict, target: dict, status: dict, conditions: dict) -> tuple[int, str]:
        """The most that any metric asks for, and why; metrics without figures never make it fewer."""
        present, found, failures, told = target["spec"]["replicas"], [], [], []
        for metric in scaler["spec"]["metrics"]:
            try:
                asked, current = self._of_metric(scaler, target, metric)
                found.append((asked, metric))
                told.append(current)
            except NoFigure as failure:
                failures.append(str(failure))
                self._warn(scaler, str(failure))
        status["currentMetrics"] = told
        asked, metric = max(found, key=lambda one: one[0], default=(present, {}))
        if failures and (not found or asked < present):
            why = f"the HPA was unable to compute the replica count: {failures[0]}"
            _say(conditions, "ScalingActive", "False", "FailedGetResourceMetric", why)
            return present, ""
        what = _described(metric)
        why = f"the HPA was able to successfully calculate a replica count from {what}"
        _say(conditions, "ScalingActive", "True", "ValidMetricFound", why)
        return asked, f"{what} above target" if asked > present else "All metrics below target"

    def _warn(self, scaler: dict, why: str) -> None:
        reason = "FailedGetResourceMetric"
        events.record(self._store, scaler, reason, why, type="Warning", component=_COMPONENT)

    def _of_metric(self, scaler: dict, target: dict, metric: dict) -> tuple[int, dict]:
        """The number of pods it asks for, and its figure as the status tells it. Raises NoFigure."""
        source = metric["resource"] if metric["type"] == "Resource" else metric["containerResource"]
        name, aim = source["name"], source["target"]
        pods = self._pods(target)
        used = _used(pods, self._usage(pods), name, source.get("container"))
        if not used:
            raise NoFigure(f"failed to get {name} utilization: no metrics returned from resource metrics API")
        if "averageUtilization" in aim:
            shares = {pod["metadata"]["uid"]: _requested(pod, name, source.get("container")) for pod in pods}
            goal = aim["averageUtilization"] / 100
        else:
            shares, goal = {pod["metadata"]["uid"]: 1.0 for pod in pods}, float(amount(aim["averageValue"]))
        asked = _count(target["spec"]["replicas"], pods, used, shares, goal, _tolerance(scaler))
        average = sum(used.values()) / len(used)
        value = f"{math.ceil(average * 1000)}m" if name == "cpu" else str(int(average))
        current: dict[str, str | int] = {"averageValue": value}
        if "averageUtilization" in aim:
            share = sum(used.values()) / sum(shares[uid] for uid in used)
            current["averageUtilization"] = int(share * 100)
        kept = {key: source[key] for key in ("name", "container") if key in source}
        told = "resource" if metric["type"] == "Resource" else "containerResource"
        return asked, {"type": metric["type"], told: {**kept, "current": current}}

    def _pods(self, target: dict) -> list[dict]:
        pods = self._store.list("pods", target["metadata"]["namespace"])
        chosen = [pod for pod in pods if matches(selector_of(target), pod["metadata"].get("labels", {}))]
        return [pod for pod in chosen if podset.is_active(pod) and not is_deleting(pod)]

    # --- what comes of it

    def _held_back(self, scaler: dict, present: int, asked: int, conditions: dict) -> int:
        uid, spec = scaler["metadata"]["uid"], scaler["spec"]
        steady = self._steady(uid, spec.get("behavior", {}), present, asked)
        if steady != asked:
            reason = "ScaleDownStabilized" if asked < present else "ScaleUpStabilized"
            why = "recent recommendations were higher than current one"
            why += ", applying the highest recent recommendation"
            _say(conditions, "AbleToScale", "True", reason, why)
        else:
            _say(
                conditions, "AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"
            )
        least, most = self._pace(uid, spec.get("behavior", {}), present)
        wish = "the desired replica count is"
        limits = [
            (steady > spec["maxReplicas"], "TooManyReplicas", f"{wish} more than the maximum replica count"),
            (steady < spec["minReplicas"], "TooFewReplicas", f"{wish} less than the minimum replica count"),
            (steady > most, "ScaleUpLimit", f"{wish} increasing faster than the maximum scale rate"),
            (steady < least, "ScaleDownLimit", f"{wish} decreasing faster than the maximum scale rate"),
        ]
        limited = next(((reason, why) for is_so, reason, why in limits if is_so), None)
        within = ("DesiredWithinRange", "the desired count is within the acceptable range")
        _say(conditions, "ScalingLimited", "True" if limited else "False", *(limited or within))
        return max(spec["minReplicas"], least, min(steady, spec["maxReplicas"], most))

    def _steady(self, uid: str, behavior: dict, present: int, asked: int) -> int:
        """Not less than was asked for at any time in the window for shrinking, nor more for growing."""
        now, kept = self._now(), self._wanted[uid]
        kept.append((now, asked))
        windows = {d: behavior.get(d, {}).get("stabilizationWindowSeconds", w) for d, w in _WINDOWS.items()}
        up = min(n for when, n in kept if now - when <= windows["scaleUp"])
        down = max(n for when, n in kept if now - when <= windows["scaleDown"])
        self._wanted[uid] = [one for one in kept if now - one[0] <= max(windows.values())]
        return max(min(present, down), up)

    def _pace(self, uid: str, behavior: dict, present: int) -> tuple[int, int]:
        """How few and how many pods the policies let there be now."""
        bounds = []
        for direction, sign in (("scaleDown", -1), ("scaleUp", 1)):
            rules = behavior.get(direction, {})
            if rules.get("selectPolicy") == "Disabled":
                bounds.append(present)
                continue
            steps = [
                self._step(uid, one, present, sign) for one in rules.get("policies") or _POLICIES[direction]
            ]
            widest = rules.get("selectPolicy", "Max") == "Max"
            bounds.append((max if widest == (sign > 0) else min)(steps))
        return bounds[0], bounds[1]

    def _step(self, uid: str, policy: dict, present: int, sign: int) -> int:
        since = self._now() - policy["periodSeconds"]
        done = sum(abs(n) for when, n in self._changes[uid] if when > since and n * sign > 0)
        before = present - sign * done
        self._changes[uid] = self._changes[uid][-200:]
        if policy["type"] == "Pods":
            return before + sign * policy["value"]
        share = before * (1 + sign * policy["value"] / 100)
        return math.ceil(share) if sign > 0 else math.floor(share)


def _tolerance(scaler: dict) -> dict[int, float]:
    """By the direction: how far from its aim a metric may be."""
    behavior = scaler["spec"].get("behavior", {})
    found = {-1: behavior.get("scaleDown", {}), 1: behavior.get("scaleUp", {})}
    return {sign: float(amount(rules.get("tolerance", _TOLERANCE))) for sign, rules in found.items()}


def _count(present: int, pods: list[dict], used: dict, shares: dict, goal: float, tolerance: dict) -> int:
    """How many pods would bring each to its aim: who has no figures counts as what changes least."""
    ready = {pod["metadata"]["uid"] for pod in pods if podset.is_ready(pod)}
    figures = {uid: value for uid, value in used.items() if uid in ready}
    if not figures:
        return present
    ratio = sum(figures.values()) / sum(shares[uid] for uid in figures) / goal
    growing = ratio > 1
    others = [pod["metadata"]["uid"] for pod in pods if pod["metadata"]["uid"] not in figures]
    for uid in others:
        if growing:
            figures[uid] = 0.0
        elif uid not in used:
            figures[uid] = shares[uid] * goal
    again = sum(figures.values()) / sum(shares[uid] for uid in figures) / goal
    sign = 1 if growing else -1
    if abs(1 - ratio) <= tolerance[sign] or abs(1 - again) <= tolerance[sign] or (again > 1) != growing:
        return present
    asked = math.ceil(round(again * len(figures), 6))
    return present if (asked > present) != growing else asked


def _used(pods: list[dict], usage: dict, name: str, container: str | None) -> dict[str, float]:
    """Cores, or bytes, by the pod's uid."""
    found = {}
    for pod in pods:
        uid = pod["metadata"]["uid"]
        parts = [one for key, one in usage.get(uid, {}).items() if container in (None, key)]
        if parts:
            found[uid] = sum(one.cores if name == "cpu" else one.memory for one in parts)
    return found


def _requested(pod: dict, name: str, container: str | None) -> float:
    """Raises NoFigure where one of its containers asks for nothing."""
    total = 0.0
    for one in pod["spec"]["containers"]:
        if container in (None, one["name"]):
            asked = one.get("resources", {}).get("requests", {}).get(name)
            if asked is None:
                why = (
                    f"missing request for {name} in container {one['name']} of Pod {pod['metadata']['name']}"
                )
                raise NoFigure(f"failed to get {name} utilization: {why}")
            total += float(amount(asked))
    return total


def _described(metric: dict) -> str:
    source = metric.get("resource") or metric.get("containerResource") or {}
    share = "averageUtilization" in source.get("target", {})
    return f"{source.get('name')} resource" + (" utilization (percentage of request)" if share else "")


def _say(conditions: dict, kind: str, state: str, reason: str, message: str) -> None:
    before = conditions.get(kind)
    since = before["lastTransitionTime"] if before and before["status"] == state else clock.now()
    told = {"type": kind, "status": state, "lastTransitionTime": since, "reason": reason, "message": message}
    conditions[kind] = told
