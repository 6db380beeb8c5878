"""How the cells of a row of `kubectl get` are read off an object, per kind, but for its name and age."""

from netlab.schema.quantities import amount
from netlab.store import clock, selector_of

from . import podstate
from .columns import age, joined
from .selectors import selector_text

Cells = list
_NONE = "<none>"
_UNSET = "<unset>"


def _count(value: int | None) -> int:
    return value or 0


def pod_cells(pod: dict) -> Cells:
    ready, total = podstate.readiness(pod)
    spec, status = pod["spec"], pod.get("status", {})
    gates = spec.get("readinessGates", [])
    true = {one["type"] for one in status.get("conditions", []) if one["status"] == "True"}
    return [
        f"{ready}/{total}",
        podstate.reason(pod),
        podstate.restarts(pod),
        status.get("podIP") or _NONE,
        spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE,
        f"{sum(gate['conditionType'] in true for gate in gates)}/{len(gates)}" if gates else _NONE,
    ]


def service_cells(service: dict) -> Cells:
    spec = service["spec"]
    ports = ",".join(_service_port(port) for port in spec.get("ports", []))
    external = spec.get("externalName") or _external_addresses(service)
    return [
        spec["type"],
        spec.get("clusterIP") or _NONE,
        external,
        ports or _NONE,
        joined(spec.get("selector")),
    ]


def _service_port(port: dict) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port['protocol']}"


def _external_addresses(service: dict) -> str:
    listed = [*service["spec"].get("externalIPs", [])]
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    listed += [entry.get("ip") or entry.get("hostname") for entry in ingress]
    pending = service["spec"]["type"] == "LoadBalancer"
    return ",".join(listed) or ("<pending>" if pending else _NONE)


def _workload_images(obj: dict) -> Cells:
    containers = obj["spec"]["template"]["spec"].get("containers", [])
    selector = selector_of(obj) or {}
    return [
        ",".join(c["name"] for c in containers),
        ",".join(c["image"] for c in containers),
        joined(selector.get("matchLabels")),
    ]


def deployment_cells(obj: dict) -> Cells:
    status = obj.get("status", {})
    return [
        f"{_count(status.get('readyReplicas'))}/{obj['spec']['replicas']}",
        _count(status.get("updatedReplicas")),
        _count(status.get("availableReplicas")),
        *_workload_images(obj),
    ]


def replica_set_cells(obj: dict) -> Cells:
    status = obj.get("status", {})
    counts = [obj["spec"]["replicas"], _count(status.get("replicas")), _count(status.get("readyReplicas"))]
    return [*counts, *_workload_images(obj)]


def daemon_set_cells(obj: dict) -> Cells:
    status = obj.get("status", {})
    fields = (
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
        "numberAvailable",
    )  # fmt: skip
    counts = [_count(status.get(field)) for field in fields]
    node_selector = joined(obj["spec"]["template"]["spec"].get("nodeSelector"))
    return [*counts, node_selector, *_workload_images(obj)]


def job_cells(job: dict) -> Cells:
    spec, status = job["spec"], job.get("status", {})
    wanted = spec.get("completions")
    if wanted is None:
        wanted = f"1 of {spec['parallelism']}" if spec["parallelism"] > 1 else 1
    return [
        _job_state(job),
        f"{_count(status.get('succeeded'))}/{wanted}",
        _job_duration(status),
        *_workload_images(job),
    ]


def _job_state(job: dict) -> str:
    true = [c["type"] for c in job.get("status", {}).get("conditions", []) if c["status"] == "True"]
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((kind for kind in ("Complete", "Failed", "FailureTarget") if kind in true), "Running")


def _job_duration(status: dict) -> str:
    if not status.get("startTime"):
        return ""
    end = status.get("completionTime")
    return clock.between(status["startTime"], end) if end else clock.age(status["startTime"])


def scale_cells(obj: dict) -> Cells:
    return [obj["spec"]["replicas"], obj["status"]["replicas"]]


def stateful_set_cells(obj: dict) -> Cells:
    ready = f"{_count(obj.get('status', {}).get('readyReplicas'))}/{obj['spec']['replicas']}"
    return [ready, *_workload_images(obj)[:2]]


def cron_job_cells(obj: dict) -> Cells:
    spec, status = obj["spec"], obj.get("status", {})
    last = status.get("lastScheduleTime")
    return [
        spec["schedule"],
        spec.get("timeZone") or _NONE,
        str(spec["suspend"]),
        len(status.get("active", [])),
        clock.age(last) if last else _NONE,
        *_workload_images({"kind": "Job", **spec["jobTemplate"]}),
    ]


def claim_cells(obj: dict) -> Cells:
    spec, status, meta = obj["spec"], obj.get("status", {}), obj["metadata"]
    return [
        "Terminating" if meta.get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName", ""),
        status.get("capacity", {}).get("storage", ""),
        _modes(status.get("accessModes")),
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or _UNSET,
        spec["volumeMode"],
    ]


def persistent_volume_cells(obj: dict) -> Cells:
    spec, status, meta = obj["spec"], obj.get("status", {}), obj["metadata"]
    claim = spec.get("claimRef")
    return [
        spec["capacity"].get("storage", ""),
        _modes(spec["accessModes"]),
        spec["persistentVolumeReclaimPolicy"],
        "Terminating" if meta.get("deletionTimestamp") else status.get("phase", ""),
        f"{claim.get('namespace')}/{claim.get('name')}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or _UNSET,
        status.get("reason", ""),
        spec["volumeMode"],
    ]


def _modes(modes: list[str] | None) -> str:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return ",".join(short[mode] for mode in short if mode in (modes or ()))


def storage_class_cells(obj: dict) -> Cells:
    """The whole row: beside its name stands whether it is the default one."""
    meta = obj["metadata"]
    default = meta.get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    facts = [obj[key] for key in ("provisioner", "reclaimPolicy", "volumeBindingMode")]
    named = f"{meta['name']} (default)" if default else meta["name"]
    return [named, *facts, bool(obj.get("allowVolumeExpansion")), age(obj)]


def autoscaler_cells(obj: dict) -> Cells:
    spec, status = obj["spec"], obj.get("status", {})
    reference = spec["scaleTargetRef"]
    known = [_figure(one) for one in status.get("currentMetrics", [])]
    targets = [
        f"{_source(one).get('name')}: {current or '<unknown>'}/{_aim(_source(one).get('target', {}))}"
        for one, current in zip(spec["metrics"], [*known, *[""] * len(spec["metrics"])], strict=False)
    ]
    more = f" + {len(targets) - 2} more..." if len(targets) > 2 else ""
    return [
        f"{reference['kind']}/{reference['name']}",
        ", ".join(targets[:2]) + more,
        str(spec["minReplicas"]),
        spec["maxReplicas"],
        _count(status.get("currentReplicas")),
    ]


def _source(metric: dict) -> dict:
    return metric.get("resource") or metric.get("containerResource") or {}


def _figure(metric: dict) -> str:
    return _aim(_source(metric).get("current", {}))


def _aim(value: dict) -> str:
    share = value.get("averageUtilization")
    return value.get("averageValue", "") if share is None else f"{share}%"


def signing_request_cells(obj: dict) -> Cells:
    spec, status = obj["spec"], obj.get("status", {})
    seconds = spec.get("expirationSeconds")
    kinds = [one["type"] for one in status.get("conditions", [])]
    decided = next((kind for kind in ("Denied", "Approved") if kind in kinds), "Pending")
    states = [decided, *(["Failed"] if "Failed" in kinds else [])]
    states += ["Issued"] if status.get("certificate") else []
    duration = _NONE if seconds is None else clock.span(seconds)
    return [spec["signerName"], spec.get("username", ""), duration, ",".join(states)]


def node_cells(node: dict) -> Cells:
    info = node.get("status", {}).get("nodeInfo", {})
    addresses = {a["type"]: a["address"] for a in node.get("status", {}).get("addresses", [])}
    return [
        _node_status(node),
        _node_roles(node),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", _NONE),
        addresses.get("ExternalIP", _NONE),
        info.get("osImage", "<unknown>"),
        info.get("kernelVersion", "<unknown>"),
        info.get("containerRuntimeVersion", "<unknown>"),
    ]


def _node_status(node: dict) -> str:
    conditions = {c["type"]: c["status"] for c in node.get("status", {}).get("conditions", [])}
    heard = {"True": "Ready", "False": "NotReady", "Unknown": "NotReady"}
    ready = heard.get(conditions.get("Ready", ""), "Unknown")
    return ready + (",SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else "")


def _node_roles(node: dict) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels", {})
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or _NONE


def namespace_cells(namespace: dict) -> Cells:
    return [namespace.get("status", {}).get("phase", "")]


def config_map_cells(obj: dict) -> Cells:
    return [len(obj.get("data", {})) + len(obj.get("binaryData", {}))]


def secret_cells(obj: dict) -> Cells:
    return [obj.get("type", ""), len(obj.get("data", {}))]


def disruption_budget_cells(obj: dict) -> Cells:
    bounds = [str(obj["spec"].get(name, "N/A")) for name in ("minAvailable", "maxUnavailable")]
    allowed = _count(obj.get("status", {}).get("disruptionsAllowed"))
    return [*bounds, allowed]


def priority_class_cells(obj: dict) -> Cells:
    facts = [obj.get("value", 0), bool(obj.get("globalDefault"))]
    return [*facts, obj["preemptionPolicy"]]


def api_service_cells(obj: dict) -> Cells:
    available = obj["status"]["conditions"][0]["status"]
    return ["Local", available]


def pod_metrics_cells(obj: dict) -> Cells:
    return _usage_row(obj, [container["usage"] for container in obj["containers"]])


def node_metrics_cells(obj: dict) -> Cells:
    return _usage_row(obj, [obj["usage"]])


def _usage_row(obj: dict, used: list[dict]) -> Cells:
    millicores = sum(int(amount(one["cpu"]) * 1000) for one in used)
    memory = sum(int(amount(one["memory"])) for one in used)
    return [f"{millicores}m", f"{memory >> 10}Ki", obj["window"]]


def endpoints_cells(obj: dict) -> Cells:
    listed = []
    for subset in obj.get("subsets", []):
        ports = subset.get("ports") or [{}]
        for address in subset.get("addresses", []):
            listed += [_with_port(address["ip"], port.get("port")) for port in ports]
    return [_at_most_three(listed)]


def _with_port(address: str, port: int | None) -> str:
    return f"{address}:{port}" if port else address


def _at_most_three(listed: list[str]) -> str:
    more = f" + {len(listed) - 3} more..." if len(listed) > 3 else ""
    return (",".join(listed[:3]) or _NONE) + more


def endpoint_slice_cells(obj: dict) -> Cells:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or []]
    addresses = [address for endpoint in obj.get("endpoints", []) for address in endpoint["addresses"]]
    return [
        obj["addressType"],
        ",".join(ports) or _UNSET,
        _at_most_three(addresses) if addresses else _UNSET,
    ]


def event_cells(event: dict) -> Cells:
    about = event["involvedObject"]
    source = event.get("source", {})
    first = event.get("firstTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    last = event.get("lastTimestamp") or first
    return [
        clock.age(last),
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        ", ".join(filter(None, (source.get("component"), source.get("host")))),
        (event.get("message") or "").strip(),
        clock.age(first),
        event.get("count", 1),
    ]


def binding_cells(obj: dict) -> Cells:
    subjects = obj.get("subjects") or []

    def of(kind: str) -> str:
        named = [s for s in subjects if s["kind"] == kind]
        return ", ".join("/".join(filter(None, (s.get("namespace"), s["name"]))) for s in named)

    role = f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"
    return [role, of("User"), of("Group"), of("ServiceAccount")]


def lease_cells(obj: dict) -> Cells:
    return [obj.get("spec", {}).get("holderIdentity", "")]


def revision_cells(obj: dict) -> Cells:
    owner = next(iter(obj["metadata"].get("ownerReferences", [])), None)
    name = f"{owner['kind'].lower()}.apps/{owner['name']}" if owner else _NONE
    return [name, obj["revision"]]


def network_policy_cells(obj: dict) -> Cells:
    return [selector_text(obj["spec"]["podSelector"]) or _NONE]


def admission_policy_cells(obj: dict) -> Cells:
    return [len(obj["spec"].get("validations", [])), _UNSET]


def admission_binding_cells(obj: dict) -> Cells:
    return [obj["spec"]["policyName"], _UNSET]


def quota_cells(obj: dict) -> Cells:
    status = obj.get("status", {})
    used = status.get("used", {})
    shown = [f"{key}: {used.get(key, '0')}/{limit}" for key, limit in sorted(status.get("hard", {}).items())]
    requests = [text for text in shown if not text.startswith("limits.")]
    limits = [text for text in shown if text.startswith("limits.")]
    return [", ".join(requests), ", ".join(limits)]


def ingress_cells(ingress: dict) -> Cells:
    spec = ingress.get("spec", {})
    hosts = [rule["host"] for rule in spec.get("rules", []) if rule.get("host")]
    listed = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    told = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    older = ingress["metadata"].get("annotations", {}).get("kubernetes.io/ingress.class")
    return [
        spec.get("ingressClassName") or older or _NONE,
        listed or "*",
        ",".join(one.get("ip") or one.get("hostname", "") for one in told),
        "80, 443" if spec.get("tls") else "80",
    ]


def service_range_cells(one: dict) -> Cells:
    return [",".join(one["spec"]["cidrs"])]


def ingress_class_cells(one: dict) -> Cells:
    told = one["spec"].get("parameters", {})
    kind = ".".join(told[key] for key in ("kind", "apiGroup") if told.get(key))
    parameters = f"{kind}/{told['name']}" if told else _NONE
    return [one["spec"]["controller"], parameters]
