"""How a node says that it lives: a Lease every ten seconds, its own status every five minutes.

The Lease is what a control plane watches, because it is small; the status is only written anew so that the
times of its conditions tell that they still hold.
"""

import asyncio
import contextlib
from collections.abc import Callable

from netlab.node import machine
from netlab.store import AlreadyExists, NotFound, clock

LEASES, NAMESPACE = "leases.coordination.k8s.io", "kube-node-lease"
BEAT_SECONDS, _LEASE_SECONDS = 10.0, 40
_BEATS_PER_STATUS = 30


class Heartbeat:
    def __init__(
        self,
        store,
        node_name: str,
        on_return: Callable[[], None] = lambda: None,
        seconds: float = BEAT_SECONDS,
    ):
        """`on_return` is called when the control plane had given the node up and hears of it again."""
        self._store, self._name, self._on_return = store, node_name, on_return
        self._seconds = seconds

    async def run(self) -> None:
        """Runs until cancelled."""
        beats = 0
        while True:
            with contextlib.suppress(NotFound):  # the Node is deleted, or the API does not hear us
                self.beat(with_status=beats % _BEATS_PER_STATUS == 0)
            beats += 1
            await asyncio.sleep(self._seconds)

    def beat(self, *, with_status: bool = False) -> None:
        """Raises NotFound without a Node."""
        was_given_up = self._was_given_up()
        self.renew_lease()
        if with_status or was_given_up:
            self.report_status()
        if was_given_up:
            self._on_return()

    def renew_lease(self) -> None:
        """Raises NotFound without a Node."""
        node = self._store.get("nodes", None, self._name)
        now = clock.now_micro()
        try:
            self._store.create(LEASES, self._lease(node, now))
        except AlreadyExists:
            self._store.mutate(
                LEASES, NAMESPACE, self._name, lambda lease: lease["spec"].update(renewTime=now)
            )

    def _lease(self, node: dict, now: str) -> dict:
        held = {"holderIdentity": self._name, "leaseDurationSeconds": _LEASE_SECONDS, "renewTime": now}
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._name, "uid": node["metadata"]["uid"]}
        meta = {"name": self._name, "namespace": NAMESPACE, "ownerReferences": [owner]}
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": held}

    def _was_given_up(self) -> bool:
        conditions = self._store.get("nodes", None, self._name)["status"]["conditions"]
        return any(condition["status"] == "Unknown" for condition in conditions)

    def report_status(self) -> None:
        """Raises NotFound without a Node."""
        now = clock.now()
        known = machine.healthy_conditions()

        def write(node: dict) -> None:
            for condition in node["status"]["conditions"]:
                condition["lastHeartbeatTime"] = now
                if condition["status"] == "Unknown":  # the control plane had not heard of us
                    condition.update(known[condition["type"]], lastTransitionTime=now)

        self._store.mutate("nodes", None, self._name, write)
