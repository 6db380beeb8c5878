"""The live page of a class of 200: its weight, and how long what a lab does takes to the teacher's page.

The class has work at every lab of the course. Checks of sessions drawn by lot are then told at a steady rate,
and the page's socket says when the drawn cell has come; the stream's own id says when it happened.

    .venv/bin/python tests/bench/class_grid.py [STUDENTS RATE SECONDS]
"""

import asyncio
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.stack import PROJECT, Stack
from tests.portal.live import Person

MAKE = """
import random
from django.utils import timezone
from curriculum.course import get_course
from curriculum.domain import start_attempt, store_pass
from k8s_tasks.models import Cluster, ConditionResult, LabSession, Run
from portal.models import Classroom, User
random.seed(1)
classroom, cluster = Classroom.objects.get(), Cluster.objects.first()
why = {{"en": "No ICMP echo request was captured.", "pt-br": "Nenhum pedido de eco foi capturado."}}
people = User.objects.bulk_create(User(username=f"grid-{{n}}") for n in range({count}))
classroom.students.add(*people)
for person in people:
    for lab in get_course().labs:
        attempt = start_attempt(person, lab)
        facts = {{"attempt": attempt, "cluster": cluster, "expires_at": timezone.now(), "state": "ended"}}
        session = LabSession.objects.create(namespace=f"g-{{attempt.pk}}", **facts)
        run = Run.objects.create(session=session, kind="verify", state="succeeded")
        proven = random.randint(0, len(lab.conditions))
        for condition in lab.conditions[:proven]:
            store_pass(attempt, condition.key, why, {{}})
        for condition in lab.conditions[proven:proven + 1]:
            facts = {{"condition": condition.key, "verdict": "fail", "code": "not-captured", "reason": why}}
            ConditionResult.objects.create(run=run, attempt=attempt, **facts)
"""
TELL = """
import random, time
from k8s_tasks.models import LabSession
from k8s_tasks.streams import publish_notice
sessions = list(LabSession.objects.filter(state="ended").values_list("pk", flat=True))
until = time.monotonic() + {seconds}
while time.monotonic() < until:
    publish_notice(random.choice(sessions), "verdicts", {{}})
    time.sleep(1 / {rate})
"""


def shell(stack: Stack, script: str) -> list[str]:
    return [sys.executable, str(PROJECT / "manage.py"), "shell", "-c", script]


async def measure(stack: Stack, rate: int, seconds: int) -> None:
    teacher = Person(stack.url, stack.accounts["instructor"])
    took = []
    for _ in range(5):
        began = time.perf_counter()
        page = teacher.pages.get("/classes/1/live/").text
        took.append(time.perf_counter() - began)
    packed = len(gzip.compress(page.encode()))
    print(f"the page: {len(page) / 1e6:.2f} MB ({packed / 1e3:.0f} kB gzipped), median {median(took):.2f} s")
    waits, sizes, cells = [], [], 0
    async with teacher.connect("/ws/classes/1/") as socket:
        script = TELL.format(rate=rate, seconds=seconds)
        telling = await asyncio.create_subprocess_exec(*shell(stack, script), env=stack.env, cwd=PROJECT)
        while True:
            try:
                message = await asyncio.wait_for(socket.recv(), 5)
            except TimeoutError:
                if telling.returncode is None and not waits:
                    continue
                break
            told = json.loads(message)
            waits.append(time.time() * 1000 - int(told["first"].partition("-")[0]))
            sizes.append(len(message))
            cells += len(told["cells"])
        await telling.wait()
    p95 = quantiles(waits, n=20)[-1]
    print(f"{cells} cells in {len(waits)} messages of {median(sizes) / 1e3:.1f} kB (median)")
    print(
        f"from the oldest check told to the page: median {median(waits):.0f} ms,"
        f" p95 {p95:.0f} ms, most {max(waits):.0f} ms"
    )


if __name__ == "__main__":
    count, rate, seconds = (int(word) for word in (sys.argv[1:] or ["200", "20", "30"]))
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "state") as running:
        made = shell(running, MAKE.format(count=count))
        subprocess.run(made, env=running.env, check=True, capture_output=True, cwd=PROJECT)
        asyncio.run(measure(running, rate, seconds))
