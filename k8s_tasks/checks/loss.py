"""The share of datagrams that is lost, by a test between the right share and the nearest wrong one."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.kinds import LossSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Broken, Finding, failed
from k8s_tasks.checks.probing import MUTE, control_of_source
from k8s_tasks.checks.reach import is_answered
from k8s_tasks.checks.round import Round
from k8s_tasks.checks.sampling import send_datagrams
from k8s_tasks.checks.shares import share_finding


async def check(settings: LossSettings, round: Round) -> Finding:
    arrivals, refused = await send_datagrams(round, settings)
    if not arrivals.arrived and not await is_answered(
        round, control_of_source(settings.source, round.place(settings.source))
    ):
        raise Broken(MUTE, pod=settings.source)
    return judge(settings, lost=arrivals.asked - arrivals.arrived, refused=refused)


def judge(settings: LossSettings, *, lost: int, refused: int) -> Finding:
    """`refused` of the datagrams were never on the wire: ICMP said that nobody listens, or a rule of the
    source's own kernel stopped them."""
    if refused:
        sentence = _("%(source)s could not send %(count)s of the datagrams: does %(target)s listen?")
        return failed(
            Reason.NOT_SENT, sentence, source=settings.source, target=settings.target, count=refused
        )
    return share_finding(settings, lost, settings.samples, _SAYS)


_SAYS = {
    Verdict.PASS: _(
        "%(hits)s of %(n)s datagrams were lost: %(share)s %%. That fits a loss of %(right)s %% (%(expected)s"
        " of %(n)s)."
    ),
    Verdict.FAIL: _(
        "%(hits)s of %(n)s datagrams were lost: %(share)s %%. That does not fit a loss of %(right)s %%"
        " (%(expected)s of %(n)s)."
    ),
}
