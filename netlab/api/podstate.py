"""The STATUS, READY and RESTARTS of a pod, as kubectl users know them."""

from netlab.store import clock


def readiness(pod: dict) -> tuple[int, int]:
    sidecars = _sidecars(pod)
    statuses = [
        *pod.get("status", {}).get("containerStatuses", []),
        *(s for s in pod.get("status", {}).get("initContainerStatuses", []) if s["name"] in sidecars),
    ]
    ready = sum(1 for s in statuses if s.get("ready") and "running" in s.get("state", {}))
    return ready, len(pod["spec"].get("containers", [])) + len(sidecars)


def _sidecars(pod: dict) -> set[str]:
    """Names of the init containers that are kept running beside the others."""
    return {
        one["name"] for one in pod["spec"].get("initContainers", []) if one.get("restartPolicy") == "Always"
    }


def restarts(pod: dict) -> str:
    """`3` or `3 (2m ago)`."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    count = sum(s.get("restartCount", 0) for s in statuses)
    ends = [s["lastState"]["terminated"].get("finishedAt") for s in statuses if _has_ended_before(s)]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({clock.age(last)} ago)" if count and last else str(count)


def _has_ended_before(status: dict) -> bool:
    return "terminated" in (status.get("lastState") or {})


def reason(pod: dict) -> str:
    """The phase, overruled by what the containers and the deletion say."""
    status = pod.get("status", {})
    text = status.get("reason") or status.get("phase") or "Pending"
    initializing = _init_reason(pod)
    if initializing:
        text = initializing
    else:
        text = _container_reason(status.get("containerStatuses", []), text)
    if pod["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return text


def _init_reason(pod: dict) -> str | None:
    containers = pod["spec"].get("initContainers", [])
    statuses = pod.get("status", {}).get("initContainerStatuses", [])
    sidecars = _sidecars(pod)
    for index, status in enumerate(statuses):
        state = status.get("state", {})
        ended = state.get("terminated")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if status.get("name") in sidecars and (status.get("started") or _has_begun(pod)):
            continue
        if ended is not None:
            return f"Init:{ended.get('reason') or _exit_text(ended)}"
        waiting = state.get("waiting", {}).get("reason", "")
        if waiting not in ("", "PodInitializing"):
            return f"Init:{waiting}"
        return f"Init:{index}/{len(containers)}"
    return None


def _has_begun(pod: dict) -> bool:
    return pod.get("status", {}).get("phase") not in (None, "Pending")


def _container_reason(statuses: list[dict], text: str) -> str:
    has_running = False
    for status in reversed(statuses):
        state = status.get("state", {})
        if state.get("waiting", {}).get("reason"):
            text = state["waiting"]["reason"]
        elif "terminated" in state:
            text = state["terminated"].get("reason") or _exit_text(state["terminated"])
        elif status.get("ready") and "running" in state:
            has_running = True
    if text == "Completed" and has_running:
        return "Running"
    return text


def _exit_text(ended: dict) -> str:
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended.get('exitCode', 0)}"
