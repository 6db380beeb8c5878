"""What a new cluster holds besides the control plane's own: DNS, the nodes' agents, and the optional add-ons.

Each is a list of manifests below this folder, made in this order when the cluster starts; from there on its
controllers care for them. A CustomResourceDefinition makes its kind known at once, so that objects of it may
follow in the same file. In a List, parts of one can be referred to by another.
"""

from pathlib import Path
from string import Template

from netlab import images
from netlab.topology import Topology

_HERE = Path(__file__).parent
# `netlab up --addons` chooses among these.
OPTIONAL = {
    "loadbalancer": ("loadbalancer/crds.yaml", "loadbalancer/metallb.yaml", "loadbalancer/pool.yaml"),
    "ingress": ("ingress/crds.yaml", "ingress/nginx-ingress.yaml"),
    "certificates": ("certificates/crds.yaml", "certificates/cert-manager.yaml"),
}
ALL = tuple(OPTIONAL)


def manifests(topology: Topology, *, with_kindnet: bool = True, addons: tuple[str, ...] = ALL) -> list[dict]:
    """The objects of all add-ons, in the order they are to be made.

    kindnet's pods keep NetworkPolicies in force: in a cluster that enforces none they would be a mere show.
    """
    import yaml  # here: the images are built before Python's packages are there

    facts = {
        "dns_address": topology.dns_service_address,
        "pod_network": topology.pod_network,
        "coredns": images.named("coredns").reference,
        "kube_proxy": images.named("kube-proxy").reference,
        "kindnet": images.named("kindnet").reference,
        "metallb_controller": images.named("metallb-controller").reference,
        "metallb_speaker": images.named("metallb-speaker").reference,
        "nginx_ingress": images.named("nginx-ingress").reference,
        "cert_manager": images.named("cert-manager").reference,
    }
    files = ["nodes/kube-proxy.yaml", *(["nodes/kindnet.yaml"] if with_kindnet else []), "dns/coredns.yaml"]
    files += [file for name in addons for file in OPTIONAL[name]]
    texts = [Template((_HERE / file).read_text()).substitute(facts) for file in files]
    documents = [document for text in texts for document in yaml.safe_load_all(text)]
    return [obj for document in documents for obj in document.get("items", [document])]
