"""Commands of the node, what they tell of a pod's link, and word of interfaces that come and go."""

import contextlib
import fcntl
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

_LOCK = Path("/run/redes/lock")
_KUBELETS_CHAINS = ("KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY")
_LINKS = 1  # the group of NETLINK_ROUTE that is told of interfaces
_SOL_NETLINK, _NO_ENOBUFS = 270, 5


class Failed(Exception):
    """A command of the node failed; the message ends with its own words."""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One process of the agent at a time: two trials would use the same names, and of two that drop the same
    rule one would fail. Whatever ends the process ends its turn."""
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def watch_interfaces() -> Iterator[Callable[[], None]]:
    """A function that returns when an interface has come or gone since its last return.

    A burst that the socket cannot hold (some fifty interfaces at once on a busy machine) is one piece of news
    as well; it must not be an error, for this process holds up the agent's pod.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as links:
        links.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
        links.bind((0, _LINKS))

        def wait() -> None:
            links.recv(65536)
            with contextlib.suppress(BlockingIOError):
                while True:
                    links.recv(65536, socket.MSG_DONTWAIT)

        yield wait


def follow_the_nodes_iptables() -> None:
    """Have `iptables` in this pod speak of the tables that the node's programs write.

    A kernel has two sets: nftables' and, on Docker Desktop and older hosts, legacy ones. The kubelet leaves
    an empty chain in the set it uses, by which kube-proxy's image finds out too. Listing the legacy tables
    loads none that is not loaded.
    """
    saved = subprocess.run(["iptables-legacy-save"], capture_output=True, text=True).stdout
    if any(f":{chain} " in saved for chain in _KUBELETS_CHAINS):
        for name in ("iptables", "ip6tables"):
            do(["update-alternatives", "--set", name, f"/usr/sbin/{name}-legacy"])


def do(argv: list[str], *, stdin: str = "") -> str:
    """Raises Failed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(argv[:3])} failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


def attempt(argv: list[str]) -> None:
    """Run a command whose failure means that there was nothing to do."""
    subprocess.run(argv, capture_output=True)


def route_of(address: str) -> dict | None:
    """The host route to a pod of this node, as `ip -j` tells it, or None when no such pod is here."""
    routes = json.loads(do(["ip", "-j", "route", "show", f"{address}/32"]) or "[]")
    return next((route for route in routes if "dev" in route and "gateway" not in route), None)


def interface_of(address: str) -> str:
    """The node's end of the pod's link. Raises Failed."""
    route = route_of(address)
    if route is None:
        raise Failed(f"no pod with the address {address} is on this node")
    return route["dev"]
