"""A typed answer against what was measured on the live cluster."""

from django.utils.translation import gettext_noop as _

from k8s_tasks.checks.capture import pairs_at_both_ends, student_pings
from k8s_tasks.checks.finding import Finding, failed, passed
from k8s_tasks.checks.observing import Observation


def check(settings: dict, seen: Observation, *, answers: dict, **_facts) -> Finding:
    return _EQUALS[settings["equals"]](settings, seen, answers.get(settings["step"], ""))


def _reply_ttl(settings: dict, seen: Observation, answer: str) -> Finding:
    names = {"source": settings["source"], "target": settings["target"]}
    if not answer:
        return failed(_("You have not answered yet."))
    pairs = pairs_at_both_ends(*student_pings(settings, seen))
    if not pairs:
        return failed(
            _("Nothing to compare your answer with: ping %(target)s from %(source)s first."), **names
        )
    reply = pairs[-1][1]
    evidence = {"answer": answer, "measured": reply.ttl, "seq": reply.seq, "at": reply.at}
    if answer == str(reply.ttl):
        return passed(
            _("Replies of %(target)s arrived at %(source)s with a TTL of %(ttl)s, as you answered."),
            evidence,
            ttl=reply.ttl,
            **names,
        )
    # The measured value is kept out: the student is to read it from the packets.
    return failed(
        _("You answered %(answer)s, but the replies of %(target)s arrived at %(source)s with another TTL."),
        {"answer": answer},
        answer=answer,
        **names,
    )


_EQUALS = {"reply-ttl": _reply_ttl}
