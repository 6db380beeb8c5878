"""Pods on a real netlab, seen through an unmodified kubectl."""

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration


def status_of(netlab, namespace: str, name: str) -> dict:
    return netlab.get("pod", name, "-n", namespace)["status"]


def run_in(netlab, namespace: str, name: str, *argv: str, stdin: str = "", ok: bool = True):
    flags = ["-i"] if stdin else []
    return netlab.kubectl("exec", *flags, "-n", namespace, name, "--", *argv, stdin=stdin, ok=ok)


def ready(netlab, namespace: str, *names: str) -> None:
    for name in names:
        netlab.kubectl("wait", "-n", namespace, f"pod/{name}", "--for=condition=Ready", "--timeout=20s")


def test_a_ping_crosses_two_routers_between_nodes_and_one_on_the_same(netlab, namespace):
    netlab.apply(
        pod("a", namespace, node="redes-worker"),
        pod("near", namespace, node="redes-worker"),
        pod("far", namespace, node="redes-worker2"),
    )
    ready(netlab, namespace, "a", "near", "far")
    for name, ttl in (("near", 63), ("far", 62)):
        address = status_of(netlab, namespace, name)["podIP"]
        assert f"ttl={ttl}" in run_in(netlab, namespace, "a", "ping", "-c1", address).stdout


def test_packets_leave_with_right_checksums(netlab, namespace):
    netlab.apply(pod("a", namespace, node="redes-worker"), pod("b", namespace, node="redes-worker2"))
    ready(netlab, namespace, "a", "b")
    address = status_of(netlab, namespace, "b")["podIP"]
    script = (
        "tcpdump -i eth0 -vv -n -c 4 --immediate-mode tcp 2>/dev/null > /tmp/seen & "
        f"until nc -z -w1 {address} 9; [ -s /tmp/seen ]; do :; done; wait; cat /tmp/seen"
    )
    seen = run_in(netlab, namespace, "a", "timeout", "20", "sh", "-c", script).stdout
    assert "correct" in seen and "incorrect" not in seen


def test_the_table_of_routes_is_kinds(netlab, namespace):
    netlab.apply(pod("a", namespace, node="redes-worker2"))
    ready(netlab, namespace, "a")
    address = status_of(netlab, namespace, "a")["podIP"]
    assert run_in(netlab, namespace, "a", "ip", "route").stdout.split("\n")[:3] == [
        "default via 10.244.2.1 dev eth0 ",
        f"10.244.2.0/24 via 10.244.2.1 dev eth0 src {address} ",
        f"10.244.2.1 dev eth0 scope link src {address} ",
    ]


def test_exec_carries_stdin_and_the_exit_code(netlab, namespace):
    netlab.apply(pod("a", namespace))
    ready(netlab, namespace, "a")
    big = "x" * 3_000_000
    assert run_in(netlab, namespace, "a", "cat", stdin=big).stdout == big
    assert run_in(netlab, namespace, "a", "sh", "-c", "exit 9", ok=False).returncode == 9


def test_a_program_that_is_not_there_is_named(netlab, namespace):
    netlab.apply(pod("a", namespace))
    ready(netlab, namespace, "a")
    done = run_in(netlab, namespace, "a", "no-such-program", ok=False)
    assert done.returncode == 1
    assert "executable file `no-such-program` not found in $PATH" in done.stderr


def test_containers_of_a_pod_share_its_network_and_not_its_files(netlab, namespace):
    shared = {"volumes": [{"name": "s", "emptyDir": {}}]}
    mount = {"volumeMounts": [{"name": "s", "mountPath": "/shared"}]}
    manifest = pod("two", namespace, spec=shared, **mount)
    manifest["spec"]["containers"].append(
        {"name": "side", "image": "busybox", "command": ["sleep", "600"], **mount}
    )
    netlab.apply(manifest)
    ready(netlab, namespace, "two")
    run_in(netlab, namespace, "two", "sh", "-c", "echo hi > /shared/word; echo own > /own")
    side = ("exec", "-n", namespace, "two", "-c", "side", "--")
    assert netlab.kubectl(*side, "cat", "/shared/word").stdout == "hi\n"
    assert netlab.kubectl(*side, "cat", "/own", ok=False).returncode == 1
    links = [netlab.kubectl(*side, "cat", "/sys/class/net/eth0/address").stdout]
    assert links == [run_in(netlab, namespace, "two", "cat", "/sys/class/net/eth0/address").stdout]


def test_init_containers_go_first_and_in_order(netlab, namespace):
    steps = [
        {
            "name": f"step{n}",
            "image": "busybox",
            "command": ["sh", "-c", f"echo {n} >> /d/log"],
            "volumeMounts": [{"name": "d", "mountPath": "/d"}],
        }
        for n in (1, 2)
    ]
    spec = {"initContainers": steps, "volumes": [{"name": "d", "emptyDir": {}}]}
    netlab.apply(pod("a", namespace, spec=spec, volumeMounts=[{"name": "d", "mountPath": "/d"}]))
    ready(netlab, namespace, "a")
    assert run_in(netlab, namespace, "a", "cat", "/d/log").stdout == "1\n2\n"


def test_configuration_reaches_the_container(netlab, namespace):
    netlab.kubectl("create", "configmap", "c", "-n", namespace, "--from-literal=color=blue")
    netlab.kubectl("create", "secret", "generic", "s", "-n", namespace, "--from-literal=key=hidden")
    volumes = [{"name": "c", "configMap": {"name": "c"}}, {"name": "s", "secret": {"secretName": "s"}}]
    mounts = [{"name": "c", "mountPath": "/c"}, {"name": "s", "mountPath": "/s"}]
    env = [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    netlab.apply(
        pod("a", namespace, node="redes-worker", spec={"volumes": volumes}, volumeMounts=mounts, env=env)
    )
    ready(netlab, namespace, "a")
    script = "cat /c/color /s/key; echo $NODE; touch /c/x"
    done = run_in(netlab, namespace, "a", "sh", "-c", script, ok=False)
    assert done.stdout == "bluehiddenredes-worker\n"
    assert "Read-only file system" in done.stderr


def test_a_pod_waits_for_its_config_map(netlab, namespace):
    volumes = [{"name": "c", "configMap": {"name": "late"}}]
    netlab.apply(pod("a", namespace, spec={"volumes": volumes}))
    netlab.kubectl(
        "wait",
        "-n",
        namespace,
        "pod/a",
        "--for=jsonpath={.status.conditions[0].status}=True",
        "--timeout=20s",
    )
    netlab.kubectl("create", "configmap", "late", "-n", namespace, "--from-literal=a=b")
    ready(netlab, namespace, "a")


def test_capabilities_are_what_the_manifest_says(netlab, namespace):
    more = {"securityContext": {"capabilities": {"add": ["NET_ADMIN"], "drop": ["NET_RAW"]}}}
    netlab.apply(pod("plain", namespace), pod("more", namespace, **more))
    ready(netlab, namespace, "plain", "more")
    change = ("ip", "link", "set", "eth0", "mtu", "1400")
    assert "not permitted" in run_in(netlab, namespace, "plain", *change, ok=False).stderr
    assert run_in(netlab, namespace, "more", *change).returncode == 0
    raw = ("arping", "-c1", "-w1", "-I", "eth0", "10.244.0.1")
    assert "not permitted" in run_in(netlab, namespace, "more", *raw, ok=False).stderr


def test_the_user_of_a_container_is_what_the_manifest_says(netlab, namespace):
    netlab.apply(pod("a", namespace, "sleep", "600", securityContext={"runAsUser": 1000, "runAsGroup": 2000}))
    ready(netlab, namespace, "a")
    assert run_in(netlab, namespace, "a", "id", "-u").stdout == "1000\n"
    assert run_in(netlab, namespace, "a", "id", "-g").stdout == "2000\n"


def test_a_host_network_pod_lives_in_its_nodes_network(netlab, namespace):
    netlab.apply(pod("a", namespace, node="redes-worker2", spec={"hostNetwork": True}))
    ready(netlab, namespace, "a")
    assert status_of(netlab, namespace, "a")["podIP"] == "172.18.0.4"
    assert run_in(netlab, namespace, "a", "hostname").stdout == "redes-worker2\n"


def test_a_crash_is_restarted_then_backed_off(netlab, namespace):
    netlab.apply(pod("a", namespace, "sh", "-c", "echo last words; exit 3"))
    reason = "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff"
    netlab.kubectl("wait", "-n", namespace, "pod/a", reason, "--timeout=20s")
    (container,) = status_of(netlab, namespace, "a")["containerStatuses"]
    assert container["lastState"]["terminated"]["exitCode"] == 3
    assert container["restartCount"] >= 1
    assert netlab.kubectl("logs", "-n", namespace, "a", "--previous").stdout == "last words\n"


def test_a_job_like_pod_ends_as_succeeded(netlab, namespace):
    netlab.apply(pod("a", namespace, "true", spec={"restartPolicy": "Never"}))
    netlab.kubectl(
        "wait", "-n", namespace, "pod/a", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s"
    )


def test_a_program_that_cannot_start_says_why(netlab, namespace):
    netlab.apply(pod("a", namespace, "no-such-program", spec={"restartPolicy": "Never"}))
    netlab.kubectl("wait", "-n", namespace, "pod/a", "--for=jsonpath={.status.phase}=Failed", "--timeout=20s")
    ended = status_of(netlab, namespace, "a")["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], "not found" in ended["message"]) == (128, True)


def test_an_unknown_image_is_an_honest_error(netlab, namespace):
    netlab.apply(pod("a", namespace, image="nginx:1.27"))
    reason = "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff"
    netlab.kubectl("wait", "-n", namespace, "pod/a", reason, "--timeout=20s")
    told = netlab.kubectl("describe", "pod", "-n", namespace, "a").stdout
    assert "netlab pulls from localhost only" in told and "there are redes.local/toolbox" in told


def test_readiness_follows_its_probe(netlab, namespace):
    probe = {"exec": {"command": ["test", "-e", "/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    netlab.apply(pod("a", namespace, readinessProbe=probe))
    running = "--for=jsonpath={.status.containerStatuses[0].started}=true"
    netlab.kubectl("wait", "-n", namespace, "pod/a", running, "--timeout=20s")
    assert status_of(netlab, namespace, "a")["containerStatuses"][0]["ready"] is False
    run_in(netlab, namespace, "a", "touch", "/ready")
    ready(netlab, namespace, "a")


def test_a_failed_liveness_probe_restarts_the_container(netlab, namespace):
    probe = {"tcpSocket": {"port": 81}, "periodSeconds": 1, "failureThreshold": 1}
    netlab.apply(pod("a", namespace, livenessProbe=probe))
    restarted = "--for=jsonpath={.status.containerStatuses[0].lastState.terminated}"
    netlab.kubectl("wait", "-n", namespace, "pod/a", restarted, "--timeout=20s")
    assert "failed liveness probe" in netlab.kubectl("describe", "pod", "-n", namespace, "a").stdout


def test_deletion_gives_the_grace_and_then_leaves_nothing(netlab, namespace):
    netlab.apply(pod("a", namespace, "sh", "-c", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done"))
    ready(netlab, namespace, "a")
    netlab.kubectl("delete", "pod", "-n", namespace, "a", "--timeout=20s")
    assert netlab.kubectl("get", "pod", "-n", namespace, "a", ok=False).returncode == 1


def test_the_disk_of_a_pod_is_bounded(netlab, namespace):
    netlab.apply(pod("a", namespace))
    ready(netlab, namespace, "a")
    done = run_in(netlab, namespace, "a", "sh", "-c", "head -c 200M /dev/zero > /fill", ok=False)
    assert "No space left on device" in done.stderr


def test_a_fork_bomb_stays_in_its_pod(netlab, namespace):
    netlab.apply(pod("bomb", namespace), pod("calm", namespace))
    ready(netlab, namespace, "bomb", "calm")
    bomb = "for i in $(seq 2000); do sleep 600 & done 2>&1 | grep -m1 -o 'Resource temporarily unavailable'"
    assert "unavailable" in run_in(netlab, namespace, "bomb", "bash", "-c", bomb, ok=False).stdout
    assert run_in(netlab, namespace, "calm", "echo", "fine").stdout == "fine\n"


@pytest.mark.parametrize("path", ["/etc/shadow", "/home", "/var/lib/dpkg/status"])
def test_the_hosts_files_are_not_to_be_seen(netlab, namespace, path):
    netlab.apply(pod("a", namespace, image="busybox", command=["sleep", "600"]))
    ready(netlab, namespace, "a")
    listing = run_in(netlab, namespace, "a", "ls", path, ok=False)
    assert listing.stdout == ""


def test_a_flood_in_the_log_leaves_the_cluster_answering(netlab, namespace):
    netlab.apply(pod("loud", namespace, "yes"), pod("calm", namespace))
    ready(netlab, namespace, "loud", "calm")
    assert run_in(netlab, namespace, "calm", "echo", "fine").stdout == "fine\n"
    assert netlab.kubectl("logs", "-n", namespace, "loud", "--tail=2").stdout == "y\ny\n"


def test_a_flood_through_exec_arrives_whole_and_in_bounded_memory(netlab, namespace):
    netlab.apply(pod("a", namespace))
    ready(netlab, namespace, "a")
    before = resident_kib(netlab.server_pid)
    done = run_in(netlab, namespace, "a", "sh", "-c", "yes | head -c 50M | sha256sum; yes | head -c 50M")
    assert len(done.stdout) > 50 * 2**20
    assert resident_kib(netlab.server_pid) - before < 40_000


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_a_finished_pod_gives_its_network_back_and_keeps_its_log(netlab, namespace):
    netlab.apply(
        pod("done", namespace, "echo", "my words", node="redes-worker", spec={"restartPolicy": "Never"}),
        pod("agent", namespace, node="redes-worker", spec={"hostNetwork": True}),
    )
    ready(netlab, namespace, "agent")
    released = "--for=condition=PodReadyToStartContainers=False"
    netlab.kubectl("wait", "-n", namespace, "pod/done", released, "--timeout=20s")
    address = status_of(netlab, namespace, "done")["podIP"]
    assert f"{address} dev veth" not in run_in(netlab, namespace, "agent", "ip", "route").stdout
    assert netlab.kubectl("logs", "-n", namespace, "done").stdout == "my words\n"
