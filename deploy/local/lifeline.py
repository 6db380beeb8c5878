"""Run a command that ends when its parent does: `lifeline.py [--signal NAME] -- COMMAND...`

The kernel sends the signal when the parent dies, even by SIGKILL, so a supervisor that is shot
leaves nobody behind. The setting survives exec but is erased by a change of user.
"""

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int, parent: int | None = None) -> None:
    """Ask for signal `number` on the parent's death; 0 takes the wish back.

    A parent that died before the call is noticed only if its pid is given.
    """
    _prctl(PR_SET_PDEATHSIG, number)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), number)


def tie() -> None:
    """Told to end when the parent dies: a child's first act, as `preexec_fn` of subprocess."""
    die_with_parent(signal.SIGTERM)


def wished_death_signal() -> int:
    """The signal this process asked for, 0 when it asked for none."""
    number = ctypes.c_int()
    _prctl(PR_GET_PDEATHSIG, ctypes.addressof(number))
    return number.value


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies, so that they can be found and ended."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signal", default="KILL")
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args(argv)
    die_with_parent(signal.Signals[f"SIG{wanted.signal}"], parent=os.getppid())
    os.execvp(wanted.command[0], wanted.command)


if __name__ == "__main__":
    main(sys.argv[1:])
