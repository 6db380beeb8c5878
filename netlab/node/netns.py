"""Named network (and uts, ipc) namespaces, pinned by mounts as `ip netns` does.

A namespace is entered by a short-lived thread: in Linux namespaces belong to threads, and the thread that
made or entered one ends with it, so the rest of the server never leaves its own.
"""

import asyncio
import fcntl
import os
import socket
import struct
import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from netlab import linux

NET_DIR = Path("/run/netns")  # where iproute2 looks for names
OTHER_DIR = Path("/run/netlab/ns")
_KINDS = {"net": linux.CLONE_NEWNET, "uts": linux.CLONE_NEWUTS, "ipc": linux.CLONE_NEWIPC}
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17

Result = TypeVar("Result")


def path(name: str, kind: str = "net") -> Path:
    return NET_DIR / name if kind == "net" else OTHER_DIR / f"{name}.{kind}"


def create(name: str, hostname: str, sysctls: dict[str, str]) -> None:
    """Make and pin the namespaces `name` with its host name and kernel settings."""
    NET_DIR.mkdir(parents=True, exist_ok=True)
    OTHER_DIR.mkdir(parents=True, exist_ok=True)
    _in_thread(lambda: _create(name, hostname, sysctls))


def _create(name: str, hostname: str, sysctls: dict[str, str]) -> None:
    linux.unshare(linux.CLONE_NEWNET | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC)
    linux.sethostname(hostname)
    for key, value in sysctls.items():
        Path("/proc/sys", *key.split(".")).write_text(value)
    for kind in _KINDS:
        target = path(name, kind)
        target.touch()
        linux.bind(f"/proc/thread-self/ns/{kind}", str(target))


def destroy(name: str) -> None:
    """Unpin; the kernel frees each namespace, with its interfaces, after its last process."""
    for kind in _KINDS:
        target = path(name, kind)
        if target.exists():
            linux.umount(str(target))
            target.unlink()


def command(name: str, *argv: str, root: Path | None = None) -> list[str]:
    """What runs a program in the network namespace `name`, out of the files below `root`."""
    return ["nsenter", f"--net={path(name)}", *(["chroot", str(root)] if root else []), *argv]


def inside(name: str, act: Callable[[], Result]) -> Result:
    """Call `act` in the network namespace `name` and return what it returns."""
    return _in_thread(lambda: _enter(name) or act())


def _enter(name: str) -> None:
    fd = os.open(path(name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        linux.setns(fd, linux.CLONE_NEWNET)
    finally:
        os.close(fd)


def _in_thread(act: Callable[[], Result]) -> Result:
    outcome: list = []

    def body() -> None:
        try:
            outcome.extend((True, act()))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.extend((False, error))

    thread = threading.Thread(target=body, name="netns")
    thread.start()
    thread.join()
    good, value = outcome
    if not good:
        raise value
    return value


async def connect(name: str, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection made from inside the namespace `name`. Raises OSError."""
    sock = inside(name, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise


def send_checksums_in_software(*interfaces: str) -> None:
    """Have the kernel fill checksums before a packet leaves, so that captures show them correct.

    Call it inside the interfaces' namespace. A veth otherwise leaves them blank, and tcpdump prints
    "incorrect" for packets that are sound.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for name in interfaces:
            value = array("I", [_ETHTOOL_STXCSUM, 0])
            request = struct.pack("16sP16x", name.encode(), value.buffer_info()[0])
            fcntl.ioctl(control, _SIOCETHTOOL, request)
