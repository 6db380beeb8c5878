"""Lifecycle hooks: what a manifest wants done right after a container's start and right before its end."""

import asyncio

from netlab.node.containers import Container
from netlab.node.probes import Prober

_SHORTEST_GRACE = 2  # seconds a container gets to hear TERM after a hook that took all its time


async def run_hook(hook: dict, spec: dict, container: Container, pod_ip: str) -> str | None:
    """None when it went well, else why not. Takes as long as it takes."""
    if "sleep" in hook:
        await asyncio.sleep(hook["sleep"]["seconds"])
        return None
    return await Prober(hook, spec, container, pod_ip).attempt()


async def before_stop(hook: dict, spec: dict, container: Container, pod_ip: str, grace: float):
    """Run a preStop hook inside the grace period: (what is left of it, why the hook failed or None).

    It is over when the container is: a hook of something that was killed waits for nothing.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    running = asyncio.create_task(run_hook(hook, spec, container, pod_ip))
    either: set[asyncio.Future] = {running, container.ended}
    await asyncio.wait(either, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
    failure = running.result() if running.done() else f"not over within {clock() - began:.0f} s"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return max(grace - (clock() - began), _SHORTEST_GRACE), failure if container.running else None
