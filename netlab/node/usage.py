"""What containers use of the machine: counted by their cgroups, else by what /proc says of their processes.

CPU is an average since the last but one look, which is ten to twenty seconds ago, or since the container's
start. Without cgroups the memory is what the processes hold for themselves (not the files they map), and
what a process that was begun by `exec` has used is forgotten when it ends.
"""

import asyncio
import os
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path

from netlab.node.containers import Container
from netlab.node.processes import all_pids, files_of

_ROUND_SECONDS = 10.0
_TICK, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
_UTIME, _CSTIME = 11, 15  # among the words of /proc/PID/stat after the name in brackets

Spent = tuple[float, int]  # seconds of CPU since the start, bytes of memory


@dataclass(frozen=True)
class Usage:
    cores: float
    memory: int  # bytes
    seconds: float  # over which `cores` is the average


class Meter:
    def __init__(self, runtime):
        self._runtime = runtime
        # Of the last two rounds: when, and the seconds of CPU of each container by its id.
        self._rounds: deque[tuple[float, dict[str, float]]] = deque(maxlen=2)

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            spent = _spent(self._runtime.running_containers())
            self._rounds.append((time.monotonic(), {one: seconds for one, (seconds, _) in spent.items()}))
            await asyncio.sleep(_ROUND_SECONDS)

    def usage(self, pods: list[dict]) -> dict[str, dict[str, Usage]]:
        """Of the running containers of these pods now: by the pod's uid, then by name."""
        wanted = {pod["metadata"]["uid"] for pod in pods}
        running = [one for one in self._runtime.running_containers() if one.sandbox.uid in wanted]
        now, spent, found = time.monotonic(), _spent(running), defaultdict(dict)
        for container in running:
            if container.id in spent:
                seconds, memory = spent[container.id]
                since, before = self._before(container)
                span = max(now - since, 0.001)
                cores = max(seconds - before, 0) / span
                found[container.sandbox.uid][container.name] = Usage(cores, memory, span)
        return found

    def _before(self, container: Container) -> tuple[float, float]:
        for when, spent in self._rounds:
            if container.id in spent:
                return when, spent[container.id]
        return container.began, container.spent_before


def _spent(containers: list[Container]) -> dict[str, Spent]:
    """By the container's id; one that ends at this moment may be missing."""
    counted = {one.id: one.bounds.usage(one.sandbox.uid, one.run) for one in containers}
    uncounted = [one for one in containers if counted[one.id] is None]
    by_processes = _spent_by_processes(uncounted) if uncounted else {}
    return {one: spent for one, spent in counted.items() if spent is not None} | by_processes


def _spent_by_processes(containers: list[Container]) -> dict[str, Spent]:
    """A process belongs to the container whose files it sees, however it came there."""
    owners = {files_of(one.pid): one.id for one in containers}
    owners.pop(None, None)
    found: dict[str, Spent] = dict.fromkeys(owners.values(), (0.0, 0))
    for pid in all_pids():
        owner = owners.get(files_of(pid))
        one = _spent_by(pid) if owner else None
        if owner and one:
            seconds, memory = found[owner]
            found[owner] = (seconds + one[0], memory + one[1])
    return found


def _spent_by(pid: str) -> Spent | None:
    """With what its children had used when they ended; None if it has ended meanwhile."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except (OSError, ValueError):
        return None
    return sum(map(int, words[_UTIME:_CSTIME])) / _TICK, (resident - shared) * _PAGE
