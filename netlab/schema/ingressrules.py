"""What makes an Ingress or an IngressClass invalid, in the words of Kubernetes."""

import re

from . import names
from .causes import Cause, forbidden, immutable, invalid, required, unsupported

_PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"]
_ODD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_ADDRESS = r"[0-9]+(\.[0-9]+){3}"


def check_ingress(obj: dict) -> list[Cause]:
    spec = obj.get("spec", {})
    if not spec.get("rules") and not spec.get("defaultBackend"):
        return [invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")]
    found = []
    if spec.get("defaultBackend"):
        found += _check_backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules", [])):
        found += _check_rule(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls", [])):
        for at, host in enumerate(tls.get("hosts", [])):
            found += _check_host(host, f"spec.tls[{index}].hosts[{at}]")
    if spec.get("ingressClassName"):
        found += names.subdomain("spec.ingressClassName", spec["ingressClassName"])
    return found


def _check_rule(rule: dict, at: str) -> list[Cause]:
    found = _check_host(rule["host"], f"{at}.host") if rule.get("host") else []
    if "http" not in rule:
        return found
    paths = rule["http"].get("paths", [])
    if not paths:
        found.append(required(f"{at}.http.paths"))
    for index, path in enumerate(paths):
        found += _check_path(path, f"{at}.http.paths[{index}]")
    return found


def _check_path(path: dict, at: str) -> list[Cause]:
    text, kind = path.get("path", ""), path.get("pathType")
    found = _check_backend(path.get("backend", {}), f"{at}.backend")
    if not kind:
        return [required(f"{at}.pathType", "pathType must be specified"), *found]
    if kind not in _PATH_TYPES:
        return [unsupported(f"{at}.pathType", kind, _PATH_TYPES), *found]
    if (kind != "ImplementationSpecific" or text) and not text.startswith("/"):
        found.append(invalid(f"{at}.path", text, "must be an absolute path"))
    if kind != "ImplementationSpecific":
        odd = [part for part in _ODD_PARTS if part in text]
        found += [invalid(f"{at}.path", text, f"must not contain '{part}'") for part in odd]
    return found


def _check_host(host: str, at: str) -> list[Cause]:
    if re.fullmatch(_ADDRESS, host):
        return [invalid(at, host, "must be a DNS name, not an IP address")]
    return names.subdomain(at, host.removeprefix("*."))


def _check_backend(backend: dict, at: str) -> list[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service and resource:
        return [invalid(at, "", "cannot set both resource and service backends")]
    if resource:
        return [forbidden(f"{at}.resource", "no controller of netlab serves resources: name a service")]
    if not service:
        return [required(at, "a service must be named")]
    if not service.get("name"):
        return [required(f"{at}.service.name")]
    found = names.service_name(f"{at}.service.name", service["name"])
    port = service.get("port", {})
    if port.get("name") and port.get("number"):
        found.append(invalid(f"{at}.service.port", port, "cannot set both port name & port number"))
    elif not port.get("name") and not port.get("number"):
        found.append(required(f"{at}.service.port", "port name or number is required"))
    return found


def check_class(obj: dict) -> list[Cause]:
    controller = obj.get("spec", {}).get("controller", "")
    if controller and "/" not in controller:
        detail = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [invalid("spec.controller", controller, detail)]
    return [] if controller else [required("spec.controller")]


def class_update(new: dict, old: dict) -> list[Cause]:
    return immutable("spec.controller", new["spec"].get("controller"), old["spec"].get("controller"))
