"""The kinds this cluster serves: the one table behind discovery, routing, OpenAPI and printing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .customs import CustomSchema

_MEASURED = ("get", "list")
STANDARD_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Subresource:
    """A path below an object. `group`, `version` are set when its kind lives in another API group."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Kind:
    name: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = STANDARD_VERBS
    subresources: tuple[Subresource, ...] = ()
    package: str = ""  # of the definition, when it is not the group's own
    answers_deleted: bool = field(default=False)  # DELETE answers with the object, not with a Status
    custom: CustomSchema | None = None  # of kinds that a CustomResourceDefinition made

    @property
    def resource(self) -> str:
        """`pods`, `deployments.apps`: the name in the store and in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def stored_as(self) -> str:
        return "events" if self.name == "Event" and not self.custom else self.resource

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.name.lower()

    @property
    def definition(self) -> str:
        """The name its schema goes by in OpenAPI: of a custom kind, the group backwards."""
        if self.custom:
            return f"{'.'.join(reversed(self.group.split('.')))}.{self.version}.{self.name}"
        return f"{self.package or f'io.k8s.api.{package_of(self.group)}'}.{self.version}.{self.name}"

    @property
    def root(self) -> dict:
        """The schema of a whole object."""
        return self.custom.root if self.custom else {"$ref": f"#/$defs/{self.definition}"}

    @property
    def stored(self) -> bool:
        return "list" in self.verbs and not self.measured

    @property
    def measured(self) -> bool:
        """Its objects are made when somebody asks: there is nothing to store or to watch."""
        return self.verbs == _MEASURED

    @property
    def writable(self) -> bool:
        return self.stored and "create" in self.verbs


def package_of(group: str) -> str:
    """The Go package an API group's definitions are named after: rbac.authorization.k8s.io -> rbac."""
    return group.split(".")[0] or "core"


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, ("get", "patch", "update"))


_SCALE = Subresource("scale", "Scale", ("get", "patch", "update"), "autoscaling", "v1")
_RBAC = "rbac.authorization.k8s.io"
ADMISSION_GROUP = "admissionregistration.k8s.io"
_PROXIED = ("create", "delete", "get", "patch", "update")
_POD_SUBRESOURCES = (
    Subresource("attach", "PodAttachOptions", ("create", "get")),
    Subresource("binding", "Binding", ("create",)),
    Subresource("ephemeralcontainers", "Pod", ("get", "patch", "update")),
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
    Subresource("proxy", "PodProxyOptions", _PROXIED),
    _status("Pod"),
)
_TOKEN = Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1")


def _review(name: str, plural: str, group: str, *, namespaced: bool = False) -> Kind:
    return Kind(name, plural, group, namespaced=namespaced, verbs=("create",))


KINDS: tuple[Kind, ...] = (
    Kind("ConfigMap", "configmaps", short=("cm",)),
    Kind("Endpoints", "endpoints", short=("ep",)),
    Kind("Event", "events", short=("ev",)),
    Kind("LimitRange", "limitranges", short=("limits",)),
    Kind(
        "Namespace",
        "namespaces",
        namespaced=False,
        short=("ns",),
        subresources=(_status("Namespace"),),
        verbs=tuple(verb for verb in STANDARD_VERBS if verb != "deletecollection"),
    ),
    Kind(
        "Node",
        "nodes",
        namespaced=False,
        short=("no",),
        subresources=(Subresource("proxy", "NodeProxyOptions", ("get",)), _status("Node")),
    ),
    Kind(
        "Pod",
        "pods",
        short=("po",),
        categories=("all",),
        answers_deleted=True,
        subresources=_POD_SUBRESOURCES,
    ),
    Kind(
        "PersistentVolume",
        "persistentvolumes",
        namespaced=False,
        short=("pv",),
        answers_deleted=True,
        subresources=(_status("PersistentVolume"),),
    ),
    Kind(
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        short=("pvc",),
        answers_deleted=True,
        subresources=(_status("PersistentVolumeClaim"),),
    ),
    Kind(
        "ReplicationController",
        "replicationcontrollers",
        short=("rc",),
        categories=("all",),
        subresources=(_SCALE, _status("ReplicationController")),
    ),
    Kind(
        "ResourceQuota",
        "resourcequotas",
        short=("quota",),
        answers_deleted=True,
        subresources=(_status("ResourceQuota"),),
    ),
    Kind("Secret", "secrets"),
    Kind(
        "ServiceAccount",
        "serviceaccounts",
        short=("sa",),
        answers_deleted=True,
        subresources=(_TOKEN,),
    ),
    Kind(
        "Service",
        "services",
        short=("svc",),
        categories=("all",),
        answers_deleted=True,
        subresources=(Subresource("proxy", "ServiceProxyOptions", _PROXIED), _status("Service")),
    ),
    Kind(
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        ADMISSION_GROUP,
        namespaced=False,
        subresources=(_status("ValidatingAdmissionPolicy"),),
    ),
    Kind(
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        ADMISSION_GROUP,
        namespaced=False,
    ),
    Kind(
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "apiextensions.k8s.io",
        namespaced=False,
        short=("crd", "crds"),
        categories=("api-extensions",),
        subresources=(_status("CustomResourceDefinition"),),
        package="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    ),
    Kind(
        "APIService",
        "apiservices",
        "apiregistration.k8s.io",
        namespaced=False,
        categories=("api-extensions",),
        verbs=("get", "list", "watch"),
        package="io.k8s.kube-aggregator.pkg.apis.apiregistration",
    ),
    Kind("NodeMetrics", "nodes", "metrics.k8s.io", "v1beta1", namespaced=False, verbs=_MEASURED),
    Kind("PodMetrics", "pods", "metrics.k8s.io", "v1beta1", verbs=_MEASURED),
    Kind("ControllerRevision", "controllerrevisions", "apps"),
    Kind(
        "DaemonSet",
        "daemonsets",
        "apps",
        short=("ds",),
        categories=("all",),
        subresources=(_status("DaemonSet"),),
    ),
    Kind(
        "Deployment",
        "deployments",
        "apps",
        short=("deploy",),
        categories=("all",),
        subresources=(_SCALE, _status("Deployment")),
    ),
    Kind(
        "ReplicaSet",
        "replicasets",
        "apps",
        short=("rs",),
        categories=("all",),
        subresources=(_SCALE, _status("ReplicaSet")),
    ),
    Kind(
        "StatefulSet",
        "statefulsets",
        "apps",
        short=("sts",),
        categories=("all",),
        subresources=(_SCALE, _status("StatefulSet")),
    ),
    Kind(
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "autoscaling",
        "v2",
        short=("hpa",),
        categories=("all",),
        subresources=(_status("HorizontalPodAutoscaler"),),
    ),
    Kind(
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "autoscaling",
        short=("hpa",),
        categories=("all",),
        subresources=(_status("HorizontalPodAutoscaler"),),
    ),
    Kind(
        "CronJob",
        "cronjobs",
        "batch",
        short=("cj",),
        categories=("all",),
        subresources=(_status("CronJob"),),
    ),
    Kind("Job", "jobs", "batch", categories=("all",), subresources=(_status("Job"),)),
    Kind(
        "CertificateSigningRequest",
        "certificatesigningrequests",
        "certificates.k8s.io",
        namespaced=False,
        short=("csr",),
        subresources=(
            Subresource("approval", "CertificateSigningRequest", ("get", "patch", "update")),
            _status("CertificateSigningRequest"),
        ),
    ),
    Kind("Event", "events", "events.k8s.io", short=("ev",)),
    Kind("Lease", "leases", "coordination.k8s.io"),
    Kind("EndpointSlice", "endpointslices", "discovery.k8s.io"),
    Kind(
        "Ingress",
        "ingresses",
        "networking.k8s.io",
        short=("ing",),
        subresources=(_status("Ingress"),),
    ),
    Kind(
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "policy",
        short=("pdb",),
        subresources=(_status("PodDisruptionBudget"),),
    ),
    Kind(
        "StorageClass",
        "storageclasses",
        "storage.k8s.io",
        namespaced=False,
        short=("sc",),
        answers_deleted=True,
    ),
    Kind("PriorityClass", "priorityclasses", "scheduling.k8s.io", namespaced=False, short=("pc",)),
    Kind("IngressClass", "ingressclasses", "networking.k8s.io", namespaced=False),
    Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", short=("netpol",)),
    Kind("ClusterRole", "clusterroles", _RBAC, namespaced=False),
    Kind("ClusterRoleBinding", "clusterrolebindings", _RBAC, namespaced=False),
    Kind("Role", "roles", _RBAC),
    Kind("RoleBinding", "rolebindings", _RBAC),
    _review("SelfSubjectReview", "selfsubjectreviews", "authentication.k8s.io"),
    _review("TokenReview", "tokenreviews", "authentication.k8s.io"),
    _review("LocalSubjectAccessReview", "localsubjectaccessreviews", "authorization.k8s.io", namespaced=True),
    _review("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io"),
    _review("SelfSubjectRulesReview", "selfsubjectrulesreviews", "authorization.k8s.io"),
    _review("SubjectAccessReview", "subjectaccessreviews", "authorization.k8s.io"),
)

_BY_NAME = {(kind.api_version, kind.name): kind for kind in KINDS}


def kind_named(api_version: str, name: str) -> Kind | None:
    """A kind of the table; `catalogue.Catalogue` knows the custom ones too."""
    return _BY_NAME.get((api_version, name))
