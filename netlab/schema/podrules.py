"""What makes a pod's specification invalid."""

import ipaddress
from collections.abc import Iterable, Iterator

from . import names
from .causes import (
    Cause,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_negative,
    one_of,
    required,
    unsupported,
)

_PROTOCOLS = ["TCP", "UDP", "SCTP"]
_RESTART_POLICIES = ["Always", "OnFailure", "Never"]
_PULL_POLICIES = ["Always", "IfNotPresent", "Never"]
_DNS_POLICIES = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]
_MOST_SERVERS, _MOST_SEARCHES = 3, 32
_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_NOT_EPHEMERAL = (
    "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources", "resizePolicy",
    "restartPolicy",
)  # fmt: skip
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


def check_pod_spec(
    spec: dict, path: str = "spec", *, restart: list[str] | None = None, claimed: Iterable[dict] = ()
) -> list[Cause]:
    """`claimed`: volumes that the pod will get by claims of its own."""
    found = []
    if not spec.get("containers"):
        found.append(required(f"{path}.containers"))
    found += _check_enum(f"{path}.restartPolicy", spec.get("restartPolicy"), restart or _RESTART_POLICIES)
    found += _check_enum(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    found += _check_volumes(spec.get("volumes", []), f"{path}.volumes")
    volumes = {volume.get("name") for volume in [*spec.get("volumes", []), *claimed]}
    seen: set[str] = set()
    for where, container in _containers(spec, path):
        found += _check_container(container, where, volumes)
        name = container.get("name")
        if name and name in seen:
            found.append(duplicate(f"{where}.name", name))
        seen.add(name)
    for index, toleration in enumerate(spec.get("tolerations", [])):
        found += _check_toleration(toleration, f"{path}.tolerations[{index}]")
    found += (
        _check_init(spec, path)
        + _check_ephemeral(spec, path)
        + not_negative(f"{path}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 0))
    )
    return found + _check_dns(spec, path)


def _check_dns(spec: dict, path: str) -> list[Cause]:
    config, where = spec.get("dnsConfig") or {}, f"{path}.dnsConfig"
    servers, searches = config.get("nameservers", []), config.get("searches", [])
    found = []
    if spec.get("dnsPolicy") == "None" and not servers:
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        found.append(required(f"{where}.nameservers", detail))
    if len(servers) > _MOST_SERVERS:
        detail = f"must not have more than {_MOST_SERVERS} nameservers"
        found.append(invalid(f"{where}.nameservers", servers, detail))
    for index, server in enumerate(servers):
        if not _is_address(server):
            at = f"{where}.nameservers[{index}]"
            found.append(invalid(at, server, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
    if len(searches) > _MOST_SEARCHES:
        detail = f"must not have more than {_MOST_SEARCHES} search paths"
        found.append(invalid(f"{where}.searches", searches, detail))
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _containers(spec: dict, path: str) -> Iterator[tuple[str, dict]]:
    for name in _CONTAINER_LISTS:
        for index, container in enumerate(spec.get(name, [])):
            yield f"{path}.{name}[{index}]", container


def _check_container(container: dict, where: str, volumes: set) -> list[Cause]:
    found = []
    if not container.get("name"):
        found.append(required(f"{where}.name"))
    else:
        found += names.label(f"{where}.name", container["name"])
    if not container.get("image", "").strip():
        found.append(required(f"{where}.image"))
    found += _check_enum(f"{where}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    for index, port in enumerate(container.get("ports", [])):
        found += _check_port(port, f"{where}.ports[{index}]")
    for index, variable in enumerate(container.get("env", [])):
        found += _check_variable(variable, f"{where}.env[{index}]")
    found += _check_mounts(container.get("volumeMounts", []), f"{where}.volumeMounts", volumes)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        found += _check_handler(container.get(name), f"{where}.{name}", _PROBE_HANDLERS)
    for name in ("postStart", "preStop"):
        hook = (container.get("lifecycle") or {}).get(name)
        found += _check_handler(hook, f"{where}.lifecycle.{name}", _HOOK_HANDLERS)
    return found


def _check_port(port: dict, where: str) -> list[Cause]:
    number = port.get("containerPort")
    found = (
        [required(f"{where}.containerPort")]
        if number is None
        else port_number(f"{where}.containerPort", number)
    )
    return found + _check_enum(f"{where}.protocol", port.get("protocol"), _PROTOCOLS)


def port_number(field: str, number: int) -> list[Cause]:
    if 1 <= number <= 65535:
        return []
    return [invalid(field, number, "must be between 1 and 65535, inclusive")]


def _check_variable(variable: dict, where: str) -> list[Cause]:
    if not variable.get("name"):
        return [required(f"{where}.name")]
    if "value" in variable and variable["value"] and "valueFrom" in variable:
        return [invalid(f"{where}.valueFrom", "", "may not be specified when `value` is not empty")]
    if "=" in variable["name"]:
        return [
            invalid(
                f"{where}.name", variable["name"], "a valid environment variable name must not contain '='"
            )
        ]
    return []


def _check_mounts(mounts: list[dict], where: str, volumes: set) -> list[Cause]:
    found, paths = [], set()
    for index, mount in enumerate(mounts):
        here = f"{where}[{index}]"
        if mount.get("name") not in volumes:
            found.append(not_found(f"{here}.name", mount.get("name", "")))
        if not mount.get("mountPath"):
            found.append(required(f"{here}.mountPath"))
        elif mount["mountPath"] in paths:
            found.append(invalid(f"{here}.mountPath", mount["mountPath"], "must be unique"))
        paths.add(mount.get("mountPath"))
    return found


def _check_volumes(volumes: list[dict], where: str) -> list[Cause]:
    found, seen = [], set()
    for index, volume in enumerate(volumes):
        here, name = f"{where}[{index}]", volume.get("name")
        found += names.label(f"{here}.name", name) if name else [required(f"{here}.name")]
        if name in seen:
            found.append(duplicate(f"{here}.name", name))
        seen.add(name)
        if "persistentVolumeClaim" in volume and not volume["persistentVolumeClaim"].get("claimName"):
            found.append(required(f"{here}.persistentVolumeClaim.claimName"))
        if len(set(volume) - {"name"}) > 1:
            found.append(forbidden(here, "may not specify more than 1 volume type"))
    return found


def _check_handler(holder: dict | None, where: str, kinds: tuple[str, ...]) -> list[Cause]:
    """A probe or hook does exactly one of these things."""
    if holder is None:
        return []
    handlers = [name for name in kinds if name in holder]
    if not handlers:
        return [required(where, "must specify a handler type")]
    if len(handlers) > 1:
        return [forbidden(f"{where}.{handlers[1]}", "may not specify more than 1 handler type")]
    if handlers == ["exec"] and not holder["exec"].get("command"):
        return [required(f"{where}.exec.command")]
    return []


def _check_toleration(toleration: dict, where: str) -> list[Cause]:
    if toleration.get("operator", "Equal") not in ("Equal", "Exists"):
        return [unsupported(f"{where}.operator", toleration["operator"], ["Equal", "Exists"])]
    if not toleration.get("key") and toleration.get("operator") != "Exists":
        return [
            invalid(
                f"{where}.operator",
                "Equal",
                'operator must be Exists when `key` is empty, which means "match all values and all keys"',
            )
        ]
    return _check_enum(f"{where}.effect", toleration.get("effect"), _EFFECTS)


def _check_enum(field: str, value: str | None, supported: list[str]) -> list[Cause]:
    return one_of(field, value, supported) if value else []


def check_pod_update(new: dict, old: dict) -> list[Cause]:
    """Only images, activeDeadlineSeconds and added tolerations may change in a pod that exists."""
    if _frozen(new["spec"]) != _frozen(old["spec"]) or not _tolerations_only_grow(new["spec"], old["spec"]):
        detail = (
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions"
            " to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it"
            " was previously negative)"
        )
        return [forbidden("spec", detail)]
    return []


def check_ephemeral_update(new: dict, old: dict) -> list[Cause]:
    """Ephemeral containers are only added: one that exists can neither change nor go."""
    later = {container.get("name"): container for container in new["spec"]["ephemeralContainers"]}
    where, found = "spec.ephemeralContainers", []
    for container in old["spec"].get("ephemeralContainers", []):
        name = container["name"]
        if name not in later:
            found.append(forbidden(where, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif later[name] != container:
            found.append(forbidden(where, f'existing ephemeral containers "{name}" may not be changed\n'))
    return found


def _check_init(spec: dict, path: str) -> list[Cause]:
    why = "may not be set for init containers without restartPolicy=Always"
    return [
        forbidden(f"{path}.initContainers[{index}].{name}", why)
        for index, container in enumerate(spec.get("initContainers", []))
        for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
        if container.get(name) and container.get("restartPolicy") != "Always"
    ]


def _check_ephemeral(spec: dict, path: str) -> list[Cause]:
    mains, found = {container.get("name") for container in spec.get("containers", [])}, []
    for index, container in enumerate(spec.get("ephemeralContainers", [])):
        where, target = f"{path}.ephemeralContainers[{index}]", container.get("targetContainerName")
        if target and target not in mains:
            found.append(not_found(f"{where}.targetContainerName", target))
        for name in _NOT_EPHEMERAL:
            if container.get(name):
                found.append(forbidden(f"{where}.{name}", "cannot be set for an Ephemeral Container"))
    return found


def _frozen(spec: dict) -> dict:
    kept = {key: value for key, value in spec.items() if key not in ("tolerations", "activeDeadlineSeconds")}
    for name in ("containers", "initContainers"):
        kept[name] = [{**container, "image": ""} for container in spec.get(name, [])]
    return kept


def _tolerations_only_grow(new: dict, old: dict) -> bool:
    return all(toleration in new.get("tolerations", []) for toleration in old.get("tolerations", []))
