"""What a quiz reads in a student's live session: the cluster's own answer, when the question is asked.

A fact is read as an `answer` condition reads the truth it compares with, by the same code.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from curriculum.course import get_course
from curriculum.enums import WhyDrawn
from curriculum.kinds import Proof
from curriculum.quizzes import Live
from k8s_tasks import queries
from k8s_tasks.checks.answer import Unreadable, right_answer
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.round import Facts
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.enums import USABLE_SESSION_STATES
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import LabSession
from k8s_tasks.verifying import begin_round

SECONDS = 10  # a page waits for it
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """`values` of all facts and the `lab` they were read in, or `why` there are none."""

    values: Mapping[str, object] = field(default_factory=dict)
    lab: str = ""
    why: str = ""


def look(student, live: Live) -> Look:
    """Read the facts in the student's newest live session of one of the labs."""
    session = live_session(student, live)
    if session is None:
        return Look(why=WhyDrawn.NO_SESSION)
    try:
        values = on_loop(_read_all(session.cluster.kubeconfig_path, live, _facts_of(session)))
    except (ClusterError, Broken, TimeoutError) as error:
        logger.warning("a quiz could not look at %s: %s", session.namespace, error)
        return Look(why=WhyDrawn.UNREACHABLE)
    if any(value is None for value in values.values()):
        return Look(why=WhyDrawn.NOT_THERE)
    return Look(values, session.attempt.lab.slug)


def live_session(student, live: Live) -> LabSession | None:
    """The student's newest session of these labs that can be used now."""
    return (
        LabSession.objects.filter(
            attempt__student=student, attempt__lab__slug__in=live.labs, state__in=USABLE_SESSION_STATES
        )
        .select_related("attempt__lab", "cluster")
        .order_by("-created_at")
        .first()
    )


def _facts_of(session: LabSession) -> Facts:
    lab = get_course().lab(session.attempt.lab.slug)
    return Facts(
        session_id=session.pk,
        namespace=session.namespace,
        values=queries.step_values(session),
        namespaces=session.bindings.get("namespaces", {}),
        homes={pod: session.namespace_of(pod) for pod in lab.all_pods},
    )


async def _read_all(kubeconfig: str, live: Live, facts: Facts) -> dict[str, object]:
    proofs = {name: fact.proof for name, fact in live.facts.items()}
    async with asyncio.timeout(SECONDS):
        round = await begin_round(await api_of(kubeconfig), list(proofs.values()), facts)
        read = await asyncio.gather(*(_read(proof, round) for proof in proofs.values()))
    return dict(zip(proofs, read, strict=True))


async def _read(proof: Proof, round) -> object:
    """None where the session does not have it yet: a command that printed nothing fitting is no defect."""
    try:
        return await right_answer(proof.parsed, round)
    except Unreadable:
        return None
