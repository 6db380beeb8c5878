"""The way of a write: decode strictly, complete, check, store. Shared by create, update and every patch."""

from netlab.schema import conversions, fields, ownership, rules
from netlab.schema.decode import WrongType, conform
from netlab.schema.defaults import complete
from netlab.schema.kinds import Kind
from netlab.schema.podrules import check_ephemeral_update
from netlab.store import Store, clone

from . import addresses, admission, csr, status, validating
from .request import Call

_SERVER_SETS = ("managedFields", "selfLink", "uid")


def decode(call: Call, document: dict, kind: Kind | None = None) -> dict:
    """The document as an object of the kind in its stored form, without unknown fields. Raises ApiError."""
    kind = kind or call.kind
    _check_type(kind, document)
    try:
        known, found = _conformed(kind, document)
    except WrongType as error:
        raise status.bad_request(f"{_cannot_handle(kind)}: {error}") from error
    problems = list(dict.fromkeys(found))
    if problems and call.validation == "Strict":
        raise status.bad_request(f"{_cannot_handle(kind)}: strict decoding error: {', '.join(problems)}")
    if call.validation == "Warn":
        call.warnings.extend(problems)
    obj = {"apiVersion": kind.api_version, "kind": kind.name, **known}
    obj.setdefault("metadata", {})
    return conversions.to_stored(kind, obj)


def _conformed(kind: Kind, document: dict) -> tuple[dict, list[str]]:
    if kind.custom:
        return kind.custom.conform(document)
    conformed = conform(document, kind.root)
    return conformed.object, conformed.problems


def _cannot_handle(kind: Kind) -> str:
    return f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}'


def _check_type(kind: Kind, document: dict) -> None:
    """apiVersion and kind may be left out, but not contradict the path."""
    sent = (document.get("apiVersion") or kind.api_version, document.get("kind") or kind.name)
    if sent != (kind.api_version, kind.name):
        wanted = f"{kind.api_version}, Kind={kind.name}"
        raise status.bad_request(
            f"the object provided is unrecognized: it is {sent[0]}, Kind={sent[1]}, the path wants {wanted}"
        )


def create(store: Store, call: Call, obj: dict, *, applied: bool = False) -> dict:
    """Store a decoded object. Raises ApiError, StoreError."""
    kind, meta = conversions.stored_kind(call.kind), obj["metadata"]
    _settle_namespace(call, meta)
    for name in _SERVER_SETS:
        meta.pop(name, None)
    if _has_status(kind) and kind.resource != "nodes":  # a kubelet registers its node with its status
        obj.pop("status", None)
    if kind.name == csr.KIND:
        csr.sign_in(call, obj)
    note_owner = ownership.record_apply_of_new if applied else _record_new
    note_owner(obj, kind, call.manager)
    admission.admit_new(store, kind, obj)
    _check(store, call, obj, [*rules.check(kind, obj), *rules.check_create(kind, obj)])
    return store.create(kind.stored_as, obj, dry_run=call.dry_run, uid=meta.get("uid"))


def _record_new(obj: dict, kind: Kind, manager: str) -> None:
    ownership.record_update(obj, None, kind, manager)


def update(store: Store, call: Call, new: dict, old: dict, *, track: bool = True) -> dict:
    """Replace `old` by a decoded object; its status is not touched here. Raises ApiError, StoreError."""
    kind = conversions.stored_kind(call.kind)
    _settle_namespace(call, new["metadata"])
    check_name(call, new)
    store.check_precondition(kind.stored_as, new)  # a stale write is told so, whatever else is wrong with it
    if _has_status(kind):
        _copy_field(new, old, "status")
    _keep_assigned(kind, new, old)
    if track:
        ownership.record_update(new, old, kind, call.manager)
    complete(kind, new)
    fixed = rules.check_update(kind, new, old)
    if kind.resource == "services" and not fixed:
        addresses.assign(store, kind, new)
    _check(store, call, new, [*rules.check(kind, new, old), *fixed], old)
    return store.update(kind.stored_as, new, dry_run=call.dry_run)


def update_status(
    store: Store, call: Call, new: dict, old: dict, copied=("annotations", "labels", "resourceVersion")
) -> dict:
    """Store the status of `new` and what is copied of its metadata, leaving everything else as it is."""
    result = clone(old)
    _copy_field(result, new, "status")
    for name in copied:
        if name in new["metadata"]:
            result["metadata"][name] = new["metadata"][name]
    if call.kind.custom and (causes := call.kind.custom.check(result, old)):
        raise status.invalid(call.kind, call.name, causes)
    judge(store, call, result, old)
    return store.update(call.kind.stored_as, result, dry_run=call.dry_run)


def update_signing(store: Store, call: Call, new: dict, old: dict) -> dict:
    """Store what an approval, or a signer's status, may change of a request. Raises ApiError."""
    result = csr.judged(call, new, old)
    _copy_field(result["metadata"], new["metadata"], "resourceVersion")
    causes = [*rules.check(call.kind, result), *rules.check_update(call.kind, result, old)]
    _check(store, call, result, causes, old)
    return store.update(call.kind.stored_as, result, dry_run=call.dry_run)


def update_ephemeral(store: Store, call: Call, new: dict, old: dict) -> dict:
    """Store the ephemeral containers of `new`, leaving everything else of the pod. Raises ApiError."""
    check_name(call, new)
    result = clone(old)
    result["spec"]["ephemeralContainers"] = clone(new.get("spec", {}).get("ephemeralContainers", []))
    complete(call.kind, result)
    _copy_field(result["metadata"], new["metadata"], "resourceVersion")
    _check(store, call, result, [*rules.check(call.kind, result), *check_ephemeral_update(result, old)], old)
    return store.update("pods", result, dry_run=call.dry_run)


def judge(store: Store, call: Call, new: dict | None, old: dict | None) -> None:
    """Ask the admission policies. Raises ApiError when one denies."""
    write = validating.write_of(call, _shown(call, new), _shown(call, old))
    call.warnings.extend(validating.judge(store, write))


def _shown(call: Call, obj: dict | None) -> dict | None:
    """As the request's kind has it; a Scale stays what it is."""
    return conversions.from_stored(call.kind, obj) if obj and obj["kind"] == call.kind.name else obj


def _has_status(kind: Kind) -> bool:
    return any(sub.name == "status" for sub in kind.subresources)


def _copy_field(target: dict, source: dict, name: str) -> None:
    target.pop(name, None)
    if name in source:
        target[name] = clone(source[name])


def _settle_namespace(call: Call, meta: dict) -> None:
    if not call.kind.namespaced:
        meta.pop("namespace", None)
        return
    if meta.get("namespace", call.namespace) != call.namespace:
        sent = f"({meta['namespace']}) does not match the namespace sent on the request ({call.namespace})"
        raise status.bad_request(f"the namespace of the provided object {sent}")
    meta["namespace"] = call.namespace


def check_name(call: Call, obj: dict) -> None:
    """The object's name is the one of the path; filled in when left out. Raises ApiError."""
    name = obj["metadata"].setdefault("name", call.name)
    if name != call.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        raise status.bad_request(message)


def _keep_assigned(kind: Kind, new: dict, old: dict) -> None:
    """What the cluster assigned stays when a replacement leaves it out."""
    if kind.name == csr.KIND:
        new["spec"] = clone(old["spec"])
    if kind.resource != "services" or new.get("spec", {}).get("type") == "ExternalName":
        return
    if old["spec"]["type"] == "LoadBalancer" != new.get("spec", {}).get("type"):
        for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if new["spec"].get(name) == old["spec"].get(name):
                new["spec"].pop(name, None)
    for name in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
        if not new.get("spec", {}).get(name) and old["spec"].get(name):
            new["spec"][name] = old["spec"][name]
    node_ports = {(p["port"], p["protocol"]): p.get("nodePort") for p in old["spec"].get("ports", [])}
    for port in new.get("spec", {}).get("ports", []):
        known = node_ports.get((port.get("port"), port.get("protocol", "TCP")))
        if known:
            port.setdefault("nodePort", known)


def _check(store: Store, call: Call, obj: dict, causes: list, old: dict | None = None) -> None:
    if causes:
        raise status.invalid(call.kind, obj["metadata"].get("name", ""), causes)
    judge(store, call, obj, old)
    verdict = fields.examine(conversions.stored_kind(call.kind), obj, old)
    if verdict.refused:
        raise status.invalid(call.kind, obj["metadata"].get("name", ""), verdict.refused)
    call.warnings.extend(verdict.warnings)
    if verdict.unbound and not _have_cgroups(store.list("nodes")):
        call.warnings.extend(verdict.unbound)


def _have_cgroups(nodes: list[dict]) -> bool:
    """All nodes are on one machine: it has them or has not."""
    told = [node["metadata"].get("annotations", {}).get(fields.LIMITS_ANNOTATION, "") for node in nodes]
    return any(text.startswith("cgroup") for text in told)
