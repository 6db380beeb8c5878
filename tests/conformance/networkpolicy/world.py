"""Nine pods, the policies to try on them, and the tables of who reaches whom."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from string import Template

import yaml

from .evaluator import Connection, Evaluator, Pod

LETTERS = "abc"
SPACES = {"x": {"ns": "x", "team": "red"}, "y": {"ns": "y", "team": "blue"}, "z": {"ns": "z"}}
_TIERS = {"a": {"tier": "front"}, "b": {"tier": "back"}, "c": {}}
ENDS = [(protocol, port) for protocol in ("TCP", "UDP") for port in (80, 81)]
_HERE = Path(__file__).parent

Table = frozenset[Connection]  # what arrives


def namespace(space: str) -> str:
    """The real name of x, y or z: a letter alone could be somebody's."""
    return f"conformance-{space}"


def pod_labels(letter: str) -> dict:
    return {"pod": letter, **_TIERS[letter]}


def port_names(letter: str) -> dict[tuple[str, str], int]:
    web, dns = (81 if letter == "c" else 80), (81 if letter == "a" else 80)
    return {("web", "TCP"): web, ("api", "TCP"): 161 - web, ("dns", "UDP"): dns, ("ntp", "UDP"): 161 - dns}


def pods(addresses: dict[str, str]) -> list[Pod]:
    """The nine, in the order of the tables; `addresses` by x_a, x_b, ..."""
    return [
        Pod(space, letter, addresses[f"{space}_{letter}"], pod_labels(letter), port_names(letter))
        for space, letter in product(SPACES, LETTERS)
    ]


def connections(nine: list[Pod]) -> list[Connection]:
    return [Connection(source, target, *end) for source, target, end in product(nine, nine, ENDS)]


@dataclass(frozen=True)
class Case:
    name: str
    quick: bool
    specs: dict[str, list[dict]]
    table: dict[str, str]

    def policies(self, addresses: dict[str, str]) -> list[dict]:
        """The objects to evaluate: their namespaces are the letters."""
        names = {**addresses, **{space: namespace(space) for space in SPACES}}
        text = Template(json.dumps(self.specs)).substitute(names)
        return [
            {"metadata": {"name": f"case-{number}", "namespace": space}, "spec": spec}
            for space, specs in json.loads(text).items()
            for number, spec in enumerate(specs)
        ]

    def written_by_hand(self, nine: list[Pod]) -> Table:
        return frozenset(one for ends, grid in self.table.items() for one in _read(ends, grid, nine))


def _read(ends: str, grid: str, nine: list[Pod]) -> Iterable[Connection]:
    for source, row in zip(nine, grid.split("\n"), strict=False):
        for target, mark in zip(nine, row.split(), strict=True):
            for end in ends.split(", ") if mark == "." else ():
                protocol, port = end.split()
                yield Connection(source, target, protocol, int(port))


def load_cases() -> list[Case]:
    entries = yaml.safe_load((_HERE / "cases.yaml").read_text())
    return [_case(**entry) for entry in entries]


def _case(name: str, quick: bool = False, table: dict | None = None, **specs) -> Case:
    lists = {space: spec if isinstance(spec, list) else [spec] for space, spec in specs.items()}
    return Case(name, quick, lists, table or {})


def expected(policies: list[dict], nine: list[Pod], spaces: dict | None = None) -> Table:
    named = {
        space: {**labels, "kubernetes.io/metadata.name": namespace(space)}
        for space, labels in (spaces or SPACES).items()
    }
    judge = Evaluator(policies, named)
    return frozenset(one for one in connections(nine) if judge.allows(one))


def difference(wanted: Table, seen: Table, limit: int = 12) -> str:
    """What is wrong in a table, line by line; empty when nothing is."""
    lines = [
        f"{one.source.namespace}/{one.source.name} -> {one.target.namespace}/{one.target.name} "
        f"{one.protocol} {one.port}: {'arrived, must not' if one in seen else 'must arrive, did not'}"
        for one in wanted ^ seen
    ]
    more = [f"... and {len(lines) - limit} more"] if len(lines) > limit else []
    return "\n".join([*sorted(lines)[:limit], *more])
