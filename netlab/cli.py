"""The command line: `python -m netlab COMMAND`; `--help` tells the commands."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from netlab import control, faults, images, launcher, preflight, sandbox, topology
from netlab.addons import install
from netlab.images import archive, build, reference, rootfs
from netlab.images.pulling import Registries

DEFAULT_PORT = 16443  # not 6443: a real cluster may live there
DOWN_SECONDS = launcher.STOP_SECONDS + 4


_FAILURES = (
    launcher.LaunchError,
    sandbox.SandboxError,
    build.BuildError,
    rootfs.ImageMissing,
    archive.LoadError,
    reference.InvalidName,
    faults.Refused,
)


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    try:
        return options.act(options)
    except _FAILURES as error:
        print(f"netlab: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"netlab: not allowed: {error}. Was it made by another user? Choose --state", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m netlab", description="The embedded teaching cluster.")
    acts = parser.add_subparsers(required=True, metavar="COMMAND")
    up = _command(acts, "up", _up, "start the cluster and stay in the foreground")
    up.add_argument("--port", type=int, default=DEFAULT_PORT, help="API port on 127.0.0.1 (0 = any free one)")
    up.add_argument("--workers", type=int, default=2, help=f"worker nodes, 1 to {topology.MAX_WORKERS}")
    up.add_argument("--owner", type=_owner, metavar="UID:GID", help="who shall own the kubeconfig")
    up.add_argument(
        "--no-policy",
        action="store_true",
        help="store NetworkPolicies without enforcing them, as some network plugins do",
    )
    up.add_argument(
        "--addons",
        type=_addons,
        default=install.ALL,
        metavar="NAMES",
        help=f"all (the default), none, or some of {', '.join(install.ALL)}, with commas between",
    )
    up.add_argument(
        "--node-grace",
        type=_seconds,
        default=40.0,
        metavar="SECONDS",
        help="silence after which a node is lost",
    )
    up.add_argument(
        "--pull",
        type=_registries,
        default=Registries(everywhere=True),
        metavar="REGISTRIES",
        help="which registries pods' images may be pulled from: all (the default), none, or names with commas"
        " between",
    )
    _command(acts, "down", _down, "stop the cluster that runs from the state directory")
    status = _command(acts, "status", _status, "tell whether a cluster runs, or why none can")
    status.add_argument("--json", action="store_true")
    _command(acts, "kubeconfig", _kubeconfig, "print the path of the kubeconfig")
    _command(acts, "fields", _fields, "tell which fields of which kinds have their effect here")
    _add_image(acts)
    _add_faults(acts)
    _command(acts, "preflight", _preflight, "try whether netlab can run here")
    return parser


def _add_image(acts) -> None:
    group = acts.add_parser("image", aliases=["images"], help="build, load, pull, list or remove images")
    verbs = group.add_subparsers(required=True, metavar="VERB")
    _command(verbs, "build", _build_images, "make netlab's own images from this machine's packages")
    _command(verbs, "list", _list_images, "list the images")
    load = _command(verbs, "load", _load_image, "load the images of a docker-archive or OCI archive")
    load.add_argument("file", type=_path)
    load.add_argument("--name", help="call the archive's only image so")
    _command(verbs, "pull", _pull_image, "pull an image from its registry, without a password").add_argument(
        "name"
    )
    remove = _command(verbs, "rm", _remove_image, "forget an image that was loaded")
    remove.add_argument("name")


def _add_faults(acts) -> None:
    node = acts.add_parser("node", help="cut a node's power, or give it back").add_subparsers(
        required=True, metavar="VERB"
    )
    for verb in ("stop", "start"):
        _command(node, verb, _fault, f"{verb} a node").add_argument("nodes", nargs=1, metavar="NODE")
    link = acts.add_parser("link", help="cut or heal the links of nodes").add_subparsers(
        required=True, metavar="VERB"
    )
    for verb in ("cut", "heal"):
        parser = _command(link, verb, _fault, f"{verb} the link of one node, or between two")
        parser.add_argument("node")
        parser.add_argument("other", nargs="?")


def _command(acts, name: str, act, text: str) -> argparse.ArgumentParser:
    parser = acts.add_parser(name, help=text, description=text)
    parser.set_defaults(act=act, verb=name)
    parser.add_argument("--state", type=_path, default=_default("NETLAB_STATE", "netlab"), metavar="DIR")
    parser.add_argument(
        "--images-dir", type=_path, default=_default("NETLAB_IMAGES", "images"), metavar="DIR"
    )
    return parser


def _default(variable: str, name: str) -> Path:
    return _path(os.environ.get(variable) or str(launcher.REPOSITORY / "var" / name))


def _path(text: str) -> Path:
    return Path(text).absolute()


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("1 to 3600 seconds")
    return seconds


def _owner(text: str) -> tuple[int, int]:
    uid, _, gid = text.partition(":")
    return int(uid), int(gid)


def _addons(text: str) -> tuple[str, ...]:
    if text in ("all", "none"):
        return install.ALL if text == "all" else ()
    unknown = [name for name in text.split(",") if name not in install.OPTIONAL]
    if unknown:
        known = ", ".join(install.ALL)
        raise argparse.ArgumentTypeError(f"no add-on {', '.join(unknown)}: there are {known}")
    return tuple(name for name in install.ALL if name in text.split(","))


def _registries(text: str) -> Registries:
    try:
        return Registries.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _up(options) -> int:
    if obstacle := preflight.check():
        print(f"netlab: cannot start: {obstacle}", file=sys.stderr)
        return 1
    if not 1 <= options.workers <= topology.MAX_WORKERS:
        raise launcher.LaunchError(f"--workers must be 1 to {topology.MAX_WORKERS}")
    return launcher.up(
        launcher.Options(
            options.state,
            options.images_dir,
            options.port,
            options.workers,
            options.owner,
            enforce_policy=not options.no_policy,
            addons=options.addons,
            node_grace=options.node_grace,
            registries=options.pull,
        )
    )


def _down(options) -> int:
    record = launcher.read_record(options.state)
    if not record:
        print("netlab: no cluster is running")
        return 0
    handle = os.pidfd_open(record["pid"])
    try:
        # Asked again now that the handle pins the process: its pid cannot be another's any more.
        if launcher.is_running(options.state):
            signal.pidfd_send_signal(handle, signal.SIGTERM)
        return _await_end(handle)
    finally:
        os.close(handle)


def _await_end(handle: int) -> int:
    import select

    poll = select.poll()
    poll.register(handle, select.POLLIN)
    if poll.poll(DOWN_SECONDS * 1000):
        print("netlab: stopped")
        return 0
    print(f"netlab: still running after {DOWN_SECONDS} s", file=sys.stderr)
    return 1


def _status(options) -> int:
    record = launcher.read_record(options.state)
    obstacle = None if record else preflight.check()
    facts = {
        "running": bool(record),
        "ready": record.get("ready", False),
        "pid": record.get("pid"),
        "port": record.get("port"),
        "nodes": record.get("workers", -1) + 1 if record else 0,
        "limits": record.get("limits"),
        **(_faults(options) if record.get("ready") else {"stopped": [], "cut": []}),
        "kubeconfig": str(launcher.kubeconfig(options.state)),
        "can_start": bool(record) or obstacle is None,
        "reason": obstacle.reason if obstacle else None,
        "remedy": obstacle.remedy if obstacle else None,
    }
    print(json.dumps(facts) if options.json else _in_words(facts))
    return 0 if facts["ready"] else 1


def _faults(options) -> dict:
    try:
        return control.ask(options.state / "server", "status", [])
    except PermissionError:  # only the owner may look inside
        return {"stopped": [], "cut": []}


def _in_words(facts: dict) -> str:
    if facts["running"]:
        state = "Ready" if facts["ready"] else "starting"
        address = f"https://127.0.0.1:{facts['port']}"
        plain = f"{facts['nodes']} nodes {state}, pid {facts['pid']}, {address}, {facts['limits']}"
        return ", ".join([plain, *faults.in_words(facts)])
    if facts["can_start"]:
        return "not running; `python -m netlab up` starts it"
    return f"cannot run here: {facts['reason']}. Remedy: {facts['remedy']}."


def _fault(options) -> int:
    if not launcher.read_record(options.state):
        raise faults.Refused("no cluster is running")
    names = getattr(options, "nodes", None) or [one for one in (options.node, options.other) if one]
    told = ", ".join(faults.in_words(control.ask(options.state / "server", options.verb, names)))
    print(f"netlab: {told or 'all nodes run and all links are whole'}")
    return 0


def _kubeconfig(options) -> int:
    print(launcher.kubeconfig(options.state))
    return 0


def _build_images(options) -> int:
    for image in images.CATALOG:
        if not rootfs.archive(options.images_dir, image).exists():
            print(f"netlab: building {image.reference} from this machine's packages", file=sys.stderr)
        build.build(image, options.images_dir)
    return _list_images(options)


def _list_images(options) -> int:
    for image in images.CATALOG:
        path = rootfs.archive(options.images_dir, image)
        size = f"{path.stat().st_size / 1e6:.0f} MB" if path.exists() else "not built"
        print(f"{image.reference}\t{size}\t{path}")
    for stored in rootfs.loaded(options.images_dir).all():
        print(f"{stored.reference}\t{stored.size / 1e6:.0f} MB\t{stored.layout}")
    return 0


def _fields(options) -> int:
    from netlab.schema import effects  # no other command needs the schemas

    print(effects.as_page(), end="")
    return 0


def _load_image(options) -> int:
    for image in archive.load(options.file, rootfs.loaded(options.images_dir), options.name):
        print(f"netlab: loaded {image.reference} ({image.image_id})")
    return 0


def _pull_image(options) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by an exception: what is half done is removed
    image = archive.pull(reference.full(options.name), rootfs.loaded(options.images_dir))
    print(f"netlab: pulled {image.reference} ({image.image_id})")
    return 0


def _remove_image(options) -> int:
    name = reference.full(options.name)
    if rootfs.loaded(options.images_dir).remove(name):
        print(f"netlab: removed {name}")
        return 0
    print(f"netlab: no image {name} was loaded", file=sys.stderr)
    return 1


def _preflight(options) -> int:
    obstacle = preflight.check()
    print(f"netlab: cannot run here: {obstacle}" if obstacle else "netlab: can run here")
    return 1 if obstacle else 0
