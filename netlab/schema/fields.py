"""Fields that do not do here what they do on a real cluster.

Each is either named in a Warning, because leaving it without effect harms nobody, or refused with the
reason, because accepting it would teach something false. A field that is not listed has its effect.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .causes import Cause, forbidden, required
from .kinds import Kind
from .policyrules import cidr_warnings
from .quantities import amount
from .storagerules import SOURCES


@dataclass
class Verdict:
    refused: list[Cause] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unbound: list[str] = field(default_factory=list)  # warnings where nodes have no cgroups


_CONTAINER = r"(containers|initContainers|ephemeralContainers)\[\d+\]"
_NOT_HERE = "is not available in netlab"

# Below a pod's spec: path -> why. `*` in a path stands for one field name.
_POD_REFUSED = {
    "runtimeClassName": "RuntimeClasses are not available in netlab: containers run under crun",
    "schedulingGates": "scheduling gates are not available in netlab",
    "resourceClaims": f"dynamic resource allocation {_NOT_HERE}",
    rf"{_CONTAINER}\.volumeDevices": "block devices are not available in netlab",
    r"schedulingGroup\..*": f"scheduling of groups {_NOT_HERE}",
    r"os\.name": "netlab's nodes run Linux",
    rf"{_CONTAINER}\.restartPolicyRules.*": f"restart rules {_NOT_HERE}: restartPolicy is",
    rf"{_CONTAINER}\.volumeMounts\[\d+\]\.subPathExpr": f"subPathExpr {_NOT_HERE}: use subPath",
    rf"{_CONTAINER}\.resources\.claims.*": f"dynamic resource allocation {_NOT_HERE}",
    rf"{_CONTAINER}\.env\[\d+\]\.valueFrom\.fileKeyRef": f"variables from files {_NOT_HERE}",
    r"volumes\[\d+\]\.projected\.sources\[\d+\]\.(clusterTrustBundle|podCertificate)": (
        f"certificates of pods {_NOT_HERE}"
    ),
    r"affinity\..*\.(mismatchL|matchL)abelKeys": f"matchLabelKeys {_NOT_HERE}: use labelSelector",
    rf"{_CONTAINER}\.\w+Probe\.grpc": "gRPC probes are not available in netlab: use exec, httpGet, tcpSocket",
}
_VOLUMES = {"name", "emptyDir", "configMap", "secret", "projected", "downwardAPI", "persistentVolumeClaim"}
_POD_WARNED = (
    "topologySpreadConstraints",
    "overhead",
    "imagePullSecrets",
    "setHostnameAsFQDN",
    "hostnameOverride",
    "preemptionPolicy",
    r"securityContext\.(seLinuxChangePolicy|windowsOptions\..*)",
    rf"{_CONTAINER}\.securityContext\.windowsOptions\..*",
    r"volumes\[\d+\]\.emptyDir\.medium",
    "hostUsers",
    r"securityContext\.(seLinuxOptions|seccompProfile|appArmorProfile|fsGroupChangePolicy)",
    r"securityContext\.supplementalGroupsPolicy",
    rf"{_CONTAINER}\.securityContext\.(seLinuxOptions|seccompProfile|appArmorProfile|procMount)",
    rf"{_CONTAINER}\.lifecycle\.stopSignal",
    rf"{_CONTAINER}\.resizePolicy",
    r"(containers|ephemeralContainers)\[\d+\]\.restartPolicy",
    rf"{_CONTAINER}\.volumeMounts\[\d+\]\.(mountPropagation|recursiveReadOnly)",
)
LIMITS_ANNOTATION = "netlab/pod-limits"  # of a Node: by what it bounds its pods
MOST_STORED = 128 * 1024 * 1024  # bytes in a persistent volume
_SMALL_DISKS = "a volume of netlab holds no more than 128Mi, whatever size it has"
_VOLUME_FIELDS = {
    *SOURCES, "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "volumeMode",
    "persistentVolumeReclaimPolicy", "storageClassName",
}  # fmt: skip
_UNBOUND = "quotas and LimitRanges count it, but these nodes have no cgroups to bind the container by it"
_UNHURRIED = "the pod gets its priority, but netlab's scheduler always finds room and never preempts"
_SYSCTLS = {
    "kernel.shm_rmid_forced",
    *(f"net.ipv4.{name}" for name in ("ip_local_port_range", "ip_local_reserved_ports", "ping_group_range")),
    *(f"net.ipv4.{name}" for name in ("ip_unprivileged_port_start", "tcp_fin_timeout", "tcp_syncookies")),
    *(f"net.ipv4.tcp_{name}" for name in ("keepalive_intvl", "keepalive_probes", "keepalive_time")),
    *(f"net.ipv4.tcp_{name}" for name in ("rmem", "wmem")),
}
_PRIVILEGED = "a privileged container of netlab has every capability, but no devices of the machine"
# What is said of a field is not said of these values, which mean what a field left out means.
_DEFAULTS = {
    "os.name": "linux",
    "preemptionPolicy": "PreemptLowerPriority",
    "terminationMessagePath": "/dev/termination-log",
}
# Fields of a Job -> the only value that has its meaning here.
_JOB_REFUSED = {
    "backoffLimitPerIndex": None,
    "completionMode": "NonIndexed",
    "managedBy": None,
    "maxFailedIndexes": None,
    "podFailurePolicy": None,
    "podReplacementPolicy": "TerminatingOrFailed",
    "scheduling": None,
    "successPolicy": None,
    "suspend": False,
}

# Fields of other kinds that are kept and read by nobody.
_UNREAD = {
    "CustomResourceDefinition": (r"spec\.versions\[\d+\]\.selectableFields",),
    "EndpointSlice": (r"endpoints\[\d+\]\.hints",),
    "Lease": (r"spec\.(preferredHolder|strategy)",),
    "Node": (r"spec\.(configSource|externalID|providerID)",),
}
_NO_AUDIT = "it keeps no audit log"
# Writes below an object that admission policies are asked about; "" is the object itself.
_JUDGED_SUBRESOURCES = ("", "*", "ephemeralcontainers", "scale", "status")


# Kinds that a ResourceQuota names without the prefix `count/`.
_COUNTED = ("pods", "services", "secrets", "configmaps", "resourcequotas", "persistentvolumeclaims")
# What a ResourceQuota may limit of what pods ask for -> where containers say it.
COMPUTE = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    **{f"{kind}.{name}": (kind, name) for kind in ("requests", "limits") for name in ("cpu", "memory")},
}
_SCOPES = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort")


def counted_resource(key: str) -> str | None:
    """The stored resource a quota key counts; None for a key that counts no objects."""
    if key in _COUNTED:
        return key
    if key in ("services.nodeports", "services.loadbalancers"):
        return "services"
    return key.removeprefix("count/") if key.startswith("count/") else None


def scopes_of(quota: dict) -> list[str]:
    spec = quota.get("spec", {})
    expressions = spec.get("scopeSelector", {}).get("matchExpressions", [])
    return [*spec.get("scopes", []), *(one.get("scopeName", "") for one in expressions)]


def examine(kind: Kind, obj: dict, old: dict | None = None) -> Verdict:
    """What is refused in the object and what is to be warned of; what `old` had already is not repeated."""
    verdict = _examine(kind, obj)
    if old:
        known = _examine(kind, old)
        verdict.refused = [cause for cause in verdict.refused if cause not in known.refused]
        verdict.warnings = [text for text in verdict.warnings if text not in known.warnings]
        verdict.unbound = [text for text in verdict.unbound if text not in known.unbound]
    return verdict


def _examine(kind: Kind, obj: dict) -> Verdict:
    verdict = Verdict()
    if kind.custom:
        return verdict
    if kind.name == "CronJob":
        _examine_cron_job(obj, verdict)
        _examine_job(obj["spec"]["jobTemplate"]["spec"], verdict, "spec.jobTemplate.spec")
    elif kind.name == "Pod":
        _examine_pod(obj["spec"], "spec", verdict)
    elif (kind.group in ("apps", "batch") or kind.name == "ReplicationController") and "template" in obj.get(
        "spec", {}
    ):
        _examine_job(obj["spec"], verdict)
        for index, claim in enumerate(obj["spec"].get("volumeClaimTemplates", [])):
            _examine_claim(claim, verdict, f"spec.volumeClaimTemplates[{index}].spec")
    elif kind.name in _EXAMINERS:
        _EXAMINERS[kind.name](obj, verdict)
    for pattern in _UNREAD.get(kind.name, ()):
        verdict.warnings += [_no_effect(path) for path, _ in _walk(obj) if re.fullmatch(pattern, path)]
    return verdict


def _examine_job(spec: dict, verdict: Verdict, at: str = "spec") -> None:
    """Also of the other kinds with a template of pods, which have none of a Job's fields."""
    for name, usual in _JOB_REFUSED.items():
        if spec.get(name, usual) != usual:
            verdict.refused.append(forbidden(f"{at}.{name}", f"{name} of Jobs {_NOT_HERE}"))
    _examine_pod(spec["template"]["spec"], f"{at}.template.spec", verdict)


def _examine_cron_job(obj: dict, verdict: Verdict) -> None:
    if obj["spec"].get("schedule", "").startswith("@every "):
        verdict.refused.append(forbidden("spec.schedule", f"@every {_NOT_HERE}: use five fields"))


def _examine_claim(claim: dict, verdict: Verdict, at: str = "spec") -> None:
    spec = claim.get("spec", {})
    for name in ("dataSource", "dataSourceRef", "volumeAttributesClassName"):
        if spec.get(name):
            verdict.refused.append(forbidden(f"{at}.{name}", f"{name} of claims {_NOT_HERE}"))
    if spec.get("resources", {}).get("limits"):
        verdict.warnings.append(_no_effect(f"{at}.resources.limits"))
    _examine_mode(spec, verdict, at)
    if _is_too_large(spec.get("resources", {}).get("requests", {})):
        verdict.warnings.append(f"{at}.resources.requests.storage: {_SMALL_DISKS}")


def _examine_volume(obj: dict, verdict: Verdict) -> None:
    spec = obj["spec"]
    for name in sorted(set(spec) - _VOLUME_FIELDS):
        why = f"volumes of type {name} {_NOT_HERE}: hostPath and local are"
        verdict.refused.append(forbidden(f"spec.{name}", why))
    if not any(name in spec for name in SOURCES):
        verdict.refused.append(required("spec", "must specify a volume type"))
    for name in ("mountOptions", "local.fsType"):
        if _at(spec, name):
            verdict.warnings.append(_no_effect(f"spec.{name}"))
    if spec.get("hostPath", {}).get("type", "") not in ("", "Directory", "DirectoryOrCreate"):
        why = "a node's disk has nothing but directories of volumes"
        verdict.refused.append(forbidden("spec.hostPath.type", why))
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        verdict.refused.append(forbidden("spec.persistentVolumeReclaimPolicy", f"Recycle {_NOT_HERE}"))
    _examine_mode(spec, verdict, "spec")
    if _is_too_large(spec.get("capacity", {})):
        verdict.warnings.append(f"spec.capacity.storage: {_SMALL_DISKS}")


def _examine_mode(spec: dict, verdict: Verdict, at: str) -> None:
    if spec.get("volumeMode", "Filesystem") != "Filesystem":
        verdict.refused.append(forbidden(f"{at}.volumeMode", "netlab's nodes have no block devices"))


def _is_too_large(sizes: dict) -> bool:
    try:
        return amount(sizes.get("storage", 0)) > MOST_STORED
    except ValueError:  # told by the rules
        return False


def _at(obj: dict, path: str):
    for key in path.split("."):
        obj = obj.get(key, {})
    return obj


def _examine_storage_class(obj: dict, verdict: Verdict) -> None:
    for name in ("allowVolumeExpansion", "mountOptions", "parameters"):
        if obj.get(name):
            verdict.warnings.append(_no_effect(name))


def _examine_autoscaler(obj: dict, verdict: Verdict) -> None:
    for index, metric in enumerate(obj["spec"].get("metrics", [])):
        for name in ("object", "pods", "external"):
            if name in metric:
                why = f"metrics of type {name} {_NOT_HERE}: only CPU and memory are measured"
                verdict.refused.append(forbidden(f"spec.metrics[{index}].{name}", why))


def _examine_pod(spec: dict, at: str, verdict: Verdict) -> None:
    for path, value in _walk(spec):
        usual = _DEFAULTS.get(path, _DEFAULTS.get(path.rsplit(".", 1)[-1]))
        if value in (None, False, {}, []) or usual == value:
            continue
        for pattern, why in _POD_REFUSED.items():
            if re.fullmatch(pattern, path):
                verdict.refused.append(forbidden(f"{at}.{path}", why))
        if any(re.fullmatch(pattern, path) for pattern in _POD_WARNED):
            verdict.warnings.append(_no_effect(f"{at}.{path}"))
        if re.fullmatch(rf"{_CONTAINER}\.resources\.limits", path):
            verdict.unbound.append(f"{at}.{path}: {_UNBOUND}")
        if path == "priorityClassName":
            verdict.warnings.append(f"{at}.{path}: {_UNHURRIED}")
        if re.fullmatch(rf"{_CONTAINER}\.securityContext\.privileged", path):
            verdict.warnings.append(f"{at}.{path}: {_PRIVILEGED}")
    _examine_host_spaces(spec, at, verdict)
    _examine_sysctls(spec, at, verdict)
    for index, volume in enumerate(spec.get("volumes", [])):
        for name in sorted(set(volume) - _VOLUMES):
            verdict.refused.append(forbidden(f"{at}.volumes[{index}].{name}", _volume_reason(name)))
    if spec.get("schedulerName", "default-scheduler") != "default-scheduler":
        why = f'scheduler "{spec["schedulerName"]}" {_NOT_HERE}: the pod would stay Pending'
        verdict.warnings.append(f"{at}.schedulerName: {why}")


def _examine_host_spaces(spec: dict, at: str, verdict: Verdict) -> None:
    """With hostNetwork a pod is in its node's network and IPC; a node has no processes of its own."""
    for name in ("hostPID", "hostIPC"):
        if spec.get(name) and not spec.get("hostNetwork"):
            why = f"the node's namespaces are shared in netlab by hostNetwork alone: {name} {_NOT_HERE}"
            verdict.refused.append(forbidden(f"{at}.{name}", why))
    if spec.get("hostPID") and spec.get("hostNetwork"):
        why = "a node of netlab has no processes of its own: the pod sees only its own"
        verdict.warnings.append(f"{at}.hostPID: {why}")


def _examine_sysctls(spec: dict, at: str, verdict: Verdict) -> None:
    """Only what the kernel keeps for each pod, which is what a kubelet takes as safe."""
    for index, one in enumerate((spec.get("securityContext") or {}).get("sysctls") or []):
        where, name = f"{at}.securityContext.sysctls[{index}].name", one.get("name", "").replace("/", ".")
        if name and name not in _SYSCTLS:
            why = f"it is none of a pod's own settings that are safe: {', '.join(sorted(_SYSCTLS))}"
            verdict.refused.append(forbidden(where, why))
        elif name and spec.get("hostNetwork"):
            verdict.refused.append(forbidden(where, "not allowed with hostNet enabled"))


def _volume_reason(name: str) -> str:
    if name == "hostPath":
        return (
            "hostPath is not available in netlab: a node has no files of its own, and it would show the"
            " machine that runs the cluster. To debug a node's network: kubectl debug node/NAME"
            " --profile=netadmin"
        )
    return f"volumes of type {name} are not available in netlab"


def _walk(value, path: str = "") -> Iterator[tuple[str, object]]:
    """Every field below, with its path: `containers[0].image`."""
    if isinstance(value, dict):
        for key, item in value.items():
            here = f"{path}.{key}" if path else key
            yield here, item
            yield from _walk(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")


def _examine_service(obj: dict, verdict: Verdict) -> None:
    spec = obj["spec"]
    if (
        "IPv6" in spec.get("ipFamilies", [])
        or spec.get("ipFamilyPolicy", "SingleStack") == "RequireDualStack"
    ):
        verdict.refused.append(forbidden("spec.ipFamilies", "netlab's cluster speaks IPv4 only"))
    if spec.get("trafficDistribution"):
        verdict.warnings.append(_no_effect("spec.trafficDistribution"))
    for index, port in enumerate(spec.get("ports", [])):
        if port.get("protocol") == "SCTP":
            verdict.refused.append(forbidden(f"spec.ports[{index}].protocol", f"SCTP {_NOT_HERE}"))


def _examine_quota(obj: dict, verdict: Verdict) -> None:
    for key in obj.get("spec", {}).get("hard", {}):
        if counted_resource(key) is None and key not in COMPUTE:
            why = "objects are counted, and CPU and memory that pods ask for"
            verdict.warnings.append(f"spec.hard.{key} has no effect in netlab: {why}")
    for scope in scopes_of(obj):
        if scope not in _SCOPES:
            why = f"scope {scope} {_NOT_HERE}: the quota would count other pods than it says"
            verdict.refused.append(forbidden("spec.scopes", why))
    for one in obj.get("spec", {}).get("scopeSelector", {}).get("matchExpressions", []):
        if one.get("operator") != "Exists":
            why = f"operator {one.get('operator')} of scopes {_NOT_HERE}: Exists is"
            verdict.refused.append(forbidden("spec.scopeSelector", why))


def _examine_limits(obj: dict, verdict: Verdict) -> None:
    for index, item in enumerate(obj.get("spec", {}).get("limits", [])):
        if item.get("type") not in ("Container", "Pod"):
            verdict.warnings.append(f"{_no_effect(f'spec.limits[{index}]')}: only Container and Pod are")


def _examine_definition(obj: dict, verdict: Verdict) -> None:
    conversion = obj["spec"].get("conversion", {})
    if conversion.get("strategy", "None") != "None" or "webhook" in conversion:
        why = f"conversion by webhooks {_NOT_HERE}: versions differ in their schema only"
        verdict.refused.append(forbidden("spec.conversion", why))


def _examine_class(obj: dict, verdict: Verdict) -> None:
    if obj.get("spec", {}).get("parameters"):
        verdict.warnings.append(f"{_no_effect('spec.parameters')}: no controller here reads them")


def _examine_policy(obj: dict, verdict: Verdict) -> None:
    verdict.warnings += cidr_warnings(obj)


def _examine_admission_policy(obj: dict, verdict: Verdict) -> None:
    spec = obj["spec"]
    if spec.get("auditAnnotations"):
        verdict.warnings.append(f"{_no_effect('spec.auditAnnotations')}: {_NO_AUDIT}")
    for index, rule in enumerate(spec["matchConstraints"]["resourceRules"]):
        at = f"spec.matchConstraints.resourceRules[{index}]"
        if "CONNECT" in rule["operations"]:
            verdict.warnings.append(f"{at}.operations: CONNECT has no effect in netlab")
        for text in rule["resources"]:
            subresource = text.partition("/")[2]
            if subresource not in _JUDGED_SUBRESOURCES:
                verdict.warnings.append(f"{at}.resources: {text} has no effect in netlab")


def _examine_admission_binding(obj: dict, verdict: Verdict) -> None:
    if "Audit" in obj["spec"]["validationActions"]:
        verdict.warnings.append(f"spec.validationActions: Audit has no effect in netlab: {_NO_AUDIT}")


def _no_effect(path: str) -> str:
    return f"{path} has no effect in netlab"


_EXAMINERS: dict[str, Callable[[dict, Verdict], None]] = {
    "HorizontalPodAutoscaler": _examine_autoscaler,
    "PersistentVolume": _examine_volume,
    "PersistentVolumeClaim": _examine_claim,
    "StorageClass": _examine_storage_class,
    "CustomResourceDefinition": _examine_definition,
    "IngressClass": _examine_class,
    "LimitRange": _examine_limits,
    "NetworkPolicy": _examine_policy,
    "ResourceQuota": _examine_quota,
    "Service": _examine_service,
    "ValidatingAdmissionPolicy": _examine_admission_policy,
    "ValidatingAdmissionPolicyBinding": _examine_admission_binding,
}
