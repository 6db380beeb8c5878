"""What kube-proxy tells, by its verbosity, and that it looks only at what changed."""

from netlab.node.iptables import pieces
from netlab.node.proxy import differences
from netlab.node.services import ServiceReader
from tests.netlab.node.test_rules import endpoint, endpoint_slice, service


def told(old, new, verbosity: int) -> list[str]:
    return [line.split('"')[1] for level, line in differences(old, new) if level <= verbosity]


def test_more_is_told_with_every_step():
    before = ServiceReader("n").read([service()], [endpoint_slice(endpoint("10.244.1.2"))])
    assert told([], before, 0) == []
    assert told([], before, 1) == ["Adding new service port"]
    assert told([], before, 3) == ["Adding new service port", "Setting endpoints for service port name"]
    after = ServiceReader("n").read([service()], [endpoint_slice(endpoint("10.244.1.3"))])
    assert told(before, after, 3) == ["Setting endpoints for service port name"]
    assert told(after, [], 1) == ["Removing service port"]


def test_a_service_that_did_not_change_is_not_read_again():
    reader, one, other = ServiceReader("n"), service("one"), service("other")
    piece = endpoint_slice(endpoint("10.244.1.2"), service="one")
    first = reader.read([one, other], [piece])
    again = reader.read([one, service("other", sessionAffinity="ClientIP")], [piece])
    assert again[0] is first[0]
    assert again[1] is not first[1]


def test_of_a_long_chain_only_the_rule_that_changed_is_written():
    many = [f"-p tcp --dport {number} -j X" for number in range(1000)]
    fewer = many[:500] + many[501:]
    assert list(pieces("nat", {"C": many}, {"C": fewer})) == ["*nat\n-D C 501\nCOMMIT\n"]
    (text,) = pieces("nat", {"C": fewer}, {"C": many})
    assert text == "*nat\n-I C 501 -p tcp --dport 500 -j X\nCOMMIT\n"
