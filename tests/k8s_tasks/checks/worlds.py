"""Pods in a namespace of their own on the real cluster, and rounds of looking at them."""

import json
import secrets

from k8s_tasks.checks.round import Captures, Facts, Round
from k8s_tasks.cluster.agent import agents_for
from k8s_tasks.cluster.labs import LabPlan, clear_lab, prepare_lab
from k8s_tasks.cluster.objects import apply_manifest, list_nodes, list_pods
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.verifying import places_of

FILTER = ["icmp", "or", "port", "8080", "or", "port", "5353", "or", "port", "80", "or", "port", "53"]
FILTER += ["or", "port", "50051", "or", "port", "50052"]


def pod(name: str, command: list[str], **labels: str) -> str:
    container = {
        "name": "main",
        "image": "redes.local/toolbox:0.1.0",
        "command": command,
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    spec["nodeSelector"] = {"kubernetes.io/hostname": f"${{{name}.node}}"}
    metadata = {"name": name, "labels": labels}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


class World:
    """A namespace with pods; `capabilities` is what its cluster is taken to be proven of."""

    def __init__(self, kubeconfig: str):
        self.id = secrets.token_hex(4)
        self.namespace = f"kinds-{self.id}"
        self.kubeconfig = kubeconfig
        self.capabilities = {"networkpolicy": "present"}

    async def build(self, nodes: dict[str, int], manifests: list[str]) -> None:
        """Pods on their nodes, ready and captured."""
        self.api = await api_of(self.kubeconfig)

        def render(text, values):
            for name in nodes:
                text = text.replace(f"${{{name}.node}}", values[name]["node"])
            return text

        labels = {"redes.local/session": self.id}
        plan = LabPlan(
            self.id, self.namespace, labels, nodes, tuple(manifests), render, FILTER, watches_links=True
        )
        self.bindings = await prepare_lab(self.api, plan)

    async def apply(self, manifest: dict) -> dict:
        return await apply_manifest(self.api, manifest, namespace=self.namespace)

    async def clear(self) -> None:
        await clear_lab(self.api, self.id, self.namespace)

    async def round(self) -> Round:
        pods, _version = await list_pods(self.api, namespace=self.namespace)
        places = places_of(pods, await list_nodes(self.api))
        agents = await agents_for(self.api, {place.node for place in places.values()})
        values = {
            "namespace": self.namespace,
            **{name: {"ip": each.address} for name, each in places.items()},
        }
        facts = Facts(self.id, self.namespace, values, capabilities=self.capabilities, filter_words=FILTER)
        pods = {pod["name"] for pod in self.bindings["pods"]}
        return Round(self.api, facts, places, agents, Captures(self.id, places, agents, FILTER, pods))

    def agent_of(self, name: str):
        place = places_of_now(self)[name]
        return on_loop(agents_for(self.api, {place.node}))[place.node], place.address


def places_of_now(world: World) -> dict:
    pods, _version = on_loop(list_pods(world.api, namespace=world.namespace))
    return places_of(pods, on_loop(list_nodes(world.api)))
