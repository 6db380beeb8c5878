"""Let programs that "drop privileges" run where only one user id exists.

An ordinary user without /etc/subuid ranges gets a user namespace with the single id 0. tcpdump, apt and
nginx then fail, because setgroups() or chown() to another id is refused. The filter answers those calls
with success and does nothing: there is no second identity to change to, so nothing is lost by it.
"""

import ctypes
import platform
import struct

from netlab import linux

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# setuid setgid setreuid setregid setgroups setresuid setresgid setfsuid setfsgid chown fchown lchown fchownat
_CALLS = {
    "x86_64": (105, 106, 113, 114, 116, 117, 119, 122, 123, 92, 93, 94, 260),
    "aarch64": (146, 144, 145, 143, 159, 147, 149, 151, 152, 55, 54),
}
_LOAD_WORD = 0x20
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_ERRNO_0 = 0x00050000
_PR_SET_SECCOMP = 22
_MODE_FILTER = 2


def _program(machine: str) -> list[tuple[int, int, int, int]]:
    calls = _CALLS[machine]
    checks = [(_JUMP_IF_EQUAL, len(calls) - index, 0, number) for index, number in enumerate(calls)]
    return [
        (_LOAD_WORD, 0, 0, 4),
        (_JUMP_IF_EQUAL, 0, len(calls) + 1, _AUDIT_ARCH[machine]),
        (_LOAD_WORD, 0, 0, 0),
        *checks,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO_0),
    ]


def pretend_identity_changes() -> None:
    """Install the filter for this process and all it starts. Raises OSError without seccomp."""
    program = _program(platform.machine())
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    head = ctypes.create_string_buffer(header, len(header))
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.prctl_pointer(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(head))
