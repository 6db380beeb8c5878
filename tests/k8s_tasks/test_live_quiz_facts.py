"""What a quiz reads in a real session: the cluster's own values, and nothing where there is nothing yet."""

import ipaddress

import pytest

from curriculum.course import get_course
from curriculum.domain import start_attempt
from curriculum.quizzes import draw, live_questions
from k8s_tasks.checks.conversations import conversations
from k8s_tasks.checks.round import Facts
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.measuring import preflight
from k8s_tasks.models import Cluster
from k8s_tasks.quiz_facts import look
from k8s_tasks.verifying import begin_round, facts_of
from tests.k8s_tasks.live import prepared, real_cluster, run_step
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

# What a student must have made first; elsewhere the session has it all from the start.
STEPS = {"nodeport": "random"}


@pytest.fixture
def sit(stack, student, redis_client):
    """A function: the student's session at this lab, on a cluster that was measured where the lab asks."""
    cluster = real_cluster(stack)

    def sit(slug: str):
        lab = get_course().lab(slug)
        if lab.requires:
            preflight(str(cluster.pk))
            cluster.refresh_from_db()
            Cluster.objects.filter(pk=cluster.pk).update(uid=cluster.measured_uid)
        return prepared(start_attempt(student, lab))

    return sit


def questions_read_in(slug: str) -> list:
    chapter = next(each for each in get_course().chapters if slug in [lab.slug for lab in each.labs])
    return [question for question in live_questions(chapter.quiz) if slug in question.live.labs]


def question(chapter: str, key: str):
    return get_course().chapter(chapter).quiz.question(key)


def test_without_a_session_nothing_is_read(student):
    assert look(student, question("foundations", "largest-ping").live).why == "no-session"


@pytest.mark.parametrize(
    "slug",
    ["mtu", "nodeport", "packet-loss", "block-namespaces", "open-connections", "capture-a-pod", "l4-and-l7"],
)
def test_every_fact_of_a_quiz_can_be_read_in_its_lab(sit, student, slug):
    with sit(slug) as session:
        if slug in STEPS:
            run_step(session, get_course().lab(slug).step(STEPS[slug]), student)
        for each in questions_read_in(slug):
            seen = until(lambda each=each: found(look(student, each.live)), seconds=20)
            assert seen.lab == slug
            assert draw(each, 1, seen.values).truth


def found(seen):
    """kube-proxy and the endpoints follow an object within a second or two."""
    assert seen.why in ("", "not-there"), seen
    return seen if seen.values else None


def test_what_is_read_is_what_the_cluster_has(sit, student):
    with sit("mtu") as session:
        pods = {each["name"]: each for each in session.bindings["pods"]}

        seen = look(student, question("foundations", "route-that-wins").live)
        assert ipaddress.ip_address(pods["carla"]["address"]) in ipaddress.ip_network(seen.values["range"])

        seen = look(student, question("foundations", "largest-ping").live)
        assert draw(question("foundations", "largest-ping"), 1, seen.values).truth == "1472"


def test_who_asked_is_whose_packets_came_to_the_pod(sit, student):
    asked = question("observability", "asked-for")
    lab = get_course().lab("capture-a-pod")
    with sit("capture-a-pod") as session:
        truth = draw(asked, 1, look(student, asked.live).values).truth
        run_step(session, lab.step("ask"), student)

        seen = on_loop(looked_at("web", session.cluster.kubeconfig_path, facts_of(session, lab)))
        talks = conversations(seen.seen_at("web"), None, seen.place("web").address, 8080)
        nonce = session.attempt.parameters["nonce"]
        assert [talk.client[0] for talk in talks if talk.carries(nonce)] == [truth]


async def looked_at(pod: str, kubeconfig: str, facts: Facts):
    """What the platform has captured there."""
    round = await begin_round(await api_of(kubeconfig), [], facts)
    return await round.look([pod])


def test_a_service_that_is_not_made_yet_is_not_there(sit, student):
    chains = question("addressing", "chains")
    with sit("kube-proxy") as session:
        assert look(student, chains.live).why == "not-there"

        run_step(session, get_course().lab("kube-proxy").step("service"), student)

        seen = until(lambda: found(look(student, chains.live)), seconds=20)
        assert until(lambda: draw(chains, 1, look(student, chains.live).values).truth == "3", seconds=20)
        assert seen.lab == "kube-proxy"
