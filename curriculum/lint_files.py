"""Whether the manifests and objects of a lab can be read, and make what its lab.yaml names."""

import re
from collections.abc import Iterator

from yaml import YAMLError

from curriculum.documents import Document
from curriculum.enums import Scope
from curriculum.lined_yaml import read_all
from curriculum.lint_names import sample_values
from curriculum.parameters import SubstitutionError, pods_asked, substitute
from curriculum.problems import Problem
from curriculum.specs import LabSpec

LITERAL_NODE_PORT = re.compile(r"nodePort:\s*[\"']?\d")


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


def pods_made(manifest: str) -> Iterator[str]:
    for item in read_all(manifest):
        if item and item.get("kind") == "Pod":
            yield item["metadata"]["name"]
