"""kubectl debug: containers added to a running pod, copies of pods, and a node's network."""

import json

import pytest

from tests.netlab.worlds import TOOLBOX, pod

pytestmark = pytest.mark.integration


@pytest.fixture
def kubectl(netlab, namespace):
    def run(*args: str, ok: bool = True, stdin: str = "") -> str:
        done = netlab.kubectl("-n", namespace, *args, ok=ok, stdin=stdin)
        return done.stdout + done.stderr

    return run


@pytest.fixture
def web(netlab, kubectl, namespace):
    """A running pod whose one process is `sleep 4242`."""
    netlab.apply(pod("web", namespace, "sleep", "4242"))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    return "pod/web"


def debug(kubectl, web: str, *args: str, script: str) -> str:
    """Run a script in a new ephemeral container `d`, wait for its end, and answer what it printed."""
    options = ("debug", web, f"--image={TOOLBOX}", "--container=d", *args)
    kubectl(*options, "--", "sh", "-c", script)
    ended = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0"
    kubectl("wait", f"--for={ended}", web, "--timeout=20s")
    return kubectl("logs", web, "-c", "d")


def test_a_debugging_container_shares_the_network_and_the_targets_processes(netlab, kubectl, web, namespace):
    address = netlab.get("-n", namespace, web)["status"]["podIP"]
    told = debug(
        kubectl, web, "--target=main", script="ip -4 -o addr show eth0; cat /proc/1/cmdline; hostname"
    )
    assert address in told and "sleep\x004242" in told and "web" in told


def test_what_a_debugger_leaves_behind_does_not_hold_it(kubectl, web):
    assert "done" in debug(kubectl, web, "--target=main", script="sleep 4244 & echo done")


def test_without_a_target_it_has_processes_of_its_own(kubectl, web):
    assert "4242" not in debug(kubectl, web, script="cat /proc/1/cmdline")


@pytest.mark.parametrize(
    ("profile", "allowed"), [("general", False), ("netadmin", True)], ids=["general", "netadmin"]
)
def test_a_profile_gives_the_capabilities_it_names(kubectl, web, profile, allowed):
    script = "ip addr add 10.9.9.9/32 dev lo && echo changed || echo refused"
    told = debug(kubectl, web, f"--profile={profile}", script=script)
    assert ("changed" in told) is allowed


def test_the_general_profile_may_trace_its_target(kubectl, web):
    told = debug(kubectl, web, "--target=main", "--profile=general", script="cat /proc/1/root/etc/hostname")
    assert told.strip() == "web"


def test_an_interactive_debugger_is_attached_to(kubectl, web):
    told = kubectl(
        "debug", "-i", web, f"--image={TOOLBOX}", "--", "sh", stdin="echo from $(hostname)\nexit\n"
    )
    assert "from web" in told


def test_ephemeral_containers_can_only_be_added(netlab, kubectl, web, namespace):
    debug(kubectl, web, script="true")
    base = f"/api/v1/namespaces/{namespace}/pods/web/ephemeralcontainers"
    found = json.loads(netlab.kubectl("get", "--raw", base).stdout)
    found["spec"]["ephemeralContainers"] = []
    refused = kubectl("replace", "--raw", base, "-f", "-", ok=False, stdin=json.dumps(found))
    assert 'existing ephemeral containers "d" may not be removed' in refused


def test_a_target_must_be_a_container_of_the_pod(kubectl, web):
    told = kubectl("debug", web, f"--image={TOOLBOX}", "--target=nobody", "--", "true", ok=False)
    assert "spec.ephemeralContainers[0].targetContainerName: Not found" in told


def test_debugging_containers_end_with_their_pod(kubectl, web):
    kubectl("debug", web, f"--image={TOOLBOX}", "--container=d", "--", "sleep", "4243")
    running = "jsonpath={.status.ephemeralContainerStatuses[0].state.running}"
    kubectl("wait", f"--for={running}", web, "--timeout=20s")
    kubectl("delete", web, "--timeout=20s")
    assert "NotFound" in kubectl("get", web, ok=False)


def test_a_pod_is_debugged_in_a_copy(kubectl, web):
    kubectl(
        "debug", web, "--copy-to=copy", "--share-processes=false", f"--image={TOOLBOX}", "--container=d",
        "--", "sleep", "4243",
    )  # fmt: skip
    kubectl("wait", "--for=condition=Ready", "pod/copy", "--timeout=20s")
    assert "d" in kubectl("get", "pod/copy", "-o", "jsonpath={.spec.containers[*].name}").split()


def test_a_node_is_debugged_in_its_own_network(netlab, kubectl, namespace):
    told = kubectl(
        "debug", "node/redes-worker", "--profile=netadmin", f"--image={TOOLBOX}", "--",
        "sh", "-c", "ip -4 -o addr; iptables-save -t nat",
    )  # fmt: skip
    assert "a node of netlab has no processes of its own" in told
    (made,) = netlab.get("-n", namespace, "pods")["items"]
    name = f"pod/{made['metadata']['name']}"
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", name, "--timeout=20s")
    told = kubectl("logs", name)
    assert "172.18.0.3" in told and "KUBE-SERVICES" in told


def test_a_node_does_not_show_the_machines_files(kubectl):
    told = kubectl("debug", "node/redes-worker", f"--image={TOOLBOX}", "--", "true", ok=False)
    assert "a node has no files of its own" in told and "--profile=netadmin" in told
