"""netlab's verdicts against the conformance tests' evaluator: two readings of the API, the same tables."""

from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from netlab.policy.verdicts import judge
from netlab.schema.defaults import apply_defaults
from tests.conformance.networkpolicy.evaluator import Connection, Evaluator, Pod
from tests.conformance.networkpolicy.world import LETTERS, SPACES, connections, pods

NODES = {letter: f"node-{letter}" for letter in LETTERS}
ADDRESSES = {f"{s}_{p}": f"10.244.{i}.{j}" for i, s in enumerate(SPACES) for j, p in enumerate(LETTERS, 2)}
NINE = pods(ADDRESSES)

keys, values = st.sampled_from(["pod", "tier", "ns", "team"]), st.sampled_from([*"abcxyz", "front", "red"])
expressions = st.one_of(
    st.fixed_dictionaries(
        {"key": keys, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(values, min_size=1)}
    ),
    st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
selectors = st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.dictionaries(keys, values, max_size=1),
        "matchExpressions": st.lists(expressions, max_size=2),
    },
)
blocks = st.sampled_from(
    [
        {"cidr": "10.244.0.0/16", "except": ["10.244.1.3/32", "10.244.1.0/24"]},
        {"cidr": "0.0.0.0/0", "except": ["10.244.0.2/31"]},
        {"cidr": "10.244.2.3/24"},
        {"cidr": "::/0"},
    ]
)
peers = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors}, optional={"namespaceSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": selectors}),
    st.fixed_dictionaries({"ipBlock": blocks}),
)
ports = st.one_of(
    st.fixed_dictionaries(
        {"port": st.sampled_from([80, 81])}, optional={"endPort": st.sampled_from([81, 90])}
    ),
    st.fixed_dictionaries({"port": st.sampled_from(["web", "api", "dns", "mail"])}),
    st.fixed_dictionaries({}),
)
protocols = st.sampled_from([{}, {"protocol": "TCP"}, {"protocol": "UDP"}, {"protocol": "SCTP"}])
entries = st.builds(lambda port, protocol: {**port, **protocol}, ports, protocols)


def rules(side: str):
    rule = st.fixed_dictionaries(
        {}, optional={side: st.lists(peers, max_size=3), "ports": st.lists(entries, max_size=3)}
    )
    return st.lists(rule, max_size=3)


specs = st.fixed_dictionaries(
    {"podSelector": selectors},
    optional={
        "ingress": rules("from"),
        "egress": rules("to"),
        "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True),
    },
)
policies = st.lists(st.tuples(st.sampled_from(list(SPACES)), specs), min_size=1, max_size=5)


def stored_policy(number: int, space: str, spec: dict) -> dict:
    policy = {"kind": "NetworkPolicy", "metadata": {"name": f"p{number}", "namespace": space}, "spec": spec}
    apply_defaults(policy)
    return policy


def stored_pod(pod: Pod) -> dict:
    named = [{"name": n, "protocol": p, "containerPort": number} for (n, p), number in pod.ports.items()]
    uid = f"{pod.namespace}/{pod.name}"
    return {
        "metadata": {"namespace": pod.namespace, "name": pod.name, "uid": uid, "labels": pod.labels},
        "spec": {"nodeName": NODES[pod.name], "containers": [{"ports": named}]},
        "status": {"podIP": pod.address, "phase": "Running"},
    }


def passes(allows, other: Pod, one: Connection) -> bool:
    return allows is None or any(
        (allow.peer is None or ip_address(other.address) in ip_network(allow.peer))
        and allow.protocol in (None, one.protocol.lower())
        and (allow.ports is None or allow.ports[0] <= one.port <= allow.ports[1])
        for allow in allows
    )


@settings(max_examples=150, deadline=None)
@given(policies)
def test_any_policies_mean_the_same_to_both(drawn):
    stored = [stored_policy(number, space, spec) for number, (space, spec) in enumerate(drawn)]
    spaces = [{"metadata": {"name": name, "labels": labels}} for name, labels in SPACES.items()]
    bound = [stored_pod(pod) for pod in NINE]
    verdicts = {one.name: one for node in NODES.values() for one in judge(stored, bound, spaces, node)}
    evaluator = Evaluator(stored, SPACES)
    for one in connections(NINE):
        if one.source != one.target:
            source, target = (verdicts.get(f"{end.namespace}/{end.name}") for end in (one.source, one.target))
            leaves = source is None or passes(source.egress, one.target, one)
            enters = target is None or passes(target.ingress, one.source, one)
            assert (leaves and enters) == evaluator.allows(one), one
