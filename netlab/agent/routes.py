"""The MTU of the route to a pod, and faults of routing that harm this one pod and nobody else.

A fault is a rule of policy routing with a priority of our own: the main table stays as the cluster made it.
"""

import json
from ipaddress import IPv4Address

from . import kernel

_PRIORITY = "9990"
_DETOURS = 10_000  # tables of detours lie above


def set_mtu(address: str, mtu: int) -> None:
    kernel.do(mtu_command(_route(address), mtu))


def clear_mtu(address: str) -> None:
    kernel.do(mtu_command(_route(address), None))


def list_mtus() -> list[dict]:
    routes = json.loads(kernel.do(["ip", "-j", "route"]) or "[]")
    found = ((route["dst"], _mtu_of(route)) for route in routes)
    return [{"address": address, "mtu": mtu} for address, mtu in found if mtu]


def mtu_command(route: dict, mtu: int | None) -> list[str]:
    """The route again, with or without an MTU of its own."""
    words = ["ip", "route", "replace", f"{route['dst']}/32", "dev", route["dev"]]
    for name, key in (("scope", "scope"), ("src", "prefsrc"), ("proto", "protocol")):
        words += [name, str(route[key])] if key in route else []
    return words + (["mtu", str(mtu)] if mtu else [])


def _mtu_of(route: dict) -> int | None:
    return next((each["mtu"] for each in route.get("metrics", []) if "mtu" in each), None)


def _route(address: str) -> dict:
    route = kernel.route_of(address)
    if route is None:
        raise kernel.Failed(f"no pod with the address {address} is on this node")
    return route


def blackhole(address: str) -> None:
    """Packets to the pod vanish in the node; what it sends still goes out."""
    kernel.interface_of(address)  # refuses an address that is no pod's here
    clear(address)
    kernel.do(["ip", "rule", "add", "to", f"{address}/32", "priority", _PRIORITY, "blackhole"])


def detour(address: str, via: str) -> None:
    """What the pod sends leaves by another node, while what it receives comes straight."""
    interface = kernel.interface_of(address)
    way = json.loads(kernel.do(["ip", "-j", "route", "get", via]))[0]
    if "gateway" in way or way.get("type") == "local" or way["dev"] == interface:
        raise kernel.Failed(f"{via} is no neighbour of this node: a detour leads by another node's address")
    clear(address)
    table = str(_DETOURS + int(IPv4Address(via)) % 65536)
    kernel.do(["ip", "route", "replace", "default", "via", via, "dev", way["dev"], "table", table])
    source = ["from", f"{address}/32", "iif", interface]
    kernel.do(["ip", "rule", "add", *source, "priority", _PRIORITY, "lookup", table])


def clear(address: str) -> None:
    for rule in _rules():
        if address in (rule.get("src"), rule.get("dst")):
            _delete(rule)


def list_faults() -> list[dict]:
    prune()
    return [_told(rule) for rule in _rules()]


def prune() -> None:
    """Drop the faults of pods that are gone."""
    for rule in _rules():
        if kernel.route_of(_told(rule)["address"]) is None:
            _delete(rule)


def _told(rule: dict) -> dict:
    if rule.get("action") == "blackhole":
        return {"address": rule["dst"], "fault": "blackhole"}
    routes = json.loads(kernel.do(["ip", "-j", "route", "show", "table", str(rule["table"])]) or "[]")
    via = next((route["gateway"] for route in routes), None)
    return {"address": rule["src"], "fault": "detour", "via": via}


def _rules() -> list[dict]:
    rules = json.loads(kernel.do(["ip", "-j", "rule"]) or "[]")
    return [rule for rule in rules if str(rule["priority"]) == _PRIORITY]


def _delete(rule: dict) -> None:
    if rule.get("action") == "blackhole":
        kernel.attempt(["ip", "rule", "del", "to", f"{rule['dst']}/32", "priority", _PRIORITY, "blackhole"])
        return
    table = str(rule["table"])
    kernel.attempt(["ip", "rule", "del", "from", f"{rule['src']}/32", "priority", _PRIORITY, "lookup", table])
    if not any(str(other.get("table")) == table for other in _rules()):
        kernel.attempt(["ip", "route", "flush", "table", table])
