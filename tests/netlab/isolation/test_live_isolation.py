"""What a pod's root can try against the machine, the cluster and other pods; with and without privileges."""

import socket
import tempfile
import uuid
from pathlib import Path

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration
RIGHTS = {
    "plain": {},
    "debugger": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_ADMIN"]}},
    "privileged": {"privileged": True},
}


@pytest.fixture(scope="module")
def prisoner(netlab):
    """In a namespace of their own: a pod for each kind of rights, and a neighbour with a secret."""
    space = f"prison-{uuid.uuid4().hex[:6]}"
    netlab.kubectl("create", "namespace", space)
    worker = {"node": "redes-worker"}
    netlab.apply(
        pod("neighbour", space, "sleep", "4711", **worker),
        *(pod(name, space, securityContext=rights, **worker) for name, rights in RIGHTS.items()),
    )
    names = [f"pod/{name}" for name in ("neighbour", *RIGHTS)]
    netlab.kubectl("wait", "-n", space, *names, "--for=condition=Ready", "--timeout=30s")

    def run(name: str, script: str):
        return netlab.kubectl("exec", "-n", space, name, "--", "bash", "-c", script, ok=False)

    run.namespace = space
    yield run
    netlab.kubectl("delete", "namespace", space, "--wait=false")


@pytest.fixture
def machines_file():
    """A file of the machine that all its users may read."""
    with tempfile.NamedTemporaryFile(prefix="netlab-", suffix=".secret") as file:
        file.write(b"of the machine")
        file.flush()
        Path(file.name).chmod(0o644)
        yield file.name


@pytest.mark.parametrize("rights", RIGHTS)
def test_only_the_pods_own_processes_are_there(prisoner, rights):
    seen = prisoner(rights, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
    assert "redes-idle" in seen
    assert "4711" not in seen and "netlab" not in seen


@pytest.mark.parametrize("rights", RIGHTS)
def test_nothing_of_the_machines_files_is_reached(prisoner, rights, machines_file):
    script = (
        f"cat {machines_file} /proc/1/root{machines_file} /proc/1/cwd/../..{machines_file};"
        "ls /run/netlab; for d in /dev/vda /dev/sda /dev/mem /dev/kmsg /dev/kvm; do head -c1 $d; done;"
        "mknod /disk b 254 0 && head -c1 /disk"
    )
    assert prisoner(rights, script).stdout == ""


@pytest.mark.parametrize("rights", RIGHTS)
def test_the_kernel_takes_no_order_from_a_pod(prisoner, rights):
    orders = (
        "echo h > /proc/sysrq-trigger",
        "echo /x > /proc/sys/kernel/core_pattern",
        "echo 1 > /proc/sys/kernel/panic",
        "echo 1 > /proc/sys/vm/drop_caches",
        "date -s 2001-01-01",
        "unshare --user true",
    )
    script = ";".join(f"({order}) > /dev/null 2>&1 && echo 'done: {order}'" for order in orders)
    assert prisoner(rights, script).stdout == ""


@pytest.mark.parametrize("rights", RIGHTS)
def test_no_cgroup_runs_a_program_outside(prisoner, rights):
    script = (
        "mkdir -p /cg; for c in memory pids rdma; do mount -t cgroup -o $c cgroup /cg && echo mounted; done;"
        "mount -t cgroup2 none /cg && find /cg -name release_agent; find /sys -name release_agent"
    )
    assert prisoner(rights, script).stdout == ""


@pytest.mark.parametrize("rights", ["plain", "debugger"])
def test_what_is_masked_stays_masked(prisoner, rights):
    script = (
        "umount /proc/kcore 2>/dev/null; head -c1 /proc/kcore 2>/dev/null | wc -c; ls /sys/firmware | wc -l"
    )
    assert prisoner(rights, script).stdout.split() == ["0", "0"]


@pytest.mark.parametrize("rights", RIGHTS)
def test_an_abstract_socket_of_the_machine_is_not_there(prisoner, rights):
    name = f"netlab-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        assert name in Path("/proc/net/unix").read_text()
        assert name not in prisoner(rights, "cat /proc/net/unix").stdout


@pytest.mark.parametrize("rights", RIGHTS)
def test_the_machines_own_services_are_not_reached(prisoner, rights):
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        addresses = f"127.0.0.1 172.18.0.1 10.244.1.1 {_own_address()}"
        script = f'for a in {addresses}; do timeout 1 bash -c "echo > /dev/tcp/$a/{port}" && echo $a; done'
        assert prisoner(rights, script).stdout == ""


def _own_address() -> str:
    """An address of this machine that is not the loopback's, where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


@pytest.mark.parametrize("rights", RIGHTS)
def test_a_pods_token_opens_nothing_that_rbac_did_not(prisoner, rights):
    script = (
        "d=/var/run/secrets/kubernetes.io/serviceaccount;"
        "for p in api/v1/secrets api/v1/nodes api/v1/namespaces/kube-system/configmaps; do "
        "curl -s -o /dev/null "
        '-w "%{http_code} " --cacert $d/ca.crt -H "Authorization: Bearer $(cat $d/token)" '
        "https://kubernetes.default.svc/$p; done"
    )
    assert prisoner(rights, script).stdout.split() == ["403", "403", "403"]


def test_a_disk_filler_leaves_its_neighbours_their_disk(prisoner):
    filled = prisoner(
        "plain", "head -c 300M /dev/zero > /fill; head -c 300M /dev/zero > /dev/shm/fill; rm -f /fill"
    )
    assert filled.stderr.count("No space left") == 2
    assert prisoner("neighbour", "head -c 20M /dev/zero > /mine && stat -c %s /mine").stdout == "20971520\n"


def test_a_memory_hog_is_killed_alone_where_the_node_says_that_it_bounds_memory(netlab, prisoner):
    limits = netlab.get("node", "redes-worker")["metadata"]["annotations"]["netlab/pod-limits"]
    hog = prisoner("debugger", "head -c 1G /dev/zero | tail -c 1G | wc -c")
    assert (hog.stdout != "1073741824\n") == ("memory unbounded" not in limits)
    assert prisoner("neighbour", "echo fine").stdout == "fine\n"


def test_a_container_killed_for_its_memory_says_so_where_memory_is_bounded(netlab, namespace):
    limits = netlab.get("node", "redes-worker")["metadata"]["annotations"]["netlab/pod-limits"]
    hog = "b=bytearray(1 << 30)"
    netlab.apply(pod("a", namespace, "python3", "-c", hog, spec={"restartPolicy": "Never"}))
    ended = "--for=jsonpath={.status.containerStatuses[0].state.terminated}"
    netlab.kubectl("wait", "-n", namespace, "pod/a", ended, "--timeout=20s")
    (status,) = netlab.get("pod", "a", "-n", namespace)["status"]["containerStatuses"]
    found = status["state"]["terminated"]
    bounded = "memory unbounded" not in limits
    assert (found["exitCode"], found["reason"]) == ((137, "OOMKilled") if bounded else (0, "Completed"))
