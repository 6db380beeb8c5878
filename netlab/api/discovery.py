"""Discovery: which groups, versions and resources there are. The aggregated form and the legacy one."""

import base64
import hashlib
import re

from netlab.schema import conversions
from netlab.schema.kinds import Kind, Subresource

Versions = dict[str, list[Kind]]  # `v1`, `apps/v1`, ... each with its kinds

# Clients match the whole content type, `v=v2;` and not just its beginning: an old one asks v2beta1 only.
_AGGREGATED = re.compile(r"application/json;g=apidiscovery\.k8s\.io;v=v2;as=APIGroupDiscoveryList")
AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0+netlab",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-11-23T00:00:00Z",
    "goVersion": "",
    "compiler": "python",
    "platform": "linux/amd64",
}


def wants_aggregated(accept: str) -> bool:
    return bool(_AGGREGATED.search(accept.replace(" ", "")))


def aggregated(served: Versions, *, core: bool) -> dict:
    items = [
        _aggregated_group(group, versions)
        for group, versions in _groups(served).items()
        if (group == "") == core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _groups(served: Versions) -> dict[str, dict[str, list[Kind]]]:
    """group -> version -> kinds."""
    groups: dict[str, dict[str, list[Kind]]] = {}
    for kinds in served.values():
        groups.setdefault(kinds[0].group, {})[kinds[0].version] = kinds
    return groups


def _aggregated_group(group: str, versions: dict[str, list[Kind]]) -> dict:
    return {
        "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
        "versions": [
            {"version": version, "freshness": "Current", "resources": [_aggregated_kind(k) for k in kinds]}
            for version, kinds in versions.items()
        ],
    }


def _aggregated_kind(kind: Kind) -> dict:
    described = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.name},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
        "shortNames": list(kind.short),
        "categories": list(kind.categories),
        "subresources": [_aggregated_sub(kind, sub) for sub in kind.subresources],
    }
    return {key: value for key, value in described.items() if value}


def _aggregated_sub(kind: Kind, sub: Subresource) -> dict:
    group = kind.group if sub.group is None else sub.group
    response = {"group": group, "version": sub.version or kind.version, "kind": sub.kind}
    return {"subresource": sub.name, "responseKind": response, "verbs": list(sub.verbs)}


def api_versions(server: str) -> dict:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": server}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def group_list(served: Versions) -> dict:
    groups = [api_group(served, group) for group in _groups(served) if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(served: Versions, group: str) -> dict | None:
    versions = _groups(served).get(group) if group else None
    if not versions:
        return None
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": group,
        "versions": listed,
        "preferredVersion": listed[0],
    }


def resource_list(served: Versions, api_version: str) -> dict | None:
    kinds = served.get(api_version)
    if kinds is None:
        return None
    resources = [entry for kind in kinds for entry in _legacy_entries(kind)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": resources,
    }


def _legacy_entries(kind: Kind) -> list[dict]:
    own = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(kind.verbs),
        "shortNames": list(kind.short),
        "categories": list(kind.categories),
        "storageVersionHash": storage_version_hash(kind) if kind.stored else "",
    }
    own = {key: value for key, value in own.items() if value or key == "namespaced"}
    return [own, *(_legacy_sub(kind, sub) for sub in kind.subresources)]


def storage_version_hash(kind: Kind) -> str:
    """What tells clients when objects are stored in another form: 8 bytes of a hash, as the real one."""
    stored = conversions.stored_kind(kind)
    version = kind.custom.storage_version if kind.custom else stored.version
    form = f"{stored.group}/{version}/{stored.name}"
    return base64.b64encode(hashlib.sha256(form.encode()).digest()[:8]).decode()


def _legacy_sub(kind: Kind, sub: Subresource) -> dict:
    elsewhere = {"group": sub.group, "version": sub.version} if sub.group is not None else {}
    return {
        "name": f"{kind.plural}/{sub.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        **elsewhere,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }
