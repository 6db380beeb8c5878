"""The captures of a node are read by one question, whoever asks; what is gone begins again."""

import asyncio
import io
import struct
import tarfile

import pytest

from k8s_tasks.checks.finding import CaptureLost
from k8s_tasks.checks.observing import Place
from k8s_tasks.checks.round import Captures
from k8s_tasks.cluster import agent as agents
from k8s_tasks.cluster.agent import Agent, CaptureGone
from k8s_tasks.cluster.errors import AgentError
from k8s_tasks.cluster.execs import Completed

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 600, 1)
PLACES = {
    "ana": Place("10.244.1.2", "worker", "172.18.0.3"),
    "beto": Place("10.244.1.3", "worker", "172.18.0.3"),
    "carla": Place("10.244.2.2", "worker2", "172.18.0.4"),
    "gone": Place("", "", ""),
}


class Node:
    """An agent that notes what it is asked, and answers when it is let."""

    def __init__(self, dead: str = ""):
        self.asked: list[list[str]] = []
        self.started: list[str] = []
        self.dead = dead
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_asked = asyncio.Event()

    async def read_captures(self, captures):
        self.asked.append([name.rpartition("-")[2] for name in captures])
        self.is_asked.set()
        await self.may_answer.wait()
        return {
            name: CaptureGone("it has died") if self.dead and name.endswith(self.dead) else HEADER
            for name in captures
        }

    async def start_capture(self, capture, address, filter_words):
        self.started.append(address)


def captures_on(**nodes: Node) -> Captures:
    return Captures("5df7", PLACES, nodes, ["icmp"])


def test_each_node_is_asked_once_for_all_of_its_pods():
    async def story():
        worker, worker2 = Node(), Node()
        packets, broken = await captures_on(worker=worker, worker2=worker2).read(
            ["ana", "beto", "carla"], since=0
        )
        assert (set(packets), broken) == ({"ana", "beto", "carla"}, {})
        assert (worker.asked, worker2.asked) == ([["ana", "beto"]], [["carla"]])

    asyncio.run(story())


def test_those_who_ask_while_one_reads_share_the_next_reading():
    async def story():
        worker = Node()
        captures = captures_on(worker=worker)
        worker.may_answer.clear()
        first = asyncio.create_task(captures.read(["ana"], since=0))
        await worker.is_asked.wait()
        now = asyncio.get_running_loop().time()
        others = [asyncio.create_task(captures.read([pod], since=now)) for pod in ("ana", "beto", "beto")]
        await asyncio.sleep(0)
        worker.may_answer.set()
        await asyncio.gather(first, *others)
        assert worker.asked == [["ana"], ["ana", "beto"]]

    asyncio.run(story())


def test_what_was_read_since_is_not_read_again():
    async def story():
        worker = Node()
        captures = captures_on(worker=worker)
        await captures.read(["ana", "beto"], since=0)
        await captures.read(["beto"], since=0)
        assert worker.asked == [["ana", "beto"]]

    asyncio.run(story())


def test_a_capture_that_died_begins_again_and_the_others_are_told_nonetheless():
    async def story():
        worker = Node(dead="beto")
        packets, broken = await captures_on(worker=worker).read(["ana", "beto"], since=0)
        assert set(packets) == {"ana"}
        assert isinstance(broken["beto"], CaptureLost)
        assert worker.started == ["10.244.1.3"]

    asyncio.run(story())


def test_a_pod_that_does_not_run_and_a_node_without_an_agent_are_told_apart():
    async def story():
        packets, broken = await captures_on(worker=Node()).read(["ana", "carla", "gone"], since=0)
        assert set(packets) == {"ana"}
        assert "There is no node agent" in broken["carla"].sentence
        assert "is not running" in broken["gone"].sentence

    asyncio.run(story())


def packed(**files: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return held.getvalue()


@pytest.fixture
def answer(monkeypatch):
    """A function: what the agent's command ends with."""

    def end_with(**completed):
        async def run(self, argv, *, seconds, limit):
            return Completed(**{"stdout": b"", "stderr": b"", "exit_code": 0} | completed)

        monkeypatch.setattr(Agent, "run", run)

    return end_with


def read(*names: str) -> dict:
    return asyncio.run(Agent(None, "agent", "1").read_captures(names))


def test_of_two_files_the_newer_goes_on_where_the_older_ends(answer):
    answer(stdout=packed(ana_pcap1=HEADER + b"older", ana_pcap0=HEADER + b"newer"), exit_code=1)
    assert read("ana") == {"ana": HEADER + b"oldernewer"}


def test_what_the_agent_names_as_gone_is_gone_and_nothing_else(answer):
    told = b"tar: beto.pcap0: file changed as we read it\nredes-agent: gone ana: tcpdump has died: why\n"
    answer(stdout=packed(beto_pcap0=HEADER), stderr=told)
    found = read("ana", "beto")
    assert (str(found["ana"]), found["beto"]) == ("tcpdump has died: why", HEADER)


@pytest.mark.parametrize("trouble", [{"exit_code": 2, "stderr": b"usage"}, {"stdout": b"no tar" * 100}])
def test_an_agent_that_answers_otherwise_is_the_platforms_trouble(answer, trouble):
    answer(**trouble)
    with pytest.raises(AgentError):
        read("ana")


def test_the_limit_grows_with_what_is_asked_for(monkeypatch):
    limits = []

    async def run(self, argv, *, seconds, limit):
        limits.append(limit)
        return Completed(b"", b"", 0)

    monkeypatch.setattr(Agent, "run", run)
    read("a", "b", "c")
    assert limits == [3 * agents.CAPTURE_BYTES]
