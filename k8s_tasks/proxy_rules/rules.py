"""What both modes of kube-proxy have in common: doors that lead to chains, and chains that lead on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

REFUSALS = ("REJECT", "DROP")  # where a door may lead instead of to a chain
Edge = tuple[str, str]  # the ids it leads from and to


class DoorKind(StrEnum):
    CLUSTER_IP = "cluster-ip"
    EXTERNAL_IP = "external-ip"
    LOAD_BALANCER = "load-balancer"
    NODE_PORT = "node-port"


@dataclass(frozen=True)
class Door:
    """An address and port that a rule or an element of a map waits for; no address is any of the node's.
    `service` is namespace/name, with :port where the port has a name. `target` is a chain or a refusal."""

    service: str
    kind: DoorKind
    address: str
    port: int
    protocol: str
    target: str
    rule: str

    @property
    def id(self) -> str:
        return f"{self.address or '*'}:{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Chain:
    """`leads` are the chains it leads to, each with the probability of its rule where that draws lots.
    One that `marks` has everything that passes masqueraded; `endpoint` is the address:port it rewrites to."""

    name: str
    rules: tuple[str, ...]
    leads: Mapping[str, float | None]
    marks: bool = False
    endpoint: str = ""


@dataclass(frozen=True)
class Rules:
    """`counted` is by edge; an edge that nothing counts is not in it."""

    doors: tuple[Door, ...]
    chains: Mapping[str, Chain]
    counted: Mapping[Edge, int] = field(default_factory=dict)


def is_of(service: str, namespaces: Collection[str]) -> bool:
    return service.partition("/")[0] in namespaces
