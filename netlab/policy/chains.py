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

from collections.abc import Iterable
from hashlib import sha256

from netlab.node.links import veth_name
from netlab.policy.verdicts import Allow, Verdict

Chains = dict[str, list[str]]

ROOT = "NETPOL"
ENTRY = f'-I FORWARD 1 -m comment --comment "NetworkPolicies of the pods of this node" -j {ROOT}'
# A reply belongs to what was judged when it began.
_ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
_LONGEST = 100
_COMMENT = 255  # what the kernel keeps of a comment


def chains(verdicts: Iterable[Verdict]) -> Chains:
    """Every chain, each after those it jumps to; NETPOL is the last."""
    made: Chains = {}
    sending, receiving = [], []
    for one in verdicts:
        veth = veth_name(one.uid)
        if one.egress is not None:
            chain = _chain(made, "NETPOL-OUT", [*_allow_rules(one.egress, "-d"), "-j DROP"])
            sending.append(f'-i {veth} ! -o {veth} -m comment --comment "from {one.name}" -j {chain}')
        if one.ingress is not None:
            chain = _chain(made, "NETPOL-IN", [*_allow_rules(one.ingress, "-s"), "-j DROP"])
            receiving.append(f'-o {veth} ! -i {veth} -m comment --comment "to {one.name}" -j {chain}')
    pods = [*sending, *receiving]
    made[ROOT] = [_ESTABLISHED, f"-g {_chain(made, 'NETPOL-PODS', pods)}"] if pods else []
    return made


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


def _allow_rules(allows: Iterable[Allow], side: str) -> list[str]:
    return [" ".join(_allow_words(one, side)) for one in allows]


def _allow_words(one: Allow, side: str) -> list[str]:
    words = [f"{side} {one.peer}"] if one.peer else []
    if one.protocol:
        words.append(f"-p {one.protocol}")
    if one.ports:
        first, last = one.ports
        words.append(f"-m {one.protocol} --dport {first}" + (f":{last}" if last > first else ""))
    return [*words, f'-m comment --comment "{one.policy[:_COMMENT]}" -j RETURN']
