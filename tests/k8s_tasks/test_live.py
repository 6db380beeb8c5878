"""The worker's parts against the real cluster: a session made, commands run, packets judged."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from curriculum.domain import record_answer, record_prediction
from curriculum.enums import Confidence
from k8s_tasks import preparing, running, verifying
from k8s_tasks.cluster import agent as agent_module
from k8s_tasks.cluster.agent import MECHANISMS, NAMESPACE, agents_by_node, agents_for
from k8s_tasks.cluster.api import MERGE
from k8s_tasks.cluster.captures import sessions_with_captures
from k8s_tasks.cluster.errors import NotFound, Refused
from k8s_tasks.cluster.execs import run_to_end, start_process
from k8s_tasks.cluster.objects import list_pods
from k8s_tasks.domain.runs import cancel_run, start_run, start_verification
from k8s_tasks.domain.sessions import end_session
from k8s_tasks.entries import read_entries
from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.loop import api_of, on_loop, submit
from k8s_tasks.models import ConditionResult, LabSession
from k8s_tasks.redis_keys import run_output, session_events
from k8s_tasks.sweeping import sweep
from k8s_tasks.watching import follow_pods
from tests.k8s_tasks.live import prepared, real_cluster, run_step

TOOLBOX = "redes.local/toolbox:0.1.0"
HOST_NETWORK = '{"spec": {"hostNetwork": true}}'

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cluster(stack, transactional_db):
    return real_cluster(stack)


@pytest.fixture
def session(cluster, attempt, redis_client):
    with prepared(attempt) as session:
        yield session


@pytest.fixture
def act(session, lab, student):
    return lambda step: run_step(session, lab.step(step), student)


def api_for(session):
    return on_loop(api_of(session.cluster.kubeconfig_path))


def in_pod(session, pod: str, *argv: str, namespace="", as_user=None):
    api = api_for(session)

    async def act():
        process = await start_process(api, namespace or session.namespace, pod, list(argv), as_user=as_user)
        return await run_to_end(process, seconds=20)

    return on_loop(act())


def verdicts(session, student) -> dict[str, str]:
    run = start_verification(session, user=student)
    verifying.verify(str(run.pk))
    return dict(ConditionResult.objects.filter(run=run).values_list("condition", "verdict"))


def printed(run) -> bytes:
    return b"".join(entry.data for entry in read_entries(run.pk) if entry.source == "stdout")


def test_a_command_runs_in_its_pod(act, session):
    run = act("addresses")
    assert (run.state, run.exit_code) == (RunState.SUCCEEDED, 0)
    assert session.bindings["pods"][0]["address"].encode() in printed(run)
    assert run.output_bytes == len(printed(run))


def test_pods_lie_where_the_lab_wants_them(session):
    ana, beto, carla = (pod["node"] for pod in session.bindings["pods"])
    assert ana == beto != carla


def test_cancel_ends_the_process_in_the_pod(session, lab, student, redis_client):
    run = start_run(session, lab.step("listen"), user=student)
    with ThreadPoolExecutor(1) as worker:
        driving = worker.submit(_drive_and_close, run)
        redis_client.xread({run_output(run.pk): "0"}, block=10_000)
        assert b"nc -lnvk" in in_pod(session, "carla", "ps", "-eo", "args").stdout
        cancel_run(run, reason="enough")
        driving.result(timeout=10)
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.CANCELLED, "enough")
    assert b"nc -lnvk" not in in_pod(session, "carla", "ps", "-eo", "args").stdout


def _drive_and_close(run):
    running.run_command(str(run.pk), columns=80, rows=24)
    connections.close_all()


def test_an_untouched_lab_proves_reachability_and_nothing_else(session, student):
    found = verdicts(session, student)
    assert found.pop("icmp-reach") == "pass"
    assert set(found.values()) == {"fail"}


def test_printed_packets_prove_nothing(session, student):
    lines = "IP 10.244.1.2 > 10.244.2.2: ICMP echo request, id 1, seq 1, length 64"
    in_pod(session, "ana", "echo", lines)
    in_pod(session, "ana", "sh", "-c", f"echo '{session.attempt.parameters['nonce']}' | tee /tmp/received")
    found = verdicts(session, student)
    assert {found["echo-pair"], found["handshake"], found["nonce-delivered"]} == {"fail"}


def test_real_pings_prove_a_pair_and_the_ttl(act, session, lab, student):
    record_prediction(session.attempt, lab.step("predict-ttl"), "62", Confidence.SURE)
    address = session.bindings["pods"][2]["address"]
    in_pod(session, "ana", "ping", "-c", "1", address)
    record_answer(session.attempt, lab.step("answer-ttl"), "64")
    found = verdicts(session, student)
    assert (found["echo-pair"], found["ttl-answer"]) == ("pass", "fail")
    record_answer(session.attempt, lab.step("answer-ttl"), "62")
    found = verdicts(session, student)
    assert found["ttl-answer"] == "pass"
    assert "echo-pair" not in found  # what is proven stays, and is not looked at again


def test_a_dead_capture_decides_nothing_and_is_started_again(session, student):
    on_loop(_kill_captures(api_for(session), session, session.bindings["pods"][2]["node"]))
    assert verdicts(session, student)["echo-pair"] == "undecided"
    assert verdicts(session, student)["icmp-reach"] == "pass"


async def _kill_captures(api, session, node):
    agent = (await agents_by_node(api))[node]
    process = await start_process(api, NAMESPACE, agent.pod, ["pkill", "-f", session.pk.hex])
    await run_to_end(process, seconds=5)


def test_a_target_that_is_silent_fails_with_the_place_where_it_was_lost(session, student):
    in_pod(session, "carla", "iptables", "-A", "INPUT", "-p", "icmp", "-j", "DROP")
    assert verdicts(session, student)["icmp-reach"] == "fail"
    reason = ConditionResult.objects.filter(condition="icmp-reach").latest("pk").reason["en"]
    assert "arrived at carla" in reason


def test_a_student_reaches_their_own_namespace_only(session):
    student = f"system:serviceaccount:{session.namespace}:student"
    assert in_pod(session, "ana", "true", as_user=student).exit_code == 0
    pods, _version = on_loop(list_pods(api_for(session), namespace=NAMESPACE))
    with pytest.raises(Refused, match="forbidden"):
        in_pod(session, pods[0]["metadata"]["name"], "true", namespace=NAMESPACE, as_user=student)


def test_kubectl_in_the_pod_is_held_to_the_namespace(session):
    assert in_pod(session, "ana", "kubectl", "get", "pods", "-o", "name").stdout.split() == [
        b"pod/ana",
        b"pod/beto",
        b"pod/carla",
    ]
    refused = in_pod(session, "ana", "kubectl", "get", "pods", "-n", NAMESPACE)
    assert refused.exit_code == 1
    assert b"forbidden" in refused.stderr


def test_a_student_makes_pods_but_none_that_reaches_the_nodes(session):
    spy = in_pod(session, "ana", "kubectl", "run", "spy", "--image=busybox", "--overrides", HOST_NETWORK)
    assert spy.exit_code == 1
    assert b"may not share the node's namespaces" in spy.stderr
    made = in_pod(session, "ana", "kubectl", "run", "own", f"--image={TOOLBOX}", "--", "sleep", "60")
    assert made.exit_code == 0, made.stderr
    web = in_pod(
        session, "ana", "kubectl", "create", "deployment", "web", "--image=busybox", "--", "sleep", "60"
    )
    assert web.exit_code == 0, web.stderr
    for what in ("pod/own", "deployment/web"):
        state = "Ready" if what == "pod/own" else "Available"
        up = in_pod(session, "ana", "kubectl", "wait", what, f"--for=condition={state}", "--timeout=15s")
        assert up.exit_code == 0, up.stderr


def test_a_student_may_not_undo_the_fence(session):
    for act in (
        ["delete", "validatingadmissionpolicy", "--all"],
        ["label", "namespace", session.namespace, "a=b"],
    ):
        refused = in_pod(session, "ana", "kubectl", *act)
        assert refused.exit_code == 1
        assert b"forbidden" in refused.stderr


def test_a_deleted_pod_is_news_for_the_page(session, redis_client):
    watching = submit(follow_pods(api_for(session)))
    in_pod(session, "ana", "kubectl", "delete", "pod", "beto", "--wait=false")
    told = wait_for_topology(session, redis_client, lambda pods: pods["beto"] == "Gone")
    watching.cancel()
    assert told["ana"] == "Running"


def wait_for_topology(session, redis_client, is_met) -> dict[str, str]:
    """The phases of the pods in the first topology notice that meets it."""
    key, last = session_events(session.pk), "0"
    while True:
        ((_key, raws),) = redis_client.xread({key: last}, block=9000)
        for last, fields in raws:  # noqa: B007
            if fields[b"kind"] == b"topology":
                phases = {pod["name"]: pod["phase"] for pod in json.loads(fields[b"data"])["pods"]}
                if is_met(phases):
                    return phases


def test_a_namespace_and_captures_that_were_left_are_swept(session):
    api = api_for(session)
    assert session.pk in on_loop(_with_captures(api))
    on_loop(sweep(api))
    assert session.pk in on_loop(_with_captures(api))

    LabSession.objects.update(state=SessionState.ENDED)
    on_loop(sweep(api))
    namespace = on_loop(namespace_or_none(api, session.namespace))
    assert namespace is None or namespace["metadata"]["deletionTimestamp"]
    assert session.pk not in on_loop(_with_captures(api))


async def _with_captures(api):
    return await sessions_with_captures(await agents_by_node(api))


async def namespace_or_none(api, name):
    try:
        return await api.request("GET", f"/api/v1/namespaces/{name}")
    except NotFound:
        return None


def test_preparing_twice_is_no_harm(session):
    LabSession.objects.update(state=SessionState.PREPARING)
    preparing.prepare_session(str(session.pk))
    assert LabSession.objects.get().state == SessionState.READY


def test_an_ended_session_leaves_nothing_on_the_cluster(session):
    end_session(session, "enough")
    preparing.clear_session(session.pk)
    gone = threading.Event()
    on_loop(_wait_until_gone(api_for(session), session, gone))
    assert gone.is_set()
    assert session.pk not in on_loop(_with_captures(api_for(session)))


async def _wait_until_gone(api, session, gone):
    path = f"/api/v1/namespaces/{session.namespace}"
    try:
        found = await api.request("GET", path)
        query = {"fieldSelector": f"metadata.name={session.namespace}"}
        query["resourceVersion"] = found["metadata"]["resourceVersion"]
        async for event in api.watch("/api/v1/namespaces", query=query, seconds=20):
            if event["type"] == "DELETED":
                break
        await api.request("GET", path)
    except NotFound:
        gone.set()


def test_a_node_tells_its_mechanisms_whoever_installed_the_agent(session, monkeypatch):
    """Two prepare at once: the one whose node is ready first told of that one alone."""
    api, node = api_for(session), session.bindings["pods"][0]["node"]
    monkeypatch.setattr(agent_module, "_told", set())
    on_loop(api.request("PATCH", f"/api/v1/nodes/{node}", body=_without_mechanisms(), content_type=MERGE))
    on_loop(agents_for(api, {node}))
    found = on_loop(api.request("GET", f"/api/v1/nodes/{node}"))
    assert "statistic" in found["metadata"]["annotations"][MECHANISMS]


def _without_mechanisms() -> dict:
    return {"metadata": {"annotations": {MECHANISMS: None}}}


def test_the_agent_impairs_a_pod_and_the_node_tells_by_what(session):
    (ana,) = (pod for pod in session.bindings["pods"] if pod["name"] == "ana")
    api = api_for(session)
    node = on_loop(api.request("GET", f"/api/v1/nodes/{ana['node']}"))
    assert node["metadata"]["annotations"]["redes.local/impairment-mechanisms"]

    async def there_and_back():
        agent = (await agents_by_node(api))[ana["node"]]
        await agent.impair(ana["address"], "to-pod", loss=30)
        listed = [found["effects"] for found in await agent.impairments()]
        await agent.clear_impairments(ana["address"])
        return listed, await agent.impairments()

    assert on_loop(there_and_back()) == ([{"loss": 30}], [])
