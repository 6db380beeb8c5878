"""Child processes of the server, and the end of every orphan.

The server is pid 1 of its pid namespace: containers whose starter (crun) has gone become its children. So
one reaper collects every exit status with waitpid(-1) and hands it to whoever asks, before or after.
Nothing else in the server may wait for children (no `subprocess`, no asyncio subprocesses).
"""

import asyncio
import os
import shutil
import signal
from collections import OrderedDict
from functools import cache

_REMEMBERED_EXITS = 512
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
# A parent shell may have us ignore these; children must start with the kernel's defaults.
_RESET = (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGPIPE,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXFSZ,
)


class CommandError(Exception):
    """A command ended with another status than 0; carries what it wrote to stderr."""

    def __init__(self, argv: list[str], status: int, stderr: bytes):
        self.argv, self.status = argv, status
        self.stderr = stderr.decode(errors="replace").strip()
        super().__init__(f"{' '.join(argv[:4])} ended with {status}: {self.stderr}")


class Reaper:
    """Collects exit statuses; `attach` it to the running loop once."""

    def __init__(self):
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._unclaimed: OrderedDict[int, int] = OrderedDict()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_signal_handler(signal.SIGCHLD, self.collect)

    def collect(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._report(pid, os.waitstatus_to_exitcode(status))

    def _report(self, pid: int, code: int) -> None:
        code = code if code >= 0 else 128 - code  # as a shell says it: 128 + signal
        future = self._waiting.pop(pid, None)
        if future is None:
            self._unclaimed[pid] = code
            if len(self._unclaimed) > _REMEMBERED_EXITS:
                self._unclaimed.popitem(last=False)
        elif not future.done():
            future.set_result(code)

    def expect(self, pid: int) -> asyncio.Future[int]:
        """A future of the exit code of `pid`, also if it has ended already. Ask once per process."""
        future = asyncio.get_running_loop().create_future()
        if pid in self._unclaimed:
            future.set_result(self._unclaimed.pop(pid))
        else:
            self._waiting[pid] = future
        return future


reaper = Reaper()


def files_of(pid: int | str) -> int | None:
    """What tells the mount namespace of a process, and so its container; None when it has ended."""
    try:
        return os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return None


def all_pids() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdecimal()]


@cache
def _find(program: str) -> str:
    path = shutil.which(program, path=_ENVIRONMENT["PATH"])
    if path is None:
        raise FileNotFoundError(f"{program} is not installed")
    return path


def spawn(
    argv: list[str],
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    own_session: bool = False,
) -> int:
    """Start a process with the given descriptors (None = /dev/null) and return its pid."""
    actions: list[tuple] = []
    for number, fd in enumerate((stdin, stdout, stderr)):
        if fd is None:
            actions.append((os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, fd, number))
    return os.posix_spawn(
        _find(argv[0]),
        argv,
        _ENVIRONMENT,
        file_actions=actions,
        setsigdef=_RESET,
        setsigmask=(),
        setsid=own_session,
    )


async def run(argv: list[str], *, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
    """Run a short command to its end and return its stdout. Raises CommandError."""
    in_r, in_w = os.pipe()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    ended = reaper.expect(spawn(argv, stdin=in_r, stdout=out_w, stderr=err_w))
    for fd in (in_r, out_w, err_w):
        os.close(fd)
    _, out, err = await asyncio.gather(_feed(in_w, stdin), _drain(out_r), _drain(err_r))
    status = await ended
    if status not in ok:
        raise CommandError(argv, status, err)
    return out


async def _feed(fd: int, data: bytes) -> None:
    try:
        await write_all(fd, data)
    except BrokenPipeError:
        pass
    finally:
        os.close(fd)


async def _drain(fd: int) -> bytes:
    chunks = []
    try:
        while chunk := await read_some(fd):
            chunks.append(chunk)
    finally:
        os.close(fd)
    return b"".join(chunks)


async def read_some(fd: int, size: int = 65536) -> bytes:
    """Bytes as soon as there are some; b"" at the end. Nothing is read before it is asked for."""
    os.set_blocking(fd, False)
    while True:
        try:
            return os.read(fd, size)
        except BlockingIOError:
            await readable(fd)
        except OSError:  # EIO: the last user of a terminal has closed it
            return b""


async def write_all(fd: int, data: bytes) -> None:
    """Raises BrokenPipeError when nobody reads any more."""
    os.set_blocking(fd, False)
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            await _writable(fd)


async def readable(*fds: int) -> None:
    """Wait until one of the descriptors has bytes or has ended."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    for fd in fds:
        loop.add_reader(fd, _wake, ready)
    try:
        await ready
    finally:
        for fd in fds:
            loop.remove_reader(fd)


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


def _wake(future: asyncio.Future) -> None:
    if not future.done():
        future.set_result(None)
