"""What makes HorizontalPodAutoscalers and CronJobs invalid."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from netlab.cron import BadSchedule, Schedule

from .causes import Cause, invalid, not_negative, one_of, required, unsupported

METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_LONGEST_CRON_NAME = 52  # the Job's name adds the minute


def check_autoscaler(obj: dict) -> list[Cause]:
    spec, found = obj.get("spec", {}), []
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if low < 1:
        found.append(invalid("spec.minReplicas", low, "must be greater than or equal to 1"))
    if high < 1:
        found.append(invalid("spec.maxReplicas", high, "must be greater than 0"))
    elif high < low:
        found.append(invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    target = spec.get("scaleTargetRef", {})
    found += [required(f"spec.scaleTargetRef.{name}") for name in ("kind", "name") if not target.get(name)]
    for index, metric in enumerate(spec.get("metrics", [])):
        found += _check_metric(metric, f"spec.metrics[{index}]")
    for name, rules in spec.get("behavior", {}).items():
        found += _check_behavior(rules, f"spec.behavior.{name}")
    return found


def _check_metric(metric: dict, where: str) -> list[Cause]:
    if metric.get("type") not in METRICS:
        return [unsupported(f"{where}.type", metric.get("type"), list(METRICS))]
    name = METRICS[metric["type"]]
    if name not in metric:
        return [required(f"{where}.{name}", "must populate information for the given metric source")]
    aim = metric[name].get("target", {})
    if name in ("resource", "containerResource") and not {"averageUtilization", "averageValue"} & set(aim):
        detail = "must set either a target raw value or a target utilization"
        return [required(f"{where}.{name}.target.averageUtilization", detail)]
    share = aim.get("averageUtilization", 1)
    if share < 1:
        return [invalid(f"{where}.{name}.target.averageUtilization", share, "must be greater than 0")]
    return []


def _check_behavior(rules: dict, where: str) -> list[Cause]:
    found = []
    window = rules.get("stabilizationWindowSeconds", 0)
    if not 0 <= window <= 3600:
        found.append(
            invalid(f"{where}.stabilizationWindowSeconds", window, "must be less than or equal to 3600")
        )
    chosen = rules.get("selectPolicy", "Max")
    found += one_of(f"{where}.selectPolicy", chosen, ["Disabled", "Max", "Min"])
    for index, policy in enumerate(rules.get("policies", [])):
        at = f"{where}.policies[{index}]"
        found += one_of(f"{at}.type", policy.get("type"), ["Percent", "Pods"])
        for name, most in (("value", None), ("periodSeconds", 1800)):
            if policy.get(name, 1) < 1:
                found.append(invalid(f"{at}.{name}", policy[name], "must be greater than zero"))
            elif most and policy.get(name, 1) > most:
                found.append(invalid(f"{at}.{name}", policy[name], f"must be less than or equal to {most}"))
    return found


def check_cron_job(obj: dict) -> list[Cause]:
    spec, found = obj["spec"], []
    name = obj["metadata"].get("name", "")
    if len(name) > _LONGEST_CRON_NAME:
        found.append(invalid("metadata.name", name, f"must be no more than {_LONGEST_CRON_NAME} characters"))
    text = spec.get("schedule", "")
    if not text:
        found.append(required("spec.schedule"))
    elif "TZ" in text:
        found.append(
            invalid("spec.schedule", text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        )
    elif not text.startswith("@every "):
        found += _check_schedule(text)
    if zone := spec.get("timeZone"):
        found += _check_zone(zone)
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        found += not_negative(f"spec.{field}", spec.get(field, 0))
    return found + one_of("spec.concurrencyPolicy", spec["concurrencyPolicy"], ["Allow", "Forbid", "Replace"])


def _check_schedule(text: str) -> list[Cause]:
    try:
        Schedule(text)
    except BadSchedule as error:
        return [invalid("spec.schedule", text, str(error))]
    return []


def _check_zone(zone: str) -> list[Cause]:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [invalid("spec.timeZone", zone, f"unknown time zone {zone}")]
    return []
