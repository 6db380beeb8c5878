"""Plays a lab's solution and its mutants the way a student works: the same acts, the same workers,
the same verification. A lab whose mutant passes proves nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from asgiref.sync import sync_to_async

from curriculum.cel import evaluate
from curriculum.domain import record_answer, record_prediction, start_attempt, substitute
from curriculum.enums import Confidence, StepKind, Verdict
from curriculum.models import Attempt
from curriculum.specs import Act, LabSpec, Play
from k8s_tasks import queries
from k8s_tasks.checks.answer import spell
from k8s_tasks.domain.capabilities import why_skipped
from k8s_tasks.domain.editing import start_edit
from k8s_tasks.domain.runs import cancel_run, start_run, start_terminal, start_verification
from k8s_tasks.domain.sessions import end_session, start_session
from k8s_tasks.enums import LIVE_SESSION_STATES, RunState, SessionState
from k8s_tasks.models import Cluster, ConditionResult, LabSession, Run
from k8s_tasks.streams import follow_run, follow_session
from k8s_tasks.terminal_input import asend_keys

# Always played besides the mutants: a lab that passes untouched teaches nothing.
DO_NOTHING = Play(acts=(), tells="Nothing is done.", name="do-nothing")
ACT_SECONDS = 60
TRIES = 5  # of a step whose output does not show what it must
READY_SECONDS = 120
QUEUE_SECONDS = 1800  # for a whole cluster: those before it play their labs to the end
STILL_SECONDS = 1.0  # a counter looks oftener, also on a busy machine
COLUMNS, ROWS = 200, 40  # wide: a line that wraps is not found again


def plays_of(lab: LabSpec) -> tuple[Play, ...]:
    return (*lab.right_plays, DO_NOTHING, *lab.mutants)


class PlayError(Exception):
    """A play that could not be played to its end."""


async def play_lab(
    student, lab: LabSpec, play: Play, *, cluster: Cluster | None = None
) -> tuple[dict[str, ConditionResult], list[str]]:
    """The result of each condition after the play's acts, in an attempt of its own; and what had to be run
    once more, and why. Raises PlayError, and RunError or SessionError as for a student."""
    attempt = await sync_to_async(start_attempt)(student, lab, card=play.deals)
    async with ready_session(attempt, cluster=cluster) as session:
        player = Player(session, lab, student, play.texts)
        for act in play.acts:
            await player.do(act)
        return await bound(player.verify(), ACT_SECONDS, "verify"), player.again


@asynccontextmanager
async def ready_session(attempt: Attempt, *, cluster: Cluster | None) -> AsyncIterator[LabSession]:
    """A session of the attempt that can be used, and ends afterwards. Raises PlayError and SessionError."""
    session = await sync_to_async(start_session)(attempt, cluster=cluster)
    try:
        patience = QUEUE_SECONDS if session.state == SessionState.QUEUED else READY_SECONDS
        await bound(_until_ready(session), patience, "prepare the session")
        yield await _load(session)
    finally:
        await sync_to_async(end_session)(session, "The play is over.")


def misjudged(play: Play, results: dict[str, ConditionResult]) -> list[str]:
    """What was not judged as the play promises, a sentence each."""
    if play.name == DO_NOTHING.name:
        passed = all(result.verdict == Verdict.PASS for result in results.values())
        return ["all conditions pass though nothing was done"] if passed else []
    return [wrong for key, result in results.items() if (wrong := _misjudged(key, result, play))]


def _misjudged(key: str, result: ConditionResult, play: Play) -> str:
    wanted = Verdict.FAIL if key in play.fails else Verdict.PASS
    if result.verdict != wanted:
        return f"{key} is {result.verdict}, not {wanted}: {result.reason['en']}"
    words = play.fails.get(key, "")
    return (
        "" if words in result.reason["en"] else f"{key} fails, but not for {words!r}: {result.reason['en']}"
    )


class Player:
    """A student who does one act after the other."""

    def __init__(self, session: LabSession, lab: LabSpec, student, texts: Mapping[str, str]):
        self.session = session
        self.lab = lab
        self.student = student
        self.texts = texts
        self.runs: dict[str, Run] = {}
        self.shown: dict[str, str] = {}
        self.again: list[str] = []  # what had to be run once more, and why

    async def do(self, act: Act) -> None:
        """What the cluster lacks the means for is left out, as the page leaves it out."""
        if act.step and await self._is_skipped(act.step):
            return
        await bound(getattr(self, act.do)(act), ACT_SECONDS, f"{act.do} {act.step}")

    async def run(self, act: Act) -> None:
        """Again where the platform could not do it, or where its output does not yet show what it must before
        the next act: a student does just that. Raises PlayError when it will not do."""
        text = await self._fill(act.until)
        for _ in range(TRIES):
            run = await sync_to_async(start_run)(self.session, self.lab.step(act.step), user=self.student)
            self.runs[act.step] = run
            self.shown[act.step] = shown = await _shown_until(run, text)
            if not (why := await _trouble(run, shown, text)):
                return
            self.again.append(f"{act.step}: {why}")
        raise PlayError(f"{act.step} was run {TRIES} times: {why}")

    @sync_to_async
    def _is_skipped(self, step: str) -> bool:
        """Whether a student would find this step shut here, for want of what it needs of the cluster."""
        return bool(why_skipped(self.session.cluster, self.lab.step(step).needs))

    async def stop(self, act: Act) -> None:
        if act.step not in self.runs:
            raise PlayError(f"{act.step} does not run")
        await sync_to_async(cancel_run)(self.runs[act.step], reason="The play stops it.")
        await until_shown(self.runs[act.step])

    async def answer(self, act: Act) -> None:
        step = self.lab.step(act.step)
        read = await self._read(act) if act.reads else [await self._fill(act.value)]
        value = spell(evaluate(await self._fill(act.works), objects=read)) if act.works else read[0]
        if step.kind == StepKind.PREDICT:
            confidence = Confidence[act.confidence.replace("-", "_").upper()]
            await sync_to_async(record_prediction)(self.session.attempt, step, value, confidence)
        else:
            await sync_to_async(record_answer)(self.session.attempt, step, value)

    async def _read(self, act: Act) -> list[str]:
        """What a student reads off a step's output: the groups of the expression. A live one is awaited, and
        one that has ended without it is run once more."""
        shown = self.shown[act.of]
        if act.rests:
            shown = self.shown[act.of] = await _until_still(self.runs[act.of], act.reads)
        elif not re.search(act.reads, shown, re.MULTILINE):
            shown = self.shown[act.of] = await _until_matched(self.runs[act.of], act.reads)
        if not re.search(act.reads, shown, re.MULTILINE):
            self.again.append(f"{act.of}: {act.reads!r} was not in its output")
            await self.run(Act(do="run", step=act.of))
        if not (found := [*re.finditer(act.reads, self.shown[act.of], re.MULTILINE)]):
            raise PlayError(f"{act.reads!r} is not in the output of {act.of}: {shown[-500:]!r}")
        return list(found[-1 if act.rests else 0].groups())

    async def edit(self, act: Act) -> None:
        text = await self._fill(self.texts[act.file])
        run = await sync_to_async(start_edit)(self.session, self.lab.step(act.step), text, user=self.student)
        self.runs[act.step] = run
        self.shown[act.step] = await until_shown(run, await self._fill(act.until))

    async def type(self, act: Act) -> None:
        terminal = await sync_to_async(start_terminal)(
            self.session, self.lab.step(act.step).pod, user=self.student, columns=COLUMNS, rows=ROWS
        )
        self.runs[act.step] = terminal
        await until_speaks(terminal)  # what is typed before the prompt is there would be shown twice
        await asend_keys(terminal.pk, (await self._fill(act.value)).encode() + b"\r")
        await until_shown(terminal, await self._fill(act.until))
        await sync_to_async(cancel_run)(terminal, reason="The play closes it.")
        await until_shown(terminal)

    async def verify(self) -> dict[str, ConditionResult]:
        run = await sync_to_async(start_verification)(self.session, user=self.student)
        await until_shown(run)
        await run.arefresh_from_db()
        if run.state != RunState.SUCCEEDED:
            raise PlayError(f"the verification ended as {run.state}: {run.reason}")
        results = await sync_to_async(queries.latest_results)(self.session.attempt)
        await self.session.attempt.arefresh_from_db(fields=["skipped"])
        ran = [each.key for each in self.lab.conditions if each.key not in self.session.attempt.skipped]
        return {key: results[key] for key in ran}

    async def check(self, act: Act) -> None:
        """Verify in between: what is proven then stays so."""
        await self.verify()

    async def _fill(self, template: str) -> str:
        return substitute(template, await sync_to_async(queries.step_values)(self.session))


async def _trouble(run: Run, shown: str, text: str) -> str:
    """What is wrong with a run that was looked at until it showed the text or ended; empty for nothing."""
    if text and text in shown:
        return ""
    await run.arefresh_from_db(fields=["state", "reason"])
    if run.state in (RunState.FAILED, RunState.LOST):
        return f"{run.state}: {run.reason}"
    return f"it ended without {text!r}: {shown[-500:]!r}" if text else ""


async def _until_ready(session: LabSession) -> None:
    async for notices in follow_session(session.pk, "0"):
        for state in (notice.data["state"] for notice in notices if notice.kind == "session"):
            if state == SessionState.READY:
                return
            if state not in LIVE_SESSION_STATES:
                raise PlayError(f"the session is {state}: {notices[-1].data.get('message')}")


async def _until_matched(run: Run, pattern: str) -> str:
    """What the run has printed once the pattern is in it, or once it has ended."""
    shown = b""
    async for entries in follow_run(run.pk):
        shown += b"".join(entry.data for entry in entries if entry.source in ("stdout", "stderr"))
        if re.search(pattern, shown.decode(errors="replace"), re.MULTILINE):
            break
    return shown.decode(errors="replace")


async def _until_still(run: Run, pattern: str) -> str:
    """What the run has printed once the pattern is in it and nothing has followed for a while, or once the
    run has ended."""
    shown = b""
    async with aclosing(follow_run(run.pk)) as pages:
        while True:
            is_there = re.search(pattern, shown.decode(errors="replace"), re.MULTILINE)
            try:
                async with asyncio.timeout(STILL_SECONDS if is_there else None):
                    entries = await anext(pages)
            except (TimeoutError, StopAsyncIteration):
                return shown.decode(errors="replace")
            shown += b"".join(entry.data for entry in entries if entry.source in ("stdout", "stderr"))


async def until_shown(run: Run, text: str = "") -> str:
    """What the run has printed once the text is in it; without one, once it has ended. Raises PlayError
    when it ended without the text."""
    shown = await _shown_until(run, text)
    if text not in shown:
        raise PlayError(f"{run.step or 'the terminal'} ended without {text!r}: {shown[-500:]!r}")
    return shown


async def _shown_until(run: Run, text: str) -> str:
    """As `until_shown`, but the end is good enough."""
    shown = b""
    async for entries in follow_run(run.pk):
        shown += b"".join(entry.data for entry in entries if entry.source in ("stdout", "stderr"))
        if text and text.encode() in shown:
            break
    return shown.decode(errors="replace")


async def until_speaks(run: Run) -> None:
    """Until the run has printed anything, or has ended without a word."""
    async for entries in follow_run(run.pk):
        if any(entry.source in ("stdout", "stderr") for entry in entries):
            return


async def bound(act, seconds: int, name: str):
    try:
        async with asyncio.timeout(seconds):
            return await act
    except TimeoutError:
        raise PlayError(f"it took more than {seconds} s to {name}") from None


@sync_to_async
def _load(session: LabSession) -> LabSession:
    return LabSession.objects.select_related("attempt__lab", "attempt__student", "cluster").get(pk=session.pk)
