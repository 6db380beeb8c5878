"""A store with nodes and the controllers, settled step by step: no loop, no time."""

from netlab import topology
from netlab.controllers import bootstrap
from netlab.controllers.manager import Stepper
from netlab.schema.defaults import apply_defaults
from netlab.server import controllers
from netlab.store import Store, clock, clone, is_deleting


class World:
    """`run()` lets the controllers act until nothing moves; `ready()` plays the kubelets."""

    def __init__(self):
        self.store = Store()
        bootstrap.populate(self.store, api_address="172.18.0.2", api_port=6443, service_address="10.96.0.1")
        for node in topology.build().nodes:
            self.add_node(node.name, control_plane=node.control_plane)
        self._stepper = Stepper(self.store, controllers(self.store, "ca"))
        self.run()

    def add_node(self, name, *, control_plane=False, **labels):
        taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
            "spec": {"taints": [taint]} if control_plane else {},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
        self.store.create("nodes", node)

    def run(self):
        self._stepper.settle()

    def create(self, resource, obj):
        obj = clone(obj)
        obj["metadata"].setdefault("namespace", "default")
        apply_defaults(obj)
        made = self.store.create(resource, obj)
        self.run()
        return made

    def change(self, resource, name, fn, namespace="default"):
        self.store.mutate(resource, namespace, name, fn)
        self.run()

    def delete(self, resource, name, namespace="default"):
        self.store.delete(resource, namespace, name)
        self.run()

    def pods(self, **labels):
        return [pod for pod in self.store.list("pods", "default", labels=labels) if not is_deleting(pod)]

    def ready(self, pods=None):
        """Every placed pod becomes ready (or these), every pod being deleted goes."""
        for number, pod in enumerate(self.store.list("pods")):
            key = pod["metadata"]["namespace"], pod["metadata"]["name"]
            if is_deleting(pod):
                self.store.remove("pods", *key)
            elif pod["spec"].get("nodeName") and (pods is None or pod["metadata"]["name"] in pods):
                self.store.mutate("pods", *key, lambda p, number=number: _make_ready(p, number))
        self.run()

    def converge(self, rounds=20):
        """As `run` and `ready` by turns would end."""
        for _ in range(rounds):
            before = self.store.version
            self.ready()
            if self.store.version == before:
                return

    def events(self, reason):
        return [event["message"] for event in self.store.list("events") if event["reason"] == reason]


def _make_ready(pod, number):
    pod["status"].setdefault("podIP", f"10.244.0.{number + 2}")
    pod["status"]["phase"] = "Running"
    others = [c for c in pod["status"].get("conditions", []) if c["type"] != "Ready"]
    known = next((c for c in pod["status"].get("conditions", []) if c["type"] == "Ready"), None)
    ready = known or {"type": "Ready", "status": "True", "lastTransitionTime": clock.now()}
    pod["status"]["conditions"] = [*others, ready]


def pod(name, **spec):
    containers = [{"name": "box", "image": "busybox:1", "ports": [{"name": "http", "containerPort": 8080}]}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": containers, **spec},
    }


def workload(kind, name="shop", **spec):
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "busybox:1"}]},
    }
    base = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {**base, **spec}}
