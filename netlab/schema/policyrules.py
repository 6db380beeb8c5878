"""What makes a NetworkPolicy invalid, and which of its CIDRs deserve a warning."""

import ipaddress
import re

from . import names
from .causes import Cause, forbidden, invalid, one_of, required
from .podrules import port_number

_PROTOCOLS = ["SCTP", "TCP", "UDP"]
_TYPES = ["Egress", "Ingress"]
_PEERS = ("podSelector", "namespaceSelector", "ipBlock")
_BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def check_policy(policy: dict) -> list[Cause]:
    spec = policy["spec"]
    found = check_selector(spec.get("podSelector", {}), "spec.podSelector")
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction, [])):
            found += _check_rule(rule, side, f"spec.{direction}[{index}]")
    return found + _check_types(spec["policyTypes"])


def _check_types(types: list[str]) -> list[Cause]:
    if len(types) > len(_TYPES):
        return [invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    found = [one_of(f"spec.policyTypes[{index}]", one, _TYPES) for index, one in enumerate(types)]
    return [cause for causes in found for cause in causes]


def _check_rule(rule: dict, side: str, where: str) -> list[Cause]:
    ports = [_check_port(one, f"{where}.ports[{i}]") for i, one in enumerate(rule.get("ports", []))]
    peers = [_check_peer(one, f"{where}.{side}[{i}]") for i, one in enumerate(rule.get(side, []))]
    return [cause for causes in (*ports, *peers) for cause in causes]


def _check_port(entry: dict, where: str) -> list[Cause]:
    port, last = entry.get("port"), entry.get("endPort")
    found = one_of(f"{where}.protocol", entry["protocol"], _PROTOCOLS)
    if isinstance(port, int):
        return found + port_number(f"{where}.port", port) + _check_last(port, last, f"{where}.endPort")
    if last is not None:
        lack = "`port` is not specified" if port is None else "`port` is non-numeric"
        found.append(invalid(f"{where}.endPort", last, f"may not be specified when {lack}"))
    return found + (_check_port_name(f"{where}.port", port) if port is not None else [])


def _check_last(port: int, last: int | None, where: str) -> list[Cause]:
    if last is None:
        return []
    below = [invalid(where, last, "must be greater than or equal to `port`")] if last < port else []
    return below + port_number(where, last)


def _check_port_name(field: str, name: str) -> list[Cause]:
    broken = (
        (len(name) > 15, "must be no more than 15 characters"),
        (
            not re.fullmatch("[-a-z0-9]+", name),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search("[a-z]", name), "must contain at least one letter (a-z)"),
        ("--" in name, "must not contain consecutive hyphens"),
        (name.startswith("-") or name.endswith("-"), "must not begin or end with a hyphen"),
    )
    return [invalid(field, name, detail) for is_broken, detail in broken if is_broken]


def _check_peer(peer: dict, where: str) -> list[Cause]:
    given = [name for name in _PEERS if name in peer]
    if not given:
        return [required(where, "must specify a peer")]
    found = []
    for name in ("podSelector", "namespaceSelector"):
        found += check_selector(peer.get(name, {}), f"{where}.{name}")
    if "ipBlock" in peer:
        found += _check_block(peer["ipBlock"], f"{where}.ipBlock")
        if len(given) > 1:
            found.append(forbidden(where, "may not specify both ipBlock and another peer"))
    return found


def _check_block(block: dict, where: str) -> list[Cause]:
    if not block.get("cidr"):
        return [required(f"{where}.cidr")]
    whole = _network(block["cidr"])
    if whole is None:
        return [invalid(f"{where}.cidr", block["cidr"], _BAD_CIDR)]
    found = []
    for index, text in enumerate(block.get("except", [])):
        hole = _network(text)
        if hole is None:
            found.append(invalid(f"{where}.except[{index}]", text, _BAD_CIDR))
        elif hole.network_address not in whole or hole.prefixlen <= whole.prefixlen:
            detail = "must be a strict subset of `cidr`"
            found.append(invalid(f"{where}.except[{index}]", text, detail))
    return found


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if not re.search(r"/\d+$", text):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def check_selector(selector: dict, where: str) -> list[Cause]:
    """A LabelSelector as such."""
    found = names.labels(f"{where}.matchLabels", selector.get("matchLabels", {}))
    for index, one in enumerate(selector.get("matchExpressions", [])):
        found += _check_expression(one, f"{where}.matchExpressions[{index}]")
    return found


def _check_expression(one: dict, where: str) -> list[Cause]:
    operator, values, found = one.get("operator", ""), one.get("values", []), []
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            found.append(required(f"{where}.values", detail))
    elif operator not in ("Exists", "DoesNotExist"):
        found.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))
    elif values:
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        found.append(forbidden(f"{where}.values", detail))
    found += names.qualified_keys(f"{where}.key", {one.get("key", ""): ""})
    for index, value in enumerate(values):
        found += names.label_value(f"{where}.values[{index}]", value)
    return found


def cidr_warnings(policy: dict) -> list[str]:
    """CIDRs that do not say clearly what they mean, in Kubernetes' words."""
    return [
        f'{where}: CIDR value "{text}" is ambiguous in this context (should be "{network}" or "{address}"?)'
        for where, text in _cidrs(policy["spec"])
        if (network := _network(text)) and (address := _host(text)).network_address != network[0]
    ]


def _host(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The address before the slash, as the network of it alone."""
    return ipaddress.ip_network(text.partition("/")[0])


def _cidrs(spec: dict) -> list[tuple[str, str]]:
    found = []
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(direction, [])):
            for j, peer in enumerate(rule.get(side, [])):
                where = f"spec.{direction}[{i}].{side}[{j}].ipBlock"
                block = peer.get("ipBlock", {})
                found += [(f"{where}.cidr", block["cidr"])] if block.get("cidr") else []
                found += [(f"{where}.except[{k}]", text) for k, text in enumerate(block.get("except", []))]
    return found
