"""Plays many plays, some at the same time, and tells what came of each."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db.models import F
from django.utils import timezone

from curriculum.enums import Verdict
from curriculum.specs import LabSpec, Play
from k8s_tasks.domain.capabilities import lacked_by
from k8s_tasks.domain.runs import RunError
from k8s_tasks.domain.sessions import SessionError
from k8s_tasks.loop import close_apis, on_loop
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.plays import PlayError, misjudged, play_lab
from k8s_tasks.preparing import clear_session

SOLVER = "solver"
WELL_SECONDS = 60
PREFLIGHT_SECONDS = 60
CLEARED_SECONDS = 180  # after which the workers have surely given a session back
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """`wrong` says what was not judged as promised, `broke` why it could not be played to its end;
    `caught` holds the English reasons of the conditions that failed as they should. `again` tells what the
    platform could not do the first time. `lacks` says what of the lab's needs the cluster has not: it was not
    played then, and nothing is wrong."""

    lab: str
    play: str
    seconds: float
    wrong: list[str] = field(default_factory=list)
    broke: str = ""
    caught: dict[str, str] = field(default_factory=dict)
    lacks: str = ""
    again: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.lab}/{self.play}"

    @property
    def is_right(self) -> bool:
        return not self.wrong and not self.broke

    def told(self) -> dict:
        return {
            "lab": self.lab,
            "play": self.play,
            "seconds": round(self.seconds, 2),
            "right": self.is_right,
            "wrong": self.wrong,
            "broke": self.broke,
            "caught": self.caught,
            "lacks": self.lacks,
            "again": self.again,
        }


def await_preflight(labs: Iterable[LabSpec], cluster: Cluster | None) -> None:
    """A portal that has just started has not measured its cluster yet, and a lab that needs something of it
    could not begin. What is not measured in time is told when the lab is played."""
    wanted = {name for lab in labs for name in lab.requires}
    until = time.monotonic() + PREFLIGHT_SECONDS
    while wanted and not _is_measured(cluster) and time.monotonic() < until:
        time.sleep(0.5)


def _is_measured(cluster: Cluster | None) -> bool:
    asked = Cluster.objects.filter(is_healthy=True).exclude(uid="")
    asked = asked.filter(pk=cluster.pk) if cluster else asked
    return asked.filter(measured_uid=F("uid")).exists()


async def play_all(
    plays: Sequence[tuple[LabSpec, Play]],
    *,
    jobs: int,
    cluster: Cluster | None,
    tell: Callable[[Outcome], None],
) -> list[Outcome]:
    """Outcomes in the order of the plays; each is told as soon as it is known. Every job is a student of
    its own, for one student may have few sessions."""
    waiting = asyncio.Queue()
    for number, each in enumerate(plays):
        waiting.put_nowait((number, *each))
    outcomes: dict[int, Outcome] = {}

    async def work(student) -> None:
        while not waiting.empty():
            number, lab, play = waiting.get_nowait()
            outcomes[number] = await _play(student, lab, play, cluster)
            tell(outcomes[number])

    students = [await sync_to_async(solver)(number) for number in range(1, jobs + 1)]
    await asyncio.gather(*(work(student) for student in students))
    await sync_to_async(_clear_the_last)(students)
    return [outcomes[number] for number in sorted(outcomes)]


def _clear_the_last(students) -> None:
    """The workers do it too, but the portal may end right after the plays and take them with it: a cluster
    that is not ours alone would keep the namespace of the last play, and the mode it left kube-proxy in."""
    recently = timezone.now() - timedelta(seconds=CLEARED_SECONDS)
    for session in LabSession.objects.filter(attempt__student__in=students, ended_at__gte=recently):
        clear_session(session.pk)
    on_loop(close_apis())


async def _play(student, lab: LabSpec, play: Play, cluster: Cluster | None) -> Outcome:
    await sync_to_async(_await_well)(cluster)
    began = time.monotonic()
    if lacks := await sync_to_async(_lacks)(lab, cluster):
        return Outcome(lab.slug, play.name, 0, lacks=lacks)
    try:
        results, again = await play_lab(student, lab, play, cluster=cluster)
    except (PlayError, RunError, SessionError) as error:
        return Outcome(lab.slug, play.name, time.monotonic() - began, broke=str(error))
    except Exception as error:
        # One play that breaks must not cost the table of all the others.
        logger.exception("%s/%s broke", lab.slug, play.name)
        return Outcome(lab.slug, play.name, time.monotonic() - began, broke=repr(error))
    caught = {key: each.reason["en"] for key, each in results.items() if each.verdict == Verdict.FAIL}
    return Outcome(
        lab.slug, play.name, time.monotonic() - began, misjudged(play, results), caught=caught, again=again
    )


def _await_well(cluster: Cluster | None) -> None:
    """A page that finds no cluster well offers the start again by itself; a player is as patient."""
    until = time.monotonic() + WELL_SECONDS
    wanted = Cluster.objects.filter(is_healthy=True)
    wanted = wanted.filter(pk=cluster.pk) if cluster else wanted
    while not wanted.exists() and time.monotonic() < until:
        time.sleep(0.5)


def _lacks(lab: LabSpec, cluster: Cluster | None) -> str:
    cluster = cluster or Cluster.objects.filter(is_default=True).first()
    return lacked_by(cluster, lab.requires) if cluster else ""


def solver(number: int):
    """A student who plays: an account nobody can log in to."""
    name = f"{SOLVER}-{number}"
    solver, is_new = get_user_model().objects.get_or_create(username=name, defaults={"is_active": False})
    if is_new:
        solver.set_unusable_password()
        solver.save()
    return solver


def table_of(outcomes: Sequence[Outcome]) -> str:
    """Markdown: one line per play, with how often it went right and what caught it."""
    lines = ["| lab | play | right | slowest | caught by |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(each.name for each in outcomes):
        ours = [each for each in outcomes if each.name == name]
        right = sum(each.is_right for each in ours)
        slowest = max(each.seconds for each in ours)
        reasons = {key: reason for each in ours for key, reason in each.caught.items()}
        caught = "; ".join(f"`{key}`: {reason}" for key, reason in reasons.items())
        if lacks := ours[0].lacks:
            lines.append(f"| {ours[0].lab} | {ours[0].play} | not played | | the cluster lacks {lacks} |")
            continue
        lines.append(
            f"| {ours[0].lab} | {ours[0].play} | {right} of {len(ours)} | {slowest:.1f} s | {caught} |"
        )
    return "\n".join(lines)
