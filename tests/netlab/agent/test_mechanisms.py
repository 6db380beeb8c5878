import pytest

from netlab.agent.effects import Effects, Misuse
from netlab.agent.impair import read_impairments, read_rules
from netlab.agent.mechanisms import Link, choose, chosen_of, queueing, relayed, rules, unqueueing
from netlab.agent.routes import mtu_command

FULL = {"netem": True, "ifb": True, "tbf": True, "statistic": True, "relay": True}
NO_NETEM = {**FULL, "netem": False}
TO, FROM = Link("10.244.1.2", "veth1", "to-pod"), Link("10.244.1.2", "veth1", "from-pod")
ALL = Effects(loss=30, delay=50, jitter=5, reorder=25, rate=1000)


def test_where_the_kernel_has_netem_it_does_all_but_the_rate():
    chosen = choose(ALL, "to-pod", FULL)
    netem, tbf = (" ".join(command) for command in queueing(TO, ALL, chosen))
    assert netem == (
        "tc qdisc replace dev veth1 root handle 1: netem limit 10000 delay 50ms 5ms loss 30% reorder 25%"
    )
    assert tbf == "tc qdisc replace dev veth1 parent 1: tbf rate 1000kbit burst 4000 latency 300ms"
    assert len(rules(TO, ALL, chosen)) == 1  # the one that remembers


def test_a_rate_alone_is_no_work_for_netem():
    effects = Effects(rate=1000)
    (command,) = queueing(TO, effects, choose(effects, "to-pod", FULL))
    assert command[5:7] == ["root", "tbf"]


def test_netem_keeps_the_rate_on_a_kernel_without_tbf():
    (command,) = queueing(TO, ALL, choose(ALL, "to-pod", {**FULL, "tbf": False}))
    assert command[-2:] == ["rate", "1000kbit"]


def test_what_the_pod_sends_passes_netem_on_an_ifb():
    commands = queueing(FROM, ALL, choose(ALL, "from-pod", FULL))
    assert [command[:2] for command in commands] == [
        ["ip", "link"],
        ["ip", "link"],
        ["tc", "qdisc"],
        ["tc", "qdisc"],
        ["tc", "qdisc"],
        ["tc", "filter"],
    ]
    assert commands[2][:6] == ["tc", "qdisc", "replace", "dev", FROM.ifb, "root"]
    assert commands[3][:6] == ["tc", "qdisc", "replace", "dev", FROM.ifb, "parent"]
    assert len(FROM.ifb) < 16
    assert ["ip", "link", "del", FROM.ifb] in unqueueing(FROM)


def test_without_netem_each_effect_has_a_mechanism_of_its_own():
    chosen = choose(ALL, "to-pod", NO_NETEM)
    assert chosen == {
        "loss": "statistic", "delay": "relay", "jitter": "relay", "reorder": "relay", "rate": "tbf"
    }  # fmt: skip
    assert relayed(ALL, chosen) == Effects(delay=50, jitter=5, reorder=25)


def test_without_netem_and_ifb_the_relay_keeps_the_rate_of_what_the_pod_sends():
    assert choose(Effects(rate=100), "from-pod", {**NO_NETEM, "ifb": False}) == {"rate": "relay"}


@pytest.mark.parametrize("effects", [Effects(duplicate=1), Effects(loss=1), Effects(delay=1)])
def test_what_a_kernel_cannot_do_is_refused(effects):
    nothing = dict.fromkeys(FULL, False)
    with pytest.raises(Misuse, match="has nothing for"):
        choose(effects, "to-pod", nothing)


def test_lost_packets_are_lost_before_any_filter_and_before_they_wait():
    chosen = choose(ALL, "from-pod", NO_NETEM)
    _, loss, wait = rules(FROM, ALL, chosen)
    assert loss[:3] == ["PREROUTING", "-i", "veth1"] and loss[-2:] == ["-j", "DROP"]
    assert "0.300000" in loss
    assert wait[-4:] == ["NFQUEUE", "--queue-num", str(FROM.queue), "--queue-bypass"]


@pytest.mark.parametrize("has", [FULL, {**FULL, "tbf": False}, NO_NETEM])
@pytest.mark.parametrize("link", [TO, FROM])
def test_the_rules_tell_what_was_set(has, link):
    chosen = choose(ALL, link.direction, has)
    saved = [
        " ".join(["-A", *(f'"{w}"' if " " in w else w for w in rule)]) for rule in rules(link, ALL, chosen)
    ]
    (found,) = read_impairments(read_rules("\n".join(["-P FORWARD ACCEPT", "-A FORWARD -j KUBE-X", *saved])))
    assert (found.link, found.effects, found.chosen) == (link, ALL, chosen)


def test_a_choice_without_the_relay_is_remembered():
    assert chosen_of(Effects(loss=5), ["statistic"]) == {"loss": "statistic"}


def test_the_route_keeps_what_it_had_and_gains_an_mtu():
    route = {"dst": "10.244.1.2", "dev": "veth1", "scope": "host", "flags": []}
    assert " ".join(mtu_command(route, 900)) == "ip route replace 10.244.1.2/32 dev veth1 scope host mtu 900"
    assert "mtu" not in mtu_command(route, None)


def test_a_line_that_was_cut_short_is_told_whole():
    with pytest.raises(ValueError, match=r"No closing quotation.*redes to-pod"):
        read_rules('-P FORWARD ACCEPT\n-A FORWARD -m comment --comment "redes to-pod 10.2')
