"""Rules as spots and lines between them, Service by Service."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from k8s_tasks.proxy_rules.rules import REFUSALS, Chain, Door, Rules


class Part(StrEnum):
    """What a spot is, in the order in which a packet comes by."""

    DOOR = "door"
    OUTSIDE = "outside"
    CHOICE = "choice"
    ENDPOINT = "endpoint"
    REFUSAL = "refusal"


@dataclass(frozen=True)
class Spot:
    """`rules` are as the node has them. `pod` is the name of an endpoint's, where it is known. `counted` is
    what came here, or None where nothing counts it."""

    id: str
    part: Part
    rules: tuple[str, ...]
    counted: int | None
    door: Door | None = None
    chain: Chain | None = None
    pod: str = ""


@dataclass(frozen=True)
class Line:
    source: str
    target: str
    counted: int | None
    probability: float | None


@dataclass(frozen=True)
class Picture:
    """Of one port of a Service: namespace/name, with :port where the port has a name."""

    service: str
    spots: tuple[Spot, ...]
    lines: tuple[Line, ...]


def pictures(rules: Rules, pods: Mapping[str, str]) -> list[Picture]:
    """By the Services' names. `pods` are names by address."""
    services = sorted({door.service for door in rules.doors})
    return [_picture(service, rules, pods) for service in services]


def _picture(service: str, rules: Rules, pods: Mapping[str, str]) -> Picture:
    doors: dict[str, list[Door]] = {}
    for door in rules.doors:
        if door.service == service:
            doors.setdefault(door.id, []).append(door)
    names = _reached(rules, {door.target for same in doors.values() for door in same})
    lines = [*_from_doors(doors, rules), *_from_chains(names, rules)]
    came = {line.target: _sum(lines, "target", line.target) for line in lines}
    left = {line.source: _sum(lines, "source", line.source) for line in lines}
    spots = [
        *(_door_spot(same, rules) for same in doors.values()),
        # What left a chain was counted by its own rules; those that lead to it may have been written anew.
        *(_chain_spot(rules.chains[name], left.get(name, came.get(name)), pods) for name in names),
        *(Spot(each, Part.REFUSAL, (), came[each]) for each in REFUSALS if each in came),
    ]
    order = list(Part)
    return Picture(service, tuple(sorted(spots, key=lambda spot: order.index(spot.part))), tuple(lines))


def _reached(rules: Rules, names: set[str]) -> list[str]:
    """These chains and all after them; each once, in the order of the rules that lead there."""
    found: list[str] = []
    for name in sorted(names.intersection(rules.chains)):
        _walk(rules, name, found)
    return found


def _walk(rules: Rules, name: str, found: list[str]) -> None:
    if name in found or name not in rules.chains:
        return
    found.append(name)
    for target in rules.chains[name].leads:
        _walk(rules, target, found)


def _from_doors(doors: Mapping[str, list[Door]], rules: Rules):
    for same in doors.values():
        for target in dict.fromkeys(door.target for door in same):
            yield Line(same[0].id, target, rules.counted.get((same[0].id, target)), None)


def _from_chains(names: list[str], rules: Rules):
    for name in names:
        for target, probability in rules.chains[name].leads.items():
            if target in rules.chains:
                yield Line(name, target, rules.counted.get((name, target)), probability)


def _sum(lines: list[Line], end: str, id: str) -> int | None:
    """What all lines with this end counted together; None where none of them counts."""
    counts = [line.counted for line in lines if getattr(line, end) == id and line.counted is not None]
    return sum(counts) if counts else None


def _door_spot(same: list[Door], rules: Rules) -> Spot:
    door = same[0]
    counts = [rules.counted.get((door.id, target)) for target in {each.target for each in same}]
    known = [each for each in counts if each is not None]
    texts = tuple(each.rule for each in same)
    # A packet that the table filter drops was counted by the table nat as well.
    return Spot(door.id, Part.DOOR, texts, max(known, default=None), door=door)


def _chain_spot(chain: Chain, counted: int | None, pods: Mapping[str, str]) -> Spot:
    if chain.endpoint:
        pod = pods.get(chain.endpoint.rpartition(":")[0], "")
        return Spot(chain.name, Part.ENDPOINT, chain.rules, counted, chain=chain, pod=pod)
    # From outside one comes to a chain that draws no lots itself.
    draws = any(probability is not None for probability in chain.leads.values())
    part = Part.CHOICE if draws or not chain.leads else Part.OUTSIDE
    return Spot(chain.name, part, chain.rules, counted, chain=chain)
