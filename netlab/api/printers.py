"""What `kubectl get` shows: per kind its columns, and what reads a row's cells off an object."""

from collections.abc import Callable

from . import cells
from .columns import Column, wide

_IMAGES = (wide("Containers"), wide("Images"), wide("Selector"))
_NUMBER = "integer"
_USAGE = tuple(Column(name) for name in ("Name", "Cpu", "Memory", "Window"))
PRINTERS: dict[str, tuple[tuple[Column, ...], Callable[[dict], cells.Cells]]] = {
    "APIService": (
        tuple(Column(n) for n in ("Name", "Service", "Available", "Age")),
        cells.api_service_cells,
    ),
    "NodeMetrics": (_USAGE, cells.node_metrics_cells),
    "PodMetrics": (_USAGE, cells.pod_metrics_cells),
    "ClusterRole": ((Column("Name"), Column("Created At")), cells.role_cells),
    "ConfigMap": ((Column("Name"), Column("Data", _NUMBER), Column("Age")), cells.config_map_cells),
    "ControllerRevision": (
        (Column("Name"), Column("Controller"), Column("Revision", _NUMBER), Column("Age")),
        cells.revision_cells,
    ),
    "DaemonSet": (
        (
            Column("Name"),
            *(Column(n, _NUMBER) for n in ("Desired", "Current", "Ready", "Up-to-date", "Available")),
            Column("Node Selector"),
            Column("Age"),
            *_IMAGES,
        ),
        cells.daemon_set_cells,
    ),
    "Deployment": (
        (
            Column("Name"),
            Column("Ready"),
            Column("Up-to-date", _NUMBER),
            Column("Available", _NUMBER),
            Column("Age"),
            *_IMAGES,
        ),
        cells.deployment_cells,
    ),
    "EndpointSlice": (
        (Column("Name"), Column("AddressType"), Column("Ports"), Column("Endpoints"), Column("Age")),
        cells.endpoint_slice_cells,
    ),
    "Endpoints": ((Column("Name"), Column("Endpoints"), Column("Age")), cells.endpoints_cells),
    "Event": (
        (
            *(Column(name) for name in ("Last Seen", "Type", "Reason", "Object")),
            wide("Subobject"),
            wide("Source"),
            Column("Message"),
            wide("First Seen"),
            wide("Count", _NUMBER),
            wide("Name"),
        ),
        cells.event_cells,
    ),
    "Ingress": (
        tuple(Column(name) for name in ("Name", "Class", "Hosts", "Address", "Ports", "Age")),
        cells.ingress_cells,
    ),
    "IngressClass": (
        tuple(Column(name) for name in ("Name", "Controller", "Parameters", "Age")),
        cells.ingress_class_cells,
    ),
    "Job": (
        (*(Column(n) for n in ("Name", "Status", "Completions", "Duration", "Age")), *_IMAGES),
        cells.job_cells,
    ),
    "Lease": ((Column("Name"), Column("Holder"), Column("Age")), cells.lease_cells),
    "Namespace": ((Column("Name"), Column("Status"), Column("Age")), cells.namespace_cells),
    "NetworkPolicy": ((Column("Name"), Column("Pod-Selector"), Column("Age")), cells.network_policy_cells),
    "Node": (
        (
            *(Column(name) for name in ("Name", "Status", "Roles", "Age", "Version")),
            *(wide(n) for n in ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version")),
            wide("Container-Runtime"),
        ),
        cells.node_cells,
    ),
    "Pod": (
        (
            *(Column(name) for name in ("Name", "Ready", "Status", "Restarts", "Age")),
            *(wide(name) for name in ("IP", "Node", "Nominated Node", "Readiness Gates")),
        ),
        cells.pod_cells,
    ),
    "ReplicaSet": (
        (
            Column("Name"),
            *(Column(name, _NUMBER) for name in ("Desired", "Current", "Ready")),
            Column("Age"),
            *_IMAGES,
        ),
        cells.replica_set_cells,
    ),
    "CronJob": (
        (
            *(Column(name) for name in ("Name", "Schedule", "Timezone", "Suspend")),
            Column("Active", _NUMBER),
            *(Column(name) for name in ("Last Schedule", "Age")),
            *_IMAGES,
        ),
        cells.cron_job_cells,
    ),
    "HorizontalPodAutoscaler": (
        (
            *(Column(name) for name in ("Name", "Reference", "Targets", "MinPods")),
            *(Column(name, _NUMBER) for name in ("MaxPods", "Replicas")),
            Column("Age"),
        ),
        cells.autoscaler_cells,
    ),
    "PersistentVolume": (
        (
            *(
                Column(name)
                for name in ("Name", "Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim")
            ),
            *(Column(name) for name in ("StorageClass", "VolumeAttributesClass", "Reason", "Age")),
            wide("VolumeMode"),
        ),
        cells.persistent_volume_cells,
    ),
    "PersistentVolumeClaim": (
        (
            *(
                Column(name)
                for name in ("Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass")
            ),
            *(Column(name) for name in ("VolumeAttributesClass", "Age")),
            wide("VolumeMode"),
        ),
        cells.claim_cells,
    ),
    "StatefulSet": (
        (*(Column(name) for name in ("Name", "Ready", "Age")), *_IMAGES[:2]),
        cells.stateful_set_cells,
    ),
    "StorageClass": (
        (
            *(Column(name) for name in ("Name", "Provisioner", "ReclaimPolicy", "VolumeBindingMode")),
            Column("AllowVolumeExpansion"),
            Column("Age"),
        ),
        cells.storage_class_cells,
    ),
    "CertificateSigningRequest": (
        tuple(
            Column(name)
            for name in ("Name", "Age", "SignerName", "Requestor", "RequestedDuration", "Condition")
        ),
        cells.signing_request_cells,
    ),
    "PodDisruptionBudget": (
        (
            *(Column(name) for name in ("Name", "Min Available", "Max Unavailable")),
            Column("Allowed Disruptions", _NUMBER),
            Column("Age"),
        ),
        cells.disruption_budget_cells,
    ),
    "PriorityClass": (
        (
            Column("Name"),
            Column("Value", _NUMBER),
            Column("Global-Default", "boolean"),
            Column("Age"),
            Column("PreemptionPolicy"),
        ),
        cells.priority_class_cells,
    ),
    "ResourceQuota": ((Column("Name"), Column("Request"), Column("Limit"), Column("Age")), cells.quota_cells),
    "RoleBinding": (
        (
            *(Column(name) for name in ("Name", "Role", "Age")),
            *(wide(name) for name in ("Users", "Groups", "ServiceAccounts")),
        ),
        cells.binding_cells,
    ),
    "Secret": ((Column("Name"), Column("Type"), Column("Data", _NUMBER), Column("Age")), cells.secret_cells),
    "Service": (
        (
            *(Column(n) for n in ("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age")),
            wide("Selector"),
        ),
        cells.service_cells,
    ),
    "ValidatingAdmissionPolicy": (
        (Column("Name"), Column("Validations", _NUMBER), Column("ParamKind"), Column("Age")),
        cells.admission_policy_cells,
    ),
    "ValidatingAdmissionPolicyBinding": (
        (Column("Name"), Column("PolicyName"), Column("ParamRef"), Column("Age")),
        cells.admission_binding_cells,
    ),
}
PRINTERS["CustomResourceDefinition"] = PRINTERS["ClusterRole"]
PRINTERS["ReplicationController"] = PRINTERS["ReplicaSet"]
PRINTERS["Role"] = PRINTERS["ClusterRole"]
PRINTERS["ClusterRoleBinding"] = PRINTERS["RoleBinding"]
DEFAULT = ((Column("Name"), Column("Age")), cells.name_and_age_cells)
