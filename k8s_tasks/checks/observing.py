"""What the platform has seen of a lab: where its pods are, and what was captured on their links."""

from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_noop as _

from curriculum.kinds import NODE_PLACE
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.packets import Packet

MARK = b"rdsprobe"  # the platform's own probes carry it, so that they are not taken for a student's


@dataclass(frozen=True)
class Place:
    """A pod as it is now; or a node, whose own address it then has."""

    address: str
    node: str
    node_address: str
    namespace: str = ""


@dataclass(frozen=True)
class Observation:
    """`packets` by pod, as its node captured them on the pod's link; `broken` says of which pods there
    is no good capture, and why."""

    places: dict[str, Place]
    packets: dict[str, list[Packet]] = field(default_factory=dict)
    broken: dict[str, Broken] = field(default_factory=dict)

    def place(self, name: str) -> Place:
        place = self.places.get(name)
        if place is None or not place.address:
            raise Broken(_("The pod %(pod)s is not running; reset the session."), pod=name)
        return place

    def spell(self, name: str) -> str:
        """A place as people know it: a node by its own name."""
        return self.place(name).node if name.startswith(NODE_PLACE) else name

    def seen_at(self, pod: str) -> list[Packet]:
        """Raises Broken when there is no good capture."""
        self.place(pod)
        if pod in self.broken:
            raise self.broken[pod]
        return self.packets[pod]

    def between(self, start: float, end: float) -> "Observation":
        """Only what was captured in this time, in seconds since 1970."""
        cut = {pod: [each for each in seen if start <= each.at <= end] for pod, seen in self.packets.items()}
        return replace(self, packets=cut)
