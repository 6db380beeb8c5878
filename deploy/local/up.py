"""Start the portal on this machine and stay until told to end: `.venv/bin/python deploy/local/up.py`.

Two phases in one process. The first, as root if we were started so, does all that needs root: it
takes the state folder's lock, shares the folder out, and starts netlab, and what starts further netlabs
for sessions that need one of their own, each under `restarter.py`. Then it
becomes an ordinary user for good (see `drop.py`) and the second phase, `running.py`, starts the rest.
The lock and the pipe that netlab's life hangs on are handed over as open descriptors.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local import drop  # noqa: E402
from deploy.local.folders import FolderError, Folders, Lock  # noqa: E402
from deploy.local.netlabs import SOCKET as NETLABS_SOCKET  # noqa: E402
from portal.options import OptionError, read_options  # noqa: E402

SYSTEM_PATHS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
RESTARTER = Path(__file__).resolve().parent / "restarter.py"
NETLABS = RESTARTER.with_name("netlabs.py")


class CannotStart(Exception):
    """Something the operator can mend is in the way; the text says what."""


def main() -> None:
    try:
        start()
    except (CannotStart, FolderError, OptionError) as error:
        sys.exit(f"error: {error}")


def start() -> None:
    """The first phase; ends in the second one by exec."""
    options: dict[str, Any] = read_options()
    folders = Folders(options["STATE_DIR"])
    if not options["COURSE"].is_dir():
        raise CannotStart(f"COURSE={options['COURSE']}: there is no such folder")
    ids = drop.choose_ids()
    folders.make_state(ids)
    lock = Lock.take(folders.state)
    settle_environment(options, folders)
    if ids and options["CLUSTER"] == "kind":
        give_kubeconfig("kind", kubeconfig_of_kind(), folders, ids)
    elif ids and options["CLUSTER"] != "netlab":
        share_kubeconfig(Path(options["CLUSTER"]), folders, ids)
    (folders.netlabs / NETLABS_SOCKET).unlink(missing_ok=True)  # of a run that was shot
    handed, kept = {"lock": lock.descriptor}, []
    if options["CLUSTER"] == "netlab" and netlab_can_run(folders):
        handed["netlab"], kept = start_netlabs(options, folders, ids)
    enter_second_phase(handed, kept, folders, ids, course=options["COURSE"])


def settle_environment(options: dict[str, Any], folders: Folders) -> None:
    """Put what is decided only now into the environment that every process inherits."""
    missing = [path for path in SYSTEM_PATHS if path not in os.environ.get("PATH", "").split(":")]
    os.environ["PATH"] = ":".join([os.environ.get("PATH", os.defpath), *missing])
    os.environ["STATE_DIR"] = str(folders.state)
    os.environ["NETLAB_STATE"] = str(folders.netlab)
    os.environ["PORT"] = str(free_port(str(options["HOST"]), options["PORT"], "PORT"))
    if options["CLUSTER"] == "netlab":
        port = free_port("127.0.0.1", options["NETLAB_PORT"], "NETLAB_PORT")
        os.environ["NETLAB_PORT"] = options["NETLAB_PORT"] = str(port)


def free_port(host: str, port: int, option: str) -> int:
    """`port` itself, or any free one for 0. Raises CannotStart when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"{host} port {port} cannot be used ({error.strerror}): end what uses it, "
                f"or choose another: make run {option}={port + 1}"
            ) from None
        return probe.getsockname()[1]


def share_kubeconfig(path: Path, folders: Folders, ids: drop.Ids) -> None:
    """Root's kubeconfig is for root's eyes: give the user a copy. Raises CannotStart."""
    try:
        content = (PROJECT / path.expanduser()).read_bytes()
    except OSError as error:
        raise CannotStart(f"CLUSTER={path} cannot be read: {error.strerror}") from None
    os.environ["CLUSTER"] = str(give_kubeconfig(path.name, content, folders, ids))


def kubeconfig_of_kind() -> bytes:
    """Asked by root, who may ask Docker. Raises CannotStart when there is no such cluster."""
    try:
        asked = subprocess.run(["kind", "get", "kubeconfig", "--name", "redes"], capture_output=True)
    except OSError as error:
        raise CannotStart(f"CLUSTER=kind: the command `kind` cannot be run ({error.strerror})") from None
    if asked.returncode:
        said = asked.stderr.decode(errors="replace").strip()
        raise CannotStart(f"CLUSTER=kind: {said}\nMake the cluster first: make kind")
    return asked.stdout


def give_kubeconfig(name: str, content: bytes, folders: Folders, ids: drop.Ids) -> Path:
    """The user's own copy, in a folder that stays root's."""
    folder = folders.netlab.with_name("clusters")
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    os.chown(folder, 0, 0)
    copy = folder / name
    copy.unlink(missing_ok=True)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, content)
    os.fchown(descriptor, ids.uid, ids.gid)
    os.close(descriptor)
    return copy


def netlab_can_run(folders: Folders) -> bool:
    """Try it; write down the reason and the remedy when it cannot, for the portal to show."""
    folders.netlab.mkdir(parents=True, exist_ok=True)
    note = folders.netlab / "unavailable.txt"
    tried = subprocess.run(
        netlab_command("preflight"), cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    if tried.returncode == 0:
        note.unlink(missing_ok=True)
        return True
    reason = tried.stdout.strip() or tried.stderr.strip()
    note.write_text(f"{reason}\n")
    print(f"{reason}\nThe portal starts without a cluster: theory and quizzes work, labs do not.", flush=True)
    return False


def netlab_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "netlab", *words]


def start_netlabs(options: dict[str, Any], folders: Folders, ids: drop.Ids | None) -> tuple[int, list[int]]:
    """Start netlab, what starts others, and what restarts both; the descriptor whose closing ends all, and
    the pids to wait for."""
    owner = ["--owner", str(ids)] if ids else []
    lifeline, ours = os.pipe()
    kept = [keep(netlab_words(options, folders, owner), folders.netlab / "netlab.log", lifeline)]
    if options["OWN_NETLABS"]:
        words = ["--folder", str(folders.netlabs), "--count", str(options["OWN_NETLABS"])]
        words += ["--pull", options["NETLAB_PULL"], *owner]
        folders.netlabs.mkdir(exist_ok=True)
        folders.netlabs.chmod(0o755)
        kept.append(keep([sys.executable, str(NETLABS), *words], folders.netlabs / "netlabs.log", lifeline))
    os.close(lifeline)
    return ours, kept


def netlab_words(options: dict[str, Any], folders: Folders, owner: list[str]) -> list[str]:
    for name in ("run.json", "kubeconfig"):  # an older run's would say "ready", at another port
        (folders.netlab / name).unlink(missing_ok=True)
    words = ["up", "--state", str(folders.netlab), "--port", options["NETLAB_PORT"]]
    words += ["--workers", str(options["NETLAB_WORKERS"]), "--pull", options["NETLAB_PULL"]]
    return netlab_command(*words, *owner)


def keep(command: list[str], log: Path, lifeline: int) -> int:
    """Have a command run until the lifeline is closed; the pid of its restarter."""
    child = subprocess.Popen(
        [sys.executable, str(RESTARTER), "--log", str(log), "--", *command],
        stdin=lifeline,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd=PROJECT,
    )
    return child.pid


def enter_second_phase(
    handed: dict[str, int], kept: list[int], folders: Folders, ids: drop.Ids | None, *, course: Path
) -> None:
    for number in handed.values():
        os.set_inheritable(number, True)
    words = [word for name, number in handed.items() for word in (f"--{name}", str(number))]
    words += [word for pid in kept for word in ("--restarter", str(pid))]
    command = [sys.executable, str(PROJECT / "deploy/local/running.py"), *words]
    os.chdir(PROJECT)
    if ids is None:
        os.execv(command[0], command)
    drop.become(ids, command, keep=[folders.state, course], home=folders.home)


if __name__ == "__main__":
    main()
