"""Put the add-ons of kube-system into a new cluster: from there on its controllers care for them."""

from pathlib import Path
from string import Template

import yaml

from netlab import images
from netlab.schema.defaults import apply_defaults
from netlab.store import Store
from netlab.topology import Topology

_DNS = Path(__file__).parent / "dns" / "coredns.yaml"
_RESOURCES = {
    "ServiceAccount": "serviceaccounts",
    "ClusterRole": "clusterroles.rbac.authorization.k8s.io",
    "ClusterRoleBinding": "clusterrolebindings.rbac.authorization.k8s.io",
    "ConfigMap": "configmaps",
    "Service": "services",
    "Deployment": "deployments.apps",
    "DaemonSet": "daemonsets.apps",
}


def install(store: Store, topology: Topology) -> None:
    for obj in manifests(topology):
        apply_defaults(obj)
        store.create(_RESOURCES[obj["kind"]], obj)


def manifests(topology: Topology) -> list[dict]:
    """The objects of all add-ons, in the order they are to be made."""
    facts = {"dns_address": topology.dns_service_address, "image": images.named("coredns").reference}
    return list(yaml.safe_load_all(Template(_DNS.read_text()).substitute(facts)))
