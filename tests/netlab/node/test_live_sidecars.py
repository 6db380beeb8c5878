"""Init containers that stay, on a real netlab."""

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration
LIVE = "trap 'exit 0' TERM; echo $0 >> /d/log; touch /up; while :; do sleep 0.1; done"


def container(name: str, script: str, **more) -> dict:
    mount = [{"name": "d", "mountPath": "/d"}]
    return {
        "name": name,
        "image": "busybox",
        "command": ["sh", "-c", script, name],
        "volumeMounts": mount,
        **more,
    }


def sidecar(name: str) -> dict:
    probe = {"exec": {"command": ["test", "-e", "/up"]}, "periodSeconds": 1}
    return container(name, LIVE, restartPolicy="Always", startupProbe=probe)


def with_sidecars(namespace: str, main: dict, **spec) -> dict:
    shared = {"volumes": [{"name": "d", "emptyDir": {}}], "initContainers": [sidecar("one"), sidecar("two")]}
    return pod("a", namespace, spec={**shared, "containers": [main], **spec})


def test_sidecars_begin_in_order_before_the_others(netlab, namespace):
    netlab.apply(with_sidecars(namespace, container("main", LIVE)))
    netlab.kubectl("wait", "-n", namespace, "pod/a", "--for=condition=Ready", "--timeout=20s")
    row = netlab.kubectl("get", "pod", "a", "-n", namespace).stdout.splitlines()[1].split()
    assert row[1:3] == ["3/3", "Running"]
    seen = netlab.kubectl("exec", "-n", namespace, "a", "-c", "one", "--", "cat", "/d/log").stdout
    assert seen == "one\ntwo\nmain\n"


def test_a_pod_that_is_done_ends_its_sidecars_the_last_one_first(netlab, namespace):
    netlab.apply(with_sidecars(namespace, container("main", "true"), restartPolicy="Never"))
    done = "--for=jsonpath={.status.phase}=Succeeded"
    netlab.kubectl("wait", "-n", namespace, "pod/a", done, "--timeout=20s")
    released = "--for=condition=PodReadyToStartContainers=False"
    netlab.kubectl("wait", "-n", namespace, "pod/a", released, "--timeout=20s")
    ended = [
        one["state"]["terminated"]
        for one in netlab.get("pod", "a", "-n", namespace)["status"]["initContainerStatuses"]
    ]
    assert [one["exitCode"] for one in ended] == [0, 0]
    assert ended[1]["finishedAt"] <= ended[0]["finishedAt"]


def test_names_of_the_manifest_stand_in_the_hosts_file(netlab, namespace):
    aliases = [{"ip": "10.9.8.7", "hostnames": ["db", "db.example"]}]
    netlab.apply(pod("a", namespace, spec={"hostAliases": aliases}))
    netlab.kubectl("wait", "-n", namespace, "pod/a", "--for=condition=Ready", "--timeout=20s")
    found = netlab.kubectl("exec", "-n", namespace, "a", "--", "getent", "hosts", "db.example").stdout
    assert found.split() == ["10.9.8.7", "db", "db.example"]


def test_last_words_are_read_where_the_manifest_says(netlab, namespace):
    script = {"command": ["sh", "-c", "echo enough > /last; exit 3"], "terminationMessagePath": "/last"}
    netlab.apply(pod("a", namespace, spec={"restartPolicy": "Never"}, **script))
    failed = "--for=jsonpath={.status.phase}=Failed"
    netlab.kubectl("wait", "-n", namespace, "pod/a", failed, "--timeout=20s")
    (status,) = netlab.get("pod", "a", "-n", namespace)["status"]["containerStatuses"]
    assert status["state"]["terminated"]["message"] == "enough\n"


def test_a_pod_that_is_active_for_too_long_fails(netlab, namespace):
    netlab.apply(pod("a", namespace, spec={"activeDeadlineSeconds": 1}))
    failed = "--for=jsonpath={.status.reason}=DeadlineExceeded"
    netlab.kubectl("wait", "-n", namespace, "pod/a", failed, "--timeout=20s")
    stopped = "--for=jsonpath={.status.containerStatuses[0].state.terminated}"
    netlab.kubectl("wait", "-n", namespace, "pod/a", stopped, "--timeout=20s")
    assert netlab.get("pod", "a", "-n", namespace)["status"]["phase"] == "Failed"
