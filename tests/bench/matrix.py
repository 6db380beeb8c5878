"""How long a whole reachability matrix takes: 9 pods x 9 pods by TCP, all of it included.

Nine pods on two nodes, first all open, then every second one shut by a policy; the time is that of one
judgement: probes, captures read, controls, policies read.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

import django  # noqa: E402

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from curriculum.kinds import MatrixSettings  # noqa: E402
from deploy.local.stack import Stack  # noqa: E402
from k8s_tasks.checks import matrix  # noqa: E402
from k8s_tasks.loop import on_loop  # noqa: E402
from tests.k8s_tasks.checks.worlds import World, pod  # noqa: E402

PODS = [f"p{number}" for number in range(9)]
ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "state") as stack:
        world = World(str(stack.kubeconfig))
        nodes = {name: number % 2 + 1 for number, name in enumerate(PODS)}
        on_loop(world.build(nodes, [pod(name, ["redes-web", "8080"], pod=name) for name in PODS]))
        measure("all open", world, dict.fromkeys(PODS, PODS))
        shut = PODS[1::2]
        for name in shut:
            on_loop(world.apply(deny(name)))
        measure("every second one shut", world, {one: [p for p in PODS if p not in shut] for one in PODS})


def deny(name: str) -> dict:
    metadata = {"name": f"deny-{name}"}
    spec = {"podSelector": {"matchLabels": {"pod": name}}, "policyTypes": ["Ingress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def measure(title: str, world: World, allowed: dict) -> None:
    asked = MatrixSettings(sources=tuple(PODS), targets=tuple(PODS), port="8080", allowed=allowed)
    on_loop(matrix.check(asked, on_loop(world.round())))  # by then every policy is in force
    times, verdicts = [], set()
    for _ in range(ROUNDS):
        began = time.monotonic()
        round = on_loop(world.round())
        finding = on_loop(matrix.check(asked, round))
        times.append(time.monotonic() - began)
        verdicts.add(str(finding.verdict))
        if finding.verdict != "pass":
            print(finding.reason["en"])
    print(f"9 x 9, {title}: median {statistics.median(times):.2f} s, longest {max(times):.2f} s, {verdicts}")


if __name__ == "__main__":
    main()
