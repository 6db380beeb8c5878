"""Who said what, in order; and one connection as a ladder."""

from k8s_tasks.dissection.conversations import LIMIT, follow
from k8s_tasks.dissection.ladders import MOST_STEPS, ladder_of
from k8s_tasks.dissection.rows import list_rows
from tests.k8s_tasks.dissection.answers import psml, says, tcp

HEAD = "\n====\nFollow: tcp,raw\nFilter: tcp.stream eq 0\nNode 0: 10.244.1.2:40000\nNode 1: 10.244.2.3:8080\n"
ANA, WEB = "10.244.1.2", "10.244.2.3"
SYN, FIN, RST, ACK, PSH = 2, 1, 4, 16, 8


def said(*lines: str):
    return says(HEAD + "\n".join(lines) + "\n====\n")


def test_turns_are_told_apart_and_pieces_of_one_put_together():
    talk = follow(said(b"GET ".hex(), b"/\r\n".hex(), "\t" + b"ok".hex()), "tcp", 0)
    assert talk.ends == ("10.244.1.2:40000", "10.244.2.3:8080")
    assert [(turn.by_first, turn.text, turn.size) for turn in talk.turns] == [
        (True, "GET /\n", 7),
        (False, "ok", 2),
    ]


def test_the_question_names_the_stream():
    ask = said()
    follow(ask, "udp", 3)
    assert ask.questions == [["-q", "-z", "follow,udp,raw,3"]]


def test_control_characters_are_seen_and_not_obeyed():
    (turn,) = follow(said(b"\x1b[2J\x00\x7f\xff \xe2\x80\xae".hex()), "tcp", 0).turns
    assert turn.text == "␛[2J␀␡\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}"


def test_a_talk_without_end_is_cut():
    talk = follow(said("00" * LIMIT), "tcp", 0)
    assert talk.is_cut


def rows(*told):
    return list_rows(says(psml(*told)))


def test_a_ladder_has_its_opener_on_the_left():
    answer, question = tcp(1, WEB, ANA, ACK, ports=(8080, 40000)), tcp(2, ANA, WEB, SYN)
    ladder = ladder_of(rows(answer, question), 0)
    assert (ladder.left, ladder.right) == (f"{ANA}:40000", f"{WEB}:8080")
    assert [step.from_left for step in ladder.steps] == [False, True]


def test_what_was_sent_again_and_what_was_reset_are_marked():
    again = tcp(1, ANA, WEB, ACK | PSH, **{"tcp.analysis.retransmission": "✓"})
    ladder = ladder_of(rows(again, tcp(2, WEB, ANA, RST, ports=(8080, 40000))), 0)
    assert [(step.is_again, step.is_reset) for step in ladder.steps] == [(True, False), (False, True)]


def test_a_long_connection_is_cut_and_counted():
    ladder = ladder_of(rows(*(tcp(number, ANA, WEB, ACK) for number in range(1, MOST_STEPS + 6))), 0)
    assert (len(ladder.steps), ladder.left_out) == (MOST_STEPS, 5)


def test_another_stream_is_no_ladder():
    assert ladder_of(rows(tcp(1, ANA, WEB, SYN)), 1) is None
