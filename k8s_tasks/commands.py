"""What a step runs, as one would type it. The page, the row of the run and its replay show it."""

from collections.abc import Mapping

from curriculum.enums import StepKind
from curriculum.parameters import SubstitutionError, render_argv, substitute
from curriculum.specs import INGRESS_CONTROLLER, LabSpec, Step
from k8s_tasks.cluster.topology import number_nodes

NODES = ("control", "worker1", "worker2")
TCPDUMP = ["tcpdump", "-l", "-n"]
HIDDEN = "MTU"  # the number is for students to find out
ON_POD_LINK = (StepKind.CAPTURE, StepKind.IMPAIR)


def command_of(step: Step, values: Mapping[str, object]) -> list[str]:
    """Raises SubstitutionError for a value that is not there yet or is no plain word."""
    words = render_argv(step, values)
    if step.kind in (StepKind.APPLY, StepKind.EDIT):
        file = f"{step.manifest}.yaml"
        return ["kubectl", "delete" if step.remove else "apply", "-f", file]
    if step.kind == StepKind.CAPTURE:
        return [*TCPDUMP, *words]
    if step.kind == StepKind.PROXY:
        return ["kube-proxy", f"--proxy-mode={step.mode}", f"--v={step.verbosity}"]
    if step.kind == StepKind.ADDON:
        return _addon_words(step, words, values)
    if step.kind == StepKind.IMPAIR:
        return ["redes-agent", *_impair_words(step, values)]
    return words


def manifest_of(lab: LabSpec, step: Step, values: Mapping[str, object]) -> str:
    """The text of the step's objects, filled in. Raises SubstitutionError."""
    return substitute(lab.objects[step.manifest], values)


def node_of(step: Step, bindings: Mapping) -> str:
    """The node the platform's agent works on; empty for what runs in a pod. Raises SubstitutionError."""
    if step.kind in (StepKind.NODE, StepKind.ADDON) and step.node is not None:
        return _node_named(NODES[step.node], bindings)
    if step.kind in ON_POD_LINK:
        return next((pod["node"] for pod in bindings.get("pods", []) if pod["name"] == step.pod), "")
    return ""


def _node_named(name: str, bindings: Mapping) -> str:
    nodes = number_nodes(bindings.get("nodes", []))
    if name not in nodes:
        raise SubstitutionError(f"the cluster has no node {name}")
    return nodes[name]["name"]


def _addon_words(step: Step, words: list[str], values: Mapping[str, object]) -> list[str]:
    """As one with an administrator's rights would type it."""
    if words:
        return ["kubectl", "-n", "nginx-ingress", "exec", "deploy/nginx-ingress", "--", *words]
    only = substitute(step.only, values)
    if step.addon == INGRESS_CONTROLLER:
        return ["sh", "-c", f"kubectl -n nginx-ingress logs deploy/nginx-ingress | grep -F -e {only}"]
    return ["sh", "-c", f"kubectl -n kube-system logs ds/kube-proxy | grep -F -e {only}"]


def _impair_words(step: Step, values: Mapping[str, object]) -> list[str]:
    address = substitute(f"${{{step.pod}.ip}}", values)
    if not address:
        raise SubstitutionError(f"the pod {step.pod} has no address")
    if step.mtu:
        return ["mtu", "set", address, HIDDEN]
    given = step.effects.given if step.effects else {}
    effects = [f"{name}={value:g}" for name, value in given.items()]
    act = ["set", address, step.direction, *effects] if effects else ["clear", address]
    return ["impair", *act]
