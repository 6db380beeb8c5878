"""An unmodified kubectl against a real cluster: what students type, and what they must see."""

import json
import subprocess

import pytest

from tests.netlab.worlds import TOOLBOX, pod, service

pytestmark = pytest.mark.integration


@pytest.fixture
def kubectl(netlab, namespace):
    """kubectl in the test's own namespace; the answer is what it printed."""

    def run(*args: str, stdin: str = "", fails: bool = False) -> str:
        done = netlab.kubectl("-n", namespace, *args, stdin=stdin, ok=not fails)
        assert not fails or done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    return run


@pytest.fixture
def shop(kubectl, namespace):
    """A deployment of two pods behind a Service, rolled out."""
    manifest = (
        json.dumps(deployment()) + "\n---\n" + json.dumps(service("shop", namespace, {"app": "shop"}, 80))
    )
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl("rollout", "status", "deployment/shop", "--timeout=30s")
    return manifest


def deployment(**env: str) -> dict:
    labels = {"app": "shop"}
    container = {
        "name": "web",
        "image": TOOLBOX,
        "command": ["sleep", "infinity"],
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


@pytest.fixture
def box(netlab, kubectl, namespace):
    """One running pod, `box`."""
    netlab.apply(pod("box", namespace, "sh", "-c", "echo started; sleep infinity"))
    kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=20s")
    return "box"


def test_get_pods_of_all_namespaces_wide(kubectl, namespace, box):
    header, *rows = kubectl("get", "pods", "-A", "-o", "wide").splitlines()
    assert header.split()[:6] == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    (row,) = [row.split() for row in rows if row.startswith(f"{namespace} ")]
    assert row[1:4] == ["box", "1/1", "Running"]
    assert row[6].startswith("10.244.") and row[7].startswith("redes-worker")


def test_nodes_are_described(kubectl):
    assert "v1.36.0+netlab" in kubectl("get", "nodes", "-o", "wide")
    told = kubectl("describe", "node", "redes-worker")
    assert "InternalIP:  172.18.0.3" in told and "Non-terminated Pods:" in told
    assert "HolderIdentity:  redes-worker" in told and "RenewTime:" in told


def test_apply_again_changes_nothing_and_a_change_rolls_out(kubectl, shop):
    assert "deployment.apps/shop unchanged" in kubectl("apply", "-f", "-", stdin=shop)
    changed = json.dumps(deployment(COLOUR="red"))
    assert "+        - name: COLOUR" in kubectl("diff", "-f", "-", stdin=changed, fails=True)
    assert "shop configured (server dry run)" in kubectl(
        "apply", "--dry-run=server", "-f", "-", stdin=changed
    )
    assert "deployment.apps/shop configured" in kubectl("apply", "-f", "-", stdin=changed)
    kubectl("rollout", "status", "deployment/shop", "--timeout=30s")
    assert kubectl("exec", "deploy/shop", "--", "printenv", "COLOUR") == "red\n"
    assert "rolled back" in kubectl("rollout", "undo", "deployment/shop")
    kubectl("rollout", "status", "deployment/shop", "--timeout=30s")


def test_server_side_apply_meets_a_conflict(kubectl, shop):
    changed = json.dumps(deployment(COLOUR="red"))
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", stdin=changed)
    kubectl("scale", "deployment/shop", "--replicas=1")
    other = ("apply", "--server-side", "--field-manager=bia", "-f", "-")
    replicas = json.dumps({**deployment(COLOUR="blue")})
    assert "conflicts with" in kubectl(*other, stdin=replicas, fails=True)
    assert "serverside-applied" in kubectl(*other, "--force-conflicts", stdin=replicas)


def test_exec_carries_output_exit_code_and_stdin(netlab, namespace, kubectl, box):
    assert kubectl("exec", box, "--", "echo", "olá") == "olá\n"
    done = netlab.kubectl("-n", namespace, "exec", box, "--", "sh", "-c", "exit 7", ok=False)
    assert done.returncode == 7
    big = "x" * 1_000_000
    assert kubectl("exec", "-i", box, "--", "wc", "-c", stdin=big) == "1000000\n"
    assert "executable file" in kubectl("exec", box, "--", "nosuch", fails=True)
    assert "not valid for pod box" in kubectl("exec", box, "-c", "ghost", "--", "id", fails=True)


def test_logs_are_followed_until_the_end(kubectl, netlab, namespace):
    script = "for i in 1 2 3; do echo line $i; done; sleep 0.3; echo last"
    netlab.apply(pod("talker", namespace, "sh", "-c", script, spec={"restartPolicy": "Never"}))
    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].state}", "pod/talker", "--timeout=20s")
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/talker", "--timeout=20s")
    assert kubectl("logs", "-f", "talker").splitlines() == ["line 1", "line 2", "line 3", "last"]
    assert kubectl("logs", "--tail=1", "talker") == "last\n"


def test_describe_tells_the_story_of_a_pod(kubectl, box):
    told = kubectl("describe", "pod", box)
    for word in ("Scheduled", "Successfully assigned", "Started", "kube-api-access-", "PodScheduled"):
        assert word in told


def test_describe_deployment_and_service(kubectl, shop):
    told = kubectl("describe", "deployment", "shop")
    assert "2 desired | 2 updated | 2 total | 2 available" in told and "ScalingReplicaSet" in told
    endpoints = next(line for line in kubectl("describe", "svc", "shop").splitlines() if "Endpoints:" in line)
    assert endpoints.count("10.244.") == 2


def test_delete_waits_until_the_pod_is_gone(kubectl, box):
    assert f'pod "{box}" deleted' in kubectl("delete", "pod", box, "--grace-period=1")
    assert 'pods "box" not found' in kubectl("get", "pod", box, fails=True)


def test_wait_scale_and_label(kubectl, shop):
    kubectl("scale", "deployment/shop", "--replicas=3")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/shop", "--timeout=30s")
    kubectl("label", "deployment/shop", "team=redes")
    assert "shop" in kubectl("get", "deployments", "-l", "team=redes", "-o", "name")
    kubectl("annotate", "deployment/shop", "note=hello")
    kubectl("set", "env", "deployment/shop", "A=1")
    kubectl("rollout", "restart", "deployment/shop")
    assert "3" in kubectl("rollout", "history", "deployment/shop")


def test_create_speaks_protobuf(kubectl, namespace):
    kubectl("create", "configmap", "settings", "--from-literal=a=1")
    kubectl("create", "secret", "generic", "hidden", "--from-literal=p=w")
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    kubectl("create", "rolebinding", "robot-reads", "--role=reader", f"--serviceaccount={namespace}:robot")
    kubectl("create", "deployment", "made", f"--image={TOOLBOX}", "--replicas=0")
    kubectl("create", "service", "clusterip", "made", "--tcp=80:8080")
    kubectl("create", "quota", "few", "--hard=pods=5")
    assert json.loads(kubectl("get", "cm", "settings", "-o", "json"))["data"] == {"a": "1"}
    assert json.loads(kubectl("get", "secret", "hidden", "-o", "json"))["data"] == {"p": "dw=="}
    made = json.loads(kubectl("get", "deploy", "made", "-o", "json"))["spec"]
    assert (made["replicas"], made["template"]["spec"]["containers"][0]["image"]) == (0, TOOLBOX)
    port = json.loads(kubectl("get", "svc", "made", "-o", "json"))["spec"]["ports"][0]
    assert (port["port"], port["targetPort"]) == (80, 8080)


def test_rights_are_asked_for_and_enforced(kubectl, namespace):
    kubectl("create", "serviceaccount", "robot")
    robot = f"--as=system:serviceaccount:{namespace}:robot"
    assert "no" in kubectl("auth", "can-i", "list", "pods", robot, fails=True)
    kubectl("create", "rolebinding", "robot", "--clusterrole=view", f"--serviceaccount={namespace}:robot")
    assert "yes" in kubectl("auth", "can-i", "list", "pods", robot)
    assert "cannot create resource" in kubectl("run", "x", f"--image={TOOLBOX}", robot, fails=True)
    assert kubectl("create", "token", "robot").count(".") == 2
    assert f"system:serviceaccount:{namespace}:robot" in kubectl("auth", "whoami", robot)
    assert "pods" in kubectl("auth", "can-i", "--list", robot)


def test_kubectl_works_inside_a_pod_within_its_rights(kubectl, namespace, box):
    refused = kubectl("exec", box, "--", "kubectl", "get", "pods", fails=True)
    assert f'User "system:serviceaccount:{namespace}:default" cannot list resource "pods"' in refused
    kubectl("create", "rolebinding", "self", "--clusterrole=view", f"--serviceaccount={namespace}:default")
    assert "box" in kubectl("exec", box, "--", "kubectl", "get", "pods")


def test_watching_shows_what_happens(netlab, namespace, kubectl):
    command = [
        netlab.program,
        "--kubeconfig",
        str(netlab.kubeconfig),
        "-n",
        namespace,
        "get",
        "cm",
        "-w",
        "-o",
        "name",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout.readline() == "configmap/kube-root-ca.crt\n"
        kubectl("create", "configmap", "news")
        assert watching.stdout.readline() == "configmap/news\n"
        watching.terminate()


def test_errors_are_the_ones_of_kubernetes(kubectl, namespace):
    assert "the server doesn't have a resource type" in kubectl("get", "unicorns", fails=True)
    ingress = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "x"}}
    assert 'no matches for kind "Gateway"' in kubectl(
        "apply", "-f", "-", stdin=json.dumps(ingress), fails=True
    )
    wrong = deployment()
    wrong["spec"]["replicaz"] = 1
    told = kubectl("apply", "-f", "-", stdin=json.dumps(wrong), fails=True)
    assert 'strict decoding error: unknown field "spec.replicaz"' in told
    named = pod("named", namespace, spec={"setHostnameAsFQDN": True})
    told = kubectl("apply", "-f", "-", stdin=json.dumps(named))
    assert "Warning: spec.setHostnameAsFQDN has no effect in netlab" in told


def test_an_image_that_is_not_there_is_said_plainly(netlab, kubectl, namespace):
    netlab.apply(pod("lost", namespace, image="nginx:1.29"))
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    kubectl("wait", f"--for={reason}", "pod/lost", "--timeout=20s")
    assert "ErrImagePull" in kubectl("get", "pod", "lost") or "ImagePullBackOff" in kubectl(
        "get", "pod", "lost"
    )


def test_run_attached_ends_with_the_exit_code(netlab, namespace):
    run = ("run", "once", "--rm", "-i", "--restart=Never", f"--image={TOOLBOX}", "--")
    done = netlab.kubectl("-n", namespace, *run, "sh", "-c", "cat; exit 3", stdin="hello\n", ok=False)
    assert "hello" in done.stdout
    assert done.returncode == 3, done.stderr


def test_port_forward_reaches_into_the_pod(netlab, namespace, kubectl):
    serve = "while true; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nola' | nc -N -l 127.0.0.1 8080; done"
    netlab.apply(pod("web", namespace, "sh", "-c", serve))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    command = [
        netlab.program,
        "--kubeconfig",
        str(netlab.kubeconfig),
        "-n",
        namespace,
        "port-forward",
        "web",
        ":8080",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forwarding:
        port = forwarding.stdout.readline().split(":")[1].split()[0]
        done = subprocess.run(
            ["curl", "-s", "--max-time", "5", f"http://127.0.0.1:{port}/"], capture_output=True, text=True
        )
        forwarding.terminate()
    assert done.stdout == "ola"


def test_a_node_port_opens_on_every_node(netlab, namespace, kubectl):
    serve = "while true; do echo ola | nc -N -l 8080; done"
    outside = {"hostNetwork": True, "nodeName": "redes-control-plane"}
    netlab.apply(pod("server", namespace, "sh", "-c", serve), pod("outside", namespace, spec=outside))
    kubectl("wait", "--for=condition=Ready", "pod/server", "pod/outside", "--timeout=20s")
    kubectl("expose", "pod", "server", "--type=NodePort", "--port=80", "--target-port=8080")
    port = kubectl("get", "svc", "server", "-o", "jsonpath={.spec.ports[0].nodePort}")
    kubectl("wait", "--for=jsonpath={.subsets[0].addresses[0].ip}", "endpoints/server", "--timeout=10s")
    for node in ("172.18.0.3", "172.18.0.4"):
        dial = f"for i in 1 2 3 4 5 6 7 8 9; do nc -w 1 {node} {port} </dev/null && exit; done; exit 1"
        assert kubectl("exec", "outside", "--", "sh", "-c", dial) == "ola\n"


def test_drain_moves_pods_away(netlab, kubectl, shop):
    try:
        kubectl(
            "drain",
            "redes-worker2",
            "--ignore-daemonsets",
            "--force",
            "--timeout=30s",
            "--pod-selector=app=shop",
        )
        assert "SchedulingDisabled" in kubectl("get", "node", "redes-worker2")
        kubectl("wait", "--for=condition=Available", "deployment/shop", "--timeout=30s")
        assert "redes-worker2" not in kubectl(
            "get", "pods", "-o", "wide", "-l", "app=shop", "--field-selector=status.phase=Running"
        )
    finally:
        kubectl("uncordon", "redes-worker2")


def test_explain_reads_the_schemas(kubectl):
    assert "targetPort" in kubectl("explain", "service.spec.ports")


def test_a_namespace_goes_with_all_that_is_in_it(netlab):
    netlab.kubectl("create", "namespace", "doomed")
    netlab.apply(pod("p", "doomed"))
    netlab.kubectl("delete", "namespace", "doomed", "--timeout=30s")
    assert "not found" in netlab.kubectl("get", "pod", "p", "-n", "doomed", ok=False).stderr


def test_sets_claims_schedules_and_scalers_read_as_on_any_cluster(kubectl, namespace):
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}}
    database = deployment()
    database["kind"], database["metadata"]["name"] = "StatefulSet", "db"
    database["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": wanted}]
    kubectl("apply", "-f", "-", stdin=json.dumps(database))
    kubectl("rollout", "status", "statefulset/db", "--timeout=30s")
    kubectl("create", "cronjob", "tick", f"--image={TOOLBOX}", "--schedule=0 0 1 1 *", "--", "true")
    kubectl("autoscale", "statefulset/db", "--min=2", "--max=4", "--cpu=50%")
    header, *rows = kubectl("get", "statefulsets").splitlines()
    assert header.split() == ["NAME", "READY", "AGE"] and rows[0].split()[:2] == ["db", "2/2"]
    header, row = kubectl("get", "cronjobs").splitlines()
    assert header.split("  ")[0] == "NAME" and "LAST SCHEDULE" in header
    assert row.split()[1:8] == ["0", "0", "1", "1", "*", "<none>", "False"]
    claim, *_ = kubectl("get", "pvc", "--no-headers").splitlines()
    assert claim.split()[1] == "Bound" and claim.split()[3:6] == ["8Mi", "RWO", "standard"]
    volume = claim.split()[2]
    assert f"{namespace}/data-db-0" in kubectl("get", "pv", volume, "--no-headers")
    assert kubectl("get", "storageclass", "--no-headers").split()[:2] == ["standard", "(default)"]
    assert "StatefulSet/db" in kubectl("get", "hpa", "--no-headers")
    assert "create Pod db-1 in StatefulSet db successful" in kubectl("describe", "statefulset/db")
    assert "Used By:       db-0" in kubectl("describe", "pvc/data-db-0")
    kubectl("describe", "cronjob/tick", "hpa/db", f"pv/{volume}")
    kubectl("set", "env", "statefulset/db", "COLOUR=blue")
    kubectl("rollout", "status", "statefulset/db", "--timeout=30s")
    assert kubectl("exec", "db-0", "--", "printenv", "COLOUR") == "blue\n"
    kubectl("rollout", "undo", "statefulset/db")
    kubectl("rollout", "status", "statefulset/db", "--timeout=30s")
    assert kubectl("exec", "db-0", "--", "printenv", "COLOUR", fails=True)
    kubectl("scale", "statefulset/db", "--replicas=1")
    kubectl("create", "job", "--from=cronjob/tick", "now")
    kubectl("wait", "--for=condition=Complete", "job/now", "--timeout=20s")
    kubectl("delete", "statefulset/db", "cronjob/tick", "hpa/db", "pvc/data-db-0", "--timeout=20s")
