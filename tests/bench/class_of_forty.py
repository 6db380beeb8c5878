"""A class at work: 40 students on netlab, each with pods of their own, and the teacher's live page open.

Every student begins lab 1.2, predicts, pings across the nodes and has everything checked; every fourth is
wrong on purpose, runs nothing, and must be told so. Printed: how long what happens takes to the teacher's
page, how long students wait, what failed though it should not, and the memory of the portal with its cluster.

    .venv/bin/python tests/bench/class_of_forty.py [STUDENTS AT_ONCE SCREENSHOT.png]
"""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from playwright.async_api import async_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.stack import PROJECT, Stack
from tests.e2e.windows import CHROMIUM, FLAGS
from tests.portal import live
from tests.portal.live import Person

PASSWORD = "only for this measurement"
WRONG_EVERY = 4
ECHO_PAIR = 1  # place of the condition that a ping proves; the first one is the platform's own probe
STUDENTS = """
from portal.models import Classroom, User
classroom = Classroom.objects.get()
for number in range({count}):
    name = f"forty-{{number:02}}"
    person = User.objects.create_user(name, password={password!r}, first_name=f"Aluno {{number + 1:02}}")
    classroom.students.add(person)
"""


@dataclass
class Figures:
    ready: list[float] = field(default_factory=list)  # seconds from the click to pods that are ready
    checked: list[float] = field(default_factory=list)  # seconds of a verification
    to_grid: list[float] = field(default_factory=list)  # milliseconds from what happened to the page
    errors: Counter = field(default_factory=Counter)
    right: int = 0


def enrol(stack: Stack, count: int) -> list[Person]:
    script = STUDENTS.format(count=count, password=PASSWORD)
    command = [sys.executable, str(PROJECT / "manage.py"), "shell", "-c", script]
    subprocess.run(command, env=stack.env, check=True, capture_output=True, cwd=PROJECT)
    names = [f"forty-{number:02}" for number in range(count)]
    return [Person(stack.url, {"username": name, "password": PASSWORD}) for name in names]


async def study(person: Person, *, is_wrong: bool, figures: Figures, places: asyncio.Semaphore) -> None:
    """`places`: how many of the class do something in the same moment."""
    async with places:
        try:
            await work(person, is_wrong=is_wrong, figures=figures)
        except (AssertionError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            figures.errors[f"{type(error).__name__}: {str(error)[:80]}"] += 1


async def work(person: Person, *, is_wrong: bool, figures: Figures) -> None:
    began = time.perf_counter()
    # Its clicks block, and must not hold up whoever times the teacher's page.
    sitting = await asyncio.to_thread(asyncio.run, person.begin())
    figures.ready.append(time.perf_counter() - began)
    if not is_wrong:
        await asyncio.to_thread(sitting.predict, "predict-ttl", "62")
        across = await asyncio.to_thread(sitting.run, "ping-across")
        await person.output(across, until=b"icmp_seq=2")
        await asyncio.to_thread(person.post, f"/runs/{across}/cancel/", htmx=True)
    began = time.perf_counter()
    await person.end_of(await asyncio.to_thread(sitting.verify_run), seconds=live.LONGEST_WAIT)
    figures.checked.append(time.perf_counter() - began)
    verdicts = re.findall(
        r'data-verdict="([\w-]+)"', (await asyncio.to_thread(person.pages.get, sitting.door("verdicts"))).text
    )
    told = verdicts[ECHO_PAIR] == "pass"
    if told == is_wrong:
        figures.errors["told wrong work is right" if told else "told right work is wrong"] += 1
    else:
        figures.right += 1


async def follow_grid(teacher: Person, figures: Figures) -> None:
    async with teacher.connect("/ws/classes/1/") as socket:
        async for message in socket:
            told = json.loads(message)
            figures.to_grid.append(time.time() * 1000 - int(told["first"].partition("-")[0]))


def memory_of(pid: int) -> int:
    """Bytes of the process and all below it (RSS): what they share is counted for each, so it is a bound."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    total, todo = 0, [pid]
    while todo:
        each = todo.pop()
        todo += parents.get(each, [])
        try:
            total += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{each}/status").read_text())[1]) * 1024
        except (OSError, TypeError):
            continue
    return total


async def measure(stack: Stack, count: int, at_once: int, picture: str) -> None:
    figures, places = Figures(), asyncio.Semaphore(at_once)
    people = enrol(stack, count)
    teacher = Person(stack.url, stack.accounts["instructor"])
    before = memory_of(stack.pid)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await open_grid(browser, stack)
        following = asyncio.create_task(follow_grid(teacher, figures))
        began = time.perf_counter()
        await asyncio.gather(
            *(
                study(person, is_wrong=number % WRONG_EVERY == 0, figures=figures, places=places)
                for number, person in enumerate(people)
            )
        )
        took, after = time.perf_counter() - began, memory_of(stack.pid)
        await page.screenshot(path=picture, full_page=True)
        following.cancel()
        await browser.close()
    tell(figures, count, at_once, took, before, after)


async def open_grid(browser, stack: Stack):
    account = stack.accounts["instructor"]
    page = await browser.new_page(base_url=stack.url, viewport={"width": 1440, "height": 900})
    await page.goto("/login/")
    await page.fill("[name=username]", account["username"])
    await page.fill("[name=password]", account["password"])
    await page.press("[name=password]", "Enter")
    await page.wait_for_url("**/")
    await page.goto("/classes/1/live/")
    return page


def tell(figures: Figures, count: int, at_once: int, took: float, before: int, after: int) -> None:
    print(f"{count} students, {at_once} at once, {took:.0f} s; told rightly: {figures.right} of {count}")
    for name, values, unit in (
        ("pods ready after", figures.ready, "s"),
        ("a check took", figures.checked, "s"),
        ("from what happened to the teacher's page", figures.to_grid, "ms"),
    ):
        if len(values) > 1:
            p95 = quantiles(values, n=20)[-1]
            print(
                f"{name}: median {median(values):.1f} {unit}, p95 {p95:.1f} {unit},"
                f" most {max(values):.1f} {unit} ({len(values)})"
            )
    print(f"memory of all (RSS): {before / 1e9:.2f} GB before, {after / 1e9:.2f} GB with {count} sessions")
    for error, times in figures.errors.most_common():
        print(f"error, {times} times: {error}")


if __name__ == "__main__":
    given = sys.argv[1:] + ["40", "8", "class-of-forty.png"][len(sys.argv) - 1 :]
    live.LONGEST_WAIT = 300  # a busy machine is measured, not judged
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "state") as running:
        asyncio.run(measure(running, int(given[0]), int(given[1]), given[2]))
