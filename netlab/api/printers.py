"""What `kubectl get` shows: per kind its columns, and what reads those of a row that are the kind's own.

`*` before a column's name: with `-o wide` only; `#` behind it: a number, `?`: a truth value.
"""

from collections.abc import Callable

from . import cells
from .columns import Column, age

_IMAGES = "*Containers, *Images, *Selector"
_TYPES = {"#": "integer", "?": "boolean"}
_STORAGE_CLASS = "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age"
Printer = tuple[tuple[Column, ...], Callable[[dict], cells.Cells]]

_TABLE: dict[str, tuple] = {
    "APIService": ("Name, Service, Available, Age", cells.api_service_cells),
    "NodeMetrics": ("Name, Cpu, Memory, Window", cells.node_metrics_cells),
    "PodMetrics": ("Name, Cpu, Memory, Window", cells.pod_metrics_cells),
    "ClusterRole": ("Name, Created At",),
    "ConfigMap": ("Name, Data#, Age", cells.config_map_cells),
    "ControllerRevision": ("Name, Controller, Revision#, Age", cells.revision_cells),
    "DaemonSet": (
        f"Name, Desired#, Current#, Ready#, Up-to-date#, Available#, Node Selector, Age, {_IMAGES}",
        cells.daemon_set_cells,
    ),
    "Deployment": (f"Name, Ready, Up-to-date#, Available#, Age, {_IMAGES}", cells.deployment_cells),
    "EndpointSlice": ("Name, AddressType, Ports, Endpoints, Age", cells.endpoint_slice_cells),
    "Endpoints": ("Name, Endpoints, Age", cells.endpoints_cells),
    "Event": (
        "Last Seen, Type, Reason, Object, *Subobject, *Source, Message, *First Seen, *Count#, *Name",
        cells.event_cells,
    ),
    "Ingress": ("Name, Class, Hosts, Address, Ports, Age", cells.ingress_cells),
    "IngressClass": ("Name, Controller, Parameters, Age", cells.ingress_class_cells),
    "Job": (f"Name, Status, Completions, Duration, Age, {_IMAGES}", cells.job_cells),
    "Lease": ("Name, Holder, Age", cells.lease_cells),
    "Namespace": ("Name, Status, Age", cells.namespace_cells),
    "NetworkPolicy": ("Name, Pod-Selector, Age", cells.network_policy_cells),
    "Node": (
        "Name, Status, Roles, Age, Version, *Internal-IP, *External-IP, *OS-Image, "
        "*Kernel-Version, *Container-Runtime",
        cells.node_cells,
    ),
    "Pod": (
        "Name, Ready, Status, Restarts, Age, *IP, *Node, *Nominated Node, *Readiness Gates",
        cells.pod_cells,
    ),
    "ReplicaSet": (f"Name, Desired#, Current#, Ready#, Age, {_IMAGES}", cells.replica_set_cells),
    "CronJob": (
        f"Name, Schedule, Timezone, Suspend, Active#, Last Schedule, Age, {_IMAGES}",
        cells.cron_job_cells,
    ),
    "HorizontalPodAutoscaler": (
        "Name, Reference, Targets, MinPods, MaxPods#, Replicas#, Age",
        cells.autoscaler_cells,
    ),
    "PersistentVolume": (
        "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, "
        "VolumeAttributesClass, Reason, Age, *VolumeMode",
        cells.persistent_volume_cells,
    ),
    "PersistentVolumeClaim": (
        "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, *VolumeMode",
        cells.claim_cells,
    ),
    "Scale": ("Name, Desired#, Available#, Age", cells.scale_cells),
    "StatefulSet": ("Name, Ready, Age, *Containers, *Images", cells.stateful_set_cells),
    "CertificateSigningRequest": (
        "Name, Age, SignerName, Requestor, RequestedDuration, Condition",
        cells.signing_request_cells,
    ),
    "PodDisruptionBudget": (
        "Name, Min Available, Max Unavailable, Allowed Disruptions#, Age",
        cells.disruption_budget_cells,
    ),
    "PriorityClass": ("Name, Value#, Global-Default?, Age, PreemptionPolicy", cells.priority_class_cells),
    "ResourceQuota": ("Name, Request, Limit, Age", cells.quota_cells),
    "RoleBinding": ("Name, Role, Age, *Users, *Groups, *ServiceAccounts", cells.binding_cells),
    "Secret": ("Name, Type, Data#, Age", cells.secret_cells),
    "ServiceCIDR": ("Name, CIDRs, Age", cells.service_range_cells),
    "Service": ("Name, Type, Cluster-IP, External-IP, Port(s), Age, *Selector", cells.service_cells),
    "ValidatingAdmissionPolicy": ("Name, Validations#, ParamKind, Age", cells.admission_policy_cells),
    "ValidatingAdmissionPolicyBinding": ("Name, PolicyName, ParamRef, Age", cells.admission_binding_cells),
}


def _columns(names: str) -> tuple[Column, ...]:
    return tuple(
        Column(name.strip("*#?"), _TYPES.get(name[-1], "string"), int(name.startswith("*")))
        for name in names.split(", ")
    )


# Read off any object alike; what stands between them is the kind's own.
_SHARED: dict[str, Callable[[dict], str]] = {
    "Name": lambda obj: obj["metadata"]["name"],
    "Age": age,
    "Created At": lambda obj: obj["metadata"].get("creationTimestamp", "<unknown>"),
}


def _printer(names: str, read: Callable[[dict], cells.Cells] = lambda obj: []) -> Printer:
    columns = _columns(names)

    def row(obj: dict) -> cells.Cells:
        own = iter(read(obj))
        return [_SHARED[one.name](obj) if one.name in _SHARED else next(own) for one in columns]

    return columns, row


PRINTERS: dict[str, Printer] = {kind: _printer(*told) for kind, told in _TABLE.items()}
PRINTERS["StorageClass"] = (_columns(_STORAGE_CLASS), cells.storage_class_cells)
PRINTERS["CustomResourceDefinition"] = PRINTERS["ClusterRole"]
PRINTERS["ReplicationController"] = PRINTERS["ReplicaSet"]
PRINTERS["Role"] = PRINTERS["ClusterRole"]
PRINTERS["ClusterRoleBinding"] = PRINTERS["RoleBinding"]
DEFAULT = _printer("Name, Age")
