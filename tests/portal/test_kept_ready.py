"""Labs of which sessions are kept ready: the administrator's page, and the click that finds one."""

import uuid

import pytest

from curriculum.course import get_course
from curriculum.domain import sync_labs
from curriculum.models import Attempt, Lab
from k8s_tasks.enums import SessionState
from k8s_tasks.models import KeptReady, SpareSession
from tests.pods import NODES, pod

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

PAGE = "/labs/ping-and-netcat/"
ADD = "/admin/k8s_tasks/keptready/add/"


@pytest.fixture
def panel(world, visit, healthy):
    return visit(world.root)


@pytest.fixture
def spare(world) -> SpareSession:
    lab = get_course().lab("ping-and-netcat")
    cluster = world.session.cluster
    return SpareSession.objects.create(
        lab=world.attempt.lab,
        lab_version=lab.version,
        seed=7,
        cluster=cluster,
        cluster_uid=cluster.uid,
        namespace=f"ping-and-netcat-{uuid.uuid4().hex[:8]}",
        is_ready=True,
        bindings={"nodes": NODES, "pods": [pod("ana", 1), pod("beto", 1, 3), pod("carla", 2)]},
    )


def test_a_click_finds_the_session_ready_and_asks_no_worker(world, queued, visit, spare):
    browser = visit(world.bob)
    browser.post(f"{PAGE}start/")

    attempt = Attempt.objects.get(student=world.bob)
    session = attempt.sessions.get()
    assert (session.pk, session.state, attempt.seed) == (spare.pk, SessionState.READY, 7)
    assert queued == []
    assert 'data-state="ready"' in browser.get(PAGE).content.decode()


def test_who_goes_on_with_an_attempt_has_one_prepared_for_its_own_seed(world, queued, visit, spare):
    world.session.state = SessionState.ENDED
    world.session.save()

    visit(world.alice).post(f"{PAGE}start/")

    session = world.attempt.sessions.latest("created_at")
    assert (session.state, queued) == (SessionState.PREPARING, ["prepare_session"])
    assert SpareSession.objects.count() == 1


def test_an_administrator_says_of_which_lab_how_many(panel, world):
    sync_labs(get_course())
    lab = Lab.objects.get(slug="ping-and-netcat")

    assert panel.post(ADD, {"lab": lab.pk, "count": "3"}).status_code == 302

    assert KeptReady.objects.get().count == 3
    assert "1.2" in panel.get("/admin/k8s_tasks/keptready/").content.decode()


def test_a_lab_that_cannot_wait_for_nobody_is_refused_with_the_reason(panel, world):
    sync_labs(get_course())
    dealing = next(lab for lab in get_course().labs if lab.deck)

    page = panel.post(ADD, {"lab": Lab.objects.get(slug=dealing.slug).pk, "count": "3"})

    assert "deals a card" in page.content.decode()
    assert not KeptReady.objects.exists()
