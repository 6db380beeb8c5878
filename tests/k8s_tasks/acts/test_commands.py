"""What a step of each kind is said to run, and who may ask for it."""

import pytest

from curriculum.enums import StepKind
from curriculum.parameters import SubstitutionError
from curriculum.specs import Effects, Step
from k8s_tasks.cluster.as_student import check_names
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.commands import command_of, node_of
from tests.pods import NODES, pod

VALUES = {
    "web": {"ip": "10.244.2.2", "node": "redes-worker2"},
    "gone": {"ip": "", "node": "redes-worker2"},
}
BINDINGS = {
    "nodes": [{"name": "master", "role": "control-plane", "address": "172.18.0.2"}, *NODES],
    "pods": [pod("web", 2)],
}


def step(kind: StepKind, **facts) -> Step:
    words = {"title": {}, "text": {}, "hints": ()}
    return Step(key="it", kind=kind, pane="out", **words, **facts)


def test_a_manifest_is_applied_or_deleted_as_kubectl_would():
    assert command_of(step(StepKind.APPLY, manifest="deny"), VALUES) == [
        "kubectl",
        "apply",
        "-f",
        "deny.yaml",
    ]
    gone = step(StepKind.APPLY, manifest="deny", remove=True)
    assert command_of(gone, VALUES) == ["kubectl", "delete", "-f", "deny.yaml"]


def test_a_node_is_meant_by_its_number():
    outside = step(StepKind.NODE, node=0, argv=("nc", "-z", "${web.ip}", "80"))
    assert (node_of(outside, BINDINGS), command_of(outside, VALUES)[2]) == ("master", "10.244.2.2")
    assert node_of(step(StepKind.NODE, node=2, argv=("id",)), BINDINGS) == "redes-worker2"
    with pytest.raises(SubstitutionError, match="no node control"):
        node_of(outside, {"nodes": NODES})


def test_a_link_is_at_the_node_of_its_pod():
    watch = step(StepKind.CAPTURE, pod="web", argv=("icmp",))
    assert node_of(watch, BINDINGS) == "redes-worker2"
    assert command_of(watch, VALUES) == ["tcpdump", "-l", "-n", "icmp"]


def test_an_impairment_is_the_agents_command():
    worsen = step(StepKind.IMPAIR, pod="web", direction="from-pod", effects=Effects(loss=30, delay=2.5))
    assert command_of(worsen, VALUES)[2:] == ["set", "10.244.2.2", "from-pod", "loss=30", "delay=2.5"]
    for nothing in (None, Effects()):
        mend = step(StepKind.IMPAIR, pod="web", effects=nothing)
        assert command_of(mend, VALUES)[2:] == ["clear", "10.244.2.2"]


def test_an_mtu_is_for_the_student_to_find_out():
    narrow = step(StepKind.IMPAIR, pod="web", mtu="1234")
    assert command_of(narrow, VALUES) == ["redes-agent", "mtu", "set", "10.244.2.2", "MTU"]


def test_an_addon_is_asked_as_an_administrator_would():
    shown = step(StepKind.ADDON, addon="ingress-controller", argv=("nginx", "-T"))
    kubectl = "kubectl -n nginx-ingress exec deploy/nginx-ingress -- nginx -T"
    assert command_of(shown, VALUES) == kubectl.split()
    log = step(StepKind.ADDON, addon="kube-proxy", node=2, only="${web.ip}")
    assert command_of(log, VALUES)[2].endswith("logs ds/kube-proxy | grep -F -e 10.244.2.2")
    assert (node_of(log, BINDINGS), node_of(shown, BINDINGS)) == ("redes-worker2", "")


def test_another_mode_of_the_proxy_reads_as_its_flags():
    other = step(StepKind.PROXY, mode="nftables", verbosity=3)
    assert command_of(other, VALUES) == ["kube-proxy", "--proxy-mode=nftables", "--v=3"]


def test_a_link_without_an_address_is_not_touched():
    with pytest.raises(SubstitutionError, match="no address"):
        command_of(step(StepKind.IMPAIR, pod="gone"), VALUES)


GOOD = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"apiVersion": "../api/v1"},
        {"apiVersion": None},
        {"kind": "Pod/exec"},
        {"kind": 7},
        {"metadata": "deny"},
        {"metadata": {}},
        {"metadata": {"name": "../../kube-system/secrets/x"}},
        {"metadata": {"name": ".."}},
        {"metadata": {"name": "deny", "namespace": "a/b"}},
    ],
)
def test_a_text_that_names_no_object_becomes_no_address(changes):
    check_names(GOOD)
    with pytest.raises(ClusterError, match="no Kubernetes object"):
        check_names(GOOD | changes)
