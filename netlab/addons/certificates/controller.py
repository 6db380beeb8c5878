"""The controller of the pod: looks at all its objects after each change, and when a renewal is due."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from netlab.store import Store, is_deleting, key_of

from . import CERTIFICATES, CLUSTER_ISSUERS, INGRESSES, ISSUERS, REQUESTS
from .issuers import Issuers
from .issuing import Certificates
from .requests import Requests
from .shim import IngressShim

_WATCHED = {CERTIFICATES, REQUESTS, ISSUERS, CLUSTER_ISSUERS, INGRESSES, "secrets", "namespaces"}


def _utc() -> datetime:
    return datetime.now(UTC)


class CertificateController:
    def __init__(self, store: Store, clock: Callable[[], datetime] = _utc):
        self._store, self._clock = store, clock
        self._tell: Callable[[str], None] = lambda text: None
        self._issuers, self._shim = Issuers(store, self._say), IngressShim(store, self._say)
        self._certificates, self._requests = Certificates(store, self._say), Requests(store, self._say)

    async def run(self, tell: Callable[[str], None]) -> None:
        """Runs until cancelled."""
        self._tell = tell
        tell('"starting cert-manager controller"')
        while True:
            since = self._store.version
            await self._wait(since, await self.look())

    def _say(self, text: str) -> None:
        self._tell(text)

    async def look(self) -> datetime | None:
        """Take every object a step further; answers when the next is due, if nothing changes before."""
        for issuer in (*self._store.list(CLUSTER_ISSUERS), *self._living(ISSUERS)):
            self._issuers.sync(issuer)
        for ingress in self._living(INGRESSES):
            self._shim.sync(ingress)
        self._shim.forget_others({one["metadata"]["uid"] for one in self._store.list(INGRESSES)})
        times = []
        for certificate in self._living(CERTIFICATES):
            times.append(await self._certificates.sync(certificate, self._clock()))
            await asyncio.sleep(0)  # hundreds of them shall not hold up the API
        for request in self._living(REQUESTS):
            self._requests.sync(request, self._clock())
        return min((time for time in times if time), default=None)

    def _living(self, resource: str) -> Iterator[dict]:
        """Each as it is when its turn comes, for a key may have taken its time before.

        What is in a namespace that goes is let alone: else that would never be empty.
        """
        for listed in self._store.list(resource):
            found = self._store.find(resource, *key_of(listed))
            space = self._store.find("namespaces", None, listed["metadata"]["namespace"])
            if found and space and not is_deleting(found) and not is_deleting(space):
                yield found

    async def _wait(self, since: int, due: datetime | None) -> None:
        """Until something changed after that version, or the time has come."""
        pause = None if due is None else max(0.0, (due - self._clock()).total_seconds())
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._store.until(since, lambda change: change.resource in _WATCHED)
