"""Bring one node's iptables chains from what they are to what they shall be.

Only chains that changed are written, and of a long chain only the rules that did. Inside a user namespace
one transaction must stay small (its netlink message has to fit the socket buffer, which cannot be raised
there), so a change is sent in pieces, each chain after those it jumps to: no moment has a jump into nothing.
"""

from collections.abc import Iterator

from netlab.node import netns
from netlab.node.processes import run
from netlab.node.rules import Chains

_LINES = 150
Entry = tuple[str, str, str]  # table, chain of the kernel's own, rule that leads into ours


class Iptables:
    """The chains and entries that one program keeps on one node. Its state is what it has written.

    `enter` says where its entries stand in the kernel's own chains: last (`-A`) or first (`-I`).
    """

    def __init__(self, node: str, enter: str = "-A"):
        self._node, self._way_in = node, enter
        self._applied: dict[str, Chains] = {"nat": {}, "filter": {}}
        self._entries: tuple[Entry, ...] = ()
        self.written: list[str] = []  # the lines of the last `apply`

    async def apply(self, tables: dict[str, Chains], entries: tuple[Entry, ...]) -> None:
        """Raises CommandError; then call it again: what is there is written anew."""
        self.written = []
        await self._enter("-D", [entry for entry in self._entries if entry not in entries])
        for table, chains in tables.items():
            await self._apply(table, chains)
        await self._enter(self._way_in, [entry for entry in entries if entry not in self._entries])
        self._entries = entries

    async def _apply(self, table: str, chains: Chains) -> None:
        old = self._applied[table]
        # Until all is written, nobody knows what the kernel holds: a failure rewrites every chain.
        self._applied[table] = dict.fromkeys([*old, *chains])
        for piece in pieces(table, old, chains):
            await self._restore(piece)
        self._applied[table] = chains

    async def _enter(self, act: str, entries: list[Entry]) -> None:
        """Lead the kernel's own chains into ours, once these exist, or no longer."""
        for table in ("nat", "filter"):
            lines = [f"{act} {chain} {rule}" for where, chain, rule in entries if where == table]
            if lines:
                await self._restore(_transaction(table, lines))

    async def _restore(self, text: str) -> None:
        self.written += [line for line in text.splitlines() if line.startswith(("-A", "-I", "-D"))]
        restore = netns.command(self._node, "iptables-restore", "--noflush", "--wait")
        await run(restore, stdin=text.encode())


def pieces(table: str, old: Chains, new: Chains) -> Iterator[str]:
    """Texts for iptables-restore that turn `old` into `new`, in an order that is safe at every step."""
    lines: list[str] = []
    for chain, wanted in new.items():
        known = old.get(chain)
        if known == wanted:
            continue
        block = _edits(chain, known, wanted) or _whole(chain, wanted)
        if len(lines) + len(block) > _LINES and lines:
            yield _transaction(table, lines)
            lines = []
        while len(block) > _LINES:
            yield _transaction(table, block[:_LINES])
            block = block[_LINES:]
        lines += block
    gone = [chain for chain in old if chain not in new]
    lines += [f":{chain} - [0:0]" for chain in gone]
    if lines:
        yield _transaction(table, lines)
    for start in range(0, len(gone), _LINES):
        yield _transaction(table, [f"-X {chain}" for chain in gone[start : start + _LINES]])


def _whole(chain: str, rules: list[str]) -> list[str]:
    return [f":{chain} - [0:0]", *(f"-A {chain} {rule}" for rule in rules)]


def _edits(chain: str, known: list[str] | None, wanted: list[str]) -> list[str]:
    """The rules between what both begin and end with; nothing where the whole is written.

    A chain too long for one transaction is emptied and filled over several: for a moment its last rules
    would be missing. So of such a chain single rules are changed, if they fit.
    """
    if known is None or len(wanted) < _LINES:
        return []
    first = _common(known, wanted)
    last = _common(known[first:][::-1], wanted[first:][::-1])
    went, came = known[first : len(known) - last], wanted[first : len(wanted) - last]
    if len(went) + len(came) >= _LINES:
        return []
    removed = [f"-D {chain} {first + 1}"] * len(went)
    return removed + [f"-I {chain} {first + n} {rule}" for n, rule in enumerate(came, 1)]


def _common(one: list[str], other: list[str]) -> int:
    """How many rules both begin with."""
    for count, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return count
    return min(len(one), len(other))


def _transaction(table: str, lines: list[str]) -> str:
    return "\n".join([f"*{table}", *lines, "COMMIT", ""])
