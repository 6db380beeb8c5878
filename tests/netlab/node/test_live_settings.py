"""A pod's own settings, seen from inside: groups of volumes, kernel settings, paths in volumes, gates."""

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration
SHARED = {"volumes": [{"name": "shared", "emptyDir": {}}]}


@pytest.fixture
def kubectl(netlab, namespace):
    def run(*args: str) -> str:
        return netlab.kubectl("-n", namespace, *args).stdout

    return run


@pytest.fixture
def start(netlab, kubectl):
    def make(manifest: dict) -> str:
        """Its name, when it is ready."""
        netlab.apply(manifest)
        kubectl("wait", "--for=condition=Ready", f"pod/{manifest['metadata']['name']}", "--timeout=20s")
        return manifest["metadata"]["name"]

    return make


def _mount(path: str, **more) -> dict:
    return {"volumeMounts": [{"name": "shared", "mountPath": path, **more}]}


def test_volumes_belong_to_the_group_of_the_pod(namespace, kubectl, start):
    config = {"name": "config", "configMap": {"name": "kube-root-ca.crt", "defaultMode": 0o600}}
    spec = {"securityContext": {"fsGroup": 2000}, "volumes": [*SHARED["volumes"], config]}
    manifest = pod("grouped", namespace, spec=spec, securityContext={"runAsUser": 1000})
    mounts = [{"name": "shared", "mountPath": "/shared"}, {"name": "config", "mountPath": "/config"}]
    manifest["spec"]["containers"][0]["volumeMounts"] = mounts
    name = start(manifest)
    look = "touch /shared/new; stat -c '%g %a' /shared /config/ca.crt; stat -c %g /shared/new; id -G"
    seen = kubectl("exec", name, "--", "sh", "-c", look).splitlines()
    assert seen[:3] == ["2000 2777", "2000 640", "2000"]
    assert "2000" in seen[3].split()
    assert "BEGIN CERTIFICATE" in kubectl("exec", name, "--", "cat", "/config/ca.crt")


def test_safe_kernel_settings_are_set_in_the_pod_alone(netlab, namespace, kubectl, start):
    wanted = [{"name": "net.ipv4.tcp_fin_timeout", "value": "17"}]
    tuned = start(pod("tuned", namespace, spec={"securityContext": {"sysctls": wanted}}))
    plain = start(pod("plain", namespace))
    read = ("--", "cat", "/proc/sys/net/ipv4/tcp_fin_timeout")
    assert (kubectl("exec", tuned, *read), kubectl("exec", plain, *read)) == ("17\n", "60\n")


def test_a_directory_of_a_volume_is_made_and_mounted_alone(namespace, kubectl, start):
    manifest = pod("pair", namespace, spec=SHARED, **_mount("/mine", subPath="a/b"))
    other = {**manifest["spec"]["containers"][0], "name": "other", **_mount("/all")}
    manifest["spec"]["containers"].append(other)
    name = start(manifest)
    kubectl("exec", name, "-c", "main", "--", "touch", "/mine/seen")
    assert kubectl("exec", name, "-c", "other", "--", "ls", "/all/a/b") == "seen\n"


def test_a_link_in_a_volume_leads_no_mount_out_of_it(netlab, namespace, kubectl):
    trap = {**pod("x", namespace, "ln", "-s", "/etc", "/all/out")["spec"]["containers"][0], **_mount("/all")}
    manifest = pod("trapped", namespace, spec=SHARED, **_mount("/mine", subPath="out"))
    manifest["spec"]["initContainers"] = [{**trap, "name": "trap"}]
    netlab.apply(manifest)
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    kubectl("wait", f"--for={reason}=CreateContainerConfigError", "pod/trapped", "--timeout=20s")
    assert "out is a symbolic link" in kubectl("get", "pod", "trapped", "-o", "yaml")


def test_a_pod_is_ready_when_its_gate_is_opened(netlab, namespace, kubectl):
    spec = {"readinessGates": [{"conditionType": "school.example/open"}]}
    netlab.apply(pod("gated", namespace, spec=spec))
    kubectl("wait", "--for=condition=ContainersReady", "pod/gated", "--timeout=20s")
    assert kubectl("get", "pod", "gated", "-o", "wide", "--no-headers").split()[-1] == "0/1"
    reason = 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'
    assert kubectl("get", "pod", "gated", "-o", reason) == "ReadinessGatesNotReady"
    opened = '{"status":{"conditions":[{"type":"school.example/open","status":"True"}]}}'
    kubectl("patch", "pod", "gated", "--subresource=status", "-p", opened)
    kubectl("wait", "--for=condition=Ready", "pod/gated", "--timeout=20s")
    assert kubectl("get", "pod", "gated", "-o", "wide", "--no-headers").split()[-1] == "1/1"


def _serving(name: str, namespace: str, **port) -> dict:
    serve = "while :; do echo hello | nc -N -l 8080; done"
    return pod(name, namespace, "sh", "-c", serve, ports=[{"containerPort": 8080, **port}])


def _outside(namespace: str, node: str) -> dict:
    return pod(f"on-{node}", namespace, spec={"hostNetwork": True, "nodeName": node})


def _says(kubectl, source: str, address: str, port: int = 8081) -> str:
    dial = f"for i in 1 2 3 4 5 6 7 8 9; do nc -w 1 {address} {port} </dev/null && exit; done; exit 1"
    return kubectl("exec", source, "--", "sh", "-c", dial)


def test_a_port_of_the_node_leads_into_the_pod_and_goes_with_it(netlab, namespace, kubectl, start):
    server = _serving("server", namespace, hostPort=8081)
    server["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "redes-worker"}
    start(server)
    far, near = (start(_outside(namespace, node)) for node in ("redes-worker2", "redes-worker"))
    for source, address in (
        (far, "172.18.0.3"),
        (near, "172.18.0.3"),
        (near, "127.0.0.1"),
        ("server", "172.18.0.3"),
    ):
        assert _says(kubectl, source, address) == "hello\n", (source, address)
    kubectl("delete", "pod", "server", "--now")
    closed = netlab.kubectl("-n", namespace, "exec", far, "--", "nc", "-zw1", "172.18.0.3", "8081", ok=False)
    assert closed.returncode == 1


def test_a_port_of_a_node_is_one_pods(netlab, namespace, kubectl, start):
    place = {"kubernetes.io/hostname": "redes-worker2"}
    for name in ("first", "second"):
        one = _serving(name, namespace, hostPort=8082)
        one["spec"]["nodeSelector"] = place
        netlab.apply(one)
    message = 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}'
    kubectl("wait", "--for=condition=PodScheduled=False", "pod/second", "--timeout=20s")
    assert "didn't have free ports" in kubectl("get", "pod", "second", "-o", message)
    kubectl("delete", "pod", "first", "--now")
    kubectl("wait", "--for=condition=Ready", "pod/second", "--timeout=20s")


def test_containers_that_share_their_processes_see_and_signal_each_other(namespace, kubectl, start):
    manifest = pod("shared", namespace, "sh", "-c", "sleep 4711 & wait", spec={"shareProcessNamespace": True})
    manifest["spec"]["containers"].append({**manifest["spec"]["containers"][0], "name": "other"})
    manifest["spec"]["containers"][1]["command"] = ["sleep", "infinity"]
    name = start(manifest)
    seen = kubectl("exec", name, "-c", "other", "--", "ps", "-eo", "pid,args")
    assert "1 sleep infinity" in seen.splitlines()[1] and "sleep 4711" in seen
    kubectl("exec", name, "-c", "other", "--", "pkill", "-KILL", "-f", "^sh -c sleep 4711")
    again = "--for=jsonpath={.status.containerStatuses[0].restartCount}=1"
    kubectl("wait", again, f"pod/{name}", "--timeout=20s")
    kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=20s")
    orphans = kubectl("exec", name, "-c", "other", "--", "ps", "-eo", "args").splitlines()
    assert orphans.count("sleep 4711") == 1  # that of the first run is gone with its container
