"""Plays a lab's solution and keeps what every step printed: see `curriculum.recordings`.

The student who is played also runs the commands and captures that the solution leaves out, each in its place:
whoever reads the recording misses nothing that a button of the page would have shown.
"""

import asyncio
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import count

from asgiref.sync import sync_to_async
from django.utils import timezone

from curriculum import queries as work
from curriculum.casts import Event, read_events, shorten, write_cast
from curriculum.domain import spell_argv, start_attempt
from curriculum.enums import LIVE_STEPS, StepKind, Verdict
from curriculum.parameters import card_of
from curriculum.recordings import FOLDER, INDEX, LARGEST, RecordedStep
from curriculum.specs import LabSpec, Play, Step
from k8s_tasks.cluster.api import connect
from k8s_tasks.domain.runs import RunError, cancel_run, start_run
from k8s_tasks.enums import RunState
from k8s_tasks.models import Cluster, ConditionResult, LabSession, Run
from k8s_tasks.plays import ACT_SECONDS, Player, PlayError, bound, ready_session, until_shown, until_speaks
from k8s_tasks.queries import step_values
from k8s_tasks.transcripts import as_cast

# What a student may leave out and still be right: looking. What changes something is the solution's to do.
LOOKING = (StepKind.EXEC, StepKind.NODE, StepKind.ADDON, *LIVE_STEPS)
WATCHED = 4  # seconds one looks at what goes on until it is stopped
AWAITED = 20  # seconds a command may take to end before one goes on
GLANCED = 1  # seconds one looks at what has ended
INDEX_BYTES = 60_000  # of a recording, kept free for its index


@dataclass(frozen=True)
class Recorded:
    """The files of a recording by name, and the steps that have no output in it."""

    files: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(len(text.encode()) for text in self.files.values())


async def record_lab(student, lab: LabSpec, *, cluster: Cluster | None) -> Recorded:
    """Play the solution and take down what came. Raises PlayError when a condition is not proven by it, and
    RunError or SessionError as for a student."""
    attempt = await sync_to_async(start_attempt)(student, lab, seed=seed_of(lab))
    async with ready_session(attempt, cluster=cluster) as session:
        player = Recorder(session, lab, student, lab.solution.texts)
        await player.play(lab.solution)
        ended = timezone.now()
        results = await bound(player.verify(), ACT_SECONDS, "verify")
        _demand_proof(results)
        await player.end_runs()
        made_on = await _made_on(session)
        return await sync_to_async(_take_down)(player, ended, made_on, results)


def write_recording(lab: LabSpec, recorded: Recorded) -> None:
    """Put it in the lab's folder, in place of an older one."""
    folder = lab.folder / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in recorded.files.items():
        (folder / name).write_text(text, encoding="utf-8")


def seed_of(lab: LabSpec) -> int:
    """The same for every recording of a lab, so that ports and words stay as they were; of a deck it deals
    the solution's card."""
    first = int.from_bytes(hashlib.sha256(lab.slug.encode()).digest()[:4], "big")
    return next(seed for seed in count(first) if not lab.deck or card_of(lab, seed) == lab.solution.deals)


class Recorder(Player):
    """A student who also looks where the solution does not."""

    async def play(self, play: Play) -> None:
        left_out = _looks_left_out(self.lab, play)
        places = {step.key: place for place, step in enumerate(self.lab.steps)}
        for act in play.acts:
            while left_out and places[left_out[0].key] < places.get(act.step, -1):
                await self.look(left_out.pop(0))
            await self.do(act)
            if act.step in self.runs and act.do == "run":  # a step may be skipped on this cluster
                await self.linger(self.lab.step(act.step))
        for step in left_out:
            await self.look(step)

    async def look(self, step: Step) -> None:
        """Run it; a step that still waits for a prediction is left out here too."""
        try:
            run = await sync_to_async(start_run)(self.session, step, user=self.student)
        except RunError:
            return
        self.runs[step.key] = run
        if step.kind in LIVE_STEPS:
            await bound(until_speaks(run), ACT_SECONDS, f"look at {step.key}")
        await self.linger(step)

    async def linger(self, step: Step) -> None:
        """Watch what goes on for a while, as people do: a ping that is stopped at its first reply shows
        nothing. A capture prints a moment after the packets."""
        try:
            async with asyncio.timeout(WATCHED if step.kind in LIVE_STEPS else AWAITED):
                await until_shown(self.runs[step.key])
        except TimeoutError:
            return
        await asyncio.sleep(GLANCED)

    async def end_runs(self) -> None:
        for run in self.runs.values():
            await sync_to_async(cancel_run)(run, reason="The recording is over.")
            await bound(until_shown(run), ACT_SECONDS, f"end {run.step}")


def _looks_left_out(lab: LabSpec, play: Play) -> list[Step]:
    done = {act.step for act in play.acts}
    return [step for step in lab.steps if step.kind in LOOKING and step.key not in done]


def _demand_proof(results: Mapping[str, ConditionResult]) -> None:
    for key, result in results.items():
        if result.verdict != Verdict.PASS:
            raise PlayError(f"{key} is {result.verdict}: {result.reason['en']}")


def _take_down(player: Recorder, ended: datetime, made_on: Mapping, results: Mapping) -> Recorded:
    lab = player.lab
    runs = {step.key: player.runs[step.key] for step in lab.steps if step.key in player.runs}
    most = (LARGEST - INDEX_BYTES) // max(1, len(runs))
    kept = {key: shorten(_printed(run, ended), most=most) for key, run in runs.items()}
    steps = _steps_told(player, runs, ended, {key: dropped for key, (_, dropped) in kept.items()})
    index = {
        **_made_from(player.session, lab),
        **made_on,
        "steps": [told(step) for step in steps],
        "conditions": {key: result.reason for key, result in results.items()},
    }
    casts = {f"{key}.cast": write_cast(events, title=key) for key, (events, _) in kept.items() if events}
    done = {step.key for step in steps}
    missing = [step.key for step in lab.steps if step.kind != StepKind.READ and step.key not in done]
    return Recorded({INDEX: _written(index), **casts}, tuple(missing))


def told(step: RecordedStep) -> dict:
    """What the index says of a step: only what there is to say."""
    return {each.name: value for each in fields(step) if (value := getattr(step, each.name)) != each.default}


def _printed(run: Run, ended: datetime) -> list[Event]:
    """What it printed before the last verification began: the probes of that would be seen in captures."""
    last = (ended - run.created_at).total_seconds()
    return [(at, data) for at, data in read_events(as_cast(run)) if at <= last]


def _steps_told(player: Recorder, runs: Mapping, ended: datetime, left_out: Mapping) -> list[RecordedStep]:
    answers = work.answers(player.session.attempt)
    return [
        RecordedStep(
            key=step.key,
            answer=answers.get(step.key, ""),
            left_out=left_out.get(step.key, 0),
            **(_run_told(runs[step.key], ended) if step.key in runs else {}),
        )
        for step in player.lab.steps
        if step.key in runs or step.key in answers
    ]


def _run_told(run: Run, ended: datetime) -> dict:
    run.refresh_from_db()
    went_on = run.ended_at > ended
    return {
        "command": spell_argv(run.argv),
        "place": " @ ".join(filter(None, (run.pod, run.node))),
        "state": RunState.RUNNING.value if went_on else run.state,
        "exit_code": None if went_on else run.exit_code,
        "text": run.text,
    }


def _made_from(session: LabSession, lab: LabSpec) -> dict:
    drawn = session.attempt.parameters
    values = step_values(session)
    return {
        "version": lab.version,
        "made_of": lab.made_of,
        "seed": session.attempt.seed,
        "parameters": drawn,
        "values": {name: value for name, value in values.items() if name not in drawn},
    }


async def _made_on(session: LabSession) -> dict:
    api = await connect(session.cluster.kubeconfig_path)
    try:
        node = await api.request("GET", f"/api/v1/nodes/{session.bindings['pods'][0]['node']}")
        version = await api.version()
    finally:
        await api.close()
    return {
        "date": f"{timezone.now():%Y-%m-%d}",
        "cluster": session.cluster.name,
        "kubernetes": version,
        # What a distribution or a provider adds to the number says more of the machine than of the network.
        "kernel": re.match(r"[\d.]*", node["status"]["nodeInfo"]["kernelVersion"])[0],
    }


def _written(index: Mapping) -> str:
    return json.dumps(index, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
