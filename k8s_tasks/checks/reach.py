"""Reachability: the platform's probe went there and came back, seen at both ends."""

from django.utils.translation import gettext_noop as _

from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Echo


def check(settings: dict, seen: Observation, **_facts) -> Finding:
    source, target = settings["source"], settings["target"]
    ends = seen.place(source), seen.place(target)
    near, far = seen.seen_at(source), seen.seen_at(target)
    mark = seen.mark_of(source, target)
    stages = [
        _echo_of(near, mark, is_reply=False),
        _echo_of(far, mark, is_reply=False),
        _echo_of(far, mark, is_reply=True),
        _echo_of(near, mark, is_reply=True),
    ]
    evidence = {
        "mark": mark.hex(),
        "probe": f"{ends[0].address} > {ends[1].address}",
        "stages": [_told(s) for s in stages],
    }
    names = {"source": source, "target": target}
    if all(stages):
        return passed(
            _("The platform's ping went from %(source)s to %(target)s and came back."), evidence, **names
        )
    _check_control(source, seen)
    lost_after = stages.index(None)
    return failed(_LOST[lost_after], evidence, **names)


_LOST = (
    _("The platform's ping never left %(source)s, though %(source)s reached its own node."),
    _("The platform's ping left %(source)s but did not arrive at %(target)s."),
    _("The platform's ping arrived at %(target)s, which did not answer."),
    _("%(target)s answered, but the answer did not arrive at %(source)s."),
)


def _check_control(source: str, seen: Observation) -> None:
    """A silence means something only if the same probe was heard where it must be."""
    if not seen.is_answered(source, seen.controls.get(source)):
        raise Broken(
            _("The probe from %(pod)s did not even reach its own node, so nothing can be concluded."),
            pod=source,
        )


def _echo_of(packets: list, mark: bytes, *, is_reply: bool) -> Echo | None:
    echoes = (each for each in packets if isinstance(each, Echo) and mark in each.payload)
    return next((each for each in echoes if each.is_reply == is_reply), None)


def _told(echo: Echo | None) -> dict | None:
    return echo and {"at": echo.at, "ttl": echo.ttl, "id": echo.id, "seq": echo.seq}
