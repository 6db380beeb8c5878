"""A raised hand: with its run, answered on the lab page, and watching only while it is allowed."""

import re

import pytest

from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.models import LabSession, Run
from portal.models import HelpDeed, HelpRequest, Note
from portal.sockets import presence
from portal.sockets.runs import RunConsumer
from portal.sockets.watching import WatchConsumer
from tests.portal.conftest import make_session


@pytest.fixture(autouse=True)
def nobody_yet(world, redis_client):
    world.hand.delete()
    Note.objects.all().delete()
    Run.objects.filter(pk=world.terminal.pk).update(state=RunState.RUNNING)


@pytest.fixture
def alice(world, visit):
    return visit(world.alice)


@pytest.fixture
def teacher(world, visit):
    return visit(world.paula)


def door(world, act: str) -> str:
    return f"/sessions/{world.session.pk}/hand/{act}/"


def raised(world) -> HelpRequest:
    return HelpRequest.objects.get(session=world.session, closed_at=None)


def queue(world, teacher) -> str:
    return teacher.get(f"/classes/{world.classroom.pk}/live/").content.decode()


def deeds(hand: HelpRequest) -> list[tuple]:
    return [(str(entry.person), entry.deed) for entry in hand.log.all()]


def test_a_hand_is_seen_with_its_words_and_its_run(world, alice, teacher):
    alice.post(door(world, "raise"), {"text": "Why no <b>reply</b>?"})

    hand = raised(world)
    assert (hand.run, hand.watch_given_at) == (world.run, None)
    page = queue(world, teacher)
    assert "Why no &lt;b&gt;reply" in page and f"/runs/{world.run.pk}/" in page
    assert "Watch the terminal" not in page


def test_a_hand_stays_on_the_pages_of_its_students_work_with_who_did_what(world, alice, teacher):
    alice.post(door(world, "raise"), {"text": "Why no reply?"})
    answer = f"/classes/{world.classroom.pk}/hands/{raised(world).pk}/answer/"
    teacher.post(answer, {"text": "Look at the policy.", "close": "1"})

    for browser, address in (
        (teacher, f"/classes/{world.classroom.pk}/students/{world.alice.pk}/"),
        (alice, "/my-labs/"),
    ):
        page = re.sub(r"\s+", " ", browser.get(address).content.decode())
        assert "Why no reply?" in page and "paula: answered" in page and "paula: lowered the hand" in page
        assert "still up" not in page


def test_an_answer_without_a_word_is_none(world, alice, teacher):
    alice.post(door(world, "raise"), {})
    address = f"/classes/{world.classroom.pk}/hands/{raised(world).pk}/answer/"

    told = teacher.post(address, {"text": " "}, follow=True).content.decode()

    assert "Write something first." in told and "Answered:" not in told
    assert not Note.objects.exists()


def test_one_session_has_one_hand(world, alice):
    for text in ("first", "second"):
        alice.post(door(world, "raise"), {"text": text})
    assert [each.text for each in HelpRequest.objects.all()] == ["first"]


def test_an_answer_comes_to_the_lab_page_and_may_lower_the_hand(world, alice, teacher):
    alice.post(door(world, "raise"), {})
    hand = raised(world)
    address = f"/classes/{world.classroom.pk}/hands/{hand.pk}/answer/"

    told = teacher.post(address, {"text": "Look at the policy."}, follow=True).content.decode()
    assert "Your answer is on the student&#x27;s lab page." in told and "Answered:" in told
    assert "Look at the policy." in alice.get("/notes/").content.decode()
    assert raised(world) == hand
    teacher.post(address, {"text": "", "close": "1"})

    assert not HelpRequest.objects.filter(closed_at=None).exists()
    assert deeds(hand) == [
        ("alice", HelpDeed.RAISED),
        ("paula", HelpDeed.ANSWERED),
        ("paula", HelpDeed.CLOSED),
    ]


def test_a_live_terminal_is_watched_only_while_its_student_allows_it(world, alice, teacher):
    def sees() -> bool:
        return teacher.get(f"/runs/{world.terminal.pk}/").status_code == 200

    watch = lambda: f"/classes/{world.classroom.pk}/hands/{raised(world).pk}/watch/"  # noqa: E731
    assert not sees()
    alice.post(door(world, "raise"), {})
    assert not sees() and teacher.get(watch()).status_code == 404

    alice.post(door(world, "change"), {"act": "allow"})
    assert sees() and f"/ws/watched/{world.terminal.pk}/" in teacher.get(watch()).content.decode()
    assert "may watch your terminal" in alice.get(door(world, "x").replace("x/", "")).content.decode()

    alice.post(door(world, "change"), {"act": "withdraw"})
    assert not sees() and teacher.get(watch()).status_code == 404
    assert deeds(raised(world)) == [
        ("alice", HelpDeed.RAISED),
        ("alice", HelpDeed.ALLOWED),
        ("paula", HelpDeed.WATCHED),
        ("alice", HelpDeed.WITHDREW),
    ]


def test_lowering_the_hand_ends_the_watching(world, alice, teacher):
    alice.post(door(world, "raise"), {"watch": "on"})
    assert teacher.get(f"/runs/{world.terminal.pk}/").status_code == 200
    alice.post(door(world, "change"), {"act": "close"})
    assert teacher.get(f"/runs/{world.terminal.pk}/").status_code == 404


def test_another_classs_instructor_never_sees_it(world, alice, visit):
    alice.post(door(world, "raise"), {"watch": "on"})
    otto = visit(world.otto)
    assert otto.get(f"/runs/{world.terminal.pk}/").status_code == 404
    assert otto.get(f"/classes/{world.classroom.pk}/hands/{raised(world).pk}/watch/").status_code == 404


def test_an_ended_terminal_is_a_record_as_before(world, teacher):
    Run.objects.filter(pk=world.terminal.pk).update(state=RunState.SUCCEEDED)
    assert teacher.get(f"/runs/{world.terminal.pk}/").status_code == 200


@pytest.mark.parametrize("kind", [RunConsumer, WatchConsumer])
def test_a_socket_that_watches_is_turned_out_when_the_permission_is_taken_back(world, alice, kind):
    """The presence of each socket is asked about again every few seconds, by the same rule."""
    alice.post(door(world, "raise"), {"watch": "on"})
    socket = kind()
    socket.subject_id = world.terminal.pk
    assert presence._barred_of(world.paula, [socket]) == []
    alice.post(door(world, "change"), {"act": "withdraw"})
    assert presence._barred_of(world.paula, [socket]) == [socket]


def test_without_a_class_there_is_nobody_to_ask(world, alice):
    world.classroom.students.clear()
    page = alice.get(f"/sessions/{world.session.pk}/hand/").content.decode()
    assert "Ask your instructor" not in page


LAB_PAGE = "/labs/ping-and-netcat/"


@pytest.fixture
def over(world, alice) -> HelpRequest:
    """A hand that may be watched, in a session that has ended since; the shell's row still says it runs."""
    alice.post(door(world, "raise"), {"text": "Why no reply?", "watch": "on"})
    LabSession.objects.filter(pk=world.session.pk).update(state=SessionState.ENDED)
    return HelpRequest.objects.get()


def test_the_queue_says_that_a_session_has_ended_and_offers_nothing_to_watch(world, alice, teacher):
    alice.post(door(world, "raise"), {"text": "Why no reply?", "watch": "on"})
    assert "the session has ended" not in queue(world, teacher)
    LabSession.objects.filter(pk=world.session.pk).update(state=SessionState.ENDED)

    page = queue(world, teacher)

    assert "Why no reply?" in page and "the session has ended" in page and "/answer/" in page
    assert "Watch the terminal" not in page
    watch = f"/classes/{world.classroom.pk}/hands/{HelpRequest.objects.get().pk}/watch/"
    assert teacher.get(watch).status_code == 404


def test_the_answer_to_a_hand_of_an_ended_session_stands_on_the_lab_page(world, alice, teacher, over):
    teacher.post(f"/classes/{world.classroom.pk}/hands/{over.pk}/answer/", {"text": "Look at the policy."})

    page = alice.get(LAB_PAGE).content.decode()

    assert "Your hand is still up" in page and "Look at the policy." in page
    alice.post(door(world, "change"), {"act": "close"})
    assert "Your hand is still up" not in alice.get(LAB_PAGE).content.decode()


def test_in_a_new_session_the_hand_is_still_up_and_a_new_one_takes_its_place(world, alice, over):
    fresh = make_session(world.attempt)
    assert "Your hand is still up" in alice.get(f"/sessions/{fresh.pk}/hand/").content.decode()

    alice.post(f"/sessions/{fresh.pk}/hand/raise/", {"text": "And now?"})

    assert [each.text for each in HelpRequest.objects.filter(closed_at=None)] == ["And now?"]
    assert deeds(over)[-1] == ("alice", HelpDeed.CLOSED)


def test_an_ended_session_has_no_hand_to_raise_and_nothing_to_lend(world, alice, over):
    page = alice.get(f"/sessions/{world.session.pk}/hand/").content.decode()

    assert page.count("Solved: lower the hand") == 1
    assert "Stop the watching" not in page and "Ask your instructor" not in page
