"""`kubectl top` against processes that are really busy, and limits that really hold."""

import json

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration
BUSY = ("sh", "-c", "while :; do :; done")
# Holds this many MiB, and says so.
HOLD = "import sys, signal; x = bytearray(int(sys.argv[1]) << 20); print('held', flush=True); signal.pause()"


@pytest.fixture
def kubectl(netlab, namespace):
    def run(*args: str, ok: bool = True) -> str:
        return netlab.kubectl("-n", namespace, *args, ok=ok).stdout

    return run


@pytest.fixture
def start(netlab, namespace, kubectl):
    """Make pods and wait until they run."""

    def make(*pods: dict) -> None:
        netlab.apply(*pods)
        for one in pods:
            kubectl("wait", "--for=condition=Ready", f"pod/{one['metadata']['name']}", "--timeout=20s")

    return make


def _top(kubectl, *what: str) -> dict[str, tuple[int, int]]:
    """By name: millicores and MiB."""
    rows = [line.split() for line in kubectl("top", *what, "--no-headers").splitlines()]
    return {row[0]: (int(row[1].removesuffix("m")), int(row[-1].removesuffix("Mi"))) for row in rows}


def _holding(name: str, namespace: str, mebibytes: int, **resources) -> dict:
    return pod(name, namespace, "python3", "-c", HOLD, str(mebibytes), resources=resources)


def test_top_tells_the_busy_pod_from_the_idle_and_the_large_one(kubectl, namespace, start):
    start(pod("busy", namespace, *BUSY), pod("idle", namespace), _holding("large", namespace, 64))
    kubectl("exec", "large", "--", "sh", "-c", "until grep -q 'VmRSS:.* [67]....' /proc/1/status; do :; done")
    used = _top(kubectl, "pod")
    assert used["busy"][0] > max(20, 2 * used["idle"][0])  # the machine may be busy with other things
    assert used["large"][1] >= 64 > used["idle"][1]
    kubectl("top", "pod", "--containers", "busy")


def test_top_node_adds_up_its_pods(kubectl, namespace, start):
    start(pod("busy", namespace, *BUSY, node="redes-worker2"))
    rows = [line.split() for line in kubectl("top", "node", "--no-headers").splitlines()]
    millicores = {row[0]: int(row[1].removesuffix("m")) for row in rows}
    assert set(millicores) == {"redes-control-plane", "redes-worker", "redes-worker2"}
    assert millicores["redes-worker2"] > 20


def test_without_cgroups_a_warning_says_that_limits_do_not_bind(netlab, namespace):
    limited = json.dumps(pod("tight", namespace, resources={"limits": {"cpu": "100m"}}))
    told = netlab.kubectl("apply", "-f", "-", stdin=limited).stderr
    assert ("these nodes have no cgroups" in told) != _have_cgroups(netlab)


def test_a_container_is_bound_by_its_limits(netlab, kubectl, namespace, start):
    greedy = _holding("greedy", namespace, 64, limits={"memory": "32Mi"})
    netlab.apply(greedy)
    start(pod("tight", namespace, *BUSY, resources={"limits": {"cpu": "100m"}}))
    if not _have_cgroups(netlab):  # it holds what it likes, as the warning above says
        kubectl("wait", "--for=condition=Ready", "pod/greedy", "--timeout=20s")
        return
    reason = "jsonpath={.status.containerStatuses[0].lastState.terminated.reason}"
    kubectl("wait", f"--for={reason}=OOMKilled", "pod/greedy", "--timeout=20s")
    # Without the limit it would take a core; the window it is measured over is short.
    assert _top(kubectl, "pod", "tight")["tight"][0] < 400


def _have_cgroups(netlab) -> bool:
    (limits, *_) = [
        node["metadata"]["annotations"]["netlab/pod-limits"] for node in netlab.get("nodes")["items"]
    ]
    return limits.startswith("cgroup")
