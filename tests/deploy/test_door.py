"""The web may die: whoever knocks meanwhile waits at the door, and the next web serves them."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys

import pytest

from deploy.local import door
from deploy.local.door import DESCRIPTOR, Door

# A web as small as can be: it says which process answers, and to whom.
WEB = f"""
import os, socket
listening = socket.socket(fileno={DESCRIPTOR})
print(listening.getsockname()[1], flush=True)
while True:
    visitor, (address, _) = listening.accept()
    with visitor:
        visitor.recv(4096)
        said = f"{{os.getpid()}} {{address}}".encode()
        visitor.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + said)
"""


@pytest.fixture
def start_web():
    """A function that starts a web at one and the same door; it gives the process and the port."""
    started = []
    name = Door("127.0.0.1", 0).name

    def start() -> tuple[subprocess.Popen, int]:
        command = [sys.executable, door.__file__, "--door", name, "--", sys.executable, "-c", WEB]
        web = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(web)
        return web, int(web.stdout.readline())

    yield start
    for web in started:
        web.kill()
        web.wait()
        web.stdout.close()


def knock(port: int) -> http.client.HTTPConnection:
    visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    visitor.request("GET", "/")
    return visitor


def hear(visitor: http.client.HTTPConnection) -> str:
    with contextlib.closing(visitor):
        return visitor.getresponse().read().decode()


def test_the_web_sees_who_knocks(start_web):
    web, port = start_web()
    assert hear(knock(port)) == f"{web.pid} 127.0.0.1"


def test_who_knocks_while_the_web_is_dead_is_served_by_the_next_one(start_web):
    first, port = start_web()
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    visitor = knock(port)
    second, _ = start_web()
    assert hear(visitor) == f"{second.pid} 127.0.0.1"


def test_a_port_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Door("127.0.0.1", taken.getsockname()[1])


@pytest.mark.root
def test_other_users_of_the_machine_are_not_given_the_socket():
    name = Door("127.0.0.1", 0).name
    os.seteuid(65534)
    try:
        with pytest.raises(PermissionError, match="for its own user only"):
            door.take(name, 3)
    finally:
        os.seteuid(0)
