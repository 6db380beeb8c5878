"""Which nodes are without power and which links are cut, and who reaches whom. Needs no kernel."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from netlab.topology import Topology


class Refused(Exception):
    """It cannot be done; the message says why."""


@dataclass
class Faults:
    """A cut link is a set of one node (its cable) or of two (what passes between them)."""

    topology: Topology
    stopped: set[str] = field(default_factory=set)
    cut: set[frozenset[str]] = field(default_factory=set)

    def apply(self, act: str, names: list[str]) -> None:
        """Note `stop`, `start`, `cut` or `heal`. Raises Refused."""
        known = [node.name for node in self.topology.nodes]
        for name in names:
            if name not in known:
                raise Refused(f'no node "{name}": there are {", ".join(known)}')
        if act in ("stop", "start"):
            self._switch(act, names[0])
            return
        link = frozenset(names)
        if len(link) < len(names):
            raise Refused(f"no link leads from {names[0]} to itself")
        if (link in self.cut) == (act == "cut"):
            raise Refused(
                f"the link of {' and '.join(names)} is {'cut already' if act == 'cut' else 'whole'}"
            )
        self.cut ^= {link}

    def _switch(self, act: str, name: str) -> None:
        if name == self.topology.control_plane.name:
            raise Refused(f"{name} carries the API and its controllers and cannot be stopped")
        if (name in self.stopped) == (act == "stop"):
            raise Refused(f"{name} is {'stopped already' if act == 'stop' else 'running'}")
        self.stopped ^= {name}

    def plugged(self, name: str) -> bool:
        """The node's cable leads to the bridge."""
        return name not in self.stopped and frozenset([name]) not in self.cut

    def reaches_api(self, name: str) -> bool:
        home = self.topology.control_plane.name
        if name == home:
            return True
        return self.plugged(name) and self.plugged(home) and frozenset([name, home]) not in self.cut

    def barred(self, name: str) -> list[str]:
        """The nodes whose packets do not come through to this one."""
        links = [link for link in self.cut if name in link and len(link) == 2]
        return sorted(other for link in links for other in link - {name})

    def as_facts(self) -> dict:
        return {"stopped": sorted(self.stopped), "cut": sorted(sorted(link) for link in self.cut)}


def in_words(facts: dict) -> Iterable[str]:
    for name in facts["stopped"]:
        yield f"stopped: {name}"
    for link in facts["cut"]:
        yield f"cut: {' - '.join(link)}"
