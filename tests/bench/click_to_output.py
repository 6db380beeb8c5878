"""From the click on a step to the first byte of its output in the page, beside `kubectl exec`.

Starts the whole portal in a folder of its own, and does as a browser does: POST the step, open the
run's WebSocket, wait for a frame with output.

    .venv/bin/python tests/bench/click_to_output.py [CLICKS]
"""

import asyncio
import base64
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.stack import Stack
from tests.portal.live import Person, Sitting

STEP, COMMAND = "addresses", ["ip", "-br", "addr"]
KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")


async def click(sitting: Sitting) -> float:
    """Milliseconds from the click to the first output."""
    start = time.perf_counter()
    run = await asyncio.to_thread(sitting.run, STEP)
    async with sitting.person.connect(f"/ws/runs/{run}/?last=0") as socket:
        async for message in socket:
            if any(
                entry["src"] == "stdout" and base64.b64decode(entry["data"]) for entry in json.loads(message)
            ):
                return (time.perf_counter() - start) * 1000
    raise SystemExit(f"run {run} printed nothing")


def kubectl_exec(stack: Stack, namespace: str) -> float:
    """Milliseconds of one whole `kubectl exec` of the same command."""
    start = time.perf_counter()
    command = [KUBECTL, "--kubeconfig", str(stack.kubeconfig), "exec", "-n", namespace, "ana", "--", *COMMAND]
    subprocess.run(command, check=True, capture_output=True)
    return (time.perf_counter() - start) * 1000


def namespace_of_pods(stack: Stack) -> str:
    command = [KUBECTL, "--kubeconfig", str(stack.kubeconfig), "get", "pods", "-A", "-o", "json"]
    pods = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["items"]
    return next(pod["metadata"]["namespace"] for pod in pods if pod["metadata"]["name"] == "ana")


def report(name: str, samples: list[float]) -> None:
    p95 = statistics.quantiles(samples, n=20)[-1]
    print(f"{name}: median {statistics.median(samples):.0f} ms, p95 {p95:.0f} ms, n = {len(samples)}")


async def measure(stack: Stack, clicks: int) -> None:
    person = Person(stack.url, stack.accounts["student"])
    sitting = await person.begin()
    report("click to first output", [await click(sitting) for _ in range(clicks)])
    namespace = namespace_of_pods(stack)
    report("kubectl exec", [kubectl_exec(stack, namespace) for _ in range(clicks)])
    person.post(sitting.door("end"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as running:
        asyncio.run(measure(running, int(sys.argv[1]) if sys.argv[1:] else 50))
