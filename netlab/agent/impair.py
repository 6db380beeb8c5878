"""Loss, delay, jitter, reordering and rate on one pod's link: set, cleared, listed.

What is in force is remembered by the first rule of each impairment, which has a comment and no target.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import kernel, mechanisms, relay
from .effects import DIRECTIONS, Effects, read_effects
from .mechanisms import RELAY, Link

_READY_SECONDS = 5
_LOOKS = 3


@dataclass(frozen=True)
class Impairment:
    link: Link
    effects: Effects
    chosen: dict[str, str]

    def told(self) -> dict:
        facts = {
            "address": self.link.address,
            "direction": self.link.direction,
            "effects": self.effects.given,
            "mechanisms": self.chosen,
        }
        if RELAY in self.chosen.values() and not _relays(self.link.queue):
            facts["broken"] = "the relay has died: its effects are gone, the link is normal in them"
        return facts


def impair(address: str, direction: str, effects: Effects) -> None:
    """In place of what this direction of the link had. Raises Misuse or Failed."""
    link = Link(address, kernel.interface_of(address), direction)
    prune()
    chosen = mechanisms.choose(effects, direction, mechanisms.probe())
    clear(address, (direction,))
    try:
        for argv in mechanisms.queueing(link, effects, chosen):
            kernel.do(argv)
        if RELAY in chosen.values():
            _start_relay(link, mechanisms.relayed(effects, chosen))
        _write([["-A", *rule] for rule in mechanisms.rules(link, effects, chosen)])
    except kernel.Failed:
        _unlay(link)
        raise


def clear(address: str, directions: tuple[str, ...] = DIRECTIONS) -> None:
    for found in _in_force():
        if found.link.address == address and found.link.direction in directions:
            _remove(found)


def list_impairments() -> list[Impairment]:
    prune()
    return _in_force()


def prune() -> None:
    """Drop what belongs to pods that are gone: an address may come back as another pod's."""
    for found in _in_force():
        route = kernel.route_of(found.link.address)
        if route is None or route["dev"] != found.link.interface:
            _remove(found)


def restore() -> None:
    """After the agent's pod was replaced: start the relays that died with it."""
    for found in list_impairments():
        if RELAY in found.chosen.values() and not _relays(found.link.queue):
            _start_relay(found.link, mechanisms.relayed(found.effects, found.chosen))


def _remove(found: Impairment) -> None:
    mine = f"{mechanisms.mark(found.link.direction, found.link.address)} "
    _write([["-D", *rule[1:]] for rule in _rules() if rule[0] == "-A" and _comment(rule).startswith(mine)])
    _unlay(found.link)


def _unlay(link: Link) -> None:
    for argv in mechanisms.unqueueing(link):
        kernel.attempt(argv)
    _stop_relay(link)


def _in_force() -> list[Impairment]:
    return list(read_impairments(_rules()))


def read_impairments(rules: Iterable[list[str]]) -> Iterator[Impairment]:
    """From the words of the mangle table's rules."""
    for rule in rules:
        if rule[0] == "-A" and "-j" not in rule and _comment(rule).startswith("redes "):
            _, direction, address, *words = _comment(rule).split()
            link = Link(address, rule[rule.index("-o" if direction == "to-pod" else "-i") + 1], direction)
            effects = read_effects([word for word in words if "=" in word])
            yield Impairment(
                link, effects, mechanisms.chosen_of(effects, [word for word in words if "=" not in word])
            )


def _comment(rule: list[str]) -> str:
    return rule[rule.index("--comment") + 1] if "--comment" in rule else ""


def _rules() -> list[list[str]]:
    """As `iptables -S` writes them. Once, on a node full of work, a line came cut short; the next look was
    whole. Raises Failed with the line."""
    for _ in range(_LOOKS):
        text = kernel.do(["iptables", "-w", "-t", "mangle", "-S"])
        try:
            return read_rules(text)
        except ValueError as error:
            trouble = error
    raise kernel.Failed(f"the mangle table cannot be read: {trouble}")


def read_rules(text: str) -> list[list[str]]:
    """The words of each rule. Raises ValueError with a line that is no rule."""
    rules = []
    for line in text.splitlines():
        try:
            rules.append(shlex.split(line))
        except ValueError as error:
            raise ValueError(f"{error}: {line!r}") from error
    return rules


def _write(rules: list[list[str]]) -> None:
    """All of them or none."""
    lines = [" ".join(f'"{word}"' if " " in word else word for word in rule) for rule in rules]
    text = "\n".join(["*mangle", *lines, "COMMIT", ""])
    kernel.do(["iptables-restore", "--noflush", "--wait"], stdin=text)


# --- the relay's process


def _start_relay(link: Link, effects: Effects) -> None:
    ready, told = os.pipe()
    # The program is `-c` and what stands after it in our own command line: see redes-agent.
    command = [sys.executable, *sys.orig_argv[1:4], "relay", str(link.queue), link.interface, str(told)]
    with open(os.devnull, "r+b") as nothing:
        process = subprocess.Popen(
            [*command, *effects.words()],
            stdin=nothing,
            stdout=nothing,
            stderr=subprocess.PIPE,
            pass_fds=[told],
            start_new_session=True,
        )
    os.close(told)
    with open(ready) as pipe:
        if not pipe.readline():
            raise kernel.Failed(f"the relay did not start: {process.stderr.read().decode()[-300:]}")
    process.stderr.close()


def run_relay(queue: str, interface: str, ready: str, *words: str) -> None:
    relay.run(int(queue), interface, read_effects(list(words)), int(ready))


def _stop_relay(link: Link) -> None:
    for pid in _relays(link.queue):
        try:
            handle = os.pidfd_open(pid)
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            continue
        _await_end(handle)


def _await_end(handle: int) -> None:
    import select

    select.select([handle], [], [], _READY_SECONDS)
    os.close(handle)


def _relays(queue: int) -> list[int]:
    """Relays of this queue among the processes of the agent's pod; one that has ended has no command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if [b"relay", str(queue).encode()] in (words[i : i + 2] for i in range(len(words))):
            found.append(int(path.parent.name))
    return found
