"""A container's environment: its own variables, those from ConfigMaps and Secrets, and the services'."""

import base64
import re

from netlab.node.downward import field_value, resource_value
from netlab.store import NotFound

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")
BASE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class ConfigError(Exception):
    """The manifest points at something that is not there; kubectl shows CreateContainerConfigError."""


def build(
    store, pod: dict, container: dict, *, hostname: str, image: dict[str, str] | None = None
) -> dict[str, str]:
    """Over what the `image` sets. Raises ConfigError."""
    env = {
        **BASE,
        **(image or {}),
        "HOSTNAME": hostname,
        **({"TERM": "xterm"} if container.get("tty") else {}),
    }
    env |= _services(store, pod)
    for source in container.get("envFrom") or []:
        env |= _from_source(store, pod, source)
    for item in container.get("env") or []:
        value = _value(store, pod, container, item, env)
        if value is not None:
            env[item["name"]] = value
    return env


def expand(text: str, env: dict[str, str]) -> str:
    """Replace $(NAME) where it is known, and $$ by $."""

    def replace(match: re.Match) -> str:
        return "$" if match[1] == "$" else env.get(match[2], match[0])

    return _REFERENCE.sub(replace, text)


def _value(store, pod: dict, container: dict, item: dict, env: dict[str, str]) -> str | None:
    source = item.get("valueFrom")
    if not source:
        return expand(item.get("value") or "", env)
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource_value(container, source["resourceFieldRef"])
    for kind, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if kind in source:
            return _key(store, pod, resource, source[kind])
    raise ConfigError(f"env {item['name']}: this valueFrom is not known to netlab")


def _key(store, pod: dict, resource: str, reference: dict) -> str | None:
    name, key = reference["name"], reference["key"]
    data = read_data(store, pod, resource, name, optional=reference.get("optional"))
    if key in data:
        return data[key].decode(errors="replace")
    if reference.get("optional"):
        return None
    raise ConfigError(f"couldn't find key {key} in {resource[:-1]} {pod['metadata']['namespace']}/{name}")


def _from_source(store, pod: dict, source: dict) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for kind, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if kind in source:
            data = read_data(
                store, pod, resource, source[kind]["name"], optional=source[kind].get("optional")
            )
            return {prefix + key: value.decode(errors="replace") for key, value in data.items()}
    return {}


def read_data(store, pod: dict, resource: str, name: str, *, optional: bool | None) -> dict[str, bytes]:
    """The contents of a ConfigMap or Secret of the pod's namespace. Raises ConfigError."""
    try:
        obj = store.get(resource, pod["metadata"]["namespace"], name)
    except NotFound:
        if optional:
            return {}
        raise ConfigError(f'{resource[:-1]} "{name}" not found') from None
    plain = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    if resource == "secrets":
        return {key: base64.b64decode(value) for key, value in plain.items()}
    return plain | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def _services(store, pod: dict) -> dict[str, str]:
    """The variables of the API server and, unless switched off, of each Service of the namespace."""
    env = {}
    for service in store.list("services", "default"):
        if service["metadata"]["name"] == "kubernetes":
            env |= _of_service(service)
    if pod["spec"].get("enableServiceLinks") is not False:
        for service in store.list("services", pod["metadata"]["namespace"]):
            env |= _of_service(service)
    return env


def _of_service(service: dict) -> dict[str, str]:
    spec = service["spec"]
    address, ports = spec.get("clusterIP"), spec.get("ports")
    if not address or address == "None" or not ports:
        return {}
    stem = service["metadata"]["name"].upper().replace("-", "_")
    first = ports[0]
    env = {
        f"{stem}_SERVICE_HOST": address,
        f"{stem}_SERVICE_PORT": str(first["port"]),
        f"{stem}_PORT": f"{first.get('protocol', 'TCP').lower()}://{address}:{first['port']}",
    }
    for port in ports:
        env |= _of_port(stem, address, port)
    return env


def _of_port(stem: str, address: str, port: dict) -> dict[str, str]:
    number, protocol = port["port"], port.get("protocol", "TCP")
    link = f"{stem}_PORT_{number}_{protocol.upper()}"
    env = {
        link: f"{protocol.lower()}://{address}:{number}",
        f"{link}_PROTO": protocol.lower(),
        f"{link}_PORT": str(number),
        f"{link}_ADDR": address,
    }
    if port.get("name"):
        env[f"{stem}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(number)
    return env
