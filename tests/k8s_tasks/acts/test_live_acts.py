"""Steps that apply, look at nodes, capture and impair, on the real cluster."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from k8s_tasks import preparing, running
from k8s_tasks.cluster.agent import NAMESPACE, agents_by_node
from k8s_tasks.cluster.execs import run_to_end, start_process
from k8s_tasks.domain import captures
from k8s_tasks.domain.runs import cancel_run, start_run
from k8s_tasks.domain.sessions import end_session
from k8s_tasks.enums import RunState
from k8s_tasks.loop import on_loop
from k8s_tasks.redis_keys import run_output
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def background(sitting, lab, student, redis_client):
    """Start a step that goes on; the run, once it has printed something, and what ends with it."""
    with ThreadPoolExecutor() as workers:

        def drive(run):
            running.run_command(str(run.pk), columns=80, rows=24)
            connections.close_all()

        def start(step, wait=True):
            run = start_run(sitting, lab.step(step), user=student)
            driving = workers.submit(drive, run)
            if wait:
                redis_client.xread({run_output(run.pk): "0"}, block=10_000)
            return run, driving

        yield start


def stop(run, driving):
    cancel_run(run, reason="enough")
    driving.result(timeout=10)
    run.refresh_from_db()


def on_node(api, node: str, *argv: str) -> str:
    async def act():
        agent = (await agents_by_node(api))[node]
        return await run_to_end(await start_process(api, NAMESPACE, agent.pod, list(argv)), seconds=10)

    return on_loop(act()).stdout.decode()


def test_objects_are_created_configured_unchanged_and_deleted(act, printed, sitting, api):
    path = f"/apis/networking.k8s.io/v1/namespaces/{sitting.namespace}/networkpolicies/deny"
    created = act("isolate")
    assert (created.state, created.exit_code) == (RunState.SUCCEEDED, 0)
    assert printed(created) == "networkpolicy.networking.k8s.io/deny created\n"
    assert "i/o timeout" in printed(act("ask")) or "timed out" in printed(act("ask"))
    assert printed(act("isolate")) == "networkpolicy.networking.k8s.io/deny unchanged\n"
    drift = {"spec": {"policyTypes": ["Ingress", "Egress"]}}
    on_loop(api.request("PATCH", path, body=drift, content_type="application/merge-patch+json"))
    assert printed(act("isolate")) == "networkpolicy.networking.k8s.io/deny configured\n"
    assert printed(act("open")) == 'networkpolicy.networking.k8s.io "deny" deleted\n'
    again = act("open")
    assert (again.exit_code, again.argv) == (1, ["kubectl", "delete", "-f", "deny.yaml"])
    assert "Error from server (NotFound)" in printed(again)


def test_a_step_applies_with_the_students_rights_and_no_others(act, printed):
    run = act("overstep")
    binding, foreign, spy, mine = printed(run).splitlines()
    assert (run.state, run.exit_code) == (RunState.SUCCEEDED, 1)
    assert "Forbidden" in binding and "clusterrolebindings" in binding
    assert "Forbidden" in foreign and "kube-system" in foreign
    assert "may not mount the node's files" in spy
    assert mine == "configmap/mine created"


def test_a_command_runs_on_the_control_plane_by_the_platform(act, printed, sitting):
    run = act("outside")
    assert (run.exit_code, run.node) == (0, "redes-control-plane")
    assert "succeeded" in printed(run)
    assert run.argv[-2] == sitting.bindings["pods"][1]["address"]


def test_a_cancelled_command_leaves_nothing_on_the_node(background, api):
    run, driving = background("wait-outside", wait=False)
    while "sleep 321" not in on_node(api, "redes-control-plane", "ps", "-eo", "args"):
        pass
    stop(run, driving)
    assert run.state == RunState.CANCELLED
    assert "sleep 321" not in on_node(api, "redes-control-plane", "ps", "-eo", "args")


def test_a_link_is_watched_live_and_only_what_the_filter_lets_through(background, act, printed, api):
    run, driving = background("watch")
    assert "succeeded" in printed(act("ask"))
    stop(run, driving)
    assert "Flags [S.]" in printed(run)
    assert all(": Flags" in line for line in printed(run).splitlines() if line.startswith("IP "))
    assert "tcpdump -l" not in on_node(api, run.node, "ps", "-eo", "args")


def test_what_a_live_capture_showed_is_kept_and_taken_from_the_node(background, act, printed, api):
    run, driving = background("watch")
    act("ask")
    while not captures.packets_of(run).count:  # while it goes on, from the node
        pass
    stop(run, driving)
    shown = [line for line in printed(run).splitlines() if ": Flags" in line]
    kept = captures.packets_of(run)
    rows = captures.list_packets(run, kept)
    assert kept.count == len(rows) == len(shown)
    assert {row.protocol for row in rows} <= {"TCP", "HTTP"}
    assert on_node(api, run.node, "redes-agent", "capture", "kept", str(run.pk)) == ""


def test_a_capture_that_a_command_left_in_its_pod_is_kept_too(act):
    assert captures.packets_of(act("leave")).count == 1


def test_a_file_that_is_no_capture_is_said_to_be_none(act):
    run = act("pretend")
    assert (run.state, run.exit_code) == (RunState.SUCCEEDED, 0)
    assert "holds no packets" in run.reason


def test_of_an_addons_log_only_the_sessions_lines_are_shown(act, printed, sitting, api):
    for name in ("mine", f"{sitting.namespace}x"):  # another's Service has another namespace before it
        place = sitting.namespace if name == "mine" else "default"
        spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
        on_loop(api.request("POST", f"/api/v1/namespaces/{place}/services", body=body))
    try:
        run = until(lambda: (run := act("proxy")).exit_code == 0 and run)
        lines = printed(run).splitlines()
        assert any(f"{sitting.namespace}/mine" in line for line in lines)
        assert all(f"{sitting.namespace}/" in line for line in lines)
    finally:
        on_loop(api.request("DELETE", f"/api/v1/namespaces/default/services/{sitting.namespace}x"))


def test_an_impairment_is_in_force_and_says_by_what(act, printed, sitting):
    address = sitting.bindings["pods"][1]["address"]
    worse = act("worsen")
    assert printed(worse).startswith(f"{address} to-pod: loss 100 % (by ")
    assert worse.argv == ["redes-agent", "impair", "set", address, "to-pod", "loss=100"]
    assert "succeeded" not in printed(act("ask"))
    assert printed(act("mend")) == f"{address}: no impairment\n"
    assert "succeeded" in printed(act("ask"))


def test_a_narrow_route_is_not_told_and_is_wide_again_after_the_mending(act, printed, sitting, api):
    address, node = (sitting.bindings["pods"][1][key] for key in ("address", "node"))
    narrowed = act("narrow")
    assert "900" not in f"{narrowed.argv}{printed(narrowed)}"
    assert on_node(api, node, "redes-agent", "mtu", "list") == f'{{"address": "{address}", "mtu": 900}}\n'
    act("mend")
    assert on_node(api, node, "redes-agent", "mtu", "list") == ""


def test_a_detour_is_gone_after_the_mending(act, sitting, api):
    address, node = (sitting.bindings["pods"][1][key] for key in ("address", "node"))
    other = next(each["address"] for each in sitting.bindings["nodes"] if each["name"] != node)
    on_node(api, node, "redes-agent", "route", "detour", address, other)
    assert f'"via": "{other}"' in on_node(api, node, "redes-agent", "route", "list")
    act("mend")
    assert on_node(api, node, "redes-agent", "route", "list") == ""


def test_the_end_of_a_session_leaves_no_impairment(act, sitting, api):
    act("worsen")
    node = sitting.bindings["pods"][1]["node"]
    assert sitting.bindings["pods"][1]["address"] in on_node(api, node, "redes-agent", "impair", "list")
    end_session(sitting, "enough")
    preparing.clear_session(sitting.pk)
    assert on_node(api, node, "redes-agent", "impair", "list") == ""


def test_the_link_of_a_pod_that_is_gone_is_not_touched(act, sitting, api):
    """Its last address, which the page still shows, may be another session's by now."""
    on_loop(
        api.request(
            "DELETE",
            f"/api/v1/namespaces/{sitting.namespace}/pods/web",
            query={"gracePeriodSeconds": "0"},
        )
    )
    run = act("worsen")
    assert (run.state, "the pod web is not" in run.reason) == (RunState.FAILED, True)
