"""The images netlab can run: root filesystems made on this machine, nothing is pulled from anywhere."""

import re
from dataclasses import dataclass

TOOLBOX_VERSION = "0.1.0"
COREDNS_VERSION = "0.1.0"
AGENTS_VERSION = "0.1.0"
TOOLBOX = f"redes.local/toolbox:{TOOLBOX_VERSION}"


@dataclass(frozen=True)
class Image:
    name: str
    reference: str  # how the node lists it
    accepted: str  # pattern of the references that mean this image
    command: tuple[str, ...]  # run when the container gives neither command nor args


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
)

# Parts of the server itself, for pods of kube-system (netlab/node/agents.py): nothing is on disk for them.
AGENTS = tuple(
    Image(
        name, f"redes.local/{name}:{AGENTS_VERSION}", rf"redes\.local/{name}:{re.escape(AGENTS_VERSION)}", ()
    )
    for name in ("kube-proxy", "kindnet")
)


def named(name: str) -> Image:
    return next(image for image in (*CATALOG, *AGENTS) if image.name == name)


def find(reference: str) -> Image | None:
    """The image a container's `image` field means, or None where netlab has no such image."""
    return next((image for image in (*CATALOG, *AGENTS) if re.fullmatch(image.accepted, reference)), None)
