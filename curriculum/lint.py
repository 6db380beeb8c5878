"""What a schema cannot see: whether a lab's parts fit together.

Each rule is a generator of problems; `lint_lab` runs them all.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator

from yaml import YAMLError

from curriculum.cel import CelError, compile_expression
from curriculum.documents import Document
from curriculum.enums import LIVE_STEPS, Capability, ParameterKind, Scope, StepKind
from curriculum.kinds import BY_PACKETS, NODE_PLACE, AnswerSettings, Proof, WhenSettings, inner_proofs
from curriculum.lined_yaml import read_all
from curriculum.lint_hints import lint_hints
from curriculum.lint_predictions import lint_predicted, lint_predictions
from curriculum.parameters import SubstitutionError, names_in, names_in_prose, pods_asked, substitute
from curriculum.problems import Problem
from curriculum.specs import INGRESS_CONTROLLER, KUBE_PROXY, WORLD, Act, Chapter, LabSpec, Play, Step
from curriculum.statistics import Undecidable, samples_needed
from curriculum.text import LANGUAGES

POD_VALUES = ("ip", "node")
NODE_VALUES = ("nodes.control", "nodes.worker1", "nodes.worker2")
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
ANSWER_NEEDS = {
    "command": ("pod", "argv", "matches"),
    "hop": ("source", "target", "port", "payload"),
    "silence": ("targets", "port", "payload"),
    "tls-ready": ("source", "address", "port", "tolerance"),
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
MUTANTS_WANTED = 3


NAMESPACE_KEY = re.compile("[a-z]{1,6}")  # no key may look like the number in a session's namespace
LITERAL_NODE_PORT = re.compile(r"nodePort:\s*[\"']?\d")
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
        _lint_conditions,
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


def lint_plays(lab: LabSpec, documents: dict[str, Document]) -> list[Problem]:
    """Every act and promise of the solution and the mutants that the lab does not know."""
    plays = [*lab.right_plays, *lab.mutants]
    problems = [problem for play in plays for problem in _lint_play(lab, play, documents[play.name])]
    if lab.solution and len(lab.mutants) < MUTANTS_WANTED:
        mend = f"there are {len(lab.mutants)} mutants; write at least {MUTANTS_WANTED} in mutants/"
        problems.append(documents["solution"].problem((), mend))
    return problems


def lint_manifests(lab: LabSpec, document: Document) -> list[Problem]:
    """The manifests, filled in with sample values, must make exactly the pods the lab names; a file that asks
    for addresses is applied after the others, so it cannot make the pods it asks for."""
    named = {pod.name for pod in lab.pods}
    made, late, asked = set(), set(), set()
    try:
        for text in lab.manifests:
            pods = set(pods_made(substitute(text, sample_values(lab))))
            made |= pods
            if asks := pods_asked(text, named):
                late, asked = late | pods, asked | asks
    except (SubstitutionError, YAMLError) as error:
        return [document.problem(("pods",), f"the manifests cannot be read: {error}")]
    lacks = dict.fromkeys(made ^ named, "must be in pods and in manifests/, not in one of them")
    waited_for = "has an address only when it runs; make it in a file that asks for none"
    lacks |= dict.fromkeys(asked & late, waited_for)
    return [document.problem(("pods",), f"pod {name!r} {lacks[name]}") for name in sorted(lacks)]


def lint_objects(lab: LabSpec, document: Document) -> list[Problem]:
    """Every file of objects/, filled in with sample values, must hold objects, and some step must use it."""
    used = {step.manifest for step in lab.steps}
    problems = [
        document.problem(("steps",), f"no step uses objects/{name}.yaml; name it in one or remove it")
        for name in lab.objects
        if name not in used
    ]
    for name, text in lab.objects.items():
        try:
            made = list(read_all(substitute(text, sample_values(lab))))
        except (SubstitutionError, YAMLError) as error:
            problems.append(document.problem(("steps",), f"objects/{name}.yaml cannot be read: {error}"))
        else:
            problems += [
                document.problem(("steps",), f"objects/{name}.yaml: {lack}") for lack in _lacks(made)
            ]
    return problems


def lint_node_ports(lab: LabSpec, document: Document) -> list[Problem]:
    """A number that is written down can be a node's port for one session only."""
    if lab.scope == Scope.EXCLUSIVE:
        return []
    texts = {"manifests/": "\n".join(lab.manifests)} | {
        f"objects/{name}.yaml": text for name, text in lab.objects.items()
    }
    mend = "a literal nodePort is one session's only; use a parameter, or scope: exclusive"
    return [
        document.problem(("scope",), f"{name}: {mend}")
        for name, text in texts.items()
        if LITERAL_NODE_PORT.search(text)
    ]


def _lacks(made: list) -> Iterator[str]:
    objects = [item for item in made if item is not None]
    if not objects:
        yield "it holds no object; write one"
    for item in objects:
        if not isinstance(item, dict) or not all(item.get(key) for key in ("apiVersion", "kind", "metadata")):
            yield "each object needs apiVersion, kind and metadata"
        elif not item["metadata"].get("name"):
            yield f"the {item['kind']} has no metadata.name; add it"


def known_names(lab: LabSpec) -> set[str]:
    """What `${...}` may ask for: the attempt's parameters and what the cluster decides."""
    return {
        *lab.parameters,
        *lab.card_names,
        "namespace",
        *_cluster_values(lab),
        *(f"{pod}.{value}" for pod in lab.all_pods for value in POD_VALUES),
    }


def _cluster_values(lab: LabSpec) -> list[str]:
    """What the cluster decides, whatever the pods."""
    ingress = ["ingress.ip"] if Capability.INGRESS in lab.requires else []
    ingress += ["ingress.door", "ingress.listener"] if Capability.TCP_LISTENER in lab.requires else []
    return [*(f"ns.{key}" for key in lab.all_namespaces), *NODE_VALUES, *ingress]


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
        yield from _one_of(document, keys, pod.namespace or None, lab.namespaces, "namespace")
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
            yield from _lint_template(lab, document, (*keys, key), template, without=unknown_yet)


def _lint_parameters(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for name, parameter in lab.parameters.items():
        if parameter.kind == ParameterKind.NUMBER and parameter.lowest >= parameter.highest:
            yield document.problem(("parameters", name), "lowest must be below highest, or nothing is drawn")


def _lint_steps(lab: LabSpec, document: Document) -> Iterator[Problem]:
    own = [pod.name for pod in lab.pods]
    for index, step in enumerate(lab.steps):
        keys = ("steps", index)
        pods = lab.all_pods if step.kind in ON_ANY_LINK else own
        yield from _one_of(document, (*keys, "pod"), step.pod, pods, "pod")
        yield from _one_of(document, (*keys, "pane"), step.pane, lab.panes, "pane")
        yield from _one_of(document, (*keys, "manifest"), step.manifest, lab.objects, "file in objects/")
        for place, plot in enumerate(step.plots):
            yield from _one_of(document, (*keys, "plots", place), plot, lab.plots, "plot")
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
        yield from _lint_template(lab, document, ("steps", index, "mtu"), step.mtu)
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
        yield from _lint_template(lab, document, (*keys, "only"), step.only)
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
            yield from _lint_template(lab, document, ("steps", index, "argv", position), word)


def _lint_template(
    lab: LabSpec, document: Document, keys: tuple, template: str, *, without: Iterable[str] = ()
) -> Iterator[Problem]:
    known = known_names(lab) - set(without)
    try:
        unknown = names_in(template) - known
    except SubstitutionError as error:
        yield document.problem(keys, str(error))
        return
    for name in sorted(unknown):
        yield document.problem(keys, f"${{{name}}} has no value; known are {', '.join(sorted(known))}")


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


def _lint_conditions(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for index, condition in enumerate(lab.conditions):
        for proof in condition.leaves:
            for rule in (_lint_places, _lint_asked_steps, _lint_settings_templates, _lint_cel, _lint_samples):
                yield from rule(lab, document, ("conditions", index, "settings"), proof.parsed)
        for step in _steps_timed(condition):
            yield from _one_of(document, ("conditions", index, "settings"), step, _keys(lab.steps), "step")


def _lint_places(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    pods = list(lab.all_pods)
    named = [(role, getattr(settings, role, "")) for role in ("source", "target", "pod")]
    named += [(role, name) for role in ("sources", "targets") for name in getattr(settings, role, ())]
    for role, name in named:
        if name and not name.startswith(NODE_PLACE):
            yield from _one_of(document, (*keys, role), name, pods, "pod")


def _lint_asked_steps(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    if isinstance(settings, AnswerSettings):
        answers = _keys(step for step in lab.steps if step.kind == StepKind.ANSWER)
        yield from _one_of(document, (*keys, "step"), settings.step, answers, "answer step")
        for key in _missing_for_answer(settings):
            yield document.problem(keys, f"an answer that equals {settings.equals!r} needs {key!r}; add it")
        if settings.matches and _groups(settings.matches) != 1:
            yield document.problem((*keys, "matches"), "put the answer in one group, as in 'mtu (\\d+)'")


def _groups(pattern: str) -> int:
    """How many groups a regular expression has; -1 when it is none."""
    try:
        return re.compile(pattern).groups
    except re.error:
        return -1


def _missing_for_answer(settings: AnswerSettings) -> list[str]:
    return [key for key in ANSWER_NEEDS.get(settings.equals, ()) if not getattr(settings, key)]


def _lint_settings_templates(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        words = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        for word in words:
            yield from _lint_template(lab, document, (*keys, field.name), word)


def _lint_cel(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    expression = getattr(settings, "expression", "")
    try:
        if expression:
            compile_expression(substitute(expression, sample_values(lab)))
    except SubstitutionError:
        return  # it is told already
    except CelError as error:
        yield document.problem((*keys, "expression"), f"this is no CEL expression: {error}")


def _lint_samples(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    try:
        needed = samples_needed(settings)
    except Undecidable as error:
        yield document.problem(keys, f"{error}; choose a wrong value that is farther away")
        return
    given = getattr(settings, "samples", getattr(settings, "keys", 0))
    if given < needed:
        told = f"{needed} samples tell right from wrong (1 % and 5 % errors); {given} are too few"
        yield document.problem(keys, told)


def _steps_timed(proof: Proof) -> Iterator[str]:
    """The steps that `during` and `after` look at, however deep."""
    settings = proof.parsed
    if isinstance(settings, WhenSettings):
        yield settings.step
    for inner in inner_proofs(settings):
        yield from _steps_timed(inner)


def _keys(items) -> list[str]:
    return [item.key for item in items]


def _lint_play(lab: LabSpec, play: Play, document: Document) -> Iterator[Problem]:
    for index, act in enumerate(play.acts):
        if act.do != "check":
            yield from _one_of(document, ("acts", index, "step"), act.step, _keys(lab.steps), "step")
        for key in ("value", "until"):
            yield from _lint_template(lab, document, ("acts", index, key), getattr(act, key))
        yield from _lint_reading(play, document, index, act)
        yield from _lint_working(lab, document, index, act)
        yield from _lint_edit(lab, play, document, index)
        if not act.until and _goes_on(lab, act):
            mend = "this act does not end by itself; say with 'until' what its output must show"
            yield document.problem(("acts", index), mend)
    yield from lint_predicted(lab, play, document)
    conditions = [condition.key for condition in lab.conditions]
    for key in play.fails:
        yield from _one_of(document, ("fails", key), key, conditions, "condition")
    if play not in lab.right_plays and not play.fails:
        yield document.problem((), "'fails' is missing; name the conditions this mutant must fail")


def _lint_working(lab: LabSpec, document: Document, index: int, act: Act) -> Iterator[Problem]:
    """What a student works out must be an expression."""
    try:
        if act.works:
            compile_expression(substitute(act.works, sample_values(lab)))
    except (SubstitutionError, CelError) as error:
        yield document.problem(("acts", index, "works"), f"this is no CEL expression: {error}")


def _lint_reading(play: Play, document: Document, index: int, act: Act) -> Iterator[Problem]:
    """An answer that is read off an output needs an expression with a group, and a step run before."""
    if not act.reads and not act.of:
        return
    try:
        groups = re.compile(act.reads).groups
    except re.error as error:
        yield document.problem(("acts", index, "reads"), f"this is no regular expression: {error}")
        return
    if groups < 1:
        yield document.problem(("acts", index, "reads"), "put what is the answer in brackets")
    run = [each.step for each in play.acts[:index] if each.do == "run"]
    yield from _one_of(document, ("acts", index, "of"), act.of, run, "step that was run before")


def _lint_edit(lab: LabSpec, play: Play, document: Document, index: int) -> Iterator[Problem]:
    act, keys = play.acts[index], ("acts", index)
    if act.do != "edit":
        if act.file:
            yield document.problem((*keys, "file"), "only the act 'edit' writes a file; remove it")
        return
    edits = [step.key for step in lab.steps if step.kind == StepKind.EDIT]
    yield from _one_of(document, (*keys, "step"), act.step, edits, "edit step")
    yield from _one_of(document, (*keys, "file"), act.file, play.texts, "file in solution/ or mutants/")
    yield from _lint_template(lab, document, (*keys, "file"), play.texts.get(act.file, ""))


def _goes_on(lab: LabSpec, act: Act) -> bool:
    streams = [step.key for step in lab.steps if step.kind in LIVE_STEPS]
    return act.do == "type" or (act.do == "run" and act.step in streams)


def _one_of(
    document: Document, keys: tuple, name: str | None, known: Iterable[str], what: str
) -> Iterator[Problem]:
    if name is not None and name not in known:
        yield document.problem(keys, f"there is no {what} {name!r}; known are {', '.join(known) or 'none'}")


def sample_values(lab: LabSpec) -> dict[str, object]:
    pods = {f"{pod}.{value}": "sample" for pod in lab.all_pods for value in POD_VALUES}
    named = (*lab.parameters, *lab.card_names, "namespace", *_cluster_values(lab))
    return dict.fromkeys(named, "1") | pods


def pods_made(manifest: str) -> Iterator[str]:
    for item in read_all(manifest):
        if item and item.get("kind") == "Pod":
            yield item["metadata"]["name"]
