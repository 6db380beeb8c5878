"""The words of `redes-agent` that change the network of a pod; see the script for the others.

Exit codes: 0 good, 1 it failed or this kernel cannot do it, 2 wrong use; the reason is on stderr.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable

from . import impair, mechanisms, routes
from .effects import DIRECTIONS, Misuse, read_address, read_direction, read_effects, read_mtu
from .kernel import Failed, alone, follow_the_nodes_iptables, watch_interfaces

_USAGE = (
    "usage: redes-agent impair set POD_IP to-pod|from-pod EFFECT=NUMBER... | impair clear POD_IP [DIRECTION] "
    "| impair list | mtu set POD_IP MTU | mtu clear POD_IP | mtu list "
    "| route blackhole POD_IP | route detour POD_IP NODE_IP | route clear POD_IP | route list "
    "| mechanisms | serve"
)


def main() -> int:
    try:
        for line in act(sys.argv[1:]) or []:
            print(json.dumps(line))
    except Misuse as error:
        print(f"redes-agent: {error}", file=sys.stderr)
        return 2
    except (Failed, OSError) as error:
        print(f"redes-agent: {error}", file=sys.stderr)
        return 1
    return 0


def act(words: list[str]) -> list[dict] | None:
    """What is to be printed, one JSON object a line. Raises Misuse or Failed."""
    match words:
        case ["relay", *rest]:
            impair.run_relay(*rest)
        case ["serve"]:
            serve()
        case _:
            with alone():
                return _act_on_node(words)
    return None


def _act_on_node(words: list[str]) -> list[dict] | None:
    match words:
        case ["impair", "set", address, direction, *effects]:
            impair.impair(read_address(address), read_direction(direction), read_effects(effects))
        case ["impair", "clear", address]:
            impair.clear(read_address(address), DIRECTIONS)
        case ["impair", "clear", address, direction]:
            impair.clear(read_address(address), (read_direction(direction),))
        case ["impair", "list"]:
            return [found.told() for found in impair.list_impairments()]
        case ["mtu", *rest]:
            return _mtu(rest)
        case ["route", *rest]:
            return _route(rest)
        case ["mechanisms"]:
            return [mechanisms.probe()]
        case _:
            raise Misuse(_USAGE)
    return None


def _mtu(words: list[str]) -> list[dict] | None:
    match words:
        case ["set", address, mtu]:
            routes.set_mtu(read_address(address), read_mtu(mtu))
        case ["clear", address]:
            routes.clear_mtu(read_address(address))
        case ["list"]:
            return routes.list_mtus()
        case _:
            raise Misuse(_USAGE)
    return None


def _route(words: list[str]) -> list[dict] | None:
    match words:
        case ["blackhole", address]:
            routes.blackhole(read_address(address))
        case ["detour", address, via]:
            routes.detour(read_address(address), read_address(via))
        case ["clear", address]:
            routes.clear(read_address(address))
        case ["list"]:
            return routes.list_faults()
        case _:
            raise Misuse(_USAGE)
    return None


def serve() -> None:
    """What the agent's pod runs: a first process that collects orphans, and a child that tends the node."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    follow_the_nodes_iptables()
    tender = os.fork()
    if tender == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _tend()
    while os.wait()[0] != tender:
        pass
    raise Failed("the process that tends the node has ended")  # and the pod is restarted


def _tend() -> None:
    """Bring the relays back, then drop what belongs to pods that are gone, whenever an interface goes."""
    with watch_interfaces() as wait_for_news:
        _try(impair.restore)
        while True:
            _try(impair.prune, routes.prune)
            wait_for_news()


def _try(*chores: Callable[[], None]) -> None:
    """What hinders a chore is for the agent's log: the captures of others hang on this process, and the next
    news is the next try."""
    for chore in chores:
        try:
            with alone():
                chore()
        except Exception:  # noqa: BLE001 - of a command that could not be started too, or of an odd answer
            traceback.print_exc()
