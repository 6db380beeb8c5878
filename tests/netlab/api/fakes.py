"""The machine's side as the API sees it, without a machine."""

import asyncio
import socket
from collections import deque

from netlab.node.streams import ExecError
from netlab.node.usage import Usage
from netlab.store import Store, clock, is_deleting


class FakeProcess:
    """`cat` with a prompt: says hello, echoes stdin, ends with its exit code when stdin closes."""

    def __init__(self, argv: list[str], *, stdin: bool, tty: bool):
        self.argv, self.sizes, self.released = argv, [], False
        self._code = int(argv[1]) if argv[0] == "exit" else 0
        self._output: asyncio.Queue = asyncio.Queue()
        self._output.put_nowait((1, b"hello\n"))
        if not stdin:
            self._output.put_nowait(None)

    async def read(self):
        return await self._output.get()

    async def write(self, data: bytes) -> None:
        self._output.put_nowait((1, data))

    async def close_stdin(self) -> None:
        self._output.put_nowait(None)

    def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def wait(self) -> int:
        return self._code

    async def release(self) -> None:
        self.released = True


class FakeMeter:
    """Each container of each running pod takes a quarter of a core and a MiB."""

    def usage(self, pods):
        running = [pod for pod in pods if pod["status"]["phase"] == "Running"]
        one = Usage(cores=0.25, memory=1 << 20, seconds=10.0)
        return {
            pod["metadata"]["uid"]: {c["name"]: one for c in pod["spec"]["containers"]} for pod in running
        }


class FakeRuntime:
    def __init__(self):
        self.processes: deque[FakeProcess] = deque()
        self.lines = [b"one\n", b"two\n"]
        self.meter = FakeMeter()

    def unreachable(self, pod):
        return None

    async def exec(self, pod, container, argv, *, stdin, tty):
        if argv[0] == "nosuch":
            raise ExecError('exec: "nosuch": executable file not found in $PATH')
        self.processes.append(FakeProcess(argv, stdin=stdin, tty=tty))
        return self.processes[-1]

    async def attach(self, pod, container, *, stdin, tty):
        return await self.exec(pod, container, ["attach"], stdin=stdin, tty=tty)

    def logs(self, pod, container, *, tail=None, **_options):
        async def pieces():
            for line in self.lines[-tail:] if tail else self.lines:
                yield line

        return pieces()

    def door(self, pod):
        return "127.0.0.1", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    async def dial(self, pod, port):
        return await asyncio.open_connection("127.0.0.1", port)


async def run_pods(store: Store) -> None:
    """What kubelets would do: bound pods become ready, deleted ones go."""
    count = 0
    async with store.watch("pods", since=0) as changes:
        async for event in changes:
            key = event.object["metadata"]["namespace"], event.object["metadata"]["name"]
            pod = store.find("pods", *key)
            if pod is None or not pod["spec"].get("nodeName"):
                continue
            if is_deleting(pod):
                store.remove("pods", *key)
            elif not pod["status"].get("podIP"):
                count += 1
                address = f"10.244.1.{count}"
                store.mutate("pods", *key, lambda p, address=address: make_ready(p, address))


def make_ready(pod: dict, address: str) -> None:
    now = clock.now()
    ready = [
        {"type": kind, "status": "True", "lastTransitionTime": now} for kind in ("Ready", "ContainersReady")
    ]
    pod["status"].update(phase="Running", podIP=address, podIPs=[{"ip": address}], startTime=now)
    pod["status"]["conditions"] = [*pod["status"].get("conditions", []), *ready]
    pod["status"]["containerStatuses"] = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }
        for container in pod["spec"]["containers"]
    ]
