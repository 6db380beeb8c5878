"""From the click on *start* to a session that is ready, without and with sessions kept ready.

Starts the whole portal in a folder of its own. One student begins new attempts of lab 1.2, one after the
other. Without spares the end of the wait is the session's own notice; with them the click's answer is.

    .venv/bin/python tests/bench/warm_pool.py [CLICKS KEPT]
"""

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.stack import PROJECT, Stack
from tests.portal import live
from tests.portal.live import LAB, Person, Sitting

KEEP = """
from curriculum.models import Lab
from k8s_tasks.models import KeptReady
KeptReady.objects.update_or_create(lab=Lab.objects.get(slug="ping-and-netcat"), defaults={{"count": {count}}})
"""
READY = """
from k8s_tasks.models import SpareSession
print("READY", SpareSession.objects.filter(is_ready=True).count())
"""


def shell(stack: Stack, script: str) -> str:
    command = [sys.executable, str(PROJECT / "manage.py"), "shell", "-c", script]
    return subprocess.run(
        command, env=stack.env, check=True, capture_output=True, text=True, cwd=PROJECT
    ).stdout


def wait_until_ready(stack: Stack, count: int) -> None:
    stack.wait_until(lambda: f"READY {count}" in shell(stack, READY), seconds=300)


def click(person: Person) -> tuple[float, float, Sitting]:
    """Milliseconds until the click was answered, and until its page had come."""
    began = time.perf_counter()
    person.post(f"{LAB}start/", again="1")
    answered = time.perf_counter() - began
    page = person.pages.get(LAB).text
    painted = time.perf_counter() - began
    return answered * 1000, painted * 1000, Sitting(person, re.search(r"/sessions/([0-9a-f-]{36})/", page)[1])


async def cold(person: Person, clicks: int) -> None:
    waits = []
    for _ in range(clicks):
        began = time.perf_counter()
        sitting = await person.begin(again="1")
        waits.append((time.perf_counter() - began) * 1000)
        person.post(sitting.door("end"))
    report("prepared on demand: click to ready", waits)


def warm(stack: Stack, person: Person, clicks: int, kept: int) -> None:
    shell(stack, KEEP.format(count=kept))
    answers, pages, misses = [], [], 0
    for number in range(clicks):
        if number % kept == 0:
            wait_until_ready(stack, kept)
        answered, painted, sitting = click(person)
        misses += not sitting.is_ready()
        answers.append(answered)
        pages.append(painted)
    report("kept ready: click to ready", answers)
    report("kept ready: click to the page that shows it", pages)
    print(f"kept ready: {misses} of {clicks} clicks found none")


def report(name: str, samples: list[float]) -> None:
    p95 = statistics.quantiles(samples, n=20)[-1]
    print(f"{name}: median {statistics.median(samples):.0f} ms, p95 {p95:.0f} ms, n = {len(samples)}")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]] + [20, 10][len(sys.argv) - 1 :]
    live.LONGEST_WAIT = 120
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "state") as running:
        student = Person(running.url, running.accounts["student"])
        asyncio.run(cold(student, given[0]))
        warm(running, student, given[0], given[1])
