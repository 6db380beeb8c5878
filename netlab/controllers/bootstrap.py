"""What a new cluster holds before anybody asks: namespaces, the usual roles, the Service `kubernetes`."""

from netlab.schema.defaults import apply_defaults
from netlab.schema.priorities import SYSTEM_PRIORITIES
from netlab.store import Store
from netlab.store.clock import now
from netlab.topology import SERVICE_NETWORK

from .storage import CLASSES, DEFAULT, PROVISIONER

_RBAC = "rbac.authorization.k8s.io"
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_WORKLOADS = [
    "controllerrevisions",
    "daemonsets",
    "deployments",
    "deployments/scale",
    "replicasets",
    "replicasets/scale",
    "statefulsets",
    "statefulsets/scale",
]
_NETWORKING = ["ingresses", "networkpolicies"]
_PLAIN = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "services",
]
_SEEN = [
    "bindings",
    "events",
    "limitranges",
    "namespaces/status",
    "pods/log",
    "pods/status",
    "resourcequotas",
]
_DOORS = [
    "pods/attach",
    "pods/eviction",
    "pods/exec",
    "pods/portforward",
    "pods/proxy",
    "secrets",
    "serviceaccounts",
    "services/proxy",
]
_PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"]
_VERSION_PATHS = ["/version", "/version/"]


def populate(store: Store, *, api_address: str, api_port: int, service_address: str) -> None:
    for name in NAMESPACES:
        create_namespace(store, name)
    for name, value in SYSTEM_PRIORITIES.items():
        meta = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        _create(store, "priorityclasses.scheduling.k8s.io", {**meta, "value": value})
    _create(store, CLASSES, _local_path_class())
    _create(store, "servicecidrs.networking.k8s.io", _service_range())
    _create_roles(store)
    _create_kubernetes_service(store, api_address, api_port, service_address)


def create_namespace(store: Store, name: str) -> None:
    _create(store, "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def _service_range() -> dict:
    """What `kubectl get servicecidrs` tells: the range that Services get their addresses from."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "Kubernetes Service CIDR is ready",
        "lastTransitionTime": now(),
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
        "spec": {"cidrs": [str(SERVICE_NETWORK)]},
        "status": {"conditions": [ready]},
    }


def _local_path_class() -> dict:
    """As kind has it."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {DEFAULT: "true"}},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _create(store: Store, resource: str, obj: dict) -> dict:
    apply_defaults(obj)
    return store.create(resource, obj)


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _view_rules() -> list[dict]:
    return [
        _rule([""], [*_PLAIN, *_SEEN, "namespaces", "serviceaccounts"], _READ),
        _rule(["apps"], _WORKLOADS, _READ),
        _rule(["autoscaling"], ["horizontalpodautoscalers"], _READ),
        _rule(["batch"], ["cronjobs", "jobs"], _READ),
        _rule(["discovery.k8s.io"], ["endpointslices"], _READ),
        _rule(["metrics.k8s.io"], ["pods"], _READ),
        _rule(["policy"], ["poddisruptionbudgets"], _READ),
        _rule(["events.k8s.io"], ["events"], _READ),
        _rule(["networking.k8s.io"], _NETWORKING, _READ),
    ]


def _edit_rules() -> list[dict]:
    return [
        *_view_rules(),
        _rule([""], [*_PLAIN, *_DOORS], [*_READ, *_WRITE]),
        _rule([""], ["serviceaccounts/token"], ["create"]),
        _rule([""], ["serviceaccounts"], ["impersonate"]),
        _rule([""], ["events"], ["create", "patch", "update"]),
        _rule(["apps"], _WORKLOADS, _WRITE),
        _rule(["autoscaling"], ["horizontalpodautoscalers"], _WRITE),
        _rule(["batch"], ["cronjobs", "jobs"], _WRITE),
        _rule(["coordination.k8s.io"], ["leases"], [*_READ, *_WRITE]),
        _rule(["networking.k8s.io"], _NETWORKING, _WRITE),
        _rule(["policy"], ["poddisruptionbudgets"], _WRITE),
    ]


def _admin_rules() -> list[dict]:
    return [
        *_edit_rules(),
        _rule([_RBAC], ["roles", "rolebindings"], [*_READ, *_WRITE]),
        _rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
    ]


def _cluster_roles() -> dict[str, list[dict]]:
    everything = [_rule(["*"], ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    own = [
        _rule(["authorization.k8s.io"], reviews, ["create"]),
        _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
    ]
    delegated = [
        _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
        _rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ]
    public = ["/healthz", "/livez", "/readyz", *_VERSION_PATHS]
    return {
        "cluster-admin": everything,
        "admin": _admin_rules(),
        "edit": _edit_rules(),
        "view": _view_rules(),
        "system:auth-delegator": delegated,
        "system:basic-user": own,
        "system:discovery": [{"nonResourceURLs": [*_PATHS, *_VERSION_PATHS], "verbs": ["get"]}],
        "system:public-info-viewer": [{"nonResourceURLs": public, "verbs": ["get"]}],
    }


_BINDINGS = {
    "cluster-admin": ("system:masters",),
    "system:basic-user": ("system:authenticated",),
    "system:discovery": ("system:authenticated",),
    "system:public-info-viewer": ("system:authenticated", "system:unauthenticated"),
}
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_AGGREGATED = ("admin", "edit", "view")  # labels make roles of custom kinds a part of these
_PARTS = {"edit": "admin", "view": "edit"}


def _create_roles(store: Store) -> None:
    for name, rules in _cluster_roles().items():
        if name in _AGGREGATED:
            _create_role(store, f"system:aggregate-to-{name}", rules, part_of=name)
            chosen = [{"matchLabels": _part_of(name)}]
            whole = {"aggregationRule": {"clusterRoleSelectors": chosen}}
            _create_role(store, name, rules, part_of=_PARTS.get(name), **whole)
        else:
            _create_role(store, name, rules)
    for name, groups in _BINDINGS.items():
        binding = {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": _marked(name),
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group} for group in groups],
        }
        _create(store, f"clusterrolebindings.{_RBAC}", binding)


def _create_role(store: Store, name: str, rules: list[dict], part_of: str | None = None, **more) -> None:
    meta = _marked(name)
    if part_of:
        meta["labels"] |= _part_of(part_of)
    role = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules}
    _create(store, f"clusterroles.{_RBAC}", {**role, **more})


def _part_of(name: str) -> dict:
    return {f"{_RBAC}/aggregate-to-{name}": "true"}


def _marked(name: str) -> dict:
    return {"name": name, "labels": dict(_LABELS)}


def _create_kubernetes_service(store: Store, address: str, port: int, service_address: str) -> None:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    meta = {"name": "kubernetes", "namespace": "default"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**meta, "labels": labels},
        "spec": {
            "clusterIP": service_address,
            "clusterIPs": [service_address],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
        },
    }
    _create(store, "services", service)
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {**meta, "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    }
    _create(store, "endpoints", endpoints)
    piece = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**meta, "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": ports,
    }
    _create(store, "endpointslices.discovery.k8s.io", piece)
