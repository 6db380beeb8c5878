"""A small world of Ingresses, and what is planned for it."""

import base64

from netlab.addons.ingress import plan
from netlab.addons.ingress.drafts import Options, Plan
from netlab.addons.ingress.world import CONTROLLER, World

SHOP = "shop"


def backend(service: str, port: int | str = 80) -> dict:
    return {"service": {"name": service, "port": {"name" if isinstance(port, str) else "number": port}}}


def rule(host: str, **paths: str) -> dict:
    """`tea="/tea"`: the Service and the path that leads to it."""
    listed = [
        {"path": path, "pathType": "Prefix", "backend": backend(service)} for service, path in paths.items()
    ]
    return {"host": host, "http": {"paths": listed}} if paths else {"host": host}


def ingress(name: str, *rules: dict, annotations: dict | None = None, born: int = 1, **spec) -> dict:
    stamped = {f"nginx.org/{key}": value for key, value in (annotations or {}).items()}
    meta = {"name": name, "namespace": SHOP, "annotations": stamped, "uid": name}
    meta["creationTimestamp"] = f"2026-01-01T00:00:{born:02d}Z"
    return {"metadata": meta, "spec": {"ingressClassName": "nginx", "rules": list(rules), **spec}}


def service(name: str, port_name: str = "") -> dict:
    ports = [{"port": 80, "name": port_name}]
    return {"metadata": {"name": name, "namespace": SHOP}, "spec": {"clusterIP": "10.96.1.1", "ports": ports}}


def endpoint_slice(of: str, *addresses: str, port: int = 8080, port_name: str = "") -> dict:
    labels = {"kubernetes.io/service-name": of}
    return {
        "metadata": {"name": f"{of}-x", "namespace": SHOP, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in addresses],
        "ports": [{"name": port_name, "port": port}],
    }


def secret(name: str, kind: str, **data: bytes) -> dict:
    coded = {key.replace("_", "."): base64.b64encode(value).decode() for key, value in data.items()}
    return {"metadata": {"name": name, "namespace": SHOP}, "type": kind, "data": coded}


def world(*ingresses: dict, configmap: dict | None = None) -> World:
    """Services tea (two endpoints), coffee (one) and empty (none), and these Ingresses."""
    made = World()
    made.classes["", "nginx"] = {"spec": {"controller": CONTROLLER}}
    for name in ("tea", "coffee", "empty"):
        made.services[SHOP, name] = service(name)
    made.slices[SHOP, "tea-x"] = endpoint_slice("tea", "10.244.1.5", "10.244.2.6")
    made.slices[SHOP, "coffee-x"] = endpoint_slice("coffee", "10.244.1.7")
    made.ingresses = {(SHOP, one["metadata"]["name"]): one for one in ingresses}
    if configmap is not None:
        made.configmaps["nginx-ingress", "nginx-config"] = {"data": configmap}
    return made


def planned(*ingresses: dict, snippets: bool = False, configmap: dict | None = None) -> Plan:
    return plan.make(world(*ingresses, configmap=configmap), Options(snippets=snippets))


def text_of(made: Plan, name: str) -> str:
    return made.files[f"conf.d/{SHOP}-{name}.conf"]


def told(made: Plan, name: str, kind: str = "Ingress") -> str:
    message = made.messages[kind, SHOP, name]
    return f"{message.reason}: {message.text}"
