from netlab.node.links import veth_name
from netlab.policy.chains import ROOT, chains
from netlab.policy.verdicts import Allow, Verdict

PEER = "10.244.1.3/32"


def closed(name="x/a", **directions) -> Verdict:
    return Verdict(f"uid-{name}", name, **(directions or {"ingress": ()}))


def below(made: dict, prefix: str) -> list[list[str]]:
    return [rules for name, rules in made.items() if name.startswith(prefix)]


def test_without_isolated_pods_nothing_is_asked():
    assert chains([]) == {ROOT: []}


def test_a_reply_passes_before_any_pod_is_looked_at():
    first, second = chains([closed()])[ROOT]
    assert first == "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
    assert second.startswith("-g NETPOL-PODS-")


def test_a_pod_is_known_by_its_interface_and_may_always_reach_itself():
    made = chains([closed(ingress=(), egress=())])
    (pods,) = below(made, "NETPOL-PODS")
    veth = veth_name("uid-x/a")
    assert pods[0].startswith(f"-i {veth} ! -o {veth} ")
    assert pods[1].startswith(f"-o {veth} ! -i {veth} ")


def test_what_is_not_allowed_is_dropped_at_the_end():
    allows = (Allow("x/p", PEER, "tcp", (80, 90)), Allow("x/q", None, "udp"), Allow("x/r"))
    (rules,) = below(chains([closed(ingress=allows)]), "NETPOL-IN")
    assert rules == [
        '-s 10.244.1.3/32 -p tcp -m tcp --dport 80:90 -m comment --comment "x/p" -j RETURN',
        '-p udp -m comment --comment "x/q" -j RETURN',
        '-m comment --comment "x/r" -j RETURN',
        "-j DROP",
    ]


def test_egress_looks_at_the_destination_and_comes_first():
    made = chains([closed(ingress=(), egress=(Allow("x/p", PEER),))])
    assert below(made, "NETPOL-OUT")[0][0].startswith("-d 10.244.1.3/32")
    (pods,) = below(made, "NETPOL-PODS")
    assert ["NETPOL-OUT" in rule for rule in pods] == [True, False]


def test_replicas_share_a_chain():
    assert len(below(chains([closed("x/a"), closed("x/b")]), "NETPOL-IN")) == 1


def test_another_verdict_is_another_chain_so_none_is_ever_rewritten():
    before, after = chains([closed()]), chains([closed(ingress=(Allow("x/p"),))])
    assert before.keys() & after.keys() == {ROOT}


def test_a_long_list_goes_on_in_chains_that_fit_one_transaction():
    allows = tuple(Allow("x/p", f"10.0.0.{n}/32") for n in range(250))
    made = chains([closed(ingress=allows)])
    parts = below(made, "NETPOL-IN")
    assert sum(rule.endswith("RETURN") for rules in parts for rule in rules) == 250
    assert max(map(len, parts)) <= 101
    assert [rules[-1][:3] for rules in parts] == ["-j ", "-g ", "-g "]


def test_a_chain_stands_after_those_it_leads_to():
    made = chains([closed(ingress=(Allow("x/p"),) * 300, egress=())])
    order = list(made)
    for position, rules in enumerate(made.values()):
        targets = [rule.split()[-1] for rule in rules if "NETPOL-" in rule]
        assert all(order.index(target) < position for target in targets)
