"""What a lab session's namespace holds besides the lab's own objects.

The student's rights are those of ServiceAccount `student`, in this namespace only. Every act for
a student impersonates it, so the API server itself keeps students apart.
"""

import copy

SESSION_LABEL = "redes.local/session"
PORTAL_LABEL = "redes.local/portal"  # which portal's: several may share a cluster

_EDITED = ["pods", "services", "configmaps", "secrets", "endpoints"]
_SEEN = ["events", "serviceaccounts", "resourcequotas", "pods/log", "pods/status"]
_ALL = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
_LOOK = ["get", "list", "watch"]


def namespace_manifests(namespace: str, labels: dict[str, str]) -> list[dict]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": labels},
        },
        _named("v1", "ServiceAccount", "student", namespace),
        {**_named("rbac.authorization.k8s.io/v1", "Role", "student", namespace), "rules": _rules()},
        {
            **_named("rbac.authorization.k8s.io/v1", "RoleBinding", "student", namespace),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "student"},
            "subjects": [{"kind": "ServiceAccount", "name": "student", "namespace": namespace}],
        },
        {
            **_named("v1", "ResourceQuota", "session", namespace),
            "spec": {"hard": {"pods": "20", "count/services": "20", "count/configmaps": "40"}},
        },
    ]


def _named(version: str, kind: str, name: str, namespace: str) -> dict:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _rules() -> list[dict]:
    return [
        _rule([""], _EDITED, _ALL),
        _rule([""], _SEEN, _LOOK),
        _rule([""], ["pods/exec", "pods/attach", "pods/portforward"], ["get", "create"]),
        _rule(["apps"], ["deployments", "replicasets", "deployments/scale"], _ALL),
        _rule(["discovery.k8s.io"], ["endpointslices"], _LOOK),
        _rule(["events.k8s.io"], ["events"], _LOOK),
        _rule(["networking.k8s.io"], ["networkpolicies"], _ALL),
    ]


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def labelled(manifest: dict, labels: dict[str, str]) -> dict:
    """The manifest with these labels, on its pods too: the watcher knows them by the session's."""
    manifest = copy.deepcopy(manifest)
    holders = [manifest, manifest.get("spec", {}).get("template")]
    for holder in filter(None, holders):
        holder.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    return manifest
