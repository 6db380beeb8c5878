"""An administrator opens a student's session: read-only, on record, and a terminal only if it is allowed."""

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.models import LabSession, Run
from k8s_tasks.on_record import told
from portal.models import HelpDeed, HelpRequest
from tests.portal.permissions import DOORS
from tests.portal.test_doors import knock

SUBJECTS = ("session", "step", "prediction", "run")
ACTS = [name for name, door in DOORS.items() if "post" in door.methods and door.subject in SUBJECTS]
pytestmark = pytest.mark.usefixtures("courses")


@pytest.fixture(autouse=True)
def open_terminal(world, redis_client):
    Run.objects.filter(pk=world.terminal.pk).update(state=RunState.RUNNING)


@pytest.fixture
def root(world, visit, healthy):
    return visit(world.root)


def look(world, browser):
    return browser.get(f"/sessions/{world.session.pk}/look/")


def allow_watching(world) -> None:
    HelpRequest.objects.filter(pk=world.hand.pk).update(watch_given_at=timezone.now())


def test_the_page_is_the_students_and_says_so(world, root):
    page = look(world, root).content.decode()

    assert "the lab page of alice, read-only" in page
    assert "Why no reply?" in page and f'data-run="{world.run.pk}"' in page
    assert f"/ws/sessions/{world.session.pk}/" in page


def forms_to_this_lab(world, page: str) -> list[str]:
    places = (f'action="/sessions/{world.session.pk}', f'hx-post="/sessions/{world.session.pk}', "/start/")
    return [place for place in places if place in page]


def test_nothing_on_the_page_acts(world, root, visit):
    page = look(world, root).content.decode()
    own = visit(world.alice).get("/labs/ping-and-netcat/").content.decode()

    assert forms_to_this_lab(world, own)[:2] and 'id="terminal"' in own
    assert forms_to_this_lab(world, page) == [] and 'id="terminal"' not in page


def test_what_the_page_renews_does_not_act_either(world, root):
    for part in ("status/", "verdicts/", "steps/addresses/", "steps/predict-ttl/"):
        answer = root.get(f"/sessions/{world.session.pk}/{part}")
        assert answer.status_code == 200
        assert forms_to_this_lab(world, answer.content.decode()) == [], part


@pytest.mark.parametrize("name", ACTS)
def test_the_server_refuses_every_act(world, visit, asked, name):
    assert knock(world, visit, name, "root", "post").status_code == 404
    assert asked.acts == []


def test_that_it_was_opened_is_on_record(world, root):
    look(world, root)

    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (world.root, str(world.session.pk))
    assert told(entry) == "Opened read-only."


def test_a_session_that_is_over_is_read_too(world, root):
    LabSession.objects.filter(pk=world.session.pk).update(state=SessionState.ENDED)

    page = look(world, root).content.decode()

    assert "read-only" in page and forms_to_this_lab(world, page) == []


def test_an_administrators_own_session_is_opened_as_ever(world, root):
    world.attempt.student = world.root
    world.attempt.save()

    assert look(world, root).url == "/labs/ping-and-netcat/"
    assert not LogEntry.objects.exists()


def test_a_terminal_is_the_students_alone(world, root):
    page = look(world, root).content.decode()

    assert "It is the student&#x27;s alone" in page or "It is the student's alone" in page
    assert root.get(f"/sessions/{world.session.pk}/look/terminal/").status_code == 404
    assert root.get(f"/runs/{world.terminal.pk}/").status_code == 404
    assert root.get(f"/runs/{world.terminal.pk}/cast/").status_code == 404


def test_a_terminal_is_watched_while_it_is_allowed_and_its_student_reads_that(world, root):
    allow_watching(world)

    assert f"/sessions/{world.session.pk}/look/terminal/" in look(world, root).content.decode()
    answer = root.get(f"/sessions/{world.session.pk}/look/terminal/")

    assert f"/ws/watched/{world.terminal.pk}/" in answer.content.decode()
    assert [(each.person, each.deed) for each in world.hand.log.all()] == [(world.root, HelpDeed.WATCHED)]


def test_the_panel_leads_there(world, root):
    address = f"/sessions/{world.session.pk}/look/"

    for page in ("", f"{world.session.pk}/change/"):
        assert address in root.get(f"/admin/k8s_tasks/labsession/{page}").content.decode()
