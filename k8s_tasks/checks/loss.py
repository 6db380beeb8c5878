"""The share of datagrams that is lost, by a test between the right share and the nearest wrong one."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.kinds import LossSettings
from curriculum.statistics import test_of, wilson
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.probing import control_of_source
from k8s_tasks.checks.reach import is_answered
from k8s_tasks.checks.round import Round
from k8s_tasks.checks.sampling import send_datagrams


async def check(settings: LossSettings, round: Round) -> Finding:
    arrivals, refused = await send_datagrams(round, settings)
    if not arrivals.arrived and not await is_answered(
        round, control_of_source(settings.source, round.place(settings.source))
    ):
        raise Broken(
            _("The probe from %(pod)s did not even reach its own node, so nothing can be concluded."),
            pod=settings.source,
        )
    return judge(settings, lost=arrivals.asked - arrivals.arrived, refused=refused)


def judge(settings: LossSettings, *, lost: int, refused: int) -> Finding:
    """`refused` of the datagrams were never on the wire: ICMP said that nobody listens, or a rule of the
    source's own kernel stopped them."""
    if refused:
        sentence = _("%(source)s could not send %(count)s of the datagrams: does %(target)s listen?")
        return failed(sentence, source=settings.source, target=settings.target, count=refused)
    return share_finding(settings, lost, settings.samples, _SAYS)


_SAYS = {
    Verdict.PASS: _(
        "%(hits)s of %(n)s datagrams were lost: %(share)s %%, interval %(low)s–%(high)s %%. %(right)s %% is"
        " right."
    ),
    Verdict.FAIL: _(
        "%(hits)s of %(n)s datagrams were lost: %(share)s %%, interval %(low)s–%(high)s %%. It is not"
        " %(right)s %%."
    ),
}


def share_finding(settings, hits: int, n: int, says: dict[Verdict, str]) -> Finding:
    """The verdict on a share, with the numbers a reader needs. Raises Broken with too few samples."""
    test = test_of(settings)
    verdict = test.decide(hits, n)
    low, high = wilson(hits, n)
    facts = {"hits": hits, "n": n, "share": _percent(hits / n if n else 0)}
    facts |= {"low": _percent(low), "high": _percent(high), "right": _percent(test.right)}
    if verdict == Verdict.UNDECIDED:
        raise Broken(TOO_FEW, n=n, needed=test.needed)
    accepted = test.accepted(n)
    evidence = {
        "hits": hits,
        "samples": n,
        "interval": [round_share(low), round_share(high)],
        "right": test.right,
        "wrong": test.wrong,
        "accepted": list(accepted),
        "needed": test.needed,
    }
    tell = passed if verdict == Verdict.PASS else failed
    return tell(says[verdict], evidence, **facts)


TOO_FEW = _("%(n)s samples are too few to tell right from wrong: it takes %(needed)s.")


def round_share(share: float) -> float:
    return round(share, 4)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")
