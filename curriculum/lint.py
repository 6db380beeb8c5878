"""What a schema cannot see: whether a lab's parts fit together.

Each rule is a generator of problems; `lint_lab` runs them all.
"""

import re
from collections.abc import Iterator

from curriculum.documents import Document
from curriculum.enums import Capability, ParameterKind, Scope, StepKind
from curriculum.kinds import BY_PACKETS
from curriculum.lint_conditions import lint_conditions
from curriculum.lint_hints import lint_hints
from curriculum.lint_names import POD_VALUES, known_names, lint_template, one_of
from curriculum.lint_predictions import lint_predictions
from curriculum.parameters import names_in_prose
from curriculum.problems import Problem
from curriculum.specs import INGRESS_CONTROLLER, KUBE_PROXY, WORLD, Chapter, LabSpec, Step
from curriculum.text import LANGUAGES

NEEDS = {
    StepKind.EXEC: ("pod", "pane", "argv"),
    StepKind.STREAM: ("pod", "pane", "argv"),
    StepKind.APPLY: ("manifest", "pane"),
    StepKind.EDIT: ("manifest", "pane"),
    StepKind.NODE: ("node", "pane", "argv"),
    StepKind.ADDON: ("addon", "pane"),
    StepKind.CAPTURE: ("pod", "pane"),
    StepKind.IMPAIR: ("pod", "pane"),
    StepKind.TERMINAL: ("pod",),
    StepKind.PROXY: ("mode", "pane"),
    StepKind.PREDICT: ("prediction",),
}
READ_BY = {
    "node": (StepKind.NODE, StepKind.ADDON),
    "addon": (StepKind.ADDON,),
    "only": (StepKind.ADDON,),
    "manifest": (StepKind.APPLY, StepKind.EDIT),
    "remove": (StepKind.APPLY,),
    "direction": (StepKind.IMPAIR,),
    "effects": (StepKind.IMPAIR,),
    "mtu": (StepKind.IMPAIR,),
    "pcap": (StepKind.EXEC,),
    "prediction": (StepKind.PREDICT,),
    "mode": (StepKind.PROXY,),
    "verbosity": (StepKind.PROXY,),
}
NAMESPACE_KEY = re.compile("[a-z]{1,6}")  # no key may look like the number in a session's namespace
RESERVED = ("ns", "nodes", "namespace", "ingress")
ON_ANY_LINK = (StepKind.CAPTURE, StepKind.IMPAIR)


def lint_lab(lab: LabSpec, document: Document) -> list[Problem]:
    """Every part of the lab that does not fit the others."""
    rules = (
        _lint_keys,
        _lint_rights,
        _lint_namespaces,
        _lint_background,
        _lint_parameters,
        _lint_steps,
        _lint_impairments,
        _lint_addons,
        _lint_whole_cluster,
        _lint_needs,
        _lint_argv,
        lint_predictions,
        lint_hints,
        _lint_words,
        lint_conditions,
    )
    return [problem for rule in rules for problem in rule(lab, document)]


def lint_chapter(chapter: Chapter, document: Document) -> list[Problem]:
    """Labs and planned labs must carry numbers of this chapter, each its own."""
    problems, seen = [], {lab.number for lab in chapter.labs}
    for index, planned in enumerate(chapter.planned):
        if planned.number in seen:
            problems.append(
                document.problem(("planned", index, "number"), "this number is taken; choose another")
            )
        seen.add(planned.number)
    for number in sorted(number for number in seen if not number.startswith(f"{chapter.number}.")):
        problems.append(document.problem(("number",), f"lab {number} is not of this chapter; renumber it"))
    return problems


def _lint_keys(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for part, names in (
        ("steps", [step.key for step in lab.steps]),
        ("conditions", [condition.key for condition in lab.conditions]),
        ("pods", [pod.name for pod in lab.pods]),
        ("background", [each.name for each in lab.background]),
        ("panes", list(lab.panes)),
    ):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.problem((part, index), f"{name!r} is here twice; give each its own name")


def _lint_rights(lab: LabSpec, document: Document) -> Iterator[Problem]:
    if lab.rights and lab.scope != Scope.EXCLUSIVE:
        mend = "such rights are given on a cluster of the session's own only; add scope: exclusive"
        yield document.problem(("rights",), mend)


def _lint_namespaces(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for index, key in enumerate(lab.namespaces):
        if not NAMESPACE_KEY.fullmatch(key):
            yield document.problem(("namespaces", index), "use one to six small letters for this key")
        if key == WORLD:
            mend = "this is where background traffic comes from; choose another key"
            yield document.problem(("namespaces", index), mend)
    for index, pod in enumerate(lab.pods):
        keys = ("pods", index, "namespace")
        yield from one_of(document, keys, pod.namespace or None, lab.namespaces, "namespace")
        if pod.name in RESERVED:
            yield document.problem(
                ("pods", index, "name"), "this name stands for something else; rename the pod"
            )


def _lint_background(lab: LabSpec, document: Document) -> Iterator[Problem]:
    taken = {*RESERVED, *(pod.name for pod in lab.pods)}
    unknown_yet = [f"{each.name}.{value}" for each in lab.background for value in POD_VALUES]
    for index, traffic in enumerate(lab.background):
        keys = ("background", index)
        if traffic.name in taken:
            yield document.problem(
                (*keys, "name"), "a pod has this name, or it stands for something else; rename it"
            )
        if traffic.keep and traffic.protocol != "http":
            yield document.problem((*keys, "keep"), "only http keeps its connection; remove it")
        for key in ("to", "port", "payload"):
            template = getattr(traffic, key)
            yield from lint_template(lab, document, (*keys, key), template, without=unknown_yet)


def _lint_parameters(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for name, parameter in lab.parameters.items():
        if parameter.kind == ParameterKind.NUMBER and parameter.lowest >= parameter.highest:
            yield document.problem(("parameters", name), "lowest must be below highest, or nothing is drawn")


def _lint_steps(lab: LabSpec, document: Document) -> Iterator[Problem]:
    own = [pod.name for pod in lab.pods]
    for index, step in enumerate(lab.steps):
        keys = ("steps", index)
        pods = lab.all_pods if step.kind in ON_ANY_LINK else own
        yield from one_of(document, (*keys, "pod"), step.pod, pods, "pod")
        yield from one_of(document, (*keys, "pane"), step.pane, lab.panes, "pane")
        yield from one_of(document, (*keys, "manifest"), step.manifest, lab.objects, "file in objects/")
        for place, plot in enumerate(step.plots):
            yield from one_of(document, (*keys, "plots", place), plot, lab.plots, "plot")
        for key in _missing_for(step):
            yield document.problem(keys, f"a step of kind {step.kind.value} needs {key!r}; add it")
        for key in _foreign_to(step, document.data["steps"][index]):
            mend = f"only a step of kind {' or '.join(READ_BY[key])} reads {key!r}; remove it"
            yield document.problem((*keys, key), mend)


def _missing_for(step: Step) -> list[str]:
    return [key for key in NEEDS.get(step.kind, ()) if getattr(step, key) in (None, "", ())]


def _foreign_to(step: Step, written: dict) -> list[str]:
    return [key for key, kinds in READ_BY.items() if key in written and step.kind not in kinds]


def _lint_impairments(lab: LabSpec, document: Document) -> Iterator[Problem]:
    """What the node agent would refuse, and what not every cluster can do."""
    for index, step in enumerate(lab.steps):
        given = step.effects.given if step.effects else {}
        keys = ("steps", index, "effects")
        if given.get("jitter", 0) > given.get("delay", 0):
            yield document.problem(keys, "jitter is greater than delay; no packet arrives before it was sent")
        if "reorder" in given and "delay" not in given:
            yield document.problem(keys, "reorder needs a delay: those that do not wait overtake; add it")
        if step.mtu and step.effects:
            yield document.problem(keys, "a step sets an MTU or effects, not both; make two steps")
        yield from lint_template(lab, document, ("steps", index, "mtu"), step.mtu)
        yield from _lint_ability(lab, document, keys, given)


def _lint_ability(lab: LabSpec, document: Document, keys: tuple, given: dict) -> Iterator[Problem]:
    wanted = Capability.NETEM if "duplicate" in given else Capability.DELAY
    if given.keys() - {"loss"} and not {wanted, Capability.NETEM} & set(lab.requires):
        yield document.problem(keys, f"not every cluster can do this; add {wanted.value} to requires")


def _lint_addons(lab: LabSpec, document: Document) -> Iterator[Problem]:
    """A student sees of an add-on only what is the session's."""
    for index, step in enumerate(lab.steps):
        keys = ("steps", index)
        if step.kind != StepKind.ADDON:
            continue
        yield from lint_template(lab, document, (*keys, "only"), step.only)
        if lab.scope != Scope.EXCLUSIVE and not any("${" in word for word in (step.only, *step.argv)):
            mend = "others' work must not be shown; let 'only' or the command name something of this session"
            yield document.problem(keys, mend)
        if not step.argv and not step.only:
            yield document.problem(
                keys, "a log is everybody's; say with 'only' which lines are this session's"
            )
        if step.argv and step.only:
            yield document.problem((*keys, "only"), "a command filters itself; remove 'only' or 'argv'")
        if step.addon == KUBE_PROXY and (step.argv or step.node is None):
            yield document.problem(keys, "of kube-proxy a node's log can be shown; give 'node' and no 'argv'")
        if step.addon == INGRESS_CONTROLLER and Capability.INGRESS not in lab.requires:
            yield document.problem(keys, "not every cluster has one; add ingress to requires")


def _lint_whole_cluster(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for index, step in enumerate(lab.steps):
        if step.kind == StepKind.PROXY and lab.scope != Scope.EXCLUSIVE:
            mend = "this changes what all share; say scope: exclusive"
            yield document.problem(("steps", index), mend)


def _lint_needs(lab: LabSpec, document: Document) -> Iterator[Problem]:
    """Something must be proven by packets wherever the lab can be begun."""
    always = [leaf.kind for each in lab.conditions if not each.needs for leaf in each.leaves]
    if any(each.needs for each in lab.conditions) and not set(always) & set(BY_PACKETS):
        mend = "no packet proves anything where what they need is lacking; add a condition without 'needs'"
        yield document.problem(("conditions",), mend)


def _lint_argv(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for index, step in enumerate(lab.steps):
        for position, word in enumerate(step.argv):
            yield from lint_template(lab, document, ("steps", index, "argv", position), word)


def _lint_words(lab: LabSpec, document: Document) -> Iterator[Problem]:
    """The prose may show the student's own values. A name without one is told at the step; intro and debrief
    are read when the cluster may have decided nothing yet, or no more."""
    around = [each(language) for each in (lab.intro, lab.debrief) for language in LANGUAGES]
    for name in sorted(set().union(*map(names_in_prose, around)) - set(lab.parameters)):
        mend = f"${{{name}}} in the intro or debrief has no value there; only parameters have"
        yield document.problem((), mend)
    for index, step in enumerate(lab.steps):
        words = [*step.text.values(), *(each for hint in step.hints for each in hint.values())]
        for name in sorted(set().union(*map(names_in_prose, words)) - known_names(lab)):
            yield document.problem(("steps", index), f"${{{name}}} in its prose has no value")
