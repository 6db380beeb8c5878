"""What the sizes of a student's pings show: cut into pieces, refused as too big, or come through whole.

A ping is known by its id and sequence number; what a router refused is known by ICMP's own word of it.
"""

from django.utils.translation import gettext_noop as _

from curriculum.kinds import CaptureSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Finding, failed, passed
from k8s_tasks.checks.observing import MARK, Observation
from k8s_tasks.checks.packets import Echo, Unreachable

_CUT_NEEDED = 4  # the code of ICMP's "fragmentation needed and DF set"


def judge(settings: CaptureSettings, seen: Observation, *, size: int) -> Finding:
    names = {"source": settings.source, "target": settings.target}
    return SHOWS[settings.shows](seen, names, size)


def _pieces(seen: Observation, names: dict, _size: int) -> Finding:
    sent, came = _echoes(seen, names, "source"), _echoes(seen, names, "target")
    cut = [key for key, echo in came.items() if echo.is_piece and key in sent]
    if not cut:
        sentence = _("No echo request from %(source)s came to %(target)s in pieces yet.")
        return failed(Reason.NOT_CAPTURED, sentence, **names)
    near, far = sent[cut[-1]], came[cut[-1]]
    evidence = {"sent": _told(near), "first_piece": _told(far)}
    return passed(
        _("Echo request %(seq)s of %(source)s came to %(target)s in pieces; the first has %(size)s bytes."),
        evidence,
        seq=far.seq,
        size=far.size,
        **names,
    )


def _too_big(seen: Observation, names: dict, size: int) -> Finding:
    here, there = (seen.place(names[end]).address for end in ("source", "target"))
    told = [
        each
        for each in seen.seen_at(names["source"])
        if isinstance(each, Unreachable) and each.code == _CUT_NEEDED and each.about[:2] == (here, there)
    ]
    right = [each for each in told if size in (0, each.mtu)]
    if not right:
        return failed(
            Reason.NOT_CAPTURED,
            _("No router has told %(source)s yet that a packet for %(target)s is too big to pass whole."),
            **names,
        )
    evidence = {"from": right[-1].source, "mtu": right[-1].mtu, "at": right[-1].at}
    return passed(
        _("%(router)s told %(source)s that a packet for %(target)s is too big to pass whole."),
        evidence,
        router=right[-1].source,
        **names,
    )


def _whole(seen: Observation, names: dict, size: int) -> Finding:
    sent, came = _echoes(seen, names, "source"), _echoes(seen, names, "target")
    through = [came[key] for key in sent if key in came and came[key].keeps_whole and not came[key].is_piece]
    right = [each for each in through if each.size == size]
    if right:
        return passed(
            _("A packet of %(size)s bytes that may not be cut came whole from %(source)s to %(target)s."),
            {"request": _told(right[-1])},
            size=size,
            **names,
        )
    largest = max((each.size for each in through), default=0)
    if not largest:
        sentence = _("No packet that may not be cut has come from %(source)s to %(target)s yet.")
        return failed(Reason.NOT_CAPTURED, sentence, **names)
    # Not by how much: that is for the student to find out.
    return failed(
        Reason.WRONG_SIZE,
        _("The largest packet that came whole has %(size)s bytes, and that is not the limit."),
        size=largest,
        **names,
    )


def _echoes(seen: Observation, names: dict, end: str) -> dict[tuple[int, int], Echo]:
    """The student's echo requests as captured at one end, the newest of each id and number."""
    here, there = (seen.place(names[each]).address for each in ("source", "target"))
    ours = (each for each in seen.seen_at(names[end]) if isinstance(each, Echo) and not each.is_reply)
    return {
        (each.id, each.seq): each
        for each in ours
        if (each.source, each.target) == (here, there) and MARK not in each.payload
    }


def _told(echo: Echo) -> dict:
    return {"at": echo.at, "from": echo.source, "to": echo.target, "seq": echo.seq, "size": echo.size}


SHOWS = {"pieces": _pieces, "too-big": _too_big, "whole": _whole}
