"""The course as values: chapters, labs, steps and conditions, frozen once they are loaded.

What an author writes in `chapter.yaml`, `lab.yaml`, `solution.yaml` and `mutants/*.yaml` is
exactly what these classes say; `curriculum.schema` reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from curriculum.draws import Parameter
from curriculum.enums import Accepts, Capability, Right, Scope, StepKind
from curriculum.glossary import Glossary
from curriculum.hints import Cause, Hint
from curriculum.kinds import MANY_PACKETS, Proof
from curriculum.plots import Plot
from curriculum.predictions import Prediction
from curriculum.prose import Theory
from curriculum.quizzes import Quiz
from curriculum.recordings import Recording
from curriculum.schema import KEY_PATTERN, definition_of, derived, told
from curriculum.text import Text, choose_language

DIRECTIONS = ["to-pod", "from-pod"]
PROXY_MODES = ["iptables", "nftables", "ipvs"]
INGRESS_CONTROLLER, KUBE_PROXY = "ingress-controller", "kube-proxy"
TRAFFIC_PROTOCOLS = ["http", "tcp", "udp"]
CARD = "card"  # stands for the name of the card that was dealt
WORLD = "world"  # key of the namespace that background traffic comes from; the student may only look there


@dataclass(frozen=True, kw_only=True)
class PodSpec:
    """A pod of the lab; pods with the same node number share a worker node."""

    name: str = told("name of the pod in the manifests", pattern=KEY_PATTERN)
    node: int = told("1 for the first worker node, 2 for the second", minimum=1, maximum=2)
    namespace: str = told("key of its namespace, when not the main one", default="")


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What the platform sends all the time, from a pod of its own that the student cannot change."""

    name: str = told("name of the pod that sends; its label `app`, too", pattern=KEY_PATTERN)
    node: int = told("1 for the first worker node, 2 for the second", minimum=1, maximum=2)
    protocol: str = told("what is sent", enum=TRAFFIC_PROTOCOLS)
    to: str = told("name or address that is spoken to; ${name} is filled in")
    port: str = told("port that is spoken to; ${name} is filled in")
    every: float = told(
        "seconds from one request or message to the next", default=1.0, minimum=0.2, maximum=60
    )
    payload: str = told(
        "path that is asked for, line or message that is sent; ${name} is filled in", default=""
    )
    keep: bool = told("whether `http` keeps one connection for all requests", default=False)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A fault of a deck: objects of its own in `deck/NAME.yaml`, in place of the manifests' of the same name,
    or a fault of a pod's link, which nobody but the platform can mend."""

    values: dict[str, str] = told(
        "what `${name}` stands for when this card is dealt; each card gives the same names", default=dict
    )
    pod: str = told("pod whose link is at fault", default="", pattern=f"{KEY_PATTERN}|^$")
    mtu: str = told("MTU of the node's route to that pod; ${name} is filled in", default="")
    detour: str = told(
        "address of another node by which leaves what that pod sends; ${name} is filled in", default=""
    )

    @property
    def templates(self) -> dict[tuple[str, ...], str]:
        """Its texts that may ask for values, by their keys."""
        return {("mtu",): self.mtu, ("detour",): self.detour} | {
            ("values", name): value for name, value in self.values.items()
        }


@dataclass(frozen=True, kw_only=True)
class RulesDrawing:
    """What the lab's page draws of kube-proxy's rules, live."""

    node: int = told(
        "node whose rules are drawn at first: 0 for the control plane, 1 or 2 for a worker node",
        minimum=0,
        maximum=2,
    )
    services: tuple[str, ...] = told("names of the Services that are drawn; all of the session's", default=())


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What an impairment does to the packets of one direction; 0 is none."""

    loss: float = told("percent of packets lost", default=0.0, minimum=0, maximum=100)
    delay: float = told("milliseconds every packet waits", default=0.0, minimum=0, maximum=10_000)
    jitter: float = told("milliseconds the delay varies up and down", default=0.0, minimum=0, maximum=10_000)
    reorder: float = told("percent of packets that overtake", default=0.0, minimum=0, maximum=100)
    duplicate: float = told("percent of packets that come twice", default=0.0, minimum=0, maximum=100)
    rate: float = told("kbit/s that pass, or 0 for no limit", default=0.0, minimum=0, maximum=10_000_000)

    @property
    def given(self) -> dict[str, float]:
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name))}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing the student does. Its title, text and hints are in the prose files."""

    key: str = told("name of the step, the same in both prose files", pattern=KEY_PATTERN)
    kind: StepKind = told("what the student does")
    pod: str | None = told(
        "pod the command or terminal runs in, or whose link is captured or impaired",
        default=None,
        pattern=KEY_PATTERN,
    )
    node: int | None = told(
        "node a `node` step runs on, or whose kube-proxy an `addon` step asks: 0 for the control plane, 1 for"
        " the first worker node, 2 for the second",
        default=None,
        minimum=0,
        maximum=2,
    )
    pane: str | None = told("pane that shows the output", default=None, pattern=KEY_PATTERN)
    argv: tuple[str, ...] = told(
        "the command, word by word, or the filter of a capture; ${name} is filled in", default=()
    )
    addon: str = told(
        "what an `addon` step asks; `argv` runs in the ingress controller's pod, without it the log is shown",
        default="",
        enum=[INGRESS_CONTROLLER, KUBE_PROXY],
    )
    only: str = told(
        "word of this session; an `addon` step shows only lines with it; ${name} is filled in", default=""
    )
    manifest: str | None = told(
        "what an `apply` step applies, or an `edit` step starts from: NAME of objects/NAME.yaml",
        default=None,
        pattern=KEY_PATTERN,
    )
    remove: bool = told("whether an `apply` step deletes the objects instead", default=False)
    direction: str = told(
        "which way the packets go that an `impair` step harms", default=DIRECTIONS[0], enum=DIRECTIONS
    )
    effects: Effects | None = told(
        "what an `impair` step does; without it, both directions become normal again", default=None
    )
    mtu: str = told(
        "MTU that an `impair` step gives the node's route to the pod; ${name} is filled in; not shown",
        default="",
    )
    pcap: str = told(
        "capture file in the pod that the page opens once an `exec` step's command has ended; a path",
        default="",
        pattern="^(/[A-Za-z0-9._/-]+)?$",
    )
    mode: str = told("how kube-proxy shall work after a `proxy` step", default="", enum=PROXY_MODES)
    verbosity: int = told(
        "how much kube-proxy logs after a `proxy` step, as its --v", default=0, minimum=0, maximum=9
    )
    needs: tuple[Capability, ...] = told(
        "cluster capabilities that only this step needs; elsewhere it is skipped, and the page says why",
        default=(),
    )
    plots: tuple[str, ...] = told("plots of the lab that are shown below this step", default=())
    seconds: int = told("longest time the command may run", default=30, minimum=1, maximum=600)
    prediction: Prediction | None = told("what a `predict` step asks", default=None)
    accepts: Accepts = told("what an answer may be", default=Accepts.TEXT)
    before: str | None = told(
        "prediction that must be made before this step", default=None, pattern=KEY_PATTERN
    )
    when: dict[str, Cause] = told(
        "for the prose's `### hint NAME`, by name: which failure it waits for", default=dict
    )
    title: Text = derived()
    hints: tuple[Hint, ...] = derived()
    text: Text = derived()

    def body(self, language: str) -> str:
        return self.text[language]


@dataclass(frozen=True, kw_only=True)
class Condition(Proof):
    """One named thing that is proven by packets or by an answer, never by a pane's text."""

    key: str = told("name of the condition, the same in both prose files", pattern=KEY_PATTERN)
    automatic: bool | None = told(
        "whether it checks itself when something changes; those that send many packets do not", default=None
    )
    needs: tuple[Capability, ...] = told(
        "capabilities without which it cannot be proven; it is skipped then, and the lab passes without it",
        default=(),
    )
    title: Text = derived()

    @property
    def is_automatic(self) -> bool:
        if self.automatic is not None:
            return self.automatic
        return not any(leaf.kind in MANY_PACKETS for leaf in self.leaves)


@dataclass(frozen=True, kw_only=True)
class Act:
    """What someone does in a played solution: run, answer or stop a step, type in a terminal, apply a
    manifest of their own, or have everything verified in between."""

    do: str = told("what is done", enum=["run", "answer", "stop", "type", "edit", "check"])
    step: str = told("the step it is done at; not for check", default="", pattern=f"{KEY_PATTERN}|^$")
    value: str = told("the answer given, or the line typed; ${name} is filled in", default="")
    until: str = told(
        "what the output must show before the next act; a step that ended without it is run again; "
        "${name} is filled in",
        default="",
    )
    confidence: str = told(
        "for an answer at a `predict` step: how sure the student says they are",
        default="rather-sure",
        enum=["guess", "rather-sure", "sure"],
    )
    of: str = told("for an answer: the step whose output is read", default="", pattern=f"{KEY_PATTERN}|^$")
    reads: str = told("regular expression over that output; its first group is the answer", default="")
    rests: bool = told(
        "read off the last match, once the output has stood still for a second: for a counter that runs on",
        default=False,
    )
    works: str = told(
        "the answer worked out, in CEL; `objects` are the groups that were read, ${name} is filled in",
        default="",
    )
    file: str = told(
        "what is written in an `edit` step: NAME of mutants/PLAY/NAME.yaml, or else of solution/NAME.yaml",
        default="",
    )


@dataclass(frozen=True, kw_only=True)
class Play:
    """A right solution (`fails` empty) or a mutant: a wrong one, exactly the conditions it fails, and why."""

    acts: tuple[Act, ...] = told("what is done, in order", minItems=1)
    fails: dict[str, str] = told(
        "conditions that must fail, each with words of its English reason; all others must pass",
        default=dict,
    )
    tells: str = told("what is right or wrong about it, for authors", default="")
    deals: str = told("the card that is dealt to it, in a lab with a deck", default="")
    name: str = derived("solution")
    texts: Mapping[str, str] = derived(dict)


@dataclass(frozen=True, kw_only=True)
class LabSpec:
    """A lab. `version` is the hash of its folder: results say which text they belong to. `made_of` is that
    of what decides its output, which tells whether a recording is still true."""

    number: str = told("number in the course", pattern=r"^[1-6]\.[1-9]$")
    title: Text = told("title")
    summary: Text = told("one sentence for lists")
    minutes: int = told("how long it takes a student", minimum=5, maximum=60)
    tanenbaum: Text = told("the chapter and topic of the book it stands on")
    objectives: tuple[Text, ...] = told("what the student can do afterwards", minItems=1)
    requires: tuple[Capability, ...] = told("cluster capabilities it needs", default=())
    scope: Scope = told(
        "what a session gets: namespaces on a cluster that others use too, or a whole cluster",
        default=Scope.NAMESPACE,
    )
    rights: tuple[Right, ...] = told(
        "what the student may do besides, on a netlab of the session's own: `balancer` is MetalLB's pools, "
        "announcements and pods, and a look at the nodes",
        default=(),
    )
    namespaces: tuple[str, ...] = told("keys of namespaces the lab has besides the main one", default=())
    pods: tuple[PodSpec, ...] = told("the lab's pods; each has a name of its own", minItems=1)
    background: tuple[Traffic, ...] = told("traffic the platform makes while the session lives", default=())
    parameters: dict[str, Parameter] = told("values drawn for each attempt", default=dict)
    deck: dict[str, Card] = told("faults of which one is dealt to each attempt, by name", default=dict)
    panes: tuple[str, ...] = told("output panes, shown side by side", default=())
    plots: dict[str, Plot] = told(
        "plots of what the steps print, by the word that their lines begin with", default=dict
    )
    rules: RulesDrawing | None = told(
        "the live drawing of kube-proxy's rules, where the lab has one", default=None
    )
    steps: tuple[Step, ...] = told("what the student does, in order", minItems=1)
    conditions: tuple[Condition, ...] = told("what must be proven", minItems=3)
    slug: str = derived()
    chapter: int = derived()
    folder: Path = derived()
    version: str = derived()
    made_of: str = derived()
    recording: Recording | None = derived()
    manifests: tuple[str, ...] = derived()
    objects: Mapping[str, str] = derived()
    card_objects: Mapping[str, str] = derived()
    solution: Play = derived()
    solutions: tuple[Play, ...] = derived()
    mutants: tuple[Play, ...] = derived()
    texts: Mapping[str, Text] = derived()

    @staticmethod
    def refine(schema: dict) -> dict:
        """Proofs may hold proofs, so the schema refers to their definition."""
        return schema | {"$defs": {Proof.schema_name: definition_of(Proof)}}

    @property
    def all_namespaces(self) -> tuple[str, ...]:
        """Keys of the namespaces there are besides the main one."""
        return (*self.namespaces, *((WORLD,) if self.background else ()))

    @property
    def all_pods(self) -> dict[str, str]:
        """The key of each pod's namespace, empty for the main one: the lab's pods and the platform's."""
        return {pod.name: pod.namespace for pod in self.pods} | {each.name: WORLD for each in self.background}

    @property
    def card_names(self) -> set[str]:
        """What `${...}` may ask for besides, where there is a deck: the card, and the values on it."""
        return {CARD, *(name for card in self.deck.values() for name in card.values)} if self.deck else set()

    @property
    def right_plays(self) -> tuple[Play, ...]:
        """The solution, and those for the other cards of a deck."""
        return (*((self.solution,) if self.solution else ()), *self.solutions)

    def intro(self, language: str) -> str:
        return self.texts["intro"][language]

    def debrief(self, language: str) -> str:
        return self.texts["debrief"][language]

    def step(self, key: str) -> Step:
        """Raises KeyError for a step the lab does not have."""
        return _by(self.steps, "key", key)

    def condition(self, key: str) -> Condition:
        """Raises KeyError for a condition the lab does not have."""
        return _by(self.conditions, "key", key)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A lab that is not written yet."""

    number: str = told("number in the course", pattern=r"^[1-6]\.[1-9]$")
    title: Text = told("title")
    summary: Text = told("what it will show")


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A chapter: what it stands on, its theory and its labs."""

    number: int = told("place in the course", minimum=1, maximum=6)
    title: Text = told("title")
    summary: Text = told("what the chapter is about")
    tanenbaum: Text = told("the chapter and topics of the book it stands on")
    topics: tuple[Text, ...] = told("what is studied", minItems=1)
    planned: tuple[Planned, ...] = told("labs that are not written yet", default=())
    slug: str = derived()
    labs: tuple[LabSpec, ...] = derived()
    pages: Mapping[str, Theory] = derived()
    quiz: Quiz | None = derived(None)

    @property
    def has_theory(self) -> bool:
        return bool(self.pages)

    def theory(self, language: str) -> str | None:
        """The rendered theory, or None while it is not written."""
        return self.pages[choose_language(language)].html if self.has_theory else None

    def sections(self, language: str) -> tuple[tuple[str, str], ...]:
        """(id, title) of the theory's sections, for a table of contents."""
        return self.pages[choose_language(language)].sections if self.has_theory else ()


@dataclass(frozen=True)
class Course:
    chapters: tuple[Chapter, ...]
    glossary: Glossary = field(default_factory=dict)

    @property
    def labs(self) -> tuple[LabSpec, ...]:
        return tuple(lab for chapter in self.chapters for lab in chapter.labs)

    def chapter(self, slug: str) -> Chapter:
        """Raises KeyError for a chapter the course does not have."""
        return _by(self.chapters, "slug", slug)

    def lab(self, slug: str) -> LabSpec:
        """Raises KeyError for a lab the course does not have."""
        return _by(self.labs, "slug", slug)


def _by(items, attribute: str, value: str):
    for item in items:
        if getattr(item, attribute) == value:
            return item
    raise KeyError(value)
