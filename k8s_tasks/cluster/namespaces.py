"""What a lab session's namespace holds besides the lab's own objects.

The student's rights are those of ServiceAccount `student`, in this namespace only. Every act for
a student impersonates it, so the API server itself keeps students apart.
"""

import copy
import re

from curriculum.specs import WORLD

_MAIN = re.compile(r"(.+-[0-9a-f]{8})(?:-[a-z]{1,6})?")

SESSION_LABEL = "redes.local/session"
BALANCER = "metallb-system"
PORTAL_LABEL = "redes.local/portal"  # which portal's: several may share a cluster

QUOTA = {
    "pods": "20",
    "limits.memory": "10Gi",
    "count/services": "20",
    "services.loadbalancers": "4",
    "count/configmaps": "40",
    "count/secrets": "40",
    "count/deployments.apps": "20",
    "count/replicasets.apps": "100",
    "count/networkpolicies.networking.k8s.io": "40",
    "count/ingresses.networking.k8s.io": "20",
}
# What a container gets that says nothing, and the most it may ask for: one must not take a node's memory.
CONTAINER = {
    "default": {"memory": "512Mi"},
    "defaultRequest": {"cpu": "10m", "memory": "32Mi"},
    "max": {"memory": "1Gi"},
}

_ALL = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
_LOOK = ["get", "list", "watch"]


def extra_namespace(main: str, key: str) -> str:
    return f"{main}-{key}"


def main_namespace(namespace: str) -> str:
    """The main namespace of the session that a namespace belongs to."""
    found = _MAIN.fullmatch(namespace)
    return found[1] if found else namespace


def is_world(namespace: str) -> bool:
    """Whether background traffic comes from here."""
    return namespace != main_namespace(namespace) and namespace.endswith(f"-{WORLD}")


def namespace_manifests(
    namespace: str, labels: dict[str, str], *, rules: list[dict], main: str | None = None
) -> list[dict]:
    """What a namespace holds; the student is the one of the `main` one, in all of a session's, and `rules`
    are their rights in this one."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": labels},
        },
        _named("v1", "ServiceAccount", "student", namespace),
        {
            **_named("rbac.authorization.k8s.io/v1", "Role", "student", namespace),
            "rules": rules,
        },
        {
            **_named("rbac.authorization.k8s.io/v1", "RoleBinding", "student", namespace),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "student"},
            "subjects": [{"kind": "ServiceAccount", "name": "student", "namespace": main or namespace}],
        },
        {
            **_named("v1", "ResourceQuota", "session", namespace),
            "spec": {"hard": QUOTA},
        },
        {
            **_named("v1", "LimitRange", "session", namespace),
            "spec": {"limits": [{"type": "Container", **CONTAINER}]},
        },
    ]


def _named(version: str, kind: str, name: str, namespace: str) -> dict:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def student_rules(*, may_make_pods: bool) -> list[dict]:
    """`may_make_pods` belongs to clusters that keep such pods off the nodes: see `fence`."""
    pods = _ALL if may_make_pods else [*_LOOK, "delete"]
    workloads = _ALL if may_make_pods else _LOOK
    # The fence looks at containers that are added to a running pod as at those of a new one.
    added = [_rule([""], ["pods/ephemeralcontainers"], ["get", "patch", "update"])] if may_make_pods else []
    return [
        *added,
        _rule([""], ["pods"], pods),
        _rule([""], ["pods/exec", "pods/attach", "pods/portforward"], ["get", "create"]),
        _rule([""], ["pods/proxy", "services/proxy"], ["get"]),
        _rule([""], ["services", "configmaps", "secrets"], _ALL),
        # Endpoints of one's own would lead a NodePort to others' pods, with the node as the source.
        _rule(
            [""],
            [
                "endpoints",
                "limitranges",
                "events",
                "serviceaccounts",
                "resourcequotas",
                "pods/log",
                "pods/status",
            ],
            _LOOK,
        ),
        _rule(["apps"], ["deployments", "replicasets", "deployments/scale"], workloads),
        _rule(["discovery.k8s.io"], ["endpointslices"], _LOOK),
        _rule(["events.k8s.io"], ["events"], _LOOK),
        _rule(["networking.k8s.io"], ["networkpolicies", "ingresses"], _ALL),
        _rule(["k8s.nginx.org"], ["transportservers"], _ALL),
        _rule(["cert-manager.io"], ["issuers", "certificates"], _ALL),
        _rule(["cert-manager.io"], ["certificaterequests"], _LOOK),
    ]


def look_only() -> list[dict]:
    """Rights in the namespace of the platform's own pods: their lists and logs."""
    return [
        _rule([""], ["pods", "events"], _LOOK),
        _rule([""], ["pods/log", "pods/status"], ["get"]),
        _rule(["networking.k8s.io"], ["networkpolicies"], _LOOK),
    ]


def balancer_rights(main: str) -> list[dict]:
    """MetalLB's pools, announcements and pods, and a look at the nodes, for the student of `main`. Only for a
    netlab of the session's own: whoever rules the pools draws any address of the nodes' network."""
    metallb = [
        _rule(["metallb.io"], ["ipaddresspools", "l2advertisements"], _ALL),
        _rule([""], ["pods"], [*_LOOK, "delete"]),
        _rule([""], ["pods/log", "events"], _LOOK),
        _rule(["apps"], ["daemonsets", "deployments"], _LOOK),
    ]
    return [
        *_granted(main, "Role", "balancer", metallb, space=BALANCER),
        *_granted(main, "ClusterRole", "redes-nodes", [_rule([""], ["nodes"], _LOOK)]),
    ]


def _granted(main: str, kind: str, name: str, rules: list[dict], *, space: str = "") -> list[dict]:
    """A role and its binding to the student of `main`."""
    version = "rbac.authorization.k8s.io/v1"
    metadata = {"name": name, **({"namespace": space} if space else {})}
    subject = {"kind": "ServiceAccount", "name": "student", "namespace": main}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    return [
        {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": role,
            "subjects": [subject],
        },
    ]


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def labelled(manifest: dict, labels: dict[str, str]) -> dict:
    """The manifest with these labels, on its pods too: the watcher knows them by the session's."""
    manifest = copy.deepcopy(manifest)
    spec = manifest.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    for holder in (each for each in (manifest, template) if isinstance(each, dict)):
        metadata = holder["metadata"] = holder.get("metadata") or {}
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    return manifest
