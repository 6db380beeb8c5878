"""Sessions with a whole cluster each, by real netlabs: the same node port twice, and nothing that is left."""

import json
import os
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model

from curriculum.course import get_course
from curriculum.domain import start_attempt
from curriculum.quizzes import draw
from deploy.local import netlabs
from k8s_tasks import preparing
from k8s_tasks.cluster.agent import agents_by_node
from k8s_tasks.cluster.api import MERGE, student_identity
from k8s_tasks.cluster.errors import Refused
from k8s_tasks.domain.capabilities import capability_of
from k8s_tasks.domain.placing import queue_note, serve_queue, tend_own_netlabs
from k8s_tasks.domain.sessions import end_session, start_session
from k8s_tasks.domain.whole_clusters import register_own_netlabs
from k8s_tasks.enums import SessionState
from k8s_tasks.launching import own_folder
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.quiz_facts import look
from tests import workshop
from tests.k8s_tasks.live import run_step
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 8080, nodePort: 30000}]
"""


@pytest.fixture
def lab(tmp_path, settings):
    course = workshop.write_course(tmp_path)
    folder = course / "01-workshop" / workshop.LAB
    (folder / "manifests" / "service.yaml").write_text(SERVICE)
    text = (folder / "lab.yaml").read_text()
    (folder / "lab.yaml").write_text(text.replace("pods:", "scope: exclusive\nrights: [balancer]\npods:", 1))
    settings.OPTIONS = settings.OPTIONS | {"COURSE": course}
    get_course.cache_clear()
    yield get_course().lab(workshop.LAB)
    get_course.cache_clear()


@pytest.fixture
def twin(transactional_db, redis_client):
    """The netlab that everybody shares, as if it had been measured."""
    found = {"networkpolicy": {"state": "present", "reason": {"pt-br": "Vale.", "en": "It holds."}}}
    facts = {"uid": "shared", "measured_uid": "shared", "capabilities": found, "is_healthy": True}
    return Cluster.objects.create(name="netlab", kubeconfig_path="/nowhere", **facts)


@pytest.fixture(scope="module")
def images():
    subprocess.run([sys.executable, "-m", "netlab", "image", "build"], check=True, capture_output=True)


@pytest.fixture
def starter(twin, settings, images):
    folder = settings.STATE_DIR / "netlabs"
    folder.mkdir(exist_ok=True)
    command = [sys.executable, netlabs.__file__, "--folder", str(folder), "--count", "2"]
    process = subprocess.Popen(command)
    until(lambda: (folder / netlabs.SOCKET).exists())
    register_own_netlabs()
    yield process
    process.terminate()
    process.wait(30)


@pytest.fixture
def queue_up(lab, starter):
    def queue_up(name: str) -> LabSession:
        return start_session(start_attempt(get_user_model().objects.create_user(name, language="en"), lab))

    return queue_up


def watch_until(session: LabSession, state: SessionState) -> None:
    """Do what the watcher does until the session has come so far."""

    def look() -> bool:
        serve_queue()
        tend_own_netlabs()
        session.refresh_from_db()
        return session.state == state

    until(look)


def made_ready(session: LabSession) -> LabSession:
    watch_until(session, SessionState.PREPARING)
    preparing.prepare_session(str(session.pk))
    session.refresh_from_db()
    assert session.state == SessionState.READY, session.message
    return session


def knock(session: LabSession, port: str) -> int:
    """The exit code of a connection from the control plane to a worker's port."""

    kubeconfig = session.cluster.kubeconfig_path

    async def act():
        agents = await agents_by_node(await api_of(kubeconfig))
        worker = next(node for node in session.bindings["nodes"] if node["role"] == "worker")
        argv = ["nc", "-z", "-w", "2", worker["address"], port]
        return await agents["redes-worker"].run(argv, seconds=10)

    return on_loop(act()).exit_code


def pid_of(session: LabSession) -> int:
    return json.loads((own_folder(session.cluster.slot) / "run.json").read_text())["pid"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_sessions_use_node_port_30000_and_a_third_waits_for_its_turn(queue_up):
    first, second, third = (queue_up(name) for name in ("first", "second", "third"))
    for session in (first, second):
        made_ready(session)
        assert knock(session, "30000") == 0
    assert first.cluster != second.cluster
    assert first.cluster_uid != second.cluster_uid
    third.refresh_from_db()
    assert "Place in the queue: 1." in queue_note(third)
    pids = [pid_of(first), pid_of(second)]

    end_session(first, "enough")
    made_ready(third)
    assert third.cluster == first.cluster
    assert third.cluster_uid not in (first.cluster_uid, second.cluster_uid)
    assert not is_alive(pids[0])

    pids += [pid_of(third)]
    for session in (second, third):
        end_session(session, "enough")
    tend_own_netlabs()
    assert [is_alive(pid) for pid in pids] == [False, False, False]


def may(session: LabSession, method: str, path: str, **options) -> bool:
    """Whether the API server lets the session's student do this."""

    kubeconfig = session.cluster.kubeconfig_path

    async def act() -> bool:
        api = await api_of(kubeconfig)
        try:
            await api.request(method, path, as_user=student_identity(session.namespace), **options)
        except Refused:
            return False
        return True

    return on_loop(act())


def test_its_student_rules_the_balancer_and_nothing_else_outside(queue_up):
    session = made_ready(queue_up("first"))
    pools = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"
    assert may(session, "GET", pools) and may(session, "GET", "/api/v1/nodes")
    assert may(session, "PATCH", f"{pools}/redes", body={"spec": {"autoAssign": False}}, content_type=MERGE)
    label = {"metadata": {"labels": {"mine": "yes"}}}
    assert not may(session, "PATCH", "/api/v1/nodes/redes-worker", body=label, content_type=MERGE)
    assert not may(session, "GET", "/api/v1/namespaces/kube-system/secrets")
    assert not may(session, "GET", "/api/v1/namespaces/metallb-system/secrets")
    end_session(session, "enough")
    tend_own_netlabs()


def count_rules(session: LabSession, word: str) -> int:
    """How many rules of the second worker's table nat speak of it."""

    async def act():
        agents = await agents_by_node(await api_of(session.cluster.kubeconfig_path))
        return await agents["redes-worker2"].run(["iptables", "-t", "nat", "-S"], seconds=10)

    return on_loop(act()).stdout.decode().count(word)


def test_a_quiz_asks_for_the_rules_that_its_service_really_has(starter, twin):
    """Lab 6.3 has a whole cluster: what its question reads there, and whether the answer holds."""
    found = twin.capabilities | {"iptables": {"state": "present", "reason": {}}}
    Cluster.objects.filter(pk=twin.pk).update(capabilities=found)
    student = get_user_model().objects.create_user("sixth", language="en")
    lab = get_course().lab("kube-proxy-modes")
    asked = get_course().chapter("load-balancing").quiz.question("rules-of-a-port")
    session = made_ready(start_session(start_attempt(student, lab)))
    assert look(student, asked.live).why == "not-there"

    run_step(session, lab.step("services"), student)
    until(lambda: look(student, asked.live).values == {"replicas": "5"})
    truth = draw(asked, 1, {"replicas": "5"}).truth
    until(lambda: str(count_rules(session, f"{session.namespace}/five:")) == truth)
    end_session(session, "enough")
    tend_own_netlabs()


def test_its_cluster_can_what_its_twin_can(queue_up, twin):
    session = made_ready(queue_up("first"))
    cluster = Cluster.objects.get(pk=session.cluster_id)
    assert cluster.uid == session.cluster_uid != twin.uid
    assert capability_of(cluster, "networkpolicy")["reason"]["en"] == "It holds."
    end_session(session, "enough")
    tend_own_netlabs()


def test_a_worker_that_is_killed_leaves_no_netlab(queue_up):
    """The worker died while it made the pods; the time for that runs out, and the watcher tidies up."""
    session = queue_up("first")
    watch_until(session, SessionState.PREPARING)
    pid = pid_of(session)
    end_session(session, "It could not be prepared in time.")
    tend_own_netlabs()
    assert not is_alive(pid)


def test_a_netlab_that_is_shot_takes_its_session_along(queue_up):
    session = made_ready(queue_up("first"))
    os.kill(pid_of(session), 9)
    watch_until(session, SessionState.GONE)
