"""The agent of one node that keeps its NetworkPolicies in force.

It judges anew when a policy, a namespace's labels, or what policies can see of a pod has changed, and writes
only the chains that are new. A pod that is about to get its link waits in `admit` until its rules are there.
"""

import asyncio
import time
from collections.abc import Callable

from netlab.node.iptables import Iptables
from netlab.node.processes import CommandError
from netlab.policy.chains import ENTRIES, Chains, chains
from netlab.policy.verdicts import is_subject, judge, selects
from netlab.store import Event, has_ended

POLICIES = "networkpolicies.networking.k8s.io"
_DEBOUNCE_SECONDS = 0.02  # a rollout changes many pods at once
_RETRY_SECONDS = 1.0


class PolicyAgent:
    def __init__(self, store, runtime, node_name: str):
        self._store, self._node = store, node_name
        # First in FORWARD: no rule of others lets through what a policy drops.
        self._iptables = Iptables(node_name, enter="-I")
        self._in_force: Chains | None = {}  # None: a write has failed, nobody knows
        self._one_writer = asyncio.Lock()
        self._tell: Callable[[str], None] = lambda line: None  # nobody reads a log before the first pod
        runtime.guards[node_name] = self.admit

    async def run(self, tell: Callable[[str], None]) -> None:
        """Runs until cancelled, and may be run again: what it has put into the kernel is remembered."""
        self._tell = tell
        tell(f'"Network policies are enforced" node="{self._node}"')
        while True:
            since = self._store.version
            try:
                await self.sync()
            except CommandError as error:
                tell(f'"Failed to execute iptables-restore" err="{error}"')
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await self._store.until(since, matters)
                await asyncio.sleep(_DEBOUNCE_SECONDS)

    async def admit(self, pod: dict) -> None:
        """Returns when the rules of `pod`, which has no link yet, are in force. Raises CommandError."""
        policies = self._store.list(POLICIES, pod["metadata"]["namespace"])
        if is_subject(pod) and any(selects(policy, pod) for policy in policies):
            await self.sync()

    async def sync(self) -> None:
        """Bring the kernel's rules to what the store says now. Raises CommandError; then call it again."""
        async with self._one_writer:
            policies = self._store.list(POLICIES)
            if policies or self._in_force != {}:
                pods, namespaces = self._store.list("pods"), self._store.list("namespaces")
                await self._apply(chains(judge(policies, pods, namespaces, self._node)), len(policies))

    async def _apply(self, wanted: Chains, policies: int) -> None:
        if wanted == self._in_force:
            return
        began, self._in_force = time.monotonic(), None
        await self._iptables.apply({"filter": wanted}, ENTRIES)
        self._in_force = wanted
        took = f'chains={len(wanted)} elapsed="{(time.monotonic() - began) * 1000:.1f}ms"'
        self._tell(f'"Network policies synced" policies={policies} {took}')


def matters(change: Event) -> bool:
    """Whether a verdict can be another after this change."""
    look = _SEEN.get(change.resource)
    if look is None:
        return False
    return change.type != "MODIFIED" or look(change.object) != look(change.previous)


def _seen_of_pod(pod: dict) -> tuple:
    address = pod.get("status", {}).get("podIP")
    return pod["metadata"].get("labels"), pod["spec"].get("nodeName"), address, has_ended(pod)


_SEEN = {
    POLICIES: lambda policy: policy["spec"],
    "namespaces": lambda namespace: namespace["metadata"].get("labels"),
    "pods": _seen_of_pod,
}
