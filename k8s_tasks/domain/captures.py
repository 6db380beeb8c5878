"""Acts on the packets of a run: keep them when it ends, read them, and have them taken apart.

A live capture's packets lie with the agent on its node while it goes on, and in `Capture` afterwards. Taking
apart needs a cluster, for tshark runs there: the run's own while it is there, else any that is well.
"""

import gzip
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from hashlib import sha256
from threading import Lock

from django.utils.translation import gettext as _

from curriculum.course import get_course
from k8s_tasks.cluster import dissector
from k8s_tasks.cluster.agent import CaptureGone
from k8s_tasks.cluster.errors import ClusterError, Unreachable
from k8s_tasks.cluster.execs import Completed
from k8s_tasks.dissection.conversations import Conversation, follow
from k8s_tasks.dissection.ladders import Ladder, ladder_of
from k8s_tasks.dissection.records import MAX_BYTES, NoCapture, Packets, frame_of, whole_packets
from k8s_tasks.dissection.rows import Row, list_rows
from k8s_tasks.dissection.trees import AROUND, Tree, trees_around
from k8s_tasks.dissection.tshark import Ask
from k8s_tasks.enums import OPEN_RUN_STATES, RunKind
from k8s_tasks.execution import forget_packets, packets_at_node, packets_in_pod
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import Capture, Cluster, Run

logger = logging.getLogger(__name__)


def captures_packets(run: Run) -> bool:
    """Whether this run has packets to open, or will have."""
    return run.kind == RunKind.CAPTURE or Capture.objects.filter(run=run).exists()


def packets_of(run: Run) -> Packets:
    """What was captured; so far, while the run goes on, which may be nothing. Raises ClusterError, and
    NoCapture where nothing is kept of an ended one."""
    kept = Capture.objects.filter(run=run).first()
    if kept:
        return Packets(gzip.decompress(kept.pcap), kept.packets, kept.is_cut)
    if run.kind != RunKind.CAPTURE or run.state not in OPEN_RUN_STATES:
        raise NoCapture
    try:
        return whole_packets(on_loop(packets_at_node(run)))
    except (CaptureGone, NoCapture):  # tcpdump has not come to write its header
        return Packets(b"", 0)


def keep_packets(run: Run) -> str:
    """For the worker, when a run has ended: fetch what it captured and keep it. A sentence for the student
    when there is a file and it is no capture."""
    try:
        if run.kind == RunKind.CAPTURE:
            _keep(run, on_loop(packets_at_node(run)))
            on_loop(forget_packets(run))
        elif file := _file_of(run):
            _keep(run, on_loop(packets_in_pod(run, file, MAX_BYTES + 1)))
    except ClusterError as error:
        logger.warning("the packets of run %s could not be fetched: %s", run.pk, error)
        return "" if run.kind == RunKind.CAPTURE else str(error)
    except NoCapture:
        logger.warning("what run %s left is no capture", run.pk)
        return (
            "" if run.kind == RunKind.CAPTURE else _("The file holds no packets: tcpdump did not write it.")
        )
    return ""


def _file_of(run: Run) -> str:
    """Where the run's step says that its command leaves a capture."""
    if run.kind != RunKind.COMMAND:
        return ""
    return get_course().lab(run.session.attempt.lab.slug).step(run.step).pcap


def _keep(run: Run, file: bytes) -> None:
    packets = whole_packets(file)
    facts = {"pcap": gzip.compress(packets.pcap), "packets": packets.count, "is_cut": packets.is_cut}
    Capture.objects.update_or_create(run=run, defaults=facts)


class _Remembered:
    """The newest answers of this process: who reads a capture asks about it again and again."""

    def __init__(self, room: int):
        self._room = room
        self._kept: OrderedDict[Hashable, tuple] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable):
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, answer, weight: int) -> None:
        with self._lock:
            self._kept[key] = (answer, weight)
            while len(self._kept) > 1 and sum(each[1] for each in self._kept.values()) > self._room:
                self._kept.popitem(last=False)


_lists = _Remembered(60_000)  # rows
_trees = _Remembered(20_000)  # kilobytes of packets


def list_packets(run: Run, packets: Packets, display_filter: str = "") -> tuple[Row, ...]:
    """Raises DissectionError, FilterRefused."""
    if not packets.count:
        return ()
    key = (_digest(packets), display_filter.strip())
    return _remembered(_lists, key, lambda: list_rows(_asker(run, packets), display_filter), len)


def packet_tree(run: Run, packets: Packets, number: int) -> Tree:
    """Raises DissectionError, and IndexError where there is no such packet."""
    digest = _digest(packets)
    if (found := _trees.get((digest, number))) is not None:
        return found[0]
    frame_of(packets.pcap, number)
    first, last = max(1, number - AROUND), min(packets.count, number + AROUND)
    frames = {each: frame_of(packets.pcap, each) for each in range(first, last + 1)}
    for each, tree in trees_around(_asker(run, packets), frames).items():
        _trees.put((digest, each), tree, 20 + len(frames[each]) // 100)
    found = _trees.get((digest, number))
    if found is None:
        raise IndexError(number)
    return found[0]


def conversation(run: Run, packets: Packets, kind: str, stream: int) -> Conversation:
    """Raises DissectionError."""
    return follow(_asker(run, packets), kind, stream)


def ladder(run: Run, packets: Packets, stream: int) -> Ladder | None:
    """Raises DissectionError."""
    return ladder_of(list_packets(run, packets), stream)


def _remembered(memory: _Remembered, key: Hashable, ask: Callable, weigh: Callable):
    if (found := memory.get(key)) is not None:
        return found[0]
    answer = ask()
    memory.put(key, answer, weigh(answer))
    return answer


def _digest(packets: Packets) -> str:
    return sha256(packets.pcap).hexdigest()


def _asker(run: Run, packets: Packets) -> Ask:
    def ask(arguments: Sequence[str], limit: int, seconds: int) -> Completed:
        cluster = _cluster_for(run)
        return on_loop(_ask(cluster.kubeconfig_path, packets.pcap, arguments, limit, seconds))

    return ask


def _cluster_for(run: Run) -> Cluster:
    """Raises ClusterError where none is well."""
    own = run.session.cluster
    if own and own.is_healthy:
        return own
    found = Cluster.objects.filter(is_healthy=True, slot=None).order_by("-is_default").first()
    if found is None:
        raise Unreachable(_("no cluster answers"))
    return found


async def _ask(kubeconfig: str, pcap: bytes, arguments: Sequence[str], limit: int, seconds: int) -> Completed:
    return await dissector.ask_tshark(await api_of(kubeconfig), pcap, arguments, limit=limit, seconds=seconds)
