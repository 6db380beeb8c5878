"""What makes an object invalid (422), beyond its shape: required values, names, references, immutables."""

import ipaddress
import re
from dataclasses import replace

from netlab.store import selector_of

from . import names
from .balancerrules import check_balancer
from .causes import (
    Cause,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_negative,
    one_of,
    required,
    unsupported,
)
from .celpolicy import check_policy_binding, check_validating_policy
from .crdrules import check_definition, definition_update
from .definitions import resolve, type_of
from .ingressrules import check_class, check_ingress, class_update
from .kinds import Kind
from .podrules import check_pod_spec, check_pod_update, port_number
from .policyrules import check_policy
from .priorities import HIGHEST_PRIORITY, SYSTEM_PRIORITIES
from .scalingrules import check_autoscaler, check_cron_job
from .signingrules import check_signing_request, signing_request_update
from .storagerules import check_claim, check_volume, claim_update, volume_update
from .storagerules import check_class as check_storage_class
from .storagerules import class_update as storage_class_update

# Inside these the system writes; what a user must give stands elsewhere.
_JOB_NUMBERS = (
    "completions", "parallelism", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished",
)  # fmt: skip
_NOT_REQUIRED_OF_USERS = {"status", "managedFields"}


def check(kind: Kind, obj: dict, old: dict | None = None) -> list[Cause]:
    found = _check_metadata(kind, obj)
    if kind.custom:
        return found + kind.custom.check(obj, old)
    rules = _RULES.get(kind.name)
    found += rules(obj) if rules else []
    told = {cause.field for cause in found}
    missing = _missing(obj, kind.root, "")
    return found + [cause for cause in missing if cause.field not in told]


def check_create(kind: Kind, obj: dict) -> list[Cause]:
    """What may come later, but not with the object."""
    if kind.custom:
        return []
    if kind.name == "Pod" and obj["spec"].get("ephemeralContainers"):
        return [forbidden("spec.ephemeralContainers", "cannot be set on create")]
    if kind.name == "Job" and not obj["spec"].get("manualSelector"):
        return _check_generated(obj["spec"].get("selector"), obj["metadata"].get("uid"))
    return []


def _check_generated(selector: dict | None, uid: str | None) -> list[Cause]:
    if selector == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}:
        return []
    return [invalid("spec.selector", selector, "`selector` not auto-generated")]


def check_update(kind: Kind, new: dict, old: dict) -> list[Cause]:
    if kind.custom:
        return []
    rules = _UPDATE_RULES.get(kind.name)
    return rules(new, old) if rules else []


def _check_metadata(kind: Kind, obj: dict) -> list[Cause]:
    meta = obj["metadata"]
    name = meta.get("name") or (meta["generateName"] + "x" if meta.get("generateName") else "")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    found = names.object_name("" if kind.custom else kind.name, name)
    found += names.labels("metadata.labels", meta.get("labels", {}))
    return found + names.qualified_keys("metadata.annotations", meta.get("annotations", {}))


def _missing(value, schema: dict, path: str) -> list[Cause]:
    """Fields the schema requires and the document lacks."""
    _, schema = resolve(schema)
    if isinstance(value, list) and "items" in schema:
        each = [_missing(item, schema["items"], f"{path}[{i}]") for i, item in enumerate(value)]
        return [cause for causes in each for cause in causes]
    if not isinstance(value, dict) or type_of(schema) != "object":
        return []
    properties = schema.get("properties", {})
    prefix = f"{path}." if path else ""
    found = [required(prefix + name) for name in schema.get("required", []) if value.get(name) is None]
    for name, item in value.items():
        if name in properties and name not in _NOT_REQUIRED_OF_USERS:
            found += _missing(item, properties[name], prefix + name)
    return found


def _check_workload(obj: dict) -> list[Cause]:
    spec = obj["spec"]
    found = not_negative("spec.replicas", spec.get("replicas", 0))
    selector = selector_of(obj)
    template_labels = spec["template"]["metadata"].get("labels", {})
    if selector is None:
        found.append(required("spec.selector"))
    elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
        detail = f"empty selector is invalid for {obj['kind'][0].lower()}{obj['kind'][1:]}"
        found.append(invalid("spec.selector", selector, detail))
    elif any(template_labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        detail = "`selector` does not match template `labels`"
        found.append(invalid("spec.template.metadata.labels", template_labels, detail))
    found += names.labels("spec.template.metadata.labels", template_labels)
    found += _check_pace(spec)
    claimed = [one.get("metadata", {}) for one in spec.get("volumeClaimTemplates", [])]
    where = "spec.template.spec"
    return found + check_pod_spec(spec["template"]["spec"], where, restart=["Always"], claimed=claimed)


def _check_stateful_set(obj: dict) -> list[Cause]:
    spec, found = obj["spec"], _check_workload(obj)
    for name, known in (
        ("podManagementPolicy", ["OrderedReady", "Parallel"]),
        ("updateStrategy.type", ["OnDelete", "RollingUpdate"]),
        ("persistentVolumeClaimRetentionPolicy.whenDeleted", ["Delete", "Retain"]),
        ("persistentVolumeClaimRetentionPolicy.whenScaled", ["Delete", "Retain"]),
    ):
        value = spec
        for key in name.split("."):
            value = value.get(key, {})
        found += one_of(f"spec.{name}", value, known)
    for index, claim in enumerate(spec.get("volumeClaimTemplates", [])):
        where = f"spec.volumeClaimTemplates[{index}]"
        if not claim.get("metadata", {}).get("name"):
            found.append(required(f"{where}.metadata.name"))
        found += check_claim(claim, f"{where}.spec")
    return found


def _stateful_set_update(new: dict, old: dict) -> list[Cause]:
    free = (
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    )  # fmt: skip
    kept = [{key: value for key, value in one["spec"].items() if key not in free} for one in (new, old)]
    if kept[0] == kept[1]:
        return []
    named = "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit',"
    rest = "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
    return [
        forbidden("spec", f"updates to statefulset spec for fields other than {named} {rest} are forbidden")
    ]


def _check_cron_job(obj: dict) -> list[Cause]:
    work = {"spec": obj["spec"]["jobTemplate"]["spec"]}
    inside = [replace(cause, field=f"spec.jobTemplate.{cause.field}") for cause in _check_job(work)]
    return check_cron_job(obj) + inside


def _check_budget(obj: dict) -> list[Cause]:
    spec = obj.get("spec", {})
    if "minAvailable" in spec and "maxUnavailable" in spec:
        return [invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")]
    found = []
    for name in ("minAvailable", "maxUnavailable"):
        found += _check_pods(f"spec.{name}", spec.get(name, 0))
    if policy := spec.get("unhealthyPodEvictionPolicy"):
        found += one_of("spec.unhealthyPodEvictionPolicy", policy, ["AlwaysAllow", "IfHealthyBudget"])
    return found


def _check_pods(field: str, value: int | str) -> list[Cause]:
    """A number of pods, or a percentage."""
    if isinstance(value, int):
        return not_negative(field, value)
    if re.fullmatch(r"[0-9]+%", value):
        return []
    detail = "a valid percent string must be a numeric string followed by an ending '%'"
    return [invalid(field, value, f"{detail} (e.g. '1%',  or '93%')")]


def _check_priority(obj: dict) -> list[Cause]:
    if obj.get("value", 0) <= HIGHEST_PRIORITY or obj["metadata"].get("name") in SYSTEM_PRIORITIES:
        return []
    detail = f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}"
    return [forbidden("value", detail)]


def _priority_update(new: dict, old: dict) -> list[Cause]:
    return immutable("value", new.get("value"), old.get("value"))


def _check_job(obj: dict) -> list[Cause]:
    spec, template = obj["spec"], obj["spec"]["template"]["spec"]
    found = [cause for name in _JOB_NUMBERS for cause in not_negative(f"spec.{name}", spec.get(name, 0))]
    if template.get("restartPolicy") not in ("OnFailure", "Never"):
        allowed = 'valid values: "OnFailure", "Never"'
        return [*found, required("spec.template.spec.restartPolicy", allowed)]
    return found + check_pod_spec(template, "spec.template.spec")


def _job_update(new: dict, old: dict) -> list[Cause]:
    fixed = ("completions", "selector", "template")
    causes = [immutable(f"spec.{name}", new["spec"].get(name), old["spec"].get(name)) for name in fixed]
    return [cause for one in causes for cause in one]


def _check_pace(spec: dict) -> list[Cause]:
    """maxSurge, maxUnavailable and partition."""
    found = []
    for strategy in ("strategy", "updateStrategy"):
        for name, value in spec.get(strategy, {}).get("rollingUpdate", {}).items():
            found += _check_pods(f"spec.{strategy}.rollingUpdate.{name}", value)
    return found


def _check_service(obj: dict) -> list[Cause]:
    spec = obj["spec"]
    types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
    if spec["type"] not in types:
        return [unsupported("spec.type", spec["type"], types)]
    if spec["type"] == "ExternalName":
        return [] if spec.get("externalName") else [required("spec.externalName")]
    found, ports = [], spec.get("ports", [])
    if not ports and spec.get("clusterIP") != "None":
        found.append(required("spec.ports"))
    for index, port in enumerate(ports):
        found += _check_service_port(port, f"spec.ports[{index}]", several=len(ports) > 1)
    found += _check_port_names(ports)
    found += one_of("spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"])
    return found + _check_cluster_ip(spec.get("clusterIP")) + check_balancer(spec)


def _check_service_port(port: dict, where: str, *, several: bool) -> list[Cause]:
    if "port" not in port:
        return [required(f"{where}.port")]
    found = port_number(f"{where}.port", port["port"])
    if several and not port.get("name"):
        found.append(required(f"{where}.name"))
    if isinstance(port.get("targetPort"), int):
        found += port_number(f"{where}.targetPort", port["targetPort"])
    return found + one_of(f"{where}.protocol", port.get("protocol"), ["TCP", "UDP", "SCTP"])


def _check_port_names(ports: list[dict]) -> list[Cause]:
    found, seen = [], set()
    for index, port in enumerate(ports):
        key = (port.get("port"), port.get("protocol"))
        if key in seen:
            value = {"port": port.get("port"), "protocol": port.get("protocol")}
            found.append(duplicate(f"spec.ports[{index}]", value))
        seen.add(key)
        if port.get("name") and [p.get("name") for p in ports[:index]].count(port["name"]):
            found.append(duplicate(f"spec.ports[{index}].name", port["name"]))
    return found


def _check_cluster_ip(address: str | None) -> list[Cause]:
    if not address or address == "None":
        return []
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return [invalid("spec.clusterIPs[0]", address, "must be a valid IPv4 address (e.g. 10.96.0.10)")]
    return []


def _check_rules(obj: dict) -> list[Cause]:
    found = []
    if "aggregationRule" in obj and not obj["aggregationRule"].get("clusterRoleSelectors"):
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        found.append(required("aggregationRule.clusterRoleSelectors", detail))
    for index, rule in enumerate(obj.get("rules", [])):
        if not rule.get("verbs"):
            found.append(required(f"rules[{index}].verbs", "verbs must contain at least one value"))
        if not rule.get("resources") and not rule.get("nonResourceURLs"):
            detail = "resource rules must supply at least one resource"
            found.append(required(f"rules[{index}].resources", detail))
        elif rule.get("resources") and not rule.get("apiGroups"):
            detail = "resource rules must supply at least one api group"
            found.append(required(f"rules[{index}].apiGroups", detail))
    return found


def _check_binding(obj: dict) -> list[Cause]:
    role = obj.get("roleRef", {})
    allowed = ["ClusterRole"] if obj["kind"] == "ClusterRoleBinding" else ["ClusterRole", "Role"]
    found = one_of("roleRef.kind", role.get("kind", ""), allowed)
    if not role.get("name"):
        found.append(required("roleRef.name"))
    for index, subject in enumerate(obj.get("subjects", [])):
        where = f"subjects[{index}]"
        found += one_of(f"{where}.kind", subject.get("kind", ""), ["Group", "ServiceAccount", "User"])
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            found.append(required(f"{where}.namespace"))
    return found


def _workload_update(new: dict, old: dict) -> list[Cause]:
    return immutable("spec.selector", new["spec"].get("selector"), old["spec"].get("selector"))


def _service_update(new: dict, old: dict) -> list[Cause]:
    changes_type = "ExternalName" in (new["spec"]["type"], old["spec"]["type"])
    address, was = new["spec"].get("clusterIP"), old["spec"].get("clusterIP")
    if changes_type or address == was:
        return []
    return [invalid("spec.clusterIPs[0]", [address], "may not change once set")]


def _binding_update(new: dict, old: dict) -> list[Cause]:
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [invalid("roleRef", new.get("roleRef"), "cannot change roleRef")]


def _data_update(new: dict, old: dict) -> list[Cause]:
    if old.get("immutable") and any(
        new.get(key) != old.get(key) for key in ("data", "binaryData", "immutable")
    ):
        return [forbidden("data", "field is immutable when `immutable` is set")]
    return immutable("type", new.get("type"), old.get("type"))


def _check_pod(obj: dict) -> list[Cause]:
    return check_pod_spec(obj["spec"])


_RULES = {
    "CertificateSigningRequest": check_signing_request,
    "CronJob": _check_cron_job,
    "HorizontalPodAutoscaler": check_autoscaler,
    "PersistentVolume": check_volume,
    "PersistentVolumeClaim": check_claim,
    "StatefulSet": _check_stateful_set,
    "StorageClass": check_storage_class,
    "ClusterRole": _check_rules,
    "ClusterRoleBinding": _check_binding,
    "CustomResourceDefinition": check_definition,
    "DaemonSet": _check_workload,
    "Deployment": _check_workload,
    "Ingress": check_ingress,
    "IngressClass": check_class,
    "Job": _check_job,
    "NetworkPolicy": check_policy,
    "Pod": _check_pod,
    "PodDisruptionBudget": _check_budget,
    "PriorityClass": _check_priority,
    "ReplicaSet": _check_workload,
    "ReplicationController": _check_workload,
    "Role": _check_rules,
    "RoleBinding": _check_binding,
    "Service": _check_service,
    "ValidatingAdmissionPolicy": check_validating_policy,
    "ValidatingAdmissionPolicyBinding": check_policy_binding,
}
_UPDATE_RULES = {
    "CertificateSigningRequest": signing_request_update,
    "PersistentVolume": volume_update,
    "PersistentVolumeClaim": claim_update,
    "StatefulSet": _stateful_set_update,
    "StorageClass": storage_class_update,
    "ClusterRoleBinding": _binding_update,
    "ConfigMap": _data_update,
    "CustomResourceDefinition": definition_update,
    "DaemonSet": _workload_update,
    "Deployment": _workload_update,
    "IngressClass": class_update,
    "Job": _job_update,
    "Pod": check_pod_update,
    "PriorityClass": _priority_update,
    "ReplicaSet": _workload_update,
    "RoleBinding": _binding_update,
    "Secret": _data_update,
    "Service": _service_update,
}
