"""Traffic in the background, by real packets: it begins with the session, the student cannot touch it,
and it ends with the session."""

import pytest

from curriculum.course import get_course
from curriculum.domain import start_attempt
from k8s_tasks import preparing
from k8s_tasks.cluster.api import student_identity
from k8s_tasks.cluster.errors import Refused
from k8s_tasks.cluster.objects import list_pods
from k8s_tasks.domain.sessions import end_session
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.verifying import begin_round, facts_of
from tests import workshop
from tests.k8s_tasks.live import prepared, real_cluster

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

NETCAT = 'command: [nc, -lk, "8080"]'
TRAFFIC = """
background:
  - {name: visitor, node: 1, protocol: http, to: "${web.ip}", port: "8080", every: 0.2, payload: "/${word}"}
  - {name: regular, node: 2, protocol: http, to: "${web.ip}", port: "8080", every: 0.2, keep: true}
  - {name: caller, node: 1, protocol: tcp, to: "${web.ip}", port: "8080", every: 0.2, payload: "call ${word}"}
  - {name: sensor, node: 2, protocol: udp, to: "${ana.ip}", port: "8080", every: 0.2, payload: "say ${word}"}
"""


@pytest.fixture
def lab(tmp_path, settings):
    course = workshop.write_course(tmp_path)
    path = course / "01-workshop" / workshop.LAB / "lab.yaml"
    path.write_text(path.read_text() + TRAFFIC)
    pods = path.parent / "manifests" / "pods.yaml"
    pods.write_text(pods.read_text().replace(NETCAT, 'command: [redes-web, "8080"]'))
    settings.OPTIONS = settings.OPTIONS | {"COURSE": course}
    get_course.cache_clear()
    yield get_course().lab(workshop.LAB)
    get_course.cache_clear()


@pytest.fixture
def sitting(stack, student, lab, redis_client):
    real_cluster(stack)
    with prepared(start_attempt(student, lab)) as session:
        yield session


@pytest.fixture
def api(sitting):
    return on_loop(api_of(sitting.cluster.kubeconfig_path))


@pytest.fixture
def seen(sitting, lab, api):
    """Conversations at a pod that a talker began, once `is_enough` of its packets."""

    def seen(talker: str, at: str, is_enough) -> list:
        facts = facts_of(sitting, lab)

        async def look():
            round = await begin_round(api, lab.conditions, facts)
            address = round.place(talker).address

            def sent(observation):
                return [each for each in observation.seen_at(at) if each.source == address]

            return sent(await round.look_until([at], lambda now: is_enough(sent(now)), seconds=10))

        return on_loop(look())

    return seen


def payloads(packets: list) -> list[bytes]:
    return [each.payload for each in packets if getattr(each, "payload", b"")]


def opened(packets: list) -> int:
    return sum(each.is_syn for each in packets)


def test_requests_come_one_connection_each(seen, sitting):
    sent = seen("visitor", "web", lambda packets: len(payloads(packets)) >= 3)
    word = sitting.attempt.parameters["word"].encode()
    assert all(f"GET /{word.decode()} ".encode() in each for each in payloads(sent))
    assert opened(sent) >= 3


def test_a_kept_connection_carries_all_requests(seen):
    sent = seen("regular", "web", lambda packets: len(payloads(packets)) >= 4)
    assert len(payloads(sent)) >= 4
    assert opened(sent) <= 1


def test_lines_come_over_tcp(seen, sitting):
    sent = seen("caller", "web", lambda packets: len(payloads(packets)) >= 2)
    assert f"call {sitting.attempt.parameters['word']}\n".encode() in payloads(sent)


def test_messages_come_over_udp(seen, sitting):
    sent = seen("sensor", "ana", lambda packets: len(payloads(packets)) >= 2)
    assert set(payloads(sent)) == {f"say {sitting.attempt.parameters['word']}\n".encode()}


def test_the_student_sees_them_and_cannot_touch_them(api, sitting):
    world = f"/api/v1/namespaces/{sitting.namespace}-world/pods"
    as_student = {"as_user": student_identity(sitting.namespace)}
    listed = on_loop(api.request("GET", world, **as_student))
    assert [pod["metadata"]["name"] for pod in listed["items"]] == ["caller", "regular", "sensor", "visitor"]
    for method, path in (("DELETE", f"{world}/visitor"), ("POST", f"{world}/visitor/exec"), ("POST", world)):
        with pytest.raises(Refused, match="student"):
            on_loop(api.request(method, path, body={}, **as_student))


def test_they_are_drawn_as_the_platforms(sitting):
    drawn = {pod["name"]: pod["background"] for pod in sitting.bindings["pods"]}
    own = {"ana": False, "web": False}
    assert drawn == own | dict.fromkeys(("caller", "regular", "sensor", "visitor"), True)


def test_they_end_with_the_session(api, sitting):
    end_session(sitting, "enough")
    preparing.clear_session(sitting.pk)
    pods, _version = on_loop(list_pods(api, namespace=f"{sitting.namespace}-world"))
    assert all(pod["metadata"].get("deletionTimestamp") for pod in pods)
