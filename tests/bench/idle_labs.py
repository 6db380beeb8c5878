"""What 50 open labs cost the cluster while nobody does anything: requests a second to its API.

Fifty students begin a lab and keep its page open; the API server's own counter is read before and
after a time of rest. A watch counts when it ends, so the lists and watches begun again are in it.

    .venv/bin/python tests/bench/idle_labs.py [LABS SECONDS]
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.stack import PROJECT, Stack
from tests.portal.live import Person

KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")
PASSWORD = "only for this measurement"
STUDENTS = """
from django.contrib.auth import get_user_model
for number in range({count}):
    get_user_model().objects.create_user(f"idle-{{number}}", password={password!r})
"""
SERIES = re.compile(r'apiserver_request_total\{.*resource="(.*?)".*verb="(.*?)".*\} (\d+)')


def enrol(stack: Stack, count: int) -> list[Person]:
    script = STUDENTS.format(count=count, password=PASSWORD)
    command = [sys.executable, str(PROJECT / "manage.py"), "shell", "-c", script]
    subprocess.run(command, env=stack.env, check=True, capture_output=True, cwd=PROJECT)
    names = (f"idle-{number}" for number in range(count))
    return [Person(stack.url, {"username": name, "password": PASSWORD}) for name in names]


def requests(stack: Stack) -> Counter[str]:
    command = [KUBECTL, "--kubeconfig", str(stack.kubeconfig), "get", "--raw", "/metrics"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sums: Counter[str] = Counter()
    for resource, verb, count in SERIES.findall(told):
        sums[f"{verb} {resource}"] += int(count)
    return sums


async def measure(stack: Stack, labs: int, seconds: int) -> None:
    async with contextlib.AsyncExitStack() as pages:
        for person in enrol(stack, labs):
            sitting = await person.begin()
            await pages.enter_async_context(person.connect(f"/ws/sessions/{sitting.id}/?last=0"))
        await asyncio.sleep(15)  # what their beginning caused is over
        before = requests(stack)
        await asyncio.sleep(seconds)
        grown = requests(stack) - before
    total = grown.total() - 1  # the reading itself
    print(json.dumps(dict(grown.most_common(12))))
    print(f"{labs} idle labs: {total / seconds:.2f} requests/s, {total / seconds / labs:.4f} per lab")


if __name__ == "__main__":
    labs, seconds = (int(word) for word in (sys.argv[1:] or ["50", "120"]))
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "state") as running:
        asyncio.run(measure(running, labs, seconds))
