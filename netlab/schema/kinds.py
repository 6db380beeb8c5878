"""The kinds this cluster serves: the one table behind discovery, routing, OpenAPI and printing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .customs import CustomSchema

_MEASURED = ("get", "list")
_READ = ("get", "list", "watch")
STANDARD_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_UNCOLLECTED = tuple(verb for verb in STANDARD_VERBS if verb != "deletecollection")


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
        return self.custom.singular if self.custom else self.name.lower()

    @property
    def list_kind(self) -> str:
        return self.custom.list_kind if self.custom else f"{self.name}List"

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
    return Subresource("status", kind, _CHANGED)


_CHANGED = ("get", "patch", "update")
_SCALE = Subresource("scale", "Scale", _CHANGED, "autoscaling", "v1")
_RBAC = "rbac.authorization.k8s.io"
ADMISSION_GROUP = "admissionregistration.k8s.io"
_PROXIED = ("create", "delete", "get", "patch", "update")
_POD_SUBRESOURCES = (
    Subresource("attach", "PodAttachOptions", ("create", "get")),
    Subresource("binding", "Binding", ("create",)),
    Subresource("ephemeralcontainers", "Pod", _CHANGED),
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
    Subresource("proxy", "PodProxyOptions", _PROXIED),
    _status("Pod"),
)
_TOKEN = Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1")


def _kind(names: str, group: str = "", words: str = "", *below: Subresource, **more) -> Kind:
    """A row of the table. `names`: of the kind, its plural, its short ones; `words` say what else holds:

    `all` it is in that category, `cluster` it is in no namespace, `answers` DELETE answers with the object,
    `review` it is only ever created, `scale` and `status` it has these subresources.
    """
    name, plural, *short = names.split()
    flags = words.split()
    if "all" in flags:
        more["categories"] = ("all",)
    if "review" in flags:
        more["verbs"] = ("create",)
    scale = (_SCALE,) if "scale" in flags else ()
    status = (_status(name),) if "status" in flags else ()
    return Kind(
        name,
        plural,
        group,
        namespaced="cluster" not in flags,
        answers_deleted="answers" in flags,
        short=tuple(short),
        subresources=(*scale, *below, *status),
        **more,
    )


KINDS: tuple[Kind, ...] = (
    _kind("ConfigMap configmaps cm"),
    _kind("Endpoints endpoints ep"),
    _kind("Event events ev"),
    _kind("LimitRange limitranges limits"),
    _kind("Namespace namespaces ns", "", "cluster status", verbs=_UNCOLLECTED),
    _kind("Node nodes no", "", "cluster status", Subresource("proxy", "NodeProxyOptions", ("get",))),
    _kind("Pod pods po", "", "all answers", *_POD_SUBRESOURCES),
    _kind("PersistentVolume persistentvolumes pv", "", "cluster answers status"),
    _kind("PersistentVolumeClaim persistentvolumeclaims pvc", "", "answers status"),
    _kind("ReplicationController replicationcontrollers rc", "", "all scale status"),
    _kind("ResourceQuota resourcequotas quota", "", "answers status"),
    _kind("Secret secrets"),
    _kind("ServiceAccount serviceaccounts sa", "", "answers", _TOKEN),
    _kind(
        "Service services svc",
        "",
        "all answers status",
        Subresource("proxy", "ServiceProxyOptions", _PROXIED),
    ),
    _kind("ValidatingAdmissionPolicy validatingadmissionpolicies", ADMISSION_GROUP, "cluster status"),
    _kind("ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings", ADMISSION_GROUP, "cluster"),
    _kind(
        "CustomResourceDefinition customresourcedefinitions crd crds",
        "apiextensions.k8s.io",
        "cluster status",
        categories=("api-extensions",),
        package="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    ),
    _kind(
        "APIService apiservices",
        "apiregistration.k8s.io",
        "cluster",
        categories=("api-extensions",),
        verbs=("get", "list", "watch"),
        package="io.k8s.kube-aggregator.pkg.apis.apiregistration",
    ),
    _kind("NodeMetrics nodes", "metrics.k8s.io", "cluster", verbs=_MEASURED, version="v1beta1"),
    _kind("PodMetrics pods", "metrics.k8s.io", verbs=_MEASURED, version="v1beta1"),
    _kind("ControllerRevision controllerrevisions", "apps"),
    _kind("DaemonSet daemonsets ds", "apps", "all status"),
    _kind("Deployment deployments deploy", "apps", "all scale status"),
    _kind("ReplicaSet replicasets rs", "apps", "all scale status"),
    _kind("StatefulSet statefulsets sts", "apps", "all scale status"),
    _kind("HorizontalPodAutoscaler horizontalpodautoscalers hpa", "autoscaling", "all status", version="v2"),
    _kind("HorizontalPodAutoscaler horizontalpodautoscalers hpa", "autoscaling", "all status"),
    _kind("CronJob cronjobs cj", "batch", "all status"),
    _kind("Job jobs", "batch", "all status"),
    _kind(
        "CertificateSigningRequest certificatesigningrequests csr",
        "certificates.k8s.io",
        "cluster status",
        Subresource("approval", "CertificateSigningRequest", _CHANGED),
    ),
    _kind("Event events ev", "events.k8s.io"),
    _kind("Lease leases", "coordination.k8s.io"),
    _kind("EndpointSlice endpointslices", "discovery.k8s.io"),
    _kind("Ingress ingresses ing", "networking.k8s.io", "status"),
    _kind("PodDisruptionBudget poddisruptionbudgets pdb", "policy", "status"),
    _kind("StorageClass storageclasses sc", "storage.k8s.io", "cluster answers"),
    _kind("PriorityClass priorityclasses pc", "scheduling.k8s.io", "cluster"),
    _kind("IngressClass ingressclasses", "networking.k8s.io", "cluster"),
    _kind("NetworkPolicy networkpolicies netpol", "networking.k8s.io"),
    _kind("ServiceCIDR servicecidrs", "networking.k8s.io", "cluster", verbs=_READ),
    _kind("ClusterRole clusterroles", _RBAC, "cluster"),
    _kind("ClusterRoleBinding clusterrolebindings", _RBAC, "cluster"),
    _kind("Role roles", _RBAC),
    _kind("RoleBinding rolebindings", _RBAC),
    _kind("SelfSubjectReview selfsubjectreviews", "authentication.k8s.io", "review cluster"),
    _kind("TokenReview tokenreviews", "authentication.k8s.io", "review cluster"),
    _kind("LocalSubjectAccessReview localsubjectaccessreviews", "authorization.k8s.io", "review"),
    _kind("SelfSubjectAccessReview selfsubjectaccessreviews", "authorization.k8s.io", "review cluster"),
    _kind("SelfSubjectRulesReview selfsubjectrulesreviews", "authorization.k8s.io", "review cluster"),
    _kind("SubjectAccessReview subjectaccessreviews", "authorization.k8s.io", "review cluster"),
)

_BY_NAME = {(kind.api_version, kind.name): kind for kind in KINDS}


def kind_named(api_version: str, name: str) -> Kind | None:
    """A kind of the table; `catalogue.Catalogue` knows the custom ones too."""
    return _BY_NAME.get((api_version, name))
