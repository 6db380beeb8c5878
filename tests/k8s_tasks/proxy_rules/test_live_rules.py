"""kube-proxy's rules of a session, read from the real node."""

import pytest

from curriculum.course import get_course
from curriculum.domain import start_attempt
from k8s_tasks.cluster.as_student import AsStudent
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.preparing import session_labels
from k8s_tasks.proxy_rules.drawing import Part, pictures
from k8s_tasks.proxy_rules.reading import look
from k8s_tasks.texts import read_objects
from tests.k8s_tasks.live import prepared, real_cluster, run_step
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
LAB = "service-kinds"


@pytest.fixture
def sitting(stack, student, redis_client):
    real_cluster(stack)
    with prepared(start_attempt(student, get_course().lab(LAB))) as session:
        run_step(session, step("cluster-ip"), student)
        yield session


def step(key: str):
    return get_course().lab(LAB).step(key)


def drawn(session) -> dict:
    """By Service, the picture of the second worker node's rules."""
    seen = on_loop(_look(session))
    pods = {each["address"]: each["name"] for each in session.bindings["pods"]}
    return {each.service: each for each in pictures(seen.rules, pods)}


async def _look(session):
    api = await api_of(session.cluster.kubeconfig_path)
    return await look(api, "redes-worker2", session.namespaces)


def count(picture, part: Part) -> dict:
    return {spot.pod or spot.id: spot.counted for spot in picture.spots if spot.part == part}


def test_the_rules_are_there_as_soon_as_the_service_is_and_count_what_is_sent(sitting, student):
    (web,) = drawn(sitting).values()
    assert web.service == f"{sitting.namespace}/web:http"
    assert count(web, Part.ENDPOINT) == {"web1": 0, "web2": 0}

    run_step(sitting, step("by-address"), student)
    run_step(sitting, step("by-address"), student)

    (web,) = drawn(sitting).values()
    assert sum(count(web, Part.ENDPOINT).values()) == 2
    # The door's rule stands in a chain that is written anew when anybody's Service changes.
    assert list(count(web, Part.CHOICE).values()) == [2]


def test_without_endpoints_the_door_leads_to_a_refusal(sitting, student):
    text = get_course().lab(LAB).objects["cluster-ip"]
    nobody = text.replace("app: web", "app: nobody").replace(
        "${port}", str(sitting.attempt.parameters["port"])
    )
    on_loop(_apply(sitting, nobody))

    # The endpoints follow the Service in their own time; the page is told when they do.
    assert until(lambda: refused(sitting)) == {"REJECT": 0}


def refused(session) -> dict:
    """What the door leads to, once it leads to no endpoint any more."""
    (web,) = drawn(session).values()
    return {} if count(web, Part.ENDPOINT) else count(web, Part.REFUSAL)


async def _apply(session, text: str) -> None:
    api = await api_of(session.cluster.kubeconfig_path)
    as_student = AsStudent(api, session.namespace, session_labels(str(session.pk)))
    for written in read_objects(text):
        await as_student.apply(written.value)


def test_a_neighbours_services_are_not_in_it(sitting, django_user_model, redis_client):
    neighbour = django_user_model.objects.create_user("beto")
    with prepared(start_attempt(neighbour, get_course().lab(LAB))) as other:
        run_step(other, step("cluster-ip"), neighbour)
        assert list(drawn(other)) == [f"{other.namespace}/web:http"]
        assert list(drawn(sitting)) == [f"{sitting.namespace}/web:http"]
