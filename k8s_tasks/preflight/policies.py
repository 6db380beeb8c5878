"""Whether NetworkPolicies are enforced: by connections between two pods, one of them forbidden.

The server listens on two ports. Both must answer before there is a policy; it then forbids one. In
each round both are tried at once: only when the other one still answers does a silence mean
something.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from django.utils.translation import gettext_noop as _

from curriculum.enums import Capability
from k8s_tasks.cluster.execs import run_to_end, start_process
from k8s_tasks.cluster.objects import wait_until_ready
from k8s_tasks.preflight.findings import Finding, absent, present, unknown
from k8s_tasks.preflight.scene import Scene

IMAGE = "redes.local/toolbox:0.1.0"
FORBIDDEN, CONTROL = 7001, 7002
LISTEN_SECONDS, ENFORCE_SECONDS, POD_SECONDS = 5, 5, 30
_SERVE = f"nc -4lk {FORBIDDEN} & exec nc -4lk {CONTROL}"
_PAUSE = 0.2

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "one-port"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "server"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": CONTROL, "protocol": "TCP"}]}],
    },
}

Round = Callable[[], Awaitable[tuple[bool, bool]]]  # did the forbidden port, and the control, answer?


async def probe(scene: Scene) -> dict[Capability, Finding]:
    await asyncio.gather(
        scene.make(_pod("server", ["sh", "-c", _SERVE])), scene.make(_pod("client", ["sleep", "120"]))
    )
    pods = await wait_until_ready(scene.api, scene.namespace, {"client", "server"}, seconds=POD_SECONDS)
    address = next(pod["status"]["podIP"] for pod in pods if pod["metadata"]["name"] == "server")

    async def try_both() -> tuple[bool, bool]:
        forbidden, control = await asyncio.gather(
            _answers(scene, address, FORBIDDEN), _answers(scene, address, CONTROL)
        )
        return forbidden, control

    finding = await judge(try_both, lambda: scene.make(POLICY))
    return {Capability.NETWORKPOLICY: finding}


async def judge(try_both: Round, forbid: Callable[[], Awaitable]) -> Finding:
    before = await _until(try_both, (True, True), LISTEN_SECONDS)
    if before != (True, True):
        return unknown(_("The two pods of the probe could not reach each other before there was a policy."))
    await forbid()
    forbidden, control = await _until(try_both, (False, True), ENFORCE_SECONDS)
    if not control:
        return unknown(_("The probe's control connection, which the policy allows, did not go through."))
    if forbidden:
        return absent(_("A connection that a NetworkPolicy forbids went through."))
    return present(
        _("A connection that a NetworkPolicy forbids was stopped, and an allowed one went through.")
    )


async def _until(try_both: Round, wanted: tuple[bool, bool], seconds: float) -> tuple[bool, bool]:
    """The round that was as wanted, or the last one."""
    end = time.monotonic() + seconds
    while True:
        seen = await try_both()
        if seen == wanted or time.monotonic() > end:
            return seen
        await asyncio.sleep(_PAUSE)


async def _answers(scene: Scene, address: str, port: int) -> bool:
    argv = ["nc", "-z", "-w", "1", address, str(port)]
    done = await run_to_end(await start_process(scene.api, scene.namespace, "client", argv), seconds=5)
    return done.exit_code == 0


def _pod(name: str, command: list[str]) -> dict:
    container = {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }
