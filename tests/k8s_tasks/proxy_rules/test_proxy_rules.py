"""kube-proxy's rules read from what real nodes said; told/ holds it, without the ingress controller's.

The Services are `web` (NodePort, two replicas), `local` (NodePort, externalTrafficPolicy Local and
sessionAffinity ClientIP), `nobody` (NodePort, nobody is selected) in rs-a, and rs-b/other, which is
somebody else's.
"""

from pathlib import Path

import pytest

from k8s_tasks.proxy_rules import flows, iptables, nftables
from k8s_tasks.proxy_rules.drawing import Part, pictures
from k8s_tasks.proxy_rules.reading import Look, Mode, is_settled, known_doors

TOLD = Path(__file__).parent / "told"
PODS = {"10.244.1.5": "web1", "10.244.2.5": "web2"}
MINE = ["rs-a"]


def service(name: str, address: str, port: int, node_port: int, *, port_name: str = "") -> dict:
    ports = [
        {"port": port, "nodePort": node_port, "protocol": "TCP"} | ({"name": port_name} if port_name else {})
    ]
    return {
        "metadata": {"namespace": "rs-a", "name": name},
        "spec": {"clusterIP": address, "ports": ports, "type": "NodePort"},
    }


SERVICES = [
    service("web", "10.96.58.42", 80, 30596, port_name="http"),
    service("local", "10.96.214.222", 81, 30238),
    service("nobody", "10.96.157.249", 80, 30552),
]


def told(name: str) -> str:
    return (TOLD / f"{name}.txt").read_text()


def by_iptables(namespaces=MINE):
    return iptables.read(told("iptables"), namespaces)


def by_nftables(namespaces=MINE):
    return nftables.read(told("nftables"), namespaces, known_doors(SERVICES))


def by_nftables_since_1_36(*more: tuple[str, str]):
    """Without the chain that marks, and without chains for the endpoints of Services without affinity."""
    listed = told("nftables").replace("jump mark-for-masquerade", "meta mark set meta mark | 0x00004000")
    web, other = (f"endpoint-{name}/8080" for name in ("665ASW4M-rs-a/web/tcp/http__10.244.1.5", WEB2))
    draws = f"numgen random mod 2 vmap {{ 0 : goto {web}, 1 : goto {other} }}"
    assert draws in listed and f"chain {web} {{" in listed
    for was, now in [
        (draws, DEALS),
        (f"chain {web} {{", "chain gone-1 {"),
        (f"chain {other} {{", "chain gone-2 {"),
        *more,
    ]:
        listed = listed.replace(was, now)
    return nftables.read(listed, MINE, known_doors(SERVICES))


WEB2 = "DYTSIVKB-rs-a/web/tcp/http__10.244.2.5"
DEALS = "meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.5 . 8080, 1 : 10.244.2.5 . 8080 }"


@pytest.fixture(params=[by_iptables, by_nftables, by_nftables_since_1_36])
def rules(request):
    return request.param()


def picture(rules, name: str):
    return next(each for each in pictures(rules, PODS) if each.service == f"rs-a/{name}")


def spots(picture, part: Part) -> list:
    return [spot for spot in picture.spots if spot.part == part]


def test_only_ones_own_services_are_read(rules):
    assert [each.service for each in pictures(rules, PODS)] == ["rs-a/local", "rs-a/nobody", "rs-a/web:http"]
    said = [rule for each in pictures(rules, PODS) for spot in each.spots for rule in spot.rules]
    assert said
    assert not [rule for rule in said if "rs-b" in rule or "kube-dns" in rule]


def test_the_ways_into_a_service(rules):
    doors = {(door.kind, door.address, door.port) for door in rules.doors if door.service == "rs-a/web:http"}
    assert doors == {("cluster-ip", "10.96.58.42", 80), ("node-port", "", 30596)}


def test_a_rule_that_counts_who_asks_at_the_loopback_is_no_way_in():
    """As kube-proxy writes it where the kernel has nfacct, before the node port's own rule."""
    own = '[0:0] -A KUBE-NODEPORTS -p tcp -m comment --comment "rs-a/web:http" -m tcp --dport 30596 '
    counts = own.replace("-p tcp", "-d 127.0.0.0/8 -p tcp", 1)
    counts += "-m nfacct --nfacct-name  localhost_nps_accepted_pkts -j KUBE-EXT-3X6KWZV6HEEUDEBB\n"
    assert own in told("iptables")
    assert iptables.read(told("iptables").replace(own, counts + own), MINE) == by_iptables()


def test_a_choice_draws_among_the_replicas(rules):
    web = picture(rules, "web:http")
    (choice,) = spots(web, Part.CHOICE)
    drawn = [line for line in web.lines if line.source == choice.id]
    assert drawn[0].probability == 0.5
    assert {spot.pod for spot in spots(web, Part.ENDPOINT)} == {"web1", "web2"}


def test_from_outside_the_source_is_replaced_unless_the_policy_is_local(rules):
    (outside,) = spots(picture(rules, "web:http"), Part.OUTSIDE)
    assert outside.chain.marks
    (outside,) = spots(picture(rules, "local"), Part.OUTSIDE)
    assert not outside.chain.marks


def test_a_local_policy_has_a_choice_of_its_own_replicas(rules):
    local = picture(rules, "local")
    everywhere, here = sorted(
        (
            [line.target for line in local.lines if line.source == choice.id]
            for choice in spots(local, Part.CHOICE)
        ),
        key=len,
        reverse=True,
    )
    pods = {spot.id: spot.pod for spot in local.spots}
    assert [pods[each] for each in everywhere] == ["web1", "web2"]
    assert [pods[each] for each in here] == ["web2"]


def test_nobody_to_draw_is_a_refusal(rules):
    nobody = picture(rules, "nobody")
    assert {line.target for line in nobody.lines} == {"REJECT"}
    assert {(spot.door.address, spot.door.port) for spot in spots(nobody, Part.DOOR)} == {
        ("10.96.157.249", 80),
        ("", 30552),
    }


def test_the_last_rule_takes_what_is_left_and_a_nftables_map_draws_evenly():
    def shares(rules) -> list:
        web = picture(rules, "web:http")
        (choice,) = spots(web, Part.CHOICE)
        return [line.probability for line in web.lines if line.source == choice.id]

    assert shares(by_iptables()) == [0.5, 1]
    assert shares(by_nftables()) == [0.5, 0.5]


def test_a_single_replica_is_drawn_too_where_it_has_no_chain_of_its_own():
    rules = by_nftables_since_1_36((DEALS, "meta l4proto tcp dnat to 10.244.2.5:8080"))
    web = picture(rules, "web:http")
    (choice,), (end,) = spots(web, Part.CHOICE), spots(web, Part.ENDPOINT)
    assert (end.pod, end.rules) == ("web2", ("meta l4proto tcp dnat to 10.244.2.5:8080",))
    assert [line.probability for line in web.lines if line.source == choice.id] == [1]


def test_counters_of_iptables():
    web = picture(by_iptables(), "web:http")
    assert {spot.pod: spot.counted for spot in spots(web, Part.ENDPOINT)} == {"web1": 4, "web2": 5}
    assert {spot.id: spot.counted for spot in spots(web, Part.DOOR)} == {
        "10.96.58.42:80/tcp": 9,
        "*:30596/tcp": 0,
    }
    # A client that is remembered goes by another rule to the same place.
    local = picture(by_iptables(), "local")
    assert {spot.pod: spot.counted for spot in spots(local, Part.ENDPOINT)} == {"web1": 3, "web2": 0}
    (refusal,) = spots(picture(by_iptables(), "nobody"), Part.REFUSAL)
    assert refusal.counted == 1


def test_nftables_counts_nothing_itself():
    assert not by_nftables().counted


def test_what_conntrack_remembers_is_counted_by_the_way_it_went():
    web = picture(flows.count(by_nftables(), told("conntrack")), "web:http")
    doors = {spot.id: spot.counted for spot in spots(web, Part.DOOR)}
    ends = {spot.pod: spot.counted for spot in spots(web, Part.ENDPOINT)}
    lines = told("conntrack").splitlines()
    assert doors == {
        "10.96.58.42:80/tcp": sum("dst=10.96.58.42 " in line for line in lines),
        "*:30596/tcp": sum("dport=30596 " in line for line in lines),
    }
    assert min(doors.values()) > 0
    assert sum(ends.values()) == sum(doors.values())


def test_a_refusal_leaves_nothing_to_be_counted():
    nobody = picture(flows.count(by_nftables(), told("conntrack")), "nobody")
    assert {line.counted for line in nobody.lines} == {None}


def test_elements_with_the_comments_of_upstream_are_read():
    listed = told("nftables").replace(
        "10.96.157.249 . tcp . 80 :", '10.96.157.249 . tcp . 80 comment "rs-a/nobody" :'
    )
    assert nftables.read(listed, MINE, known_doors(SERVICES)).doors == tuple(
        door if door.address != "10.96.157.249" else door.__class__(**(vars(door) | {"rule": rule}))
        for door in by_nftables().doors
        for rule in ['10.96.157.249 . tcp . 80 comment "rs-a/nobody" : goto reject-chain']
    )


def test_a_mode_is_told_by_its_own_words():
    assert iptables.speaks(told("iptables"))
    assert not iptables.speaks("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")


def slice_of(name: str, *addresses: str) -> dict:
    return {
        "metadata": {"namespace": "rs-a", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
    }


def test_rules_are_settled_when_they_have_all_that_the_objects_say(rules):
    both = ("10.244.1.5", "10.244.2.5")
    slices = [slice_of("web", *both), slice_of("local", *both), slice_of("nobody")]
    assert is_settled(Look(Mode.IPTABLES, rules, SERVICES), slices)


@pytest.mark.parametrize(
    ("services", "served"),
    [
        (SERVICES[:2], ("10.244.1.5", "10.244.2.5")),  # one was deleted
        ([*SERVICES, service("new", "10.96.1.1", 80, 31000)], ("10.244.1.5", "10.244.2.5")),
        (SERVICES, ("10.244.1.5",)),  # a replica went
        (SERVICES, ()),
    ],
)
def test_rules_that_lag_behind_are_not_settled(rules, services, served):
    slices = [slice_of("web", *served), slice_of("local", *served)]
    assert not is_settled(Look(Mode.IPTABLES, rules, services), slices)
