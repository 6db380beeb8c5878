"""The composition root: store, API, controllers and node agents on one asyncio loop."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ServerConfig:
    """What the launcher hands to the server inside its namespaces.

    `owner` is the uid and gid that shall own the kubeconfig, or None. `ready_fd` is written one line of
    JSON when every node is Ready, then closed.
    """

    state_dir: Path
    images_dir: Path
    topology: Any
    owner: tuple[int, int] | None = None
    ready_fd: int | None = None
