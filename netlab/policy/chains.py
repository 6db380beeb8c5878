"""Verdicts as chains of the filter table. Pure.

    FORWARD -> NETPOL -> NETPOL-PODS-<hash>      which veth is an isolated pod's
                           -> NETPOL-OUT-<hash>   what a pod may send, then
                           -> NETPOL-IN-<hash>    what a pod may receive

RETURN means "this direction allows it", the last rule of a pod's chain is DROP. All chains but NETPOL are
named by their content and never change: a new verdict is a new chain, made beside the old one, and the one
write of NETPOL puts everything in force at once. Replicas with the same verdict share a chain. A long list
goes on in another chain by `goto`, so that every chain fits one small transaction; a RETURN there still leads
back to where the pod's chain was called from.

Pods are known by their interface, which unlike a source address cannot be forged, and which has its name
before it exists: the rules can be there first. A pod's packets to itself, through a Service, always pass.
"""

from hashlib import sha256

from netlab.node.links import veth_name
from netlab.node.rules import Chains
from netlab.policy.verdicts import Allow, Allows, Verdict

ROOT = "NETPOL"
_ABOUT = "NetworkPolicies of the pods of this node"
ENTRIES = (("filter", "FORWARD", f'-m comment --comment "{_ABOUT}" -j {ROOT}'),)
# A reply belongs to what was judged when it began.
_ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
_LONGEST = 100
_COMMENT = 255  # what the kernel keeps of a comment


def chains(verdicts: list[Verdict]) -> Chains:
    """Every chain, each after those it jumps to; NETPOL is the last."""
    made: Chains = {}
    outward, inward = _Direction(made, "NETPOL-OUT", "-d"), _Direction(made, "NETPOL-IN", "-s")
    sending, receiving = [], []
    for one in verdicts:
        veth = veth_name(one.uid)
        if one.egress is not None:
            match = f'-i {veth} ! -o {veth} -m comment --comment "from {one.name}"'
            sending.append(f"{match} -j {outward.chain_of(one.egress)}")
        if one.ingress is not None:
            match = f'-o {veth} ! -i {veth} -m comment --comment "to {one.name}"'
            receiving.append(f"{match} -j {inward.chain_of(one.ingress)}")
    pods = [*sending, *receiving]
    made[ROOT] = [_ESTABLISHED, f"-g {_chain(made, 'NETPOL-PODS', pods)}"] if pods else []
    return made


class _Direction:
    """The chains for what pods send or for what they receive."""

    def __init__(self, made: Chains, prefix: str, side: str):
        self._made, self._prefix, self._side = made, prefix, side
        self._known: dict[int, str] = {}

    def chain_of(self, allows: Allows) -> str:
        """The name of the chain; pods that share the tuple share the work."""
        if id(allows) not in self._known:
            rules = [_allow_rule(one, self._side) for one in allows]
            self._known[id(allows)] = _chain(self._made, self._prefix, [*rules, "-j DROP"])
        return self._known[id(allows)]


def _chain(made: Chains, prefix: str, rules: list[str]) -> str:
    """Put the rules into one chain or several that go on in each other; the name of the first."""
    starts = range(0, len(rules), _LONGEST)
    following: list[str] = []
    for start in reversed(starts):
        content = [*rules[start : start + _LONGEST], *following]
        name = f"{prefix}-{sha256(chr(10).join(content).encode()).hexdigest()[:16].upper()}"
        made[name] = content
        following = [f"-g {name}"]
    return name


def _allow_rule(one: Allow, side: str) -> str:
    words = [f"{side} {one.peer}"] if one.peer else []
    if one.protocol:
        words.append(f"-p {one.protocol}")
    if one.ports:
        first, last = one.ports
        words.append(f"-m {one.protocol} --dport {first}" + (f":{last}" if last > first else ""))
    return " ".join([*words, f'-m comment --comment "{one.policy[:_COMMENT]}" -j RETURN'])
