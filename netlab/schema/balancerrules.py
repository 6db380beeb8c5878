"""What makes the fields invalid that lead to a Service from outside the cluster."""

import ipaddress

from .causes import Cause, forbidden, invalid

_OF_BALANCERS = ("allocateLoadBalancerNodePorts", "loadBalancerClass", "loadBalancerSourceRanges")


def check_balancer(spec: dict) -> list[Cause]:
    found = [
        invalid(f"spec.externalIPs[{index}]", text, "must be a valid IPv4 address (e.g. 198.51.100.7)")
        for index, text in enumerate(spec.get("externalIPs", []))
        if not _is_address(text)
    ]
    if spec["type"] != "LoadBalancer":
        why = "may only be used when `type` is 'LoadBalancer'"
        return found + [forbidden(f"spec.{name}", why) for name in _OF_BALANCERS if name in spec]
    return found + [
        invalid(f"spec.loadBalancerSourceRanges[{index}]", text, "must be a valid IPv4 CIDR value")
        for index, text in enumerate(spec.get("loadBalancerSourceRanges", []))
        if not _is_network(text)
    ]


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (
        address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast
    )


def _is_network(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return False
    return "/" in text
