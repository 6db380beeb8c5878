"""What the API server fills in when a document leaves it out.

Users see these values in diff, describe and edit, and the official clients require some of them.
Every function edits its object in place and only adds.
"""

import base64

from netlab.store import containers_of

from .kinds import Kind

_LOG_FILE = "/dev/termination-log"
_UNREACHABLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_RBAC_GROUP = "rbac.authorization.k8s.io"
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def apply_defaults(obj: dict) -> None:
    fill = _BY_KIND.get(obj.get("kind"))
    if fill:
        fill(obj)


def complete(kind: Kind, obj: dict) -> None:
    """The same for any kind: a custom one's defaults stand in its schema."""
    if kind.custom:
        kind.custom.fill(obj)
    else:
        apply_defaults(obj)


def _limit_range(found: dict) -> None:
    """A limit that is the most is the default too, and a default the request."""
    for item in found.get("spec", {}).get("limits", []):
        if item.get("type") == "Container":
            item["default"] = {**item.get("max", {}), **item.get("default", {})}
            asked = {**item.get("min", {}), **item["default"], **item.get("defaultRequest", {})}
            item["defaultRequest"] = asked


def _definition(crd: dict) -> None:
    names = crd["spec"].setdefault("names", {})
    kind = names.get("kind", "")
    _fill(names, singular=kind.lower(), listKind=f"{kind}List")
    _fill(crd["spec"], conversion={"strategy": "None"})


def _fill(target: dict, **values) -> None:
    for key, value in values.items():
        target.setdefault(key, value)


def _pod(pod: dict) -> None:
    spec = pod.setdefault("spec", {})
    _pod_spec(spec)
    _pod_tolerations(spec)
    _fill(spec, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0)
    pod.setdefault("status", {}).setdefault("phase", "Pending")
    pod["status"].setdefault("qosClass", quality_of_service(spec))


def _pod_tolerations(spec: dict) -> None:
    tolerations = spec.setdefault("tolerations", [])
    for key in _UNREACHABLE:
        if not any(
            t.get("key") in (key, None) and t.get("effect") in ("NoExecute", None) for t in tolerations
        ):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )


def quality_of_service(spec: dict) -> str:
    resources = [c.get("resources", {}) for c in spec.get("containers", [])]
    if not any(r.get("limits") or r.get("requests") for r in resources):
        return "BestEffort"
    bounded = all(
        {"cpu", "memory"} <= set(r.get("limits", {})) and r.get("requests", r["limits"]) == r["limits"]
        for r in resources
    )
    return "Guaranteed" if bounded else "Burstable"


def _pod_spec(spec: dict) -> None:
    _fill(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        schedulerName="default-scheduler",
        securityContext={},
    )
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    for container in (*containers_of(spec), *spec.get("ephemeralContainers", [])):
        _container(container)
    for volume in spec.get("volumes", []):
        _volume(volume)


def _container(container: dict) -> None:
    _fill(
        container,
        resources={},
        terminationMessagePath=_LOG_FILE,
        terminationMessagePolicy="File",
        imagePullPolicy=_pull_policy(container.get("image", "")),
    )
    for port in container.get("ports", []):
        port.setdefault("protocol", "TCP")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe])
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict):
            _http_get(hook)
    for variable in container.get("env", []):
        if "fieldRef" in variable.get("valueFrom", {}):
            variable["valueFrom"]["fieldRef"].setdefault("apiVersion", "v1")
    limits = container["resources"].get("limits", {})
    if limits:
        container["resources"]["requests"] = {**limits, **container["resources"].get("requests", {})}


def _pull_policy(image: str) -> str:
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    return "Always" if tag in ("", "latest") and "@" not in image else "IfNotPresent"


def _probe(probe: dict) -> None:
    _fill(probe, **_PROBE)
    _http_get(probe)


def _http_get(handler: dict) -> None:
    if "httpGet" in handler:
        _fill(handler["httpGet"], path="/", scheme="HTTP")


def _volume(volume: dict) -> None:
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}
    for kind in ("configMap", "secret", "projected", "downwardAPI"):
        if kind in volume:
            volume[kind].setdefault("defaultMode", 0o644)
    for source in volume.get("projected", {}).get("sources", []):
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
    for source in (volume.get("downwardAPI", {}), *volume.get("projected", {}).get("sources", [])):
        for item in (source.get("downwardAPI", source)).get("items", []):
            if "fieldRef" in item:
                item["fieldRef"].setdefault("apiVersion", "v1")


def _template(spec: dict) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    _pod_spec(template.setdefault("spec", {}))


def _strategy(spec: dict, name: str, **rolling) -> None:
    strategy = spec.setdefault(name, {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), **rolling)


def _deployment(deployment: dict) -> None:
    spec = deployment.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    _strategy(spec, "strategy", maxUnavailable="25%", maxSurge="25%")
    _template(spec)


def _replica_set(replica_set: dict) -> None:
    replica_set.setdefault("spec", {}).setdefault("replicas", 1)
    _template(replica_set["spec"])


def _replication_controller(controller: dict) -> None:
    _replica_set(controller)
    labels = controller["spec"]["template"]["metadata"].get("labels")
    if labels:
        controller["spec"].setdefault("selector", dict(labels))
        controller["metadata"].setdefault("labels", dict(labels))


def _priority_class(found: dict) -> None:
    found.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _daemon_set(daemon_set: dict) -> None:
    spec = daemon_set.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    _strategy(spec, "updateStrategy", maxSurge=0, maxUnavailable=1)
    _template(spec)


def _job(job: dict) -> None:
    spec = job.setdefault("spec", {})
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    _fill(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    _fill(spec, podReplacementPolicy="TerminatingOrFailed")
    _template(spec)


def _stateful_set(found: dict) -> None:
    spec = found.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    _strategy(spec, "updateStrategy", partition=0)
    kept = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    _fill(kept, whenDeleted="Retain", whenScaled="Retain")
    _template(spec)
    for claim in spec.get("volumeClaimTemplates", []):
        _fill(claim, apiVersion="v1", kind="PersistentVolumeClaim")
        _claim(claim)


def _cron_job(found: dict) -> None:
    spec = found.setdefault("spec", {})
    _fill(
        spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1
    )
    _template(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


def _autoscaler(found: dict) -> None:
    spec = found.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        aim = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": aim}}]


def _claim(claim: dict) -> None:
    claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    claim.setdefault("status", {}).setdefault("phase", "Pending")


def _persistent_volume(volume: dict) -> None:
    spec = volume.setdefault("spec", {})
    _fill(spec, volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
    volume.setdefault("status", {}).setdefault("phase", "Pending")


def _storage_class(found: dict) -> None:
    _fill(found, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _service(service: dict) -> None:
    spec = service.setdefault("spec", {})
    _fill(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] == "ExternalName":
        return
    _fill(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["sessionAffinity"] == "ClientIP":
        affinity = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        affinity.setdefault("timeoutSeconds", 10800)
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        if "port" in port:
            port.setdefault("targetPort", port["port"])
    service.setdefault("status", {}).setdefault("loadBalancer", {})


def _namespace(namespace: dict) -> None:
    meta = namespace["metadata"]
    if meta.get("name"):
        meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta["name"]
    namespace.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    namespace.setdefault("status", {}).setdefault("phase", "Active")


def _secret(secret: dict) -> None:
    secret.setdefault("type", "Opaque")
    written = secret.pop("stringData", {})  # write-only: it is never stored as such
    if written:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in written.items()}
        secret["data"] = {**secret.get("data", {}), **encoded}


def _binding(binding: dict) -> None:
    binding.get("roleRef", {}).setdefault("apiGroup", _RBAC_GROUP)
    for subject in binding.get("subjects", []):
        if subject.get("kind") != "ServiceAccount":
            subject.setdefault("apiGroup", _RBAC_GROUP)


def _endpoints(endpoints: dict) -> None:
    for subset in endpoints.get("subsets", []):
        for port in subset.get("ports", []):
            port.setdefault("protocol", "TCP")


def _endpoint_slice(endpoint_slice: dict) -> None:
    endpoint_slice.setdefault("endpoints", [])
    for port in endpoint_slice.get("ports", []):
        _fill(port, name="", protocol="TCP")


def _network_policy(policy: dict) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
        for port in rule.get("ports", []):
            port.setdefault("protocol", "TCP")


def _admission_policy(policy: dict) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    _matching(spec.get("matchConstraints"))


def _admission_binding(binding: dict) -> None:
    _matching(binding.get("spec", {}).get("matchResources"))


def _matching(wanted: dict | None) -> None:
    if wanted is None:
        return
    _fill(wanted, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
    for rule in (*wanted.get("resourceRules", []), *wanted.get("excludeResourceRules", [])):
        rule.setdefault("scope", "*")


def _event(event: dict) -> None:
    _fill(event, source={}, reportingComponent="", reportingInstance="")


_BY_KIND = {
    "CronJob": _cron_job,
    "HorizontalPodAutoscaler": _autoscaler,
    "PersistentVolume": _persistent_volume,
    "PersistentVolumeClaim": _claim,
    "StatefulSet": _stateful_set,
    "StorageClass": _storage_class,
    "ClusterRoleBinding": _binding,
    "CustomResourceDefinition": _definition,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "EndpointSlice": _endpoint_slice,
    "Endpoints": _endpoints,
    "Event": _event,
    "Job": _job,
    "LimitRange": _limit_range,
    "Namespace": _namespace,
    "NetworkPolicy": _network_policy,
    "Pod": _pod,
    "PriorityClass": _priority_class,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replication_controller,
    "RoleBinding": _binding,
    "Secret": _secret,
    "Service": _service,
    "ValidatingAdmissionPolicy": _admission_policy,
    "ValidatingAdmissionPolicyBinding": _admission_binding,
}
