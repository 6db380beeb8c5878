"""The kinds of conditions: what an author says in the `settings` of each.

Each class here has a module of its name in `k8s_tasks.checks` that proves it. A place is a pod of
the lab, or `node:0` for the control-plane node and `node:1`, `node:2` for the workers.
"""

from dataclasses import dataclass
from functools import cached_property

from curriculum.enums import ConditionKind
from curriculum.schema import KEY_PATTERN, build, schema_of, told
from curriculum.text import Text

PROTOCOLS = ["icmp", "tcp", "udp"]
SPOKEN = ["http", "grpc", "grpcs"]
EXPECTED = ["reached", "refused", "dropped", "blocked"]
CAPTURED = [
    "echo-pair",
    "handshake",
    "payload",
    "datagram",
    "delivered",
    "retransmission",
    "reset",
    "unreachable",
    "in-clear",
    "sealed",
    "rewritten",
    "hops",
    "pieces",
    "too-big",
    "whole",
]
ON_THE_WAY = ["source", "source-node", "target-node", "target"]
HOP_FIELDS = ["ttl", "source-mac", "target-mac"]
SEEN_FROM = ["anyone", "source", "node"]
ANSWERED = [
    "reply-ttl",
    "datagrams",
    "receiver",
    "names-asked",
    "subnet",
    "service-range",
    "value",
    "object",
    "command",
    "hop",
    "silence",
    "tls-ready",
]
BOUNDS = ["window", "loss", "rate"]
DOORS = ["cluster-ip", "node-port", "load-balancer"]
RECORDS = ["A", "AAAA", "SRV", "PTR", "CNAME"]
NODE_PLACE = "node:"
PLACE_PATTERN = r"^([a-z][a-z0-9-]*|node:[0-2])$"


@dataclass(frozen=True, kw_only=True)
class ReachSettings:
    source: str = told("place that sends", pattern=PLACE_PATTERN)
    target: str = told("pod that is spoken to", pattern=KEY_PATTERN)
    protocol: str = told("protocol of the probe", enum=PROTOCOLS)
    port: str = told("port the target listens on; not for icmp", default="")
    address: str = told("address to speak to, when it is not the target's own", default="")
    via: str = told("port of that address, when it is not the target's", default="")
    expect: str = told(
        "what must come of it; blocked means dropped on a cluster that was proven to enforce NetworkPolicies",
        default="reached",
        enum=EXPECTED,
    )


@dataclass(frozen=True, kw_only=True)
class ObjectSettings:
    api: str = told("apiVersion, such as v1 or apps/v1")
    resource: str = told("kind of the objects, such as Service")
    name: str = told("name of the object; without it, `objects` is the list of all", default="")
    namespace: str = told("key of one of the lab's namespaces, when not the main one", default="")
    expression: str = told("what must hold of `object` or `objects`, in CEL; ${name} is filled in")
    otherwise: Text = told("what to tell the student when it does not hold")


@dataclass(frozen=True, kw_only=True)
class CommandSettings:
    pod: str = told("place the command runs in", pattern=PLACE_PATTERN)
    argv: tuple[str, ...] = told("the command, word by word; ${name} is filled in", minItems=1)
    exit_code: int = told("exit code it must end with", default=0, minimum=0, maximum=255)
    matches: str = told("regular expression its output must match; ${name} is filled in", default="")
    lowest: float | None = told("least value of the expression's first group", default=None)
    highest: float | None = told("greatest value of the expression's first group", default=None)
    otherwise: Text = told("what to tell the student when it is not so")


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    source: str = told("pod that sends numbered datagrams", pattern=KEY_PATTERN)
    target: str = told("pod they are counted at", pattern=KEY_PATTERN)
    port: str = told("UDP port they are sent to")
    samples: int = told("how many are sent", minimum=10, maximum=5000)
    right: float = told("share that must be lost, 0 to 1", minimum=0, maximum=1)
    wrong: float = told("nearest share that must not pass", minimum=0, maximum=1)


@dataclass(frozen=True, kw_only=True)
class SampledSettings:
    """What the kinds have in common that send many requests and count where they arrive."""

    source: str = told("place that connects", pattern=PLACE_PATTERN)
    address: str = told("address or name of the Service or balancer; ${name} is filled in")
    port: str = told("its port")
    protocol: str = told(
        "what is spoken there: HTTP/1.1, gRPC, or gRPC inside TLS with whatever certificate is shown",
        default="http",
        enum=SPOKEN,
    )
    host: str = told("name that is asked for, as Host or :authority; ${name} is filled in", default="")
    listens: str = told("port the replicas listen on, when it is another", default="")
    targets: tuple[str, ...] = told("all pods that may serve", minItems=2)


@dataclass(frozen=True, kw_only=True)
class BalanceSettings(SampledSettings):
    samples: int = told("how many requests are sent", minimum=10, maximum=5000)
    wrong: float = told("nearest share of one replica that must not pass", minimum=0, maximum=1)
    per: str = told("what is balanced", default="connection", enum=["connection", "request"])


@dataclass(frozen=True, kw_only=True)
class AffinitySettings(SampledSettings):
    samples: int = told("how many requests are sent", minimum=2, maximum=1000)
    cookies: bool = told("whether the client keeps cookies, as a browser does", default=False)


@dataclass(frozen=True, kw_only=True)
class RemapSettings(SampledSettings):
    keys: int = told("how many keys are sent: the paths /1, /2, ...", minimum=10, maximum=2000)
    before: int = told("replicas before the change", minimum=1, maximum=20)
    after: int = told("replicas after it", minimum=1, maximum=20)


@dataclass(frozen=True, kw_only=True)
class RateSettings:
    source: str = told("pod that sends over TCP", pattern=KEY_PATTERN)
    target: str = told("pod it is measured at", pattern=KEY_PATTERN)
    port: str = told("TCP port of the target; ${name} is filled in")
    payload: str = told("what the conversation carries, so that it is known; ${name} is filled in")
    lowest: float = told("least kbit/s, of what TCP carries", minimum=0)
    highest: float = told("greatest kbit/s, of what TCP carries", minimum=0)
    least_bytes: int = told("how much must have been sent at least", default=200_000, minimum=10_000)


@dataclass(frozen=True, kw_only=True)
class CaptureSettings:
    source: str = told("place that opens the conversation", pattern=PLACE_PATTERN)
    target: str = told("pod that is spoken to", pattern=KEY_PATTERN)
    shows: str = told("what the capture must show", enum=CAPTURED)
    port: str = told("TCP or UDP port of the target", default="")
    payload: str = told("text the conversation must carry", default="")
    address: str = told("what the source speaks to when a balancer stands before the target", default="")
    via: str = told("port of that address, or of the Service; not for a node port", default="")
    size: str = told(
        "bytes of the IP packet that is `whole`, or the MTU that `too-big` tells; ${name} is filled in",
        default="",
    )
    seen_from: str = told(
        "whose address the target saw: the source's own, or a node's", default="anyone", enum=SEEN_FROM
    )
    service: str = told("Service that is spoken to, for rewritten and unreachable", default="")
    door: str = told("which address of the Service", default="cluster-ip", enum=DOORS)


@dataclass(frozen=True, kw_only=True)
class ThroughputSettings:
    source: str = told("pod that sends", pattern=KEY_PATTERN)
    target: str = told("pod that receives", pattern=KEY_PATTERN)
    port: str = told("TCP port of the target; ${name} is filled in")
    payload: str = told("text the conversation begins with")
    bound: str = told(
        "what must have held the throughput: the receiver's window / RTT, Mathis' "
        "1.22 MSS / (RTT sqrt(loss)), or a `rate`",
        enum=BOUNDS,
    )
    rate: str = told("Mbit/s of the bound `rate`; ${name} is filled in", default="")
    lowest: float = told("least throughput, as a multiple of the bound", minimum=0)
    highest: float = told("greatest throughput, as a multiple of the bound", minimum=0)
    shortest_rtt: float = told("shortest RTT that counts, in milliseconds", default=0, minimum=0)
    longest_rtt: float = told("longest RTT that counts, in milliseconds", default=10_000, minimum=0)
    least_loss: float = told(
        "least share of the bytes lost on the way that counts", default=0, minimum=0, maximum=1
    )
    most_loss: float = told("greatest share of them that counts", default=1, minimum=0, maximum=1)
    segments: int = told("fewest segments it takes to measure by", default=100, minimum=10)


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    address: str = told("address to connect to; ${name} is filled in")
    port: str = told("its port")
    name: str = told("name the client asks for")
    names: tuple[str, ...] = told("names the certificate must hold", default=())
    issuer: str = told("common name of who signed it", default="")
    trusts: str = told("Secret whose ca.crt (or tls.crt) the client trusts", default="")
    node: int = told("node the client runs on", default=0, minimum=0, maximum=2)


@dataclass(frozen=True, kw_only=True)
class DnsSettings:
    source: str = told("pod that asks", pattern=KEY_PATTERN)
    name: str = told("name that is asked for; ${name} is filled in")
    record: str = told("type of the record", default="A", enum=RECORDS)
    answers: tuple[str, ...] = told("exactly what must be answered; empty: no such name", default=())


@dataclass(frozen=True, kw_only=True)
class AnswerSettings:
    step: str = told("answer step that is judged", pattern=KEY_PATTERN)
    equals: str = told("what it must equal, measured on the live cluster", enum=ANSWERED)
    source: str = told(
        "pod where a reply-ttl is measured, that sends datagrams, that asks for names, or that speaks TLS",
        default="",
        pattern=f"{KEY_PATTERN}|^$",
    )
    target: str = told(
        "pod the replies come from, or datagrams are counted at", default="", pattern=f"{KEY_PATTERN}|^$"
    )
    targets: tuple[str, ...] = told(
        "pods of which one is the receiver, or at none of which a `silence` heard the word", default=()
    )
    port: str = told(
        "UDP port of the datagrams, or TCP port of the receiver, of a `silence` or of TLS", default=""
    )
    address: str = told("what is spoken TLS with; ${name} is filled in", default="")
    tolerance: float = told(
        "how far off a number may be, as a share of the right one", default=0.0, minimum=0, maximum=1
    )
    payload: str = told(
        "what the datagrams or the names begin with, the word that was received or that a `silence` "
        "interrupts, or what a `hop` carries",
        default="",
    )
    prefix: str = told("length of the subnet's prefix", default="")
    number: str = told("which of the subnets, counted from 0", default="")
    value: str = told("template of the right value", default="")
    api: str = told("apiVersion of the object", default="")
    resource: str = told("kind of the object", default="")
    name: str = told("name of the object", default="")
    namespace: str = told("key of one of the lab's namespaces, when not the main one", default="")
    expression: str = told(
        "the right answer, or the network of a subnet, as CEL of `object` or `objects`", default=""
    )
    pod: str = told(
        "place a command runs in that prints the right answer; a node, unless the pod alone can know it",
        default="",
        pattern=f"{PLACE_PATTERN}|^$",
    )
    argv: tuple[str, ...] = told("that command, word by word; ${name} is filled in", default=())
    matches: str = told("regular expression over its output; the first group is the answer", default="")
    at: str = told(
        "link where a `hop` is captured: of the pod source or target, or between their nodes",
        default=ON_THE_WAY[0],
        enum=ON_THE_WAY,
    )
    field: str = told("field of the datagram that is asked for there", default="ttl", enum=HOP_FIELDS)
    lowest: float = told("shortest `silence` that counts, in milliseconds", default=0)


@dataclass(frozen=True, kw_only=True)
class MatrixSettings:
    sources: tuple[str, ...] = told("pods that send", minItems=1)
    targets: tuple[str, ...] = told("pods that are spoken to", minItems=1)
    protocol: str = told("protocol of the probes", default="tcp", enum=["tcp"])
    port: str = told("port the targets listen on")
    allowed: dict[str, object] = told(
        "for each source the list of targets it must reach; all others are blocked"
    )


@dataclass(frozen=True, kw_only=True)
class GroupSettings:
    of: tuple["Proof", ...] = told("what is put together", minItems=2)


@dataclass(frozen=True, kw_only=True)
class NotSettings:
    proof: "Proof" = told("what must not hold")
    control: "Proof" = told("what must hold in the same round, so that the absence means something")


@dataclass(frozen=True, kw_only=True)
class WhenSettings:
    step: str = told("step whose run is the time that counts", pattern=KEY_PATTERN)
    seen: "Proof" = told("what must be seen in that time; it looks at captured packets")


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A kind of condition with its settings, alone or inside another."""

    kind: ConditionKind = told("how it is proven")
    settings: dict[str, object] = told("settings of this kind of condition")

    schema_name = "proof"

    @cached_property
    def parsed(self):
        """The settings as a value of their class."""
        return build(CONDITION_SETTINGS[self.kind], self.settings)

    @cached_property
    def leaves(self) -> tuple["Proof", ...]:
        """The proofs that look at something themselves: this one, or those inside it."""
        inner = inner_proofs(self.parsed)
        return tuple(leaf for proof in inner for leaf in proof.leaves) if inner else (self,)

    @property
    def looks_at_links(self) -> bool:
        """Whether it needs captures between the nodes."""
        asked = (getattr(self.parsed, "equals", ""), getattr(self.parsed, "shows", ""))
        return "hop" in asked or "hops" in asked

    @classmethod
    def refine(cls, schema: dict) -> dict:
        """Each kind of condition has settings of its own."""
        schema["allOf"] = [
            {
                "if": {"properties": {"kind": {"const": kind.value}}},
                "then": {"properties": {"settings": schema_of(settings)}},
            }
            for kind, settings in CONDITION_SETTINGS.items()
        ]
        return schema


MANY_PACKETS = (ConditionKind.LOSS, ConditionKind.BALANCE, ConditionKind.AFFINITY, ConditionKind.REMAP)

BY_PACKETS = (
    *MANY_PACKETS,
    ConditionKind.REACH,
    ConditionKind.MATRIX,
    ConditionKind.CAPTURE,
    ConditionKind.THROUGHPUT,
    ConditionKind.RATE,
    ConditionKind.TLS,
    ConditionKind.DNS,
)


def inner_proofs(settings) -> tuple[Proof, ...]:
    """The proofs that settings put together."""
    if isinstance(settings, GroupSettings):
        return settings.of
    if isinstance(settings, NotSettings):
        return settings.proof, settings.control
    return (settings.seen,) if isinstance(settings, WhenSettings) else ()


CONDITION_SETTINGS = {
    ConditionKind.REACH: ReachSettings,
    ConditionKind.MATRIX: MatrixSettings,
    ConditionKind.OBJECT: ObjectSettings,
    ConditionKind.COMMAND: CommandSettings,
    ConditionKind.LOSS: LossSettings,
    ConditionKind.BALANCE: BalanceSettings,
    ConditionKind.AFFINITY: AffinitySettings,
    ConditionKind.REMAP: RemapSettings,
    ConditionKind.RATE: RateSettings,
    ConditionKind.CAPTURE: CaptureSettings,
    ConditionKind.THROUGHPUT: ThroughputSettings,
    ConditionKind.TLS: TlsSettings,
    ConditionKind.DNS: DnsSettings,
    ConditionKind.ANSWER: AnswerSettings,
    ConditionKind.ALL: GroupSettings,
    ConditionKind.ANY: GroupSettings,
    ConditionKind.NOT: NotSettings,
    ConditionKind.DURING: WhenSettings,
    ConditionKind.AFTER: WhenSettings,
}
