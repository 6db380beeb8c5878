"""Put the add-ons of kube-system into a new cluster: from there on its controllers care for them."""

from pathlib import Path
from string import Template

import yaml

from netlab import images
from netlab.schema.catalogue import Catalogue
from netlab.schema.defaults import complete
from netlab.store import Store
from netlab.topology import Topology

_HERE = Path(__file__).parent


def install(store: Store, topology: Topology, *, with_kindnet: bool) -> None:
    catalogue = Catalogue(store)
    for obj in manifests(topology, with_kindnet=with_kindnet):
        # A CustomResourceDefinition makes its kind known: objects of it may follow in the same file.
        kind = catalogue.named(obj["apiVersion"], obj["kind"])
        complete(kind, obj)
        store.create(kind.stored_as, obj)


def manifests(topology: Topology, *, with_kindnet: bool = True) -> list[dict]:
    """The objects of all add-ons, in the order they are to be made.

    kindnet's pods keep NetworkPolicies in force: in a cluster that enforces none they would be a mere show.
    """
    facts = {
        "dns_address": topology.dns_service_address,
        "pod_network": topology.pod_network,
        "coredns": images.named("coredns").reference,
        "kube_proxy": images.named("kube-proxy").reference,
        "kindnet": images.named("kindnet").reference,
    }
    files = ["nodes/kube-proxy.yaml", *(["nodes/kindnet.yaml"] if with_kindnet else []), "dns/coredns.yaml"]
    texts = [Template((_HERE / file).read_text()).substitute(facts) for file in files]
    return [obj for text in texts for obj in yaml.safe_load_all(text)]
