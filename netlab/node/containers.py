"""One run of one container: made and started by crun, watched by its exit status.

`crun run --detach` starts the process and goes away; the process becomes a child of the server (pid 1), so
its exit status comes to the reaper. The same holds for `crun exec --detach`. A failure to start (no such
program, for example) is crun's own exit status and log.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from netlab import linux
from netlab.node import bundle, limits
from netlab.node.log import Log
from netlab.node.pods import PodSandbox
from netlab.node.processes import all_pids, files_of, reaper, run, spawn
from netlab.node.streams import ExecError, ExecProcess, MainStreams

_CRUN = ["crun", "--root=/run/netlab/crun", "--cgroup-manager=disabled"]
SCRATCH = Path("/run/netlab/start")
_serial = count(1)


class StartError(Exception):
    """The runtime could not start the container; the message is its own."""


class Container:
    """A started container. `ended` becomes its exit code when the main process and its output are done."""

    def __init__(self, sandbox: PodSandbox, name: str, bounds: limits.Limits):
        self.sandbox, self.name, self.bounds = sandbox, name, bounds
        self.run = f"{name}-{next(_serial)}"
        self.id = f"{sandbox.uid}-{self.run}"
        self.bundle = sandbox.directory / "bundles" / self.run
        self.layer = sandbox.directory / "fs" / self.run
        self.log = Log()
        self.pid = 0
        self.started_at = self.finished_at = 0.0
        self.began = 0.0  # started_at, but by the monotonic clock
        self.spent_before = 0.0  # seconds of CPU that its group had used by then: the runtime's, not its own
        self.out_of_memory = False  # why it ended, as far as the kernel tells
        self.streams: MainStreams | None = None
        self._plan: bundle.Plan | None = None
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def root(self) -> Path:
        return self.layer / "root"

    @property
    def termination_file(self) -> Path:
        """What the container may write a last word into; in the pod's bounded directory, as it could grow."""
        return self.sandbox.directory / "fs" / "termination" / self.run

    def read_termination_file(self, limit: int) -> str:
        try:
            with self.termination_file.open("rb") as file:
                return file.read(limit).decode(errors="replace")
        except OSError:
            return ""

    def forget_termination_file(self) -> None:
        self.termination_file.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        return bool(self.pid) and not self.ended.done()

    def mount_root(self, image_root: Path) -> None:
        """An overlay of the image below and a writable layer above, in the pod's bounded directory."""
        for name in ("upper", "work", "root"):
            (self.layer / name).mkdir(parents=True)
        self.bundle.mkdir()
        layers = f"lowerdir={image_root},upperdir={self.layer / 'upper'},workdir={self.layer / 'work'}"
        try:
            linux.mount("overlay", str(self.root), "overlay", 0, layers + ",userxattr")
        except OSError:  # kernels before 5.11 do not know the option
            linux.mount("overlay", str(self.root), "overlay", 0, layers)

    async def start(self, plan: bundle.Plan, *, stdin: bool, stdin_once: bool) -> None:
        """Raises StartError; then `discard` what is left."""
        self._plan = plan
        (self.bundle / "config.json").write_text(json.dumps(bundle.oci_config(plan)))
        self.bounds.open_container(self.sandbox.uid, self.run, plan.limits)
        arguments = ["run", "--detach", f"--bundle={self.bundle}", "--no-new-keyring"]
        stdio = await _launch(self, arguments, [self.id], tty=plan.tty, stdin=stdin, error=StartError)
        self.pid, exit_code = stdio.pid, reaper.expect(stdio.pid)
        self._files = files_of(self.pid)
        self.started_at, self.began = time.time(), time.monotonic()
        if used := self.bounds.usage(self.sandbox.uid, self.run):
            self.spent_before, _ = used
        self.streams = MainStreams(
            self.log,
            stdin=stdio.stdin,
            stdout=stdio.stdout,
            stderr=stdio.stderr,
            tty=plan.tty,
            stdin_once=stdin_once,
        )
        self._watch = asyncio.create_task(self._until_end(exit_code), name=f"watch {self.id}")

    async def _until_end(self, exit_code: asyncio.Future[int]) -> None:
        code = await exit_code
        if "pid" in self._plan.namespaces:
            self._kill_others()
        killed = code == 128 + signal.SIGKILL
        self.out_of_memory = killed and self.bounds.memory_kills(self.sandbox.uid, self.run) > 0
        await self.streams.finish()
        self.finished_at = time.time()
        await self.discard()
        self.ended.set_result(code)

    def _kill_others(self) -> None:
        """The kernel ends a pid namespace with its first process; this container has none of its own."""
        for pid in all_pids():
            if self._files and files_of(pid) == self._files:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    async def discard(self) -> None:
        """Forget the runtime's record and the writable layer; the log stays."""
        await run([*_CRUN, "delete", "--force", self.id], ok=(0, 1))
        if self.root.is_mount():
            linux.umount(str(self.root))
        shutil.rmtree(self.layer, ignore_errors=True)
        shutil.rmtree(self.bundle, ignore_errors=True)
        self.bounds.close_container(self.sandbox.uid, self.run)

    def signal(self, number: int) -> None:
        """Signal the main process; nothing happens when it has ended."""
        if self.running:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    async def stop(self, grace: float) -> None:
        """TERM, then KILL after `grace` seconds; returns when it is gone."""
        if not self.running:
            return
        self.signal(signal.SIGTERM if grace > 0 else signal.SIGKILL)
        await asyncio.wait({self.ended}, timeout=grace or None)
        self.signal(signal.SIGKILL)
        await asyncio.shield(self.ended)

    async def exec(self, argv: list[str], *, stdin: bool, tty: bool) -> ExecProcess:
        """Start another process in the container. Raises ExecError."""
        if not self.running:
            raise ExecError(f"container {self.name} is not running")
        process = self.bundle / f"exec-{next(_serial)}.json"
        process.write_text(json.dumps(bundle.exec_process(self._plan, argv, tty=tty)))
        try:
            verb = ["exec", "--detach", f"--process={process}"]
            stdio = await _launch(self, verb, [self.id], tty=tty, stdin=stdin, error=ExecError)
        finally:
            process.unlink(missing_ok=True)
        ended = reaper.expect(stdio.pid)
        return ExecProcess(ended, stdin=stdio.stdin, stdout=stdio.stdout, stderr=stdio.stderr, tty=tty)


@dataclass(frozen=True)
class _Stdio:
    """A started process and our ends of its descriptors; a terminal is its `stdout` alone."""

    pid: int
    stdin: int | None
    stdout: int
    stderr: int | None


async def _launch(container, verb: list[str], rest: list[str], *, tty: bool, stdin: bool, error) -> _Stdio:
    stem = SCRATCH / str(next(_serial))  # short: a socket's path must fit in 108 bytes
    pid_file, log_file = stem.with_suffix(".pid"), stem.with_suffix(".log")
    command = [*_CRUN, f"--log={log_file}", *verb, f"--pid-file={pid_file}"]
    try:
        if tty:
            fds = await _with_terminal(container, command, rest, stem.with_suffix(".tty"))
        else:
            fds = await _with_pipes(container, command, rest, stdin)
        if fds is None:
            raise error(_reason(log_file))
        return _Stdio(int(pid_file.read_text()), *fds)
    finally:
        pid_file.unlink(missing_ok=True)
        log_file.unlink(missing_ok=True)


async def _with_pipes(container, command, rest, stdin: bool) -> tuple | None:
    in_r, in_w = os.pipe() if stdin else (None, None)
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    status = await _run_in_pod(container, [*command, *rest], in_r, out_w, err_w)
    _close(in_r, out_w, err_w)
    if status != 0:
        _close(in_w, out_r, err_r)
        return None
    return in_w, out_r, err_r


async def _with_terminal(container, command, rest, path: Path) -> tuple | None:
    """crun makes the terminal inside the container and sends its other end over a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        argv = [*command, f"--console-socket={path}", *rest]
        status = await _run_in_pod(container, argv, None, None, None)
        os.unlink(path)
        return (None, _receive_fd(listener), None) if status == 0 else None


async def _run_in_pod(container, argv, stdin, stdout, stderr) -> int:
    full = container.bounds.entering(container.sandbox.uid, container.run, argv)
    return await reaper.expect(spawn(full, stdin=stdin, stdout=stdout, stderr=stderr, own_session=True))


def _receive_fd(listener: socket.socket) -> int:
    connection, _ = listener.accept()  # at once: crun has connected and sent before it ended
    with connection:
        _, fds, _, _ = socket.recv_fds(connection, 256, 1)
    os.set_inheritable(fds[0], False)
    return fds[0]


def _reason(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").splitlines() if log_file.exists() else []
    return lines[-1] if lines else "the runtime gave no reason"


def _close(*fds: int | None) -> None:
    for fd in fds:
        if fd is not None:
            os.close(fd)
