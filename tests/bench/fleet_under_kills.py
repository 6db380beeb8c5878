"""Two web and three worker processes on PostgreSQL and Redis, behind nginx; one is shot each ten seconds.

Meanwhile students begin labs, watch programs that count, over a connection that breaks and comes back, ask
for short commands and have their work checked. Exit code 1 unless in the end:

- every line that was shown was shown once and in order, to the one who came back, to one who asks again, and
  in the transcript; a run that succeeded has all of its lines
- every run and session that anybody asked for has come to an end and says which. A run whose worker was shot
  may be `lost`; it then says so, and what had been shown is kept

    .venv/bin/python tests/bench/fleet_under_kills.py [MINUTES STUDENTS]
"""

import asyncio
import base64
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import websockets
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.postgres_server import PostgresServer
from deploy.local.redis_server import find_redis, version_of
from deploy.local.stack import PROJECT, Stack
from deploy.local.supervision import portal_programs
from tests import workshop
from tests.bench.nginx import start_nginx
from tests.portal.live import Person

KILL_EVERY = 10  # seconds
LINES = 300
COUNT = (
    f"import time\nfor n in range(1, {LINES} + 1):\n    print('line', n, flush=True)\n    time.sleep(0.05)"
)
NUMBER = re.compile(r"line (\d+)")
STUCK = 240  # seconds without an end: longer than a queue, a dead worker and their watcher may take
AWAY = (httpx.TransportError, OSError, websockets.WebSocketException, TimeoutError)
PASSWORD = "only for this measurement"
ROUNDS_OF_A_SESSION = 3
PEOPLE = """
from portal.models import User
for number in range({count}):
    User.objects.create_user(f"fleet-{{number}}", password={password!r})
"""
LEFT = """
import json
from k8s_tasks.enums import OPEN_RUN_STATES
from k8s_tasks.models import LabSession, Run
still_open = Run.objects.filter(state__in=OPEN_RUN_STATES)
told = {
    "open runs": [f"{run.pk} {run.kind} {run.state}" for run in still_open],
    "ended runs without a transcript": [
        str(run.pk) for run in Run.objects.filter(ended_at__isnull=False, transcript=None)
    ],
    "checks that succeeded and told nothing": [
        str(run.pk) for run in Run.objects.filter(kind="verify", state="succeeded", results=None)
    ],
    "sessions that are still prepared": [
        str(each.pk) for each in LabSession.objects.filter(state__in=("queued", "preparing"))
    ],
}
print("TOLD" + json.dumps(told))
"""


@dataclass
class Figures:
    kills: Counter = field(default_factory=Counter)
    ends: Counter = field(default_factory=Counter)  # (kind, state) of the runs students asked for
    sessions: Counter = field(default_factory=Counter)
    clicks_again: int = 0  # because the answer was lost with the one who would have given it
    reconnects: int = 0
    lines: int = 0
    longest_gap: float = 0  # seconds, between two lines of a run that succeeded
    ready: list[float] = field(default_factory=list)
    checked: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass
class Watched:
    """What one viewer of a run has seen, however often the connection broke."""

    output: bytes = b""
    end: dict = field(default_factory=dict)
    gap: float = 0

    @property
    def numbers(self) -> list[int]:
        return [int(each) for each in NUMBER.findall(self.output.decode())]


def course_that_counts(folder: Path) -> Path:
    course = workshop.write_course(folder)
    lab = course / "01-workshop" / workshop.LAB
    told = yaml.safe_load((lab / "lab.yaml").read_text())
    step = {"key": "count", "kind": "stream", "pod": "ana", "pane": "link", "argv": ["python3", "-c", COUNT]}
    told["steps"] = [{**step, "seconds": 120}, *told["steps"]]
    (lab / "lab.yaml").write_text(yaml.safe_dump(told, allow_unicode=True))
    for prose in lab.glob("*.md"):
        words = "## step count: The step count\n\nWords.\n\n## step "
        prose.write_text(prose.read_text().replace("## step ", words, 1))
    return course


class Fleet:
    """The portal as `make run` starts it, with a second web process and a second worker for streams."""

    def __init__(self, stack: Stack, course: Path, port: int):
        web, streams, *_ = portal_programs(host="127.0.0.1", port=port, project=PROJECT)
        second = [word.replace("streams@local", "streams@second") for word in streams.command]
        self._commands = {"web-2": web.command, "worker-streams-2": second}
        self._stack, self._course = stack, course
        self._pids: dict[str, int] = {}

    @contextlib.asynccontextmanager
    async def second_ones(self) -> AsyncIterator[None]:
        keepers = [asyncio.create_task(self._keep(name)) for name in self._commands]
        try:
            yield
        finally:
            for each in keepers:
                each.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, name: str) -> None:
        """Start it again whenever it dies, as its supervisor does with the first."""
        state = self._stack.folders
        tied = [sys.executable, "-S", "-E", str(PROJECT / "deploy/local/lifeline.py"), "--"]
        kept = [word for folder in (state.state, self._course) for word in ("--keep", str(folder))]
        dropped = [sys.executable, str(PROJECT / "deploy/local/drop.py"), "--home", str(state.home), *kept]
        command = [*tied, *dropped, "--", *self._commands[name]]
        with (state.state.parent / f"{name}.log").open("ab") as log:
            while True:
                process = await asyncio.create_subprocess_exec(
                    *command, env=self._stack.env, cwd=PROJECT, stdout=log, stderr=log
                )
                self._pids[name] = process.pid
                try:
                    await process.wait()
                except asyncio.CancelledError:
                    process.kill()
                    await process.wait()
                    raise

    def pids(self) -> dict[str, int]:
        first = self._stack.pids()
        return {name: first[name] for name in ("web", "worker-streams", "worker-verify")} | self._pids

    async def shoot(self, figures: Figures, until: float) -> None:
        while time.monotonic() < until:
            await asyncio.sleep(KILL_EVERY)
            name, pid = random.choice(sorted(self.pids().items()))
            with contextlib.suppress(ProcessLookupError):  # the supervisor is just starting it
                os.kill(pid, signal.SIGKILL)
                figures.kills[name] += 1


class Student:
    def __init__(self, person: Person, figures: Figures):
        self._person, self._figures = person, figures
        self._session = ""

    async def work(self, until: float) -> None:
        """Until the time is over, and then to the end of what was begun."""
        number = 0
        while time.monotonic() < until:
            if number % ROUNDS_OF_A_SESSION == 0:
                await self._begin()
            number += 1
            await asyncio.gather(self._count(), self._ask_and_check())

    async def _click(self, path: str, **fields: str) -> httpx.Response:
        """Until somebody answers: a person would click again."""
        until = time.monotonic() + STUCK
        while True:
            try:
                answer = await asyncio.to_thread(self._person.post, path, htmx=True, **fields)
                if answer.status_code < 500:
                    return answer
            except AWAY:
                if time.monotonic() > until:
                    raise
            self._figures.clicks_again += 1
            await asyncio.sleep(0.5)

    async def _get(self, path: str) -> str:
        until = time.monotonic() + STUCK
        while time.monotonic() < until:
            with contextlib.suppress(*AWAY):
                answer = await asyncio.to_thread(self._person.pages.get, path)
                if answer.status_code < 500:
                    return answer.text
            await asyncio.sleep(0.5)
        raise TimeoutError(path)

    async def _begin(self) -> None:
        if self._session:
            await self._click(f"/sessions/{self._session}/end/")
        lab = f"/labs/{workshop.LAB}/"
        began = time.monotonic()
        while True:
            await self._click(f"{lab}start/", again="1")
            found = re.search(r"/sessions/([0-9a-f-]{36})/", await self._get(lab))
            if found and await self._is_ready(found[1]):
                self._session = found[1]
                self._figures.ready.append(time.monotonic() - began)
                return
            if time.monotonic() > began + 2 * STUCK:
                raise TimeoutError("no session became ready")

    async def _is_ready(self, session: str) -> bool:
        """Wait for an end of the preparation; one that failed has said so and is begun anew."""
        until = time.monotonic() + STUCK + 30
        while time.monotonic() < until:
            state = re.search(r'data-state="(\w+)"', await self._get(f"/sessions/{session}/status/"))
            if state and state[1] not in ("queued", "preparing"):
                self._figures.sessions[state[1]] += 1
                return state[1] == "ready"
            await asyncio.sleep(0.5)
        self._figures.faults.append(f"session {session} is still being prepared")
        return False

    async def _start(self, door: str) -> str:
        """The run's id; empty when the start was refused in words."""
        answer = await self._click(f"/sessions/{self._session}/{door}/")
        told = json.loads(answer.headers.get("HX-Trigger", "{}"))
        return told.get("run-started", {}).get("run", "")

    async def _count(self) -> None:
        run = await self._start("steps/count/run")
        if not run:
            return
        seen = await self._watch(run, "count")
        again = Watched()
        await self._follow(run, again)
        cast = await self._get(f"/runs/{run}/cast/")
        self._judge(run, seen, again, numbers_in_cast(cast))

    def _judge(self, run: str, seen: Watched, again: Watched, kept: list[int]) -> None:
        numbers, state = seen.numbers, seen.end.get("state")
        self._figures.lines += len(numbers)
        wrong = {
            "lines lost, twice or out of order": numbers != list(range(1, len(numbers) + 1)),
            "succeeded with lines missing": state == "succeeded" and len(numbers) != LINES,
            "another stream when asked again": again.output != seen.output,
            "another transcript": kept != numbers,
        }
        self._figures.faults += [f"run {run} ({state}): {what}" for what, so in wrong.items() if so]
        if state == "succeeded":
            self._figures.longest_gap = max(self._figures.longest_gap, seen.gap)

    async def _ask_and_check(self) -> None:
        # `isolate` is in a pane of its own: a command in the counting one would end the counting.
        if run := await self._start("steps/isolate/run"):
            await self._watch(run, "short command")
        began = time.monotonic()
        if (run := await self._start("verify")) and await self._watch(run, "check"):
            self._figures.checked.append(time.monotonic() - began)

    async def _watch(self, run: str, kind: str) -> Watched:
        seen = Watched()
        try:
            async with asyncio.timeout(STUCK):
                await self._follow(run, seen, patience=random.uniform(2, 6))
        except TimeoutError:
            self._figures.faults.append(f"{kind} {run}: no end within {STUCK} s")
        self._figures.ends[kind, seen.end.get("state", "no end")] += 1
        return seen

    async def _follow(self, run: str, seen: Watched, *, patience: float = STUCK) -> None:
        """To the run's end. The connection is cut `patience` after its first message, and by each shot."""
        last, heard = "0", 0.0
        while not seen.end:
            with contextlib.suppress(*AWAY):
                async with self._person.connect(f"/ws/runs/{run}/?last={last}") as socket:
                    cut = 0.0
                    async for message in socket:
                        now = time.monotonic()
                        cut = cut or now + patience
                        for entry in json.loads(message):
                            last = entry["id"]
                            data = base64.b64decode(entry["data"])
                            if entry["src"] == "end":
                                seen.end = json.loads(data)
                                return
                            if entry["src"] in ("stdout", "stderr"):
                                seen.output += data
                                seen.gap, heard = max(seen.gap, now - heard if heard else 0), now
                        if now > cut:
                            break
            self._figures.reconnects += 1
            await asyncio.sleep(0.2)


def numbers_in_cast(cast: str) -> list[int]:
    entries = (json.loads(line) for line in cast.splitlines()[1:])
    text = "".join(each[2] for each in entries if isinstance(each, list) and each[1] == "o")
    return [int(each) for each in NUMBER.findall(text)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shell(stack: Stack, script: str) -> str:
    command = [sys.executable, str(PROJECT / "manage.py"), "shell", "-c", script]
    return subprocess.run(
        command, env=stack.env, check=True, capture_output=True, text=True, cwd=PROJECT
    ).stdout


def until_it_answers(url: str) -> None:
    until = time.monotonic() + STUCK
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/livez", timeout=5).status_code == 200:
                return
        if time.monotonic() > until:
            raise SystemExit(f"{url} does not answer")
        time.sleep(0.2)


@contextlib.contextmanager
def proxy(folder: Path, images_dir: Path, *, behind: list[int]) -> Iterator[str]:
    port = free_port()
    folder.mkdir()
    process = start_nginx(folder, images_dir, port=port, behind=behind)
    try:
        url = f"http://127.0.0.1:{port}"
        until_it_answers(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


async def measure(stack: Stack, folder: Path, course: Path, *, minutes: float, count: int) -> Figures:
    second, figures = free_port(), Figures()
    fleet = Fleet(stack, course, second)
    async with fleet.second_ones():
        await asyncio.to_thread(until_it_answers, f"http://127.0.0.1:{second}")
        ports = [int(stack.url.rpartition(":")[2]), second]
        with proxy(folder / "nginx", PROJECT / "var/images", behind=ports) as url:
            shell(stack, PEOPLE.format(count=count, password=PASSWORD))
            people = [
                Person(url, {"username": f"fleet-{number}", "password": PASSWORD}) for number in range(count)
            ]
            until = time.monotonic() + 60 * minutes
            students = [Student(person, figures).work(until) for person in people]
            ended = await asyncio.gather(
                fleet.shoot(figures, until - KILL_EVERY), *students, return_exceptions=True
            )
            figures.faults += [repr(each) for each in ended if isinstance(each, BaseException)]
            await asyncio.to_thread(look_at_what_is_left, stack, figures)
    return figures


def look_at_what_is_left(stack: Stack, figures: Figures) -> None:
    """Also runs whose click was answered to nobody have to end."""
    until = time.monotonic() + STUCK
    while True:
        told = json.loads(shell(stack, LEFT).rpartition("TOLD")[2])
        if not any(told.values()) or time.monotonic() > until:
            break
        time.sleep(2)
    figures.faults += [f"{what}: {', '.join(found)}" for what, found in told.items() if found]


def tell(figures: Figures, stack: Stack, versions: str) -> None:
    shot = ", ".join(f"{name} {times}" for name, times in sorted(figures.kills.items()))
    print(f"{versions}; shot {figures.kills.total()} processes ({shot})")
    for kind in ("count", "short command", "check"):
        states = {state: times for (each, state), times in figures.ends.items() if each == kind}
        print(f"{kind}: {', '.join(f'{times} {state}' for state, times in sorted(states.items()))}")
    print(f"sessions: {', '.join(f'{times} {state}' for state, times in figures.sessions.items())}")
    print(f"{figures.lines} lines, longest gap of a run that succeeded {figures.longest_gap:.1f} s")
    print(f"{figures.reconnects} reconnects, {figures.clicks_again} clicks repeated")
    for name, values in (("ready after", figures.ready), ("checked after", figures.checked)):
        if values:
            print(f"{name}: median {median(values):.1f} s, most {max(values):.1f} s ({len(values)})")
    for fault in figures.faults:
        print(f"FAULT: {fault}")
    print("no line lost, no run stuck" if not figures.faults else f"{len(figures.faults)} faults")


def main(minutes: float, count: int) -> int:
    with tempfile.TemporaryDirectory(prefix="fleet-") as named, PostgresServer() as server:
        folder = Path(named)
        folder.chmod(0o755)
        course = course_that_counts(folder / "course")
        redis = ".".join(map(str, version_of(find_redis())))
        with Stack(folder / "state", COURSE=course, DATABASE_URL=server.url) as stack:
            figures = asyncio.run(measure(stack, folder, course, minutes=minutes, count=count))
            tell(figures, stack, f"{server.version}, Redis {redis}")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    given = sys.argv[1:] + ["5", "6"][len(sys.argv) - 1 :]
    sys.exit(main(float(given[0]), int(given[1])))
