"""A person at the running portal, as their browser would be: pages by HTTP, streams by WebSocket."""

import asyncio
import base64
import json
import re
import struct
from collections.abc import AsyncIterator

import httpx
import websockets

from tests.waiting import until

LAB = "/labs/ping-and-netcat/"
FRAME = struct.Struct(">QQB")
LONGEST_WAIT = 30


class Person:
    def __init__(self, url: str, account: dict[str, str]):
        self.url = url
        self.pages = httpx.Client(base_url=url, timeout=30)
        self.pages.get("/login/")
        self.post("/login/", **{name: account[name] for name in ("username", "password")})

    def post(self, path: str, *, htmx: bool = False, **fields: str) -> httpx.Response:
        form = {**fields, "csrfmiddlewaretoken": self.pages.cookies["csrftoken"]}
        return self.pages.post(path, data=form, headers={"HX-Request": "true"} if htmx else {})

    def connect(self, path: str):
        cookie = f"sessionid={self.pages.cookies['sessionid']}"
        headers = {"Cookie": cookie, "Origin": self.url}
        return websockets.connect(
            self.url.replace("http", "ws", 1) + path, additional_headers=headers, max_size=None
        )

    async def begin(self, **fields: str) -> "Sitting":
        """A session of the lab, when its pods are ready; again="1" begins a new attempt."""
        self.post(f"{LAB}start/", **fields)
        sitting = Sitting(self, until(self._session_or_start)[1])
        await sitting.notice("session", state="ready", already=sitting.is_ready)
        return sitting

    def _session_or_start(self) -> re.Match | None:
        """The session on the lab's page. Where a busy cluster is taken for ill the page says so, and offers
        the start again as soon as it can."""
        found = re.search(r"/sessions/([0-9a-f-]{36})/", self.pages.get(LAB).text)
        if found is None:
            self.post(f"{LAB}start/")
        return found

    async def entries(self, run: str, last: str = "0") -> AsyncIterator[dict]:
        async with self.connect(f"/ws/runs/{run}/?last={last}") as socket:
            async for message in socket:
                for entry in json.loads(message):
                    yield entry | {"data": base64.b64decode(entry["data"])}

    async def output(self, run: str, *, until: bytes | None = None) -> bytes:
        """What the run prints: all of it, or up to what is waited for."""
        seen = b""
        async with asyncio.timeout(LONGEST_WAIT):
            async for entry in self.entries(run):
                seen += entry["data"] if entry["src"] in ("stdout", "stderr") else b""
                if until is not None and until in seen:
                    break
        return seen

    async def end_of(self, run: str, seconds: float = LONGEST_WAIT) -> dict:
        async with asyncio.timeout(seconds):
            async for entry in self.entries(run):
                if entry["src"] == "end":
                    return json.loads(entry["data"])
        raise AssertionError("the stream closed without an end")


class Sitting:
    """One lab session of a person."""

    def __init__(self, person: Person, id: str):
        self.person, self.id = person, id

    def door(self, path: str) -> str:
        return f"/sessions/{self.id}/{path}/"

    def is_ready(self) -> bool:
        return 'data-state="ready"' in self.person.pages.get(self.door("status")).text

    async def notice(self, kind: str, *, already=lambda: False, **facts: str) -> dict | None:
        """Wait for a notice of the session with these facts; None when it is so `already`."""
        async with (
            asyncio.timeout(LONGEST_WAIT),
            self.person.connect(f"/ws/sessions/{self.id}/?last=0") as socket,
        ):
            if await asyncio.to_thread(already):
                return None
            async for message in socket:
                told = json.loads(message)
                if told["kind"] == kind and facts.items() <= told["data"].items():
                    return told["data"]
        raise AssertionError(f"no notice {kind} {facts}")

    def run(self, step: str) -> str:
        return self._started(self.person.post(self.door(f"steps/{step}/run"), htmx=True))

    def predict(self, step: str, value: str) -> httpx.Response:
        door = self.door(f"steps/{step}/answer")
        return self.person.post(door, htmx=True, value=value, confidence="75")

    def answer(self, step: str, value: str) -> httpx.Response:
        return self.person.post(self.door(f"steps/{step}/answer"), htmx=True, value=value)

    async def verify(self) -> str:
        """The text of the verdicts after a verification."""
        await self.person.end_of(self.verify_run())
        return self.person.pages.get(self.door("verdicts")).text

    def verify_run(self) -> str:
        return self._started(self.person.post(self.door("verify"), htmx=True))

    def open_terminal(self, pod: str) -> str:
        return self.person.post(self.door("terminals"), pod=pod, columns="100", rows="30").json()["run"]

    def _started(self, response: httpx.Response) -> str:
        assert response.status_code == 200, response.text
        return json.loads(response.headers["HX-Trigger"])["run-started"]["run"]


class Terminal:
    """The page's end of a terminal: it acknowledges what it paints, unless it is that of one who watches."""

    def __init__(self, socket, *, is_guest: bool = False):
        self.socket, self.is_guest = socket, is_guest
        self.painted = 0
        self.last = "0"

    async def told(self, **facts) -> dict:
        """What who watches is told of the keyboard, when it has these facts."""
        async with asyncio.timeout(LONGEST_WAIT):
            while not (isinstance(message := await self.socket.recv(), str) and is_told(message, facts)):
                pass
        return json.loads(message)

    async def type(self, keys: bytes) -> None:
        await self.socket.send(b"\0" + keys)

    async def until(self, text: bytes) -> bytes:
        """Everything painted until this text is seen."""
        seen = b""
        async with asyncio.timeout(LONGEST_WAIT):
            while text not in seen:
                seen += await self.paint()
        return seen

    async def paint(self) -> bytes:
        frame = await self.socket.recv()
        if isinstance(frame, str):
            return b""
        ms, number, _source = FRAME.unpack_from(frame)
        self.last = f"{ms}-{number}"
        data = frame[FRAME.size :]
        self.painted += len(data)
        if not self.is_guest:
            await self.socket.send(json.dumps({"ack": len(data)}))
        return data


def is_told(message: str, facts: dict) -> bool:
    return facts.items() <= json.loads(message).items()
