"""A node's way to the API: the store, for as long as the node has power and its packets get through.

What a node without it writes is lost, as a kubelet's requests are that find no route.
"""

import asyncio
from typing import Any

from netlab.store import NotFound


class Unreachable(NotFound):
    """The API does not hear the node. To who writes it is as if nobody knew the object any more."""

    def __init__(self) -> None:
        super().__init__("nodes", "control plane")


class Uplink:
    def __init__(self, store):
        self._store = store
        self._up = asyncio.Event()
        self._up.set()

    @property
    def up(self) -> bool:
        return self._up.is_set()

    def set(self, up: bool) -> None:
        if up:
            self._up.set()
        else:
            self._up.clear()

    async def wait(self) -> None:
        await self._up.wait()

    def __getattr__(self, name: str) -> Any:
        """Reading is the store's own: a kubelet knows from its cache what it has read."""
        return getattr(self._store, name)

    def create(self, *args, **more):
        return self._write("create", *args, **more)

    def mutate(self, *args, **more):
        return self._write("mutate", *args, **more)

    def delete(self, *args, **more):
        return self._write("delete", *args, **more)

    def _write(self, verb: str, *args, **more):
        if not self.up:
            raise Unreachable
        return getattr(self._store, verb)(*args, **more)
