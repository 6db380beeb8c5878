"""Sessions that wait ready: who gets one, when they are made, and when they are thrown away."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from curriculum.course import get_course
from curriculum.domain import start_attempt, sync_labs
from curriculum.enums import Scope
from curriculum.models import Lab
from k8s_tasks.domain import spares
from k8s_tasks.domain.clusters import mark_ill
from k8s_tasks.domain.sessions import begin_attempt, start_session, update_pods
from k8s_tasks.domain.spares import offer_spare, tend_spares, why_not_kept
from k8s_tasks.enums import SessionState
from k8s_tasks.models import Cluster, KeptReady, LabSession, SpareSession
from k8s_tasks.sweeping import namespaces_without_session, sessions_over
from tests.pods import NODES, pod

pytestmark = pytest.mark.django_db(transaction=True)

PODS = [pod("ana", 1), pod("beto", 1, 3), pod("carla", 2)]


@pytest.fixture(autouse=True)
def asked(monkeypatch, redis_client) -> list:
    """The tasks that workers were asked for."""
    asked = []
    monkeypatch.setattr(spares, "enqueue", lambda task, id, **more: asked.append(task))
    return asked


@pytest.fixture
def keep(lab, cluster):
    """keep(2): so many sessions of lab 1.2 are wanted ready."""

    def keep(count: int) -> KeptReady:
        sync_labs(get_course())
        row = Lab.objects.get(slug=lab.slug)
        return KeptReady.objects.update_or_create(lab=row, defaults={"count": count})[0]

    return keep


@pytest.fixture
def fill(keep):
    """fill(2): so many wait ready."""

    def fill(count: int) -> list[SpareSession]:
        keep(count)
        for _ in range(count):
            tend_spares()
            for spare in SpareSession.objects.filter(is_ready=False):
                offer_spare(spare, uid="one", bindings={"nodes": NODES, "pods": PODS})
        return list(SpareSession.objects.all())

    return fill


def waiting() -> int:
    return SpareSession.objects.count()


def age(**time) -> None:
    SpareSession.objects.update(created_at=timezone.now() - timedelta(**time))


def test_none_wait_unless_somebody_wants_it(lab, cluster, asked):
    tend_spares()
    assert (waiting(), asked) == (0, [])


def test_a_click_finds_a_session_ready_with_the_seed_it_was_prepared_for(fill, student, lab):
    (spare,) = fill(1)

    attempt = begin_attempt(student, lab)

    session = start_session(attempt)
    assert (session.state, session.pk, session.namespace) == (SessionState.READY, spare.pk, spare.namespace)
    assert (attempt.seed, session.bindings["pods"]) == (spare.seed, PODS)
    assert (session.expires_at - timezone.now()) > timedelta(minutes=59)
    assert waiting() == 0


def test_each_has_a_seed_and_a_namespace_of_its_own(fill):
    found = fill(3)
    assert len({each.seed for each in found}) == len({each.namespace for each in found}) == 3


def test_without_one_an_attempt_begins_as_ever(student, lab, cluster):
    attempt = begin_attempt(student, lab)
    assert not attempt.sessions.exists()


def test_who_may_have_no_more_takes_none(fill, student, lab, cluster, redis_client):
    for _ in range(2):
        start_session(start_attempt(student, lab))
    redis_client.delete("verify")  # a worker has prepared them
    fill(1)
    assert not begin_attempt(student, lab).sessions.exists()
    assert waiting() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_two_clicks_at_once_never_get_the_same(fill, lab, count):
    fill(count)
    people = [get_user_model().objects.create_user(f"p{number}") for number in range(4)]
    together, found, broken = threading.Barrier(len(people)), [], []

    def click(person) -> None:
        together.wait(30)
        try:
            found.append(begin_attempt(person, lab))
        except Exception as error:
            broken.append(error)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click, args=[person]) for person in people]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join(60)

    assert (broken, len(found), waiting()) == ([], 4, 0)
    assert len({session.namespace for session in LabSession.objects.all()}) == count


def test_what_was_taken_is_made_again(fill, student, lab, asked):
    fill(1)
    begin_attempt(student, lab)
    asked.clear()
    tend_spares()
    assert (waiting(), asked) == (1, ["prepare_spare"])


def test_only_two_are_prepared_at_once_and_none_while_students_wait(keep, redis_client):
    keep(5)
    for _ in range(4):
        tend_spares()
    assert waiting() == 2
    SpareSession.objects.update(is_ready=True, cluster_uid="one")
    redis_client.rpush("verify", "a student's")
    tend_spares()
    assert waiting() == 2


def stop_offering(cluster):
    Cluster.objects.update(takes_new=False)


def fall_ill(cluster):
    mark_ill(cluster, "refused")


def become_another(cluster):
    Cluster.objects.update(uid="two")


def change_the_course(cluster):
    SpareSession.objects.update(lab_version="of yesterday")


def grow_old(cluster):
    age(minutes=61)


def be_wanted_no_more(cluster):
    KeptReady.objects.all().delete()


@pytest.mark.parametrize(
    "happens", [stop_offering, fall_ill, become_another, change_the_course, grow_old, be_wanted_no_more]
)
def test_what_is_stale_is_not_given_and_is_thrown_away(fill, cluster, student, lab, asked, happens):
    (old,) = fill(1)
    happens(cluster)
    if happens not in (grow_old, be_wanted_no_more):  # they would do, and go because others are wanted
        assert not begin_attempt(student, lab).sessions.exists()
    tend_spares()
    assert not SpareSession.objects.filter(pk=old.pk).exists()
    assert "clear_spare" in asked


def test_one_that_is_not_prepared_in_time_is_made_anew(keep, asked):
    keep(1)
    tend_spares()
    age(minutes=4)
    asked.clear()
    tend_spares()
    assert asked == ["clear_spare", "prepare_spare"]


def test_after_a_failure_the_administrator_reads_why_and_the_next_one_waits(keep, asked):
    kept = keep(1)
    tend_spares()
    spares.give_up_spare(SpareSession.objects.get(), "no image")
    asked.clear()
    tend_spares()
    kept.refresh_from_db()
    assert (kept.failure, waiting(), asked) == ("no image", 0, [])


def test_they_take_no_place_a_student_needs(fill, keep, student, lab, cluster, asked):
    Cluster.objects.update(capacity=2)
    fill(2)
    keep(3)
    tend_spares()
    assert waiting() == 2  # they count, so there is no place for a third

    other = get_course().lab("network-namespaces")
    start_session(start_attempt(student, other), cluster=Cluster.objects.get())

    assert (waiting(), LabSession.objects.count()) == (1, 1)
    assert asked.count("clear_spare") == 1
    tend_spares()
    assert waiting() == 1


def test_who_gets_a_whole_cluster_finds_none_on_it(fill, student, cluster, asked):
    fill(2)
    whole = next(lab for lab in get_course().labs if lab.scope == Scope.EXCLUSIVE and not lab.rights)
    start_session(start_attempt(student, whole), cluster=cluster)
    tend_spares()
    assert (waiting(), asked.count("clear_spare")) == (0, 2)


def test_a_pod_that_is_no_longer_what_was_prepared_costs_the_whole(fill):
    (spare,) = fill(1)
    update_pods(spare.namespace, [*PODS, pod("another", 2, 7)])
    assert waiting() == 1
    update_pods(spare.namespace, [pod("ana", 1, 9), *PODS[1:]])
    assert waiting() == 0


def test_the_sweep_leaves_its_namespace_alone(fill):
    (spare,) = fill(1)
    assert namespaces_without_session([spare.namespace, "lab-00000000"]) == ["lab-00000000"]


def test_the_sweep_ends_no_captures_of_a_spare_or_of_another_portal(fill):
    (spare,) = fill(1)
    now, stranger, forgotten = timezone.now(), uuid4(), uuid4()
    began = {spare.pk: now - timedelta(days=3), stranger: now, forgotten: now - timedelta(days=2)}
    assert sessions_over(began) == [forgotten]


def test_only_labs_that_can_wait_for_nobody_are_kept():
    course = get_course()
    refused = {lab.slug for lab in course.labs if why_not_kept(lab)}
    assert "ping-and-netcat" not in refused
    assert refused >= {lab.slug for lab in course.labs if lab.deck or lab.background}
