"""The capture workshop: what it shows of a capture, what it refuses, and hostile text as text."""

import pytest

from k8s_tasks.cluster.agent import CaptureGone
from k8s_tasks.cluster.errors import Unreachable
from k8s_tasks.domain import captures
from k8s_tasks.enums import RunState
from portal import packets
from tests.k8s_tasks.dissection.answers import psml, says, tcp
from tests.packets import ANA, CARLA, line, opening, pcap
from tests.portal.conftest import make_run

HOSTILE = "&lt;script&gt;alert(1)&lt;/script&gt; &amp;quot;"
SYN, PSH, ACK = 2, 8, 16


def part(name: str) -> dict:
    return {"HX-Request": "true", "HX-Target": name}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """What one test was told is not remembered in the next."""
    for memory in ("_lists", "_trees"):
        monkeypatch.setattr(captures, memory, captures._Remembered(1000))


@pytest.fixture
def tshark(monkeypatch):
    """`tshark(answer)`: what tshark says from now on; the questions asked."""

    def answers(*args, **options):
        ask = says(*args, **options)
        monkeypatch.setattr(captures, "_asker", lambda run, found: ask)
        return ask.questions

    return answers


@pytest.fixture
def open_packets(world, visit):
    return lambda query="", user=None, **headers: visit(user or world.alice).get(
        f"/runs/{world.run.pk}/packets/{query}", **headers
    )


ROWS = psml(
    tcp(1, ANA, CARLA, SYN, info=HOSTILE),
    tcp(2, ANA, CARLA, PSH | ACK, **{"tcp.analysis.retransmission": "✓"}),
)


def test_the_list_is_shown_and_its_text_is_only_text(tshark, open_packets):
    tshark(ROWS)
    page = open_packets().content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;quot;" in page
    assert "<script>alert" not in page
    assert 'data-mark="retransmission"' in page
    assert "retransmission: sent again" in page


def test_an_instructor_of_the_class_reads_it_too(tshark, open_packets, world):
    tshark(ROWS)
    assert open_packets(user=world.paula).context["matching"] == 2


def test_a_filter_is_asked_for_and_kept_in_the_links(tshark, open_packets):
    questions = tshark(ROWS)
    shown = open_packets("?filter=tcp.port+%3D%3D+80&page=1")
    assert questions[0][-2:] == ["-Y", "tcp.port == 80"]
    assert shown.context["rows"][0]["link"] == "?filter=tcp.port+%3D%3D+80&page=1&packet=1"


def test_a_refused_filter_is_told_in_the_words_of_tshark(tshark, open_packets):
    tshark("", exit_code=2, stderr=b'tshark: "<b>" is neither a field nor a protocol name.')
    shown = open_packets("?filter=%3Cb%3E", headers=part("listing"))
    assert shown.status_code == 422
    assert "&quot;&lt;b&gt;&quot; is neither a field" in shown.content.decode()
    assert "<html" not in shown.content.decode()


def test_a_part_is_given_alone(tshark, open_packets):
    questions = tshark(ROWS)
    shown = open_packets(headers=part("listing"))
    assert shown.content.decode().strip().startswith('<section class="listing"')
    assert len(questions) == 1


def test_what_was_asked_once_is_remembered(tshark, open_packets):
    questions = tshark(ROWS)
    open_packets()
    open_packets()
    assert len(questions) == 1


def test_a_long_list_comes_in_pages(tshark, open_packets, monkeypatch):
    monkeypatch.setattr(packets, "PAGE", 1)
    tshark(ROWS)
    first, second, beyond = (open_packets(f"?page={number}").context for number in (1, 2, 9))
    assert (first["on"], first["back"], second["on"], second["back"]) == ("?page=2", "", "", "?page=1")
    assert [each["rows"][0]["row"].number for each in (first, second, beyond)] == [1, 2, 2]


def test_a_packet_shows_its_layers_and_bytes(tshark, open_packets, world, monkeypatch):
    pdml = (
        f'<pdml><packet><proto name="eth" pos="0" size="14" showname="{HOSTILE}">'
        '<field name="eth.type" pos="12" size="2" value="0800"/></proto></packet></pdml>'
    )
    monkeypatch.setattr(captures, "AROUND", 0)
    tshark(pdml)
    monkeypatch.setattr(captures, "list_packets", lambda *_: ())
    page = open_packets("?packet=1", headers=part("packet")).content.decode()
    assert 'data-field="eth.type"' in page
    assert 'data-from="12" data-to="14"' in page
    assert "<b>08</b> <b>00</b>" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    "query", ["?packet=999", "?packet=-1", "?packet=x", "?packet=" + "9" * 40, "?page=x"]
)
def test_a_packet_that_is_none_is_not_shown(tshark, open_packets, query):
    tshark(ROWS)
    shown = open_packets(query)
    assert shown.status_code == 200
    assert "tree" not in shown.context


def test_a_stream_is_followed(tshark, open_packets):
    tshark("Node 0: 10.244.1.2:40000\nNode 1: 10.244.2.2:9321\n3c623e\n\t6f6b\n")
    page = open_packets("?follow=tcp.0", headers=part("conversation")).content.decode()
    assert "<pre>&lt;b&gt;</pre>" in page
    assert page.index('class="said" data-by="first"') < page.index('class="said" data-by="second"')


def test_a_ladder_is_drawn_with_a_table_beside_it(tshark, open_packets):
    tshark(ROWS)
    page = open_packets("?follow=ladder.0", headers=part("conversation")).content.decode()
    assert page.count('class="ladder-step"') == 2
    assert page.count("data-again") == 2  # the arrow and the table's row


@pytest.mark.parametrize(
    "wish", ["tcp.x", "tcp.-1", "ssh.0", "tcp.0,raw", "tcp." + "1" * 30, "ladder.7", "."]
)
def test_what_cannot_be_followed_is_not(tshark, open_packets, wish):
    tshark(ROWS)
    shown = open_packets(f"?follow={wish}", headers=part("conversation"))
    assert shown.status_code == 200
    assert b"said" not in shown.content


def test_trouble_with_tshark_leaves_the_way_to_the_file(tshark, open_packets):
    tshark("", exit_code=139)
    shown = open_packets()
    assert shown.status_code == 503
    assert "tshark broke on these packets" in shown.content.decode()
    assert "packets.pcap" in shown.content.decode()


def test_the_file_is_the_capture(world, visit):
    answer = visit(world.alice).get(f"/runs/{world.run.pk}/packets.pcap")
    assert answer.content == pcap(*opening(), *line())
    assert answer["Content-Disposition"].endswith('.pcap"')
    assert answer["Content-Type"] == "application/vnd.tcpdump.pcap"


def test_a_run_that_captures_nothing_has_no_workshop(world, visit):
    for address in ("packets/", "packets.pcap"):
        assert visit(world.alice).get(f"/runs/{world.terminal.pk}/{address}").status_code == 404


def test_a_capture_that_went_wrong_says_that_there_is_nothing(world, visit):
    run = make_run(world.session, kind="capture", state=RunState.FAILED)
    assert "This run has no packets." in visit(world.alice).get(f"/runs/{run.pk}/packets/").content.decode()
    assert visit(world.alice).get(f"/runs/{run.pk}/packets.pcap").status_code == 404


@pytest.fixture
def live(world, monkeypatch):
    """A capture that goes on; `live(file)` is what its node says."""
    run = make_run(world.session, kind="capture", state=RunState.RUNNING, node="redes-worker")

    def says_node(answer):
        async def packets_at_node(_run):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(captures, "packets_at_node", packets_at_node)
        return run

    return says_node


def test_a_capture_that_goes_on_is_read_from_its_node(live, tshark, world, visit):
    tshark(ROWS)
    run = live(pcap(*opening(), *line())[:-3])
    shown = visit(world.alice).get(f"/runs/{run.pk}/packets/")
    assert shown.context["packets"].count == 4
    assert f'data-live="/ws/runs/{run.pk}/"' in shown.content.decode()


def test_a_capture_that_goes_on_begins_with_its_newest_packets(live, tshark, world, visit, monkeypatch):
    monkeypatch.setattr(packets, "PAGE", 1)
    tshark(ROWS)
    run = live(pcap(*opening()))
    assert visit(world.alice).get(f"/runs/{run.pk}/packets/").context["rows"][0]["row"].number == 2


def test_before_the_first_packet_there_is_an_empty_list(live, world, visit):
    run = live(pcap())
    assert "No packets yet." in visit(world.alice).get(f"/runs/{run.pk}/packets/").content.decode()


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (CaptureGone("none"), 200, "No packets yet."),
        (b"", 200, "No packets yet."),
        (Unreachable("no answer"), 503, "cannot be fetched"),
    ],
)
def test_a_node_that_has_nothing_or_does_not_answer(live, world, visit, answer, status, words):
    shown = visit(world.alice).get(f"/runs/{live(answer).pk}/packets/")
    assert (shown.status_code, words in shown.content.decode()) == (status, True)


def test_a_run_with_packets_links_to_them(world, visit):
    page = visit(world.alice).get(f"/runs/{world.run.pk}/").content.decode()
    assert f"/runs/{world.run.pk}/packets/" in page
    assert "/packets/" not in visit(world.alice).get(f"/runs/{world.terminal.pk}/").content.decode()
