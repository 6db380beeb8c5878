"""A cable between a browser and the portal that can be pulled out and put back."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Cable:
    """Carries connections from `url` to the portal. `pull` breaks all of them, and no new one gets
    through until `plug`."""

    def __init__(self, portal_url: str):
        far = urlsplit(portal_url)
        self._portal = (far.hostname, far.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self._is_plugged = True
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        self._is_plugged = False
        self._break_all()

    def plug(self) -> None:
        self._is_plugged = True

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._break_all()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                self._join(near) if self._is_plugged else near.close()

    def _join(self, near: socket.socket) -> None:
        far = socket.create_connection(self._portal)
        self._ends += [near, far]
        for source, target in [(near, far), (far, near)]:
            threading.Thread(target=_carry, args=(source, target), daemon=True).start()

    def _break_all(self) -> None:
        while self._ends:
            with contextlib.suppress(OSError):
                self._ends.pop().shutdown(socket.SHUT_RDWR)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
