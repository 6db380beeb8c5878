"""The web's listening socket, held where the web's death does not reach it.

    door.py --door NAME -- COMMAND...    run a command that has the listening socket as its descriptor 3

Whoever opens the door listens already; the web is handed the socket each time it starts. A browser that
knocks while the web is being started again waits in the kernel's queue and is served, not refused.
"""

import argparse
import contextlib
import os
import socket
import struct
import sys
import threading

DESCRIPTOR = 3  # the first after the standard ones
QUEUE = 2048  # as uvicorn's own
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED


class Door:
    """Listens on `host` and `port`, and gives that socket to processes of our own user that ask at `name`.

    `name` is the kernel's choice in Linux' abstract namespace (unix(7)), so nothing is left in a folder when
    this process is shot. Opening raises OSError when the address cannot be used. The door is open as long as
    this process lives.
    """

    def __init__(self, host: str, port: int):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, port), family=family, backlog=QUEUE)
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.bind("")
        self._asked.listen()
        self.name = self._asked.getsockname()[1:].decode()
        threading.Thread(target=self._give, name="door", daemon=True).start()

    def _give(self) -> None:
        while True:
            asker, _ = self._asked.accept()
            with asker, contextlib.suppress(OSError):
                if _uid_of(asker) == os.getuid():
                    socket.send_fds(asker, [b"."], [self._listening.fileno()])


def _uid_of(asker: socket.socket) -> int:
    return _CREDENTIALS.unpack(asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[1]


def take(name: str, descriptor: int) -> None:
    """Have the listening socket as `descriptor`, in the programs this process becomes too. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(f"\0{name}")
        _, given, _, _ = socket.recv_fds(asker, 1, 1)
    if not given:
        raise PermissionError("the door opens for its own user only")
    if given[0] == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        os.dup2(given[0], descriptor)
        os.close(given[0])


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--door", required=True)
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args(argv)
    take(wanted.door, DESCRIPTOR)
    os.execvp(wanted.command[0], wanted.command)


if __name__ == "__main__":
    main(sys.argv[1:])
