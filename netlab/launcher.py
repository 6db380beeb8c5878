"""From a command on the host to a cluster in a box.

    launcher (host) ── keeper ── server (pid 1 inside: API, controllers, node agents) ── containers

The launcher binds the API's socket on the host's loopback before the box exists and hands it down, with one
by which the inside names images to pull: that is all that crosses the border. It writes `<state>/run.json`,
publishes the kubeconfig, waits, and ends the box on SIGTERM or SIGINT. If it is killed outright, the kernel
kills the keeper, and with it all the rest.

State directory: `server/` belongs to the inside (CA, keys), `lock` is held while the cluster lives,
`run.json` tells who runs it, `kubeconfig` is the copy for people.
"""

import errno
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netlab import cgroups, linux, sandbox, topology
from netlab.addons.install import ALL
from netlab.images import rootfs
from netlab.images.pulling import Desk, Puller, Registries
from netlab.node import limits

STOP_SECONDS = 8
_KUBECONFIG_LIMIT = 100_000  # bytes
_MOUNT_FLAGS = linux.MS_NOSUID | linux.MS_NODEV
REPOSITORY = Path(__file__).resolve().parents[1]


class LaunchError(Exception):
    """netlab cannot start; the message says why and what helps."""


@dataclass(frozen=True)
class Options:
    state: Path
    images: Path
    port: int
    workers: int
    owner: tuple[int, int] | None = None
    enforce_policy: bool = True
    addons: tuple[str, ...] = ALL
    node_grace: float = 40.0
    registries: Registries = Registries()


def up(options: Options) -> int:
    """Run a cluster in the foreground until a signal ends it; returns the exit code. Raises LaunchError."""
    began = time.monotonic()
    cluster = topology.build(workers=options.workers)
    if missing := rootfs.missing(options.images):
        names = " and ".join(image.reference for image in missing)
        raise LaunchError(f"{names} not built yet: run `python -m netlab image build` first (about a minute)")
    with _room_in(options.state):
        options.state.mkdir(parents=True, exist_ok=True)
        with _only_one(options.state):
            listener = bind(options.port)
            _record(options, listener.getsockname()[1])
            return _Box(options, cluster, listener, began).run()


@contextmanager
def _room_in(state: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        why = f"no space is left for {state}: free some, or choose another place with --state"
        raise LaunchError(why) from error


def _check_readable(idmap: sandbox.IdMap) -> None:
    """Started by root, the inside is nobody on the host: it can only run code that all may read."""
    code = Path(__file__)
    closed = [path for path in (code, code.parent, REPOSITORY) if not path.stat().st_mode & stat.S_IROTH]
    if idmap.kind == "root" and closed:
        raise LaunchError(
            f"{closed[0]} may be read by root alone, and netlab does not keep root's rights: "
            f"run `chmod -R o+rX {REPOSITORY}`"
        )


def bind(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise LaunchError(
            f"port {port} of 127.0.0.1 is in use by another program: end it, or choose another with --port"
        ) from error


def _only_one(state: Path):
    """Hold the state directory's lock; a file object whose closing gives it back."""
    file = (state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise LaunchError(
            f"a cluster is running from {state} already: see `python -m netlab status`"
        ) from None
    return file


def is_running(state: Path) -> bool:
    try:
        with (state / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def read_record(state: Path) -> dict:
    """What `run.json` tells of the running cluster; empty when none runs."""
    try:
        return json.loads((state / "run.json").read_text()) if is_running(state) else {}
    except FileNotFoundError:
        return {}


def _record(options: Options, port: int, **more) -> None:
    facts = {"pid": os.getpid(), "port": port, "workers": options.workers, "ready": False, **more}
    temporary = options.state / "run.json.new"
    try:
        temporary.write_text(json.dumps(facts))
        temporary.replace(options.state / "run.json")
    finally:
        temporary.unlink(missing_ok=True)


class _Box:
    """One life of the cluster, seen from the host."""

    def __init__(self, options: Options, cluster: topology.Topology, listener: socket.socket, began: float):
        self.options, self.cluster, self.listener, self.began = options, cluster, listener, began
        self.port = listener.getsockname()[1]
        self.idmap = sandbox.choose_idmap()
        self.inner_state = options.state / "server"
        self.stopping = False
        self.keeper = 0
        self.group: cgroups.Group | None = None
        self.desk = Desk(options.images, options.registries)

    def run(self) -> int:
        _check_readable(self.idmap)
        self._prepare()
        # The keeper's children come to us if it dies first, so that we can wait until all is gone.
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        ready_r, ready_w = os.pipe()
        self._catch_signals()
        try:
            self._start(ready_r, ready_w)
            os.close(ready_w)
            self.listener.close()
            self._announce(ready_r)
            return self._wait()
        finally:
            self._tidy()

    def _prepare(self) -> None:
        self.inner_state.mkdir(mode=0o700, exist_ok=True)
        self.trees = rootfs.prepare_trees_dir(self.options.images, self.idmap)
        if os.getuid() == 0:
            owner = self.idmap.root_uid, self.idmap.root_gid
            for path in (self.inner_state, *self.inner_state.rglob("*")):
                # Never through a link: the inside may have left one to a file of the host.
                os.chown(path, *owner, follow_symlinks=False)
        self.group = cgroups.create((self.idmap.root_uid, self.idmap.root_gid))

    def _catch_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGALRM, self._kill)

    def _start(self, ready_r: int, ready_w: int) -> None:
        def inside() -> int:
            os.close(ready_r)
            self.desk.close()
            return _serve(self, ready_w)

        needs = [REPOSITORY, Path(sys.prefix), Path(sys.base_prefix), self.inner_state, self.options.images]
        self.keeper = sandbox.start(inside, self.idmap, needs=needs, place=self._place)
        if self.stopping:
            os.kill(self.keeper, signal.SIGTERM)

    def _place(self, keeper: int) -> None:
        if self.group:
            cgroups.enter(self.group.child("server"), keeper)

    def _announce(self, ready: int) -> None:
        with os.fdopen(ready) as pipe:
            line = pipe.readline()
        if not line:
            return  # it ended before; `_wait` tells how
        self._publish_kubeconfig()
        seconds = time.monotonic() - self.began
        _record(self.options, self.port, ready=True, limits=self._limits())
        nodes = len(self.cluster.nodes)
        print(
            f"netlab: {nodes} nodes Ready in {seconds:.1f} s, kubeconfig {kubeconfig(self.options.state)}",
            flush=True,
        )

    def _limits(self) -> str:
        return (
            f"pods bounded by cgroups (v{self.group.version})"
            if self.group
            else "pods bounded without cgroups"
        )

    def _publish_kubeconfig(self) -> None:
        """Copy it out of the directory of the inside, whose files are not to be trusted as paths."""
        target = kubeconfig(self.options.state)
        temporary = target.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        source = os.open(self.inner_state / "kubeconfig", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        copy = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(source, "rb") as reader, open(copy, "wb") as writer:
            writer.write(reader.read(_KUBECONFIG_LIMIT))
        if self.options.owner:
            os.chown(temporary, *self.options.owner)
        temporary.replace(target)

    def _stop(self, *_) -> None:
        self.stopping = True
        if self.keeper:
            os.kill(self.keeper, signal.SIGTERM)
        signal.alarm(STOP_SECONDS)

    def _kill(self, *_) -> None:
        print(f"netlab: did not end within {STOP_SECONDS} s, killed", file=sys.stderr)
        os.kill(self.keeper, signal.SIGKILL)

    def _wait(self) -> int:
        self.desk.serve_until_end_of(self.keeper)
        _, status = os.waitpid(self.keeper, 0)
        signal.alarm(0)
        code = os.waitstatus_to_exitcode(status)
        if self.stopping:
            return 0
        print(f"netlab: the server ended by itself with {code}", file=sys.stderr)
        return 1

    def _tidy(self) -> None:
        self.desk.close()
        _wait_for_all_children()
        (self.options.state / "run.json").unlink(missing_ok=True)
        if self.group:
            cgroups.remove(self.group)


def _wait_for_all_children() -> None:
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


def kubeconfig(state: Path) -> Path:
    return state / "kubeconfig"


def _serve(box: _Box, ready_w: int) -> int:
    """Inside the box, as its first process: make it a machine, then run the server."""
    _mount_machine(box.group)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    rootfs.unpack_all(box.options.images, box.trees)
    from netlab import server  # here, not above: the launcher on the host needs none of it

    config = server.ServerConfig(
        state_dir=box.inner_state,
        images_dir=box.options.images,
        topology=box.cluster,
        owner=None,
        ready_fd=ready_w,
        enforce_policy=box.options.enforce_policy,
        addons=box.options.addons,
        node_grace=box.options.node_grace,
        puller=Puller(box.desk.theirs, box.options.registries),
    )
    try:
        with _room_in(box.options.state):
            return server.main(box.listener, config) or 0
    except LaunchError as error:
        print(f"netlab: {error}", file=sys.stderr, flush=True)
        return 1


def _mount_machine(group: cgroups.Group | None) -> None:
    linux.mount("proc", "/proc", "proc", _MOUNT_FLAGS | linux.MS_NOEXEC)
    linux.mount("tmpfs", "/run", "tmpfs", _MOUNT_FLAGS, "mode=755")
    Path("/run/netlab").mkdir()
    if group:
        for directory in group.directories:
            target = (
                limits.CGROUP_DIR / directory.parent.name
                if group.version == 1
                else limits.CGROUP_DIR / "unified"
            )
            target.mkdir(parents=True)
            linux.bind(str(directory), str(target))
    # No pod may open a user namespace of its own: it would be handed every capability in there.
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    # crun looks at the host's cgroups even when told to leave them alone; an empty place satisfies it.
    if cgroups.ROOT.is_dir():
        linux.mount("tmpfs", str(cgroups.ROOT), "tmpfs", _MOUNT_FLAGS, "mode=755")
