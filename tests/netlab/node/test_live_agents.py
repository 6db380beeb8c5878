"""kube-proxy's and kindnet's pods: what they log is done, and without them it is not done."""

import pytest

from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration

SYSTEM = ("-n", "kube-system")


def log_of(netlab, name: str, node: str = "redes-worker") -> str:
    selector = f"--field-selector=spec.nodeName={node}"
    (found,) = netlab.get(*SYSTEM, "pods", "-l", f"k8s-app={name}", selector)["items"]
    return netlab.kubectl(*SYSTEM, "logs", found["metadata"]["name"]).stdout


def settled(netlab, name: str) -> None:
    netlab.kubectl(*SYSTEM, "rollout", "status", f"daemonset/{name}", "--timeout=30s")


def test_kube_proxy_logs_each_sync_that_wrote_rules(netlab, namespace):
    settled(netlab, "kube-proxy")
    before = log_of(netlab, "kube-proxy").count("SyncProxyRules complete")
    netlab.apply(pod("web", namespace), service("web", namespace, {"app": "web"}, 80))
    netlab.kubectl("wait", "-n", namespace, "pod/web", "--for=condition=Ready", "--timeout=20s")
    while log_of(netlab, "kube-proxy").count("SyncProxyRules complete") < before + 1:
        pass
    assert "rulesWritten=" in log_of(netlab, "kube-proxy").splitlines()[-1]


def test_without_kube_proxy_a_new_service_has_no_rules(netlab, namespace):
    settled(netlab, "kube-proxy")
    away = '{"spec":{"template":{"spec":{"nodeSelector":{"nowhere":"yes"}}}}}'
    netlab.kubectl(*SYSTEM, "patch", "daemonset", "kube-proxy", "-p", away)
    netlab.kubectl(*SYSTEM, "wait", "pods", "-l", "k8s-app=kube-proxy", "--for=delete", "--timeout=20s")
    try:
        netlab.apply(pod("client", namespace), service("late", namespace, {"app": "nobody"}, 80))
        netlab.kubectl("wait", "-n", namespace, "pod/client", "--for=condition=Ready", "--timeout=20s")
        address = netlab.get("service", "late", "-n", namespace)["spec"]["clusterIP"]
        probe = ("exec", "-n", namespace, "client", "--", "nc", "-zvw1", address, "80")
        assert "refused" not in netlab.kubectl(*probe, ok=False).stderr  # nobody rejects: it times out
    finally:
        back = '{"spec":{"template":{"spec":{"nodeSelector":{"nowhere":null}}}}}'
        netlab.kubectl(*SYSTEM, "patch", "daemonset", "kube-proxy", "-p", back)
    settled(netlab, "kube-proxy")
    while "refused" not in netlab.kubectl(*probe, ok=False).stderr:
        pass


def test_kindnet_logs_the_policies_it_put_in_force(netlab, namespace):
    settled(netlab, "kindnet")
    meta = {"name": "closed", "namespace": namespace}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta}
    netlab.apply({**policy, "spec": {"podSelector": {}}}, pod("web", namespace, node="redes-worker"))
    netlab.kubectl("wait", "-n", namespace, "pod/web", "--for=condition=Ready", "--timeout=20s")
    while '"Network policies synced" policies=' not in log_of(netlab, "kindnet"):
        pass


def test_a_users_pod_may_not_be_a_nodes_agent(netlab, namespace):
    netlab.apply(pod("fake", namespace, image="redes.local/kindnet:0.1.0"))
    reason = "jsonpath={.status.containerStatuses[0].lastState.terminated.reason}=StartError"
    netlab.kubectl("wait", "-n", namespace, "pod/fake", f"--for={reason}", "--timeout=20s")
