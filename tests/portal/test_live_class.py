"""A class as it works: where everybody stands, why some are stuck, and a word to all of them at once."""

import json

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curriculum.course import get_course
from curriculum.domain import start_attempt, store_pass
from k8s_tasks.models import ConditionResult
from k8s_tasks.redis_keys import session_events
from k8s_tasks.streams import publish_notice
from portal.models import Note, User
from portal.overview import cells_of, stuck_of
from tests.portal.conftest import make_run, make_session, make_student

SEEN = {"en": "Seen.", "pt-br": "Visto."}


@pytest.fixture
def teacher(world, visit):
    return visit(world.paula)


def fail(
    session, condition: str, code: str = "not-captured", verdict: str = "fail", why: str = "No packet yet."
):
    run = make_run(session, step="")
    ConditionResult.objects.create(
        run=run,
        attempt=session.attempt,
        condition=condition,
        verdict=verdict,
        code=code,
        reason={"en": why, "pt-br": why},
    )


@pytest.fixture
def classmates(world, lab):
    """Three more students of the class, each with a session of the lab."""
    made = []
    for name in ("carol", "dave", "eve"):
        student = make_student(name)
        world.classroom.students.add(student)
        made.append(make_session(start_attempt(student, lab)))
    return made


def cell(world, lab, student=None):
    student = student or world.alice
    return cells_of([student], [lab])[student.pk][0]


def test_a_cell_goes_from_not_begun_over_stuck_to_proven(world, lab):
    first, *rest = (condition.key for condition in lab.conditions)
    assert cell(world, lab, world.bob).state == "none"
    assert cell(world, lab).state == "working"
    fail(world.session, first, verdict="undecided")
    assert cell(world, lab).state == "undecided"
    fail(world.session, first)
    found = cell(world, lab)
    assert (found.state, found.reason, found.proven, found.total) == ("stuck", "No packet yet.", 0, 5)
    store_pass(world.attempt, first, SEEN, {})
    assert (cell(world, lab).state, cell(world, lab).proven) == ("working", 1)
    for key in rest:
        store_pass(world.attempt, key, SEEN, {})
    assert cell(world, lab).state == "proven"


def test_a_new_try_is_shown_and_the_old_ones_counted(world, lab):
    fail(world.session, lab.conditions[0].key)
    start_attempt(world.alice, lab)
    assert (cell(world, lab).state, cell(world, lab).attempts) == ("working", 2)


def test_those_who_are_stuck_in_one_way_are_told_together(world, lab, classmates):
    first, second = (condition.key for condition in lab.conditions[:2])
    for session in classmates:
        fail(session, first, why=f"No packet of {session.attempt.student} yet.")
    fail(world.session, first, code="dropped")
    fail(classmates[0], second)
    store_pass(classmates[2].attempt, first, SEEN, {})

    groups = [
        (each.condition, each.code, [str(s) for s in each.students]) for each in stuck_of(world.classroom)
    ]
    assert groups[0] == (first, "not-captured", ["carol", "dave"])
    assert sorted(groups[1:]) == sorted([(first, "dropped", ["alice"]), (second, "not-captured", ["carol"])])


def test_an_undecided_check_is_nobodys_fault_and_no_group(world, lab):
    fail(world.session, lab.conditions[0].key, verdict="undecided", code="")
    assert stuck_of(world.classroom) == []


def test_a_hint_goes_to_those_who_are_stuck_now_and_to_nobody_else(
    world, lab, classmates, teacher, redis_client
):
    first = lab.conditions[0].key
    fail(classmates[0], first)
    fail(classmates[1], first)
    (group,) = stuck_of(world.classroom)
    Note.objects.all().delete()

    teacher.post(
        f"/classes/{world.classroom.pk}/note/", {"group": group.key, "text": "Start the capture first."}
    )

    assert sorted(str(note.student) for note in Note.objects.all()) == ["carol", "dave"]
    told = [bool(redis_client.exists(session_events(each.pk))) for each in [*classmates, world.session]]
    assert told == [True, True, False, False]


@pytest.mark.parametrize("facts", [{"text": " "}, {"text": "x", "group": "no:such:group"}])
def test_nothing_is_sent_without_words_or_to_a_group_that_is_gone(world, teacher, facts):
    Note.objects.all().delete()
    assert teacher.post(f"/classes/{world.classroom.pk}/note/", facts).status_code == 302
    assert not Note.objects.exists()


def test_a_note_stands_on_the_lab_page_until_it_is_put_away(world, visit, redis_client):
    alice = visit(world.alice)
    assert "Look at the TTL." in alice.get(f"/labs/{world.note.lab}/").content.decode()
    assert "Look at the TTL." not in visit(world.bob).get("/notes/").content.decode()
    alice.post(f"/notes/{world.note.pk}/put-away/")
    assert "Look at the TTL." not in alice.get("/notes/").content.decode()
    assert visit(world.bob).post(f"/notes/{world.note.pk}/put-away/").status_code == 404


def test_what_is_written_is_text(world, visit):
    Note.objects.update(text="<script>alert(1)</script>")
    assert "<script>alert" not in visit(world.alice).get("/notes/").content.decode()


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
async def test_a_cell_comes_drawn_when_something_happens_and_only_that_one(
    world, lab, dial, redis_client, classmates
):
    socket = dial(f"/ws/classes/{world.classroom.pk}/", world.paula)
    assert await socket.connect()
    assert await socket.receive_nothing(timeout=0.1)

    await sync_to_async(fail)(world.session, lab.conditions[0].key)
    await sync_to_async(publish_notice)(world.session.pk, "verdicts", {})

    told = json.loads(await socket.receive())
    assert list(told["cells"]) == [f"cell-{world.alice.pk}-{lab.slug}"]
    assert 'data-state="stuck"' in told["cells"][f"cell-{world.alice.pk}-{lab.slug}"]
    await socket.disconnect()


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("chosen", "browser", "told"), [("", "en-US", "Just now"), ("pt-br", "en", "Agora há")]
)
async def test_a_cell_is_drawn_in_the_language_of_its_page(world, dial, redis_client, chosen, browser, told):
    world.paula.language = chosen
    await world.paula.asave()
    socket = dial(f"/ws/classes/{world.classroom.pk}/", world.paula, language=browser)
    assert await socket.connect()
    assert await socket.receive_nothing(timeout=0.1)

    await sync_to_async(publish_notice)(world.session.pk, "run", {})

    [cell] = json.loads(await socket.receive())["cells"].values()
    assert told in cell
    await socket.disconnect()


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
async def test_what_happens_in_another_class_is_not_told(world, lab, dial, redis_client):
    session = await sync_to_async(lambda: make_session(start_attempt(world.bob, lab)))()
    socket = dial(f"/ws/classes/{world.classroom.pk}/", world.paula)
    assert await socket.connect()
    assert await socket.receive_nothing(timeout=0.1)
    await sync_to_async(publish_notice)(session.pk, "verdicts", {})
    await sync_to_async(publish_notice)(world.session.pk, "run", {})

    told = json.loads(await socket.receive())

    assert all(key.startswith(f"cell-{world.alice.pk}-") for key in told["cells"])
    await socket.disconnect()


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
async def test_a_hand_raised_in_a_lab_that_is_not_assigned_is_told_too(world, lab, dial, redis_client):
    """Its page then asks for the hands, though no cell has moved."""
    await world.classroom.assignments.all().aupdate(lab=get_course().labs[-1].slug)
    socket = dial(f"/ws/classes/{world.classroom.pk}/", world.paula)
    assert await socket.connect()
    assert await socket.receive_nothing(timeout=0.1)

    await sync_to_async(publish_notice)(world.session.pk, "help", {})

    assert json.loads(await socket.receive())["cells"] == {}
    await socket.disconnect()


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
async def test_a_burst_is_drawn_once(world, dial, redis_client):
    socket = dial(f"/ws/classes/{world.classroom.pk}/", world.paula)
    assert await socket.connect()
    assert await socket.receive_nothing(timeout=0.1)
    for _ in range(50):
        await sync_to_async(publish_notice)(world.session.pk, "run", {})
    messages = 0
    while not await socket.receive_nothing(timeout=1):
        await socket.receive()
        messages += 1
    assert 1 <= messages <= 5
    await socket.disconnect()


def test_a_class_of_two_hundred_is_read_with_as_many_queries_as_one_of_three(world, lab, classmates, teacher):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert teacher.get(f"/classes/{world.classroom.pk}/live/").status_code == 200
        return len(found)

    few = queries()
    students = User.objects.bulk_create(
        User(username=f"s{number}", first_name=f"S{number}") for number in range(196)
    )
    world.classroom.students.add(*students)
    for student in students[:20]:
        for each in get_course().labs[:3]:
            start_attempt(student, each)
    assert queries() == few
