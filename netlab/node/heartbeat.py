"""How a node says that it lives: a Lease every ten seconds, its own status every five minutes.

The Lease is what a control plane watches, because it is small; the status is only written anew so that the
times of its conditions tell that they still hold.
"""

import asyncio
import contextlib

from netlab.store import AlreadyExists, NotFound, clock

LEASES, NAMESPACE = "leases.coordination.k8s.io", "kube-node-lease"
_SECONDS, _LEASE_SECONDS = 10, 40
_BEATS_PER_STATUS = 30


class Heartbeat:
    def __init__(self, store, node_name: str):
        self._store, self._name = store, node_name

    async def run(self) -> None:
        """Runs until cancelled."""
        beats = 0
        while True:
            with contextlib.suppress(NotFound):  # somebody has deleted the Node: it has nothing to say
                self.renew_lease()
                if beats % _BEATS_PER_STATUS == 0:
                    self.report_status()
            beats += 1
            await asyncio.sleep(_SECONDS)

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

    def report_status(self) -> None:
        """Raises NotFound without a Node."""
        now = clock.now()

        def write(node: dict) -> None:
            for condition in node["status"]["conditions"]:
                condition["lastHeartbeatTime"] = now

        self._store.mutate("nodes", None, self._name, write)
