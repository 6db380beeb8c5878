"""The images netlab makes itself, on this machine; others are loaded or pulled (`store`, `puller`)."""

import re
from dataclasses import dataclass, field

TOOLBOX_VERSION = "0.1.0"
COREDNS_VERSION = "0.1.0"
INGRESS_VERSION = "0.1.0"
AGENTS_VERSION = "0.1.0"
TOOLBOX = f"redes.local/toolbox:{TOOLBOX_VERSION}"


@dataclass(frozen=True)
class Config:
    """How an image wants to be run; a container's manifest goes before it."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    user: str = ""  # "name", "uid", "name:group" ...
    working_dir: str = ""


@dataclass(frozen=True)
class Image:
    name: str
    reference: str  # how the node lists it
    accepted: str  # pattern of the references that mean this image
    command: tuple[str, ...]  # run when the container gives neither command nor args

    @property
    def config(self) -> Config:
        return Config(command=self.command)

    @property
    def image_id(self) -> str:
        return self.reference

    @property
    def names(self) -> list[str]:
        return [self.reference]


CATALOG = (
    Image(
        "toolbox",
        TOOLBOX,
        re.escape(TOOLBOX),
        ("redes-idle",),
    ),
    Image(
        "busybox",
        "docker.io/library/busybox:latest",
        r"((docker\.io/)?library/|docker\.io/)?busybox(:[\w.-]+)?",
        ("sh",),
    ),
    Image(
        "coredns",
        f"redes.local/coredns:{COREDNS_VERSION}",
        rf"redes\.local/coredns:{re.escape(COREDNS_VERSION)}",
        ("/coredns",),
    ),
    Image(
        "nginx-ingress",
        f"redes.local/nginx-ingress:{INGRESS_VERSION}",
        rf"redes\.local/nginx-ingress:{re.escape(INGRESS_VERSION)}",
        ("/nginx-ingress",),
    ),
    # The distribution's Prometheus, whatever version is asked for; `prometheus --version` tells it.
    Image(
        "prometheus",
        "docker.io/prom/prometheus:latest",
        r"(docker\.io/)?prom/prometheus(:[\w.-]+)?",
        ("prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"),
    ),
)

# Parts of the server itself (netlab/node/agents.py), with the namespace whose pods may run them: nothing is
# on disk for them.
AGENT_NAMESPACES = {
    "kube-proxy": "kube-system",
    "kindnet": "kube-system",
    "metallb-controller": "metallb-system",
    "metallb-speaker": "metallb-system",
    "cert-manager": "cert-manager",
}
AGENTS = tuple(
    Image(
        name, f"redes.local/{name}:{AGENTS_VERSION}", rf"redes\.local/{name}:{re.escape(AGENTS_VERSION)}", ()
    )
    for name in AGENT_NAMESPACES
)


def named(name: str) -> Image:
    return next(image for image in (*CATALOG, *AGENTS) if image.name == name)


def find(reference: str) -> Image | None:
    """The image a container's `image` field means, or None where netlab has no such image."""
    return next((image for image in (*CATALOG, *AGENTS) if re.fullmatch(image.accepted, reference)), None)
