"""What a platform may answer with, without harm to a page or a worker."""

import socket
import threading
from contextlib import contextmanager

import pytest

from portal.lti import calls
from portal.lti.calls import CallFailed, fetch_json

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def answering(*pieces: bytes, until: threading.Event | None = None):
    """A server whose one answer is these pieces; then it closes, or drips spaces until the event."""

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            connection.recv(65_536)
            for piece in pieces:
                connection.sendall(piece)
            while until and not until.wait(0.01):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_an_answer_comes_in_pieces():
    with answering(HEAD + b"Content-Length: 10\r\n\r\n", b'{"a"', b": [1]}") as url:
        assert fetch_json("GET", url)[0] == {"a": [1]}


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\n{}",
        b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nno gz",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_an_answer_that_breaks_off_or_is_garbled_is_a_failed_call(rest):
    with answering(HEAD + rest) as url, pytest.raises(CallFailed):
        fetch_json("GET", url)


def test_an_answer_that_is_too_large_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(calls, "MOST_BYTES", 10)
    with answering(HEAD + b"\r\n", b'"0123456789"') as url, pytest.raises(CallFailed, match="too large"):
        fetch_json("GET", url)


def test_an_answer_that_drips_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(calls, "LONGEST_SECONDS", 0.1)
    enough = threading.Event()
    with answering(HEAD + b"Content-Length: 4000000\r\n\r\n", until=enough) as url:
        with pytest.raises(CallFailed, match="too long"):
            fetch_json("GET", url)
        enough.set()
