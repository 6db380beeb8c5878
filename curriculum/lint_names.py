"""The names that a lab's templates may ask for, and the two rules that all of the linter's parts share."""

from collections.abc import Iterable, Iterator

from curriculum.documents import Document
from curriculum.enums import Capability
from curriculum.parameters import SubstitutionError, names_in
from curriculum.problems import Problem
from curriculum.specs import LabSpec

POD_VALUES = ("ip", "node")
NODE_VALUES = ("nodes.control", "nodes.worker1", "nodes.worker2")


def known_names(lab: LabSpec) -> set[str]:
    """What `${...}` may ask for: the attempt's parameters and what the cluster decides."""
    return {
        *lab.parameters,
        *lab.card_names,
        "namespace",
        *_cluster_values(lab),
        *(f"{pod}.{value}" for pod in lab.all_pods for value in POD_VALUES),
    }


def sample_values(lab: LabSpec) -> dict[str, object]:
    """A value for each of `known_names`, so that templates can be filled in without a cluster."""
    pods = {f"{pod}.{value}": "sample" for pod in lab.all_pods for value in POD_VALUES}
    named = (*lab.parameters, *lab.card_names, "namespace", *_cluster_values(lab))
    return dict.fromkeys(named, "1") | pods


def _cluster_values(lab: LabSpec) -> list[str]:
    """What the cluster decides, whatever the pods."""
    ingress = ["ingress.ip"] if Capability.INGRESS in lab.requires else []
    ingress += ["ingress.door", "ingress.listener"] if Capability.TCP_LISTENER in lab.requires else []
    return [*(f"ns.{key}" for key in lab.all_namespaces), *NODE_VALUES, *ingress]


def lint_template(
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


def one_of(
    document: Document, keys: tuple, name: str | None, known: Iterable[str], what: str
) -> Iterator[Problem]:
    if name is not None and name not in known:
        yield document.problem(keys, f"there is no {what} {name!r}; known are {', '.join(known) or 'none'}")


def keys_of(items) -> list[str]:
    return [item.key for item in items]
