"""What a Service is given on creation: a cluster address, and node ports for the types that have them."""

import ipaddress
import secrets

from netlab.schema.causes import invalid
from netlab.schema.kinds import Kind
from netlab.store import Store, key_of
from netlab.topology import SERVICE_NETWORK

from . import status

NODE_PORTS = range(30000, 32768)
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def assign(store: Store, kind: Kind, service: dict) -> None:
    """Complete a new or changed Service in place. Raises ApiError for what is taken or out of range."""
    spec = service["spec"]
    if spec["type"] != "ExternalName":
        _assign_address(store, kind, service)
    if spec["type"] in _WITH_NODE_PORTS:
        _assign_node_ports(store, kind, service)
    else:
        for port in spec.get("ports", []):
            port.pop("nodePort", None)
    if spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
        _assign_health_check(store, kind, service)
    else:
        spec.pop("healthCheckNodePort", None)


def _assign_address(store: Store, kind: Kind, service: dict) -> None:
    spec = service["spec"]
    if spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    asked = spec.get("clusterIP")
    if asked and asked != "None":
        _check_asked_address(store, kind, service, asked)
    spec["clusterIP"] = asked or _free_address(store)
    spec["clusterIPs"] = [spec["clusterIP"]]


def _check_asked_address(store: Store, kind: Kind, service: dict, asked: str) -> None:
    try:
        outside = ipaddress.ip_address(asked) not in SERVICE_NETWORK
    except ValueError:
        return  # the rules say what is wrong with it
    used = {other["spec"].get("clusterIP", "") for other in _others(store, service)}
    if outside:
        why = f"failed to allocate IP {asked}: the provided network does not match the current range"
    elif asked in used:
        why = f"failed to allocate IP {asked}: provided IP is already allocated"
    else:
        return
    raise status.invalid(
        kind, service["metadata"].get("name", ""), [invalid("spec.clusterIPs", [asked], why)]
    )


def _others(store: Store, service: dict) -> list[dict]:
    meta = service["metadata"]
    own = (meta.get("namespace"), meta.get("name"))
    return [other for other in store.list("services") if key_of(other) != own]


def _free_address(store: Store) -> str:
    """Random, as on a real cluster, and clear of the low block kept for well-known addresses."""
    used = {service["spec"].get("clusterIP", "") for service in store.list("services")}
    while True:
        address = str(SERVICE_NETWORK[256 + secrets.randbelow(SERVICE_NETWORK.num_addresses - 512)])
        if address not in used:
            return address


def _assign_node_ports(store: Store, kind: Kind, service: dict) -> None:
    used = _used_ports(store, service)
    wanted = service["spec"].get("allocateLoadBalancerNodePorts", True)
    for index, port in enumerate(service["spec"].get("ports", [])):
        if port.get("nodePort"):
            _check_node_port(kind, service, f"spec.ports[{index}].nodePort", port, used)
        elif wanted:
            port["nodePort"] = _free_node_port(used, port["protocol"])
        used.add((port.get("nodePort"), port["protocol"]))


def _used_ports(store: Store, service: dict) -> set[tuple[int | None, str]]:
    specs = [other["spec"] for other in _others(store, service)]
    numbers = {(port.get("nodePort"), port.get("protocol")) for s in specs for port in s.get("ports", [])}
    return numbers | {(spec.get("healthCheckNodePort"), "TCP") for spec in specs}


def _assign_health_check(store: Store, kind: Kind, service: dict) -> None:
    spec = service["spec"]
    own = {(port.get("nodePort"), port["protocol"]) for port in spec.get("ports", [])}
    used = _used_ports(store, service) | own
    if spec.get("healthCheckNodePort"):
        asked = {"nodePort": spec["healthCheckNodePort"], "protocol": "TCP"}
        _check_node_port(kind, service, "spec.healthCheckNodePort", asked, used)
    else:
        spec["healthCheckNodePort"] = _free_node_port(used, "TCP")


def _check_node_port(kind: Kind, service: dict, field: str, port: dict, used: set) -> None:
    number = port["nodePort"]
    if number not in NODE_PORTS:
        valid = f"The range of valid ports is {NODE_PORTS[0]}-{NODE_PORTS[-1]}"
        why = f"provided port is not in the valid range. {valid}"
    elif (number, port["protocol"]) in used:
        why = "provided port is already allocated"
    else:
        return
    raise status.invalid(kind, service["metadata"].get("name", ""), [invalid(field, number, why)])


def _free_node_port(used: set, protocol: str) -> int:
    while True:
        number = secrets.choice(NODE_PORTS)
        if (number, protocol) not in used:
            return number
