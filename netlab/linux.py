"""The few Linux system calls that Python 3.11 has no name for (3.12 brings some of them).

Every function raises OSError with the kernel's errno. Nothing here keeps state.
"""

import ctypes
import errno
import os
import stat
import struct
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_SYS_OPENAT2 = 437
_RESOLVE_IN_ROOT, _RESOLVE_NO_MAGICLINKS = 0x10, 0x02

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    _checked(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() if options else None,
    )
    _checked(result, f"mount {target}")


def bind(source: str, target: str, *, recursive: bool = False) -> None:
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))


def umount(target: str) -> None:
    """Detach the mount now; the kernel frees it when its last user is gone."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def open_in_root(root: Path, path: str) -> int:
    """Open a file for reading as if `root` were the root directory: no link leads out. Never blocks."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    how = struct.pack("QQQ", flags, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    directory = os.open(root, os.O_PATH | os.O_CLOEXEC)
    try:
        return _checked(_libc.syscall(_SYS_OPENAT2, directory, path.encode(), how, len(how)), f"open {path}")
    finally:
        os.close(directory)


def open_below(root: Path, parts: tuple[str, ...], *, make: bool) -> int:
    """A descriptor that stands for `root/part/part`: no link is followed. `make` adds missing directories.

    They get the mode of the root. Raises OSError.
    """
    here = os.open(root, os.O_PATH | os.O_CLOEXEC)
    mode = os.fstat(here).st_mode & 0o7777
    for part in parts:
        try:
            below = _step(here, part, mode if make else None)
        finally:
            os.close(here)
        here = below
    return here


def _step(directory: int, name: str, mode: int | None) -> int:
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        found = os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        if mode is None:
            raise
        os.mkdir(name, dir_fd=directory)
        found = os.open(name, flags, dir_fd=directory)
        os.chmod(f"/proc/self/fd/{found}", mode)
    if stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(errno.ELOOP, f"{name} is a symbolic link")
    return found


def sethostname(name: str) -> None:
    raw = name.encode()
    _checked(_libc.sethostname(raw, len(raw)), "sethostname")


def prctl(option: int, value: int = 0) -> None:
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), "prctl")


def prctl_pointer(option: int, value: int, address: int) -> None:
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(address), zero, zero), "prctl")


def die_with_parent(expected_parent: int) -> None:
    """SIGKILL this process when the thread that forked it ends.

    The kernel forgets the wish at every change of identity, so call it after the last one.
    """
    prctl(PR_SET_PDEATHSIG, 9)
    if os.getppid() != expected_parent:
        os._exit(137)
