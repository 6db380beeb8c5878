"""The paths below an object: status, scale, log, exec, attach, port-forward, eviction, token and others."""

from functools import partial

from aiohttp import web

from netlab.controllers import disruption
from netlab.controllers.tokens import ISSUER, TokenAuthority
from netlab.node.runtime import Runtime
from netlab.schema import conversions
from netlab.schema.causes import invalid
from netlab.schema.kinds import Kind
from netlab.store import Conflict, Store, clock, clone, has_ended

from . import (
    bodies,
    csr,
    logs,
    nodeproxy,
    patching,
    portforward,
    proxying,
    selectors,
    spdystreams,
    status,
    streams,
    writing,
)
from .rbac import Authorizer
from .rendering import Renderer, json_response
from .request import Call

_SCALE = Kind("Scale", "scales", "autoscaling")
_EVICTION = Kind("Eviction", "evictions", "policy")
_BINDING = Kind("Binding", "bindings")
_TOKEN_REQUEST = Kind("TokenRequest", "tokenrequests", "authentication.k8s.io")
_SHORTEST_TOKEN = 600
_AT_THE_KUBELET = ("log", "exec", "attach", "portforward")


class Subresources:
    def __init__(self, store: Store, runtime: Runtime, tokens: TokenAuthority, authorizer: Authorizer):
        self._store, self._runtime, self._tokens = store, runtime, tokens
        self._authorizer = authorizer

    async def serve(self, call: Call) -> web.StreamResponse:
        """Raises ApiError, StoreError."""
        if call.subresource == "proxy" and call.kind.name == "Node":
            return nodeproxy.serve(self._store, self._runtime, call)
        if call.subresource == "proxy":
            return await proxying.serve(self._store, self._runtime, call)
        live = self._store.get(call.kind.stored_as, call.namespace, call.name)
        if call.subresource in _AT_THE_KUBELET:
            self._check_reachable(call, live)
        handler = getattr(self, f"_{call.subresource}")
        return await handler(call, live)

    def _check_reachable(self, call: Call, pod: dict) -> None:
        if why := self._runtime.unreachable(pod):
            address = why.split()[2].removesuffix(":")
            path = f"{call.namespace}/{call.name}/{streams.container_of(call, pod)}"
            log = f'Get "https://{address}/containerLogs/{path}"'
            doing = log if call.subresource == "log" else "error dialing backend"
            raise status.ApiError(500, "InternalError", f"{doing}: {why}")

    async def _status(self, call: Call, live: dict) -> web.Response:
        if call.verb == "get":
            return self._answer(call, live)
        if call.kind.name == csr.KIND:
            csr.require_signer(self._authorizer, call, live)
            new = writing.decode(call, await self._written(call, live, call.kind))
            return self._answer(call, writing.update_signing(self._store, call, new, live))
        if call.verb == "patch" and bodies.media_type(call.http) == patching.APPLY:
            return self._answer(call, await self._applied_status(call, live))
        new = writing.decode(call, await self._written(call, live, call.kind))
        return self._answer(call, writing.update_status(self._store, call, new, live))

    _approval = _status  # of CertificateSigningRequests

    async def _applied_status(self, call: Call, live: dict) -> dict:
        """Server-side apply: only the status of what is sent counts, its lists are merged by their keys."""
        patching.require_manager(call.http)
        sent = writing.decode(call, await bodies.read_object(call.http))
        writing.check_name(call, sent)
        config = {"metadata": {}, "status": sent.get("status", {})}
        kind, force = conversions.stored_kind(call.kind), call.flag("force")
        new = patching.applied(live, config, kind, call.manager, force=force, subresource="status")
        return writing.update_status(self._store, call, new, live, copied=("managedFields",))

    async def _finalize(self, call: Call, live: dict) -> web.Response:
        """Namespaces only: replace spec.finalizers."""
        new = writing.decode(call, await bodies.read_object(call.http))
        changed = clone(live)
        changed["spec"]["finalizers"] = new.get("spec", {}).get("finalizers", [])
        return self._answer(call, self._store.update("namespaces", changed, dry_run=call.dry_run))

    async def _written(self, call: Call, live: dict, kind: Kind) -> dict:
        """The whole document a PUT or PATCH leads to."""
        if call.verb == "update":
            return await bodies.read_object(call.http)
        media, patch = await patching.read(call.http)
        if media == patching.APPLY:
            media = patching.MERGE_PATCH
        return patching.patched(media, patch, conversions.from_stored(kind, live), kind)

    async def _scale(self, call: Call, live: dict) -> web.Response:
        present = _scale_of(call.kind, live)
        if call.verb == "get":
            return json_response(Renderer(_SCALE, call.http).object(present))
        wanted = writing.decode(call, await self._written(call, present, _SCALE), _SCALE)
        replicas = wanted.get("spec", {}).get("replicas", 0)
        if replicas < 0:
            cause = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
            raise status.invalid(_SCALE, call.name, [cause])
        named = {**wanted, "metadata": {**present["metadata"], **wanted["metadata"]}}
        writing.judge(self._store, call, named, present)
        changed = clone(live)
        _put_at(changed, _scale_path(call.kind, "specReplicasPath", ".spec.replicas"), replicas)
        if wanted["metadata"].get("resourceVersion"):
            changed["metadata"]["resourceVersion"] = wanted["metadata"]["resourceVersion"]
        return json_response(
            _scale_of(call.kind, self._store.update(call.kind.stored_as, changed, dry_run=call.dry_run))
        )

    async def _ephemeralcontainers(self, call: Call, live: dict) -> web.Response:
        if call.verb == "get":
            return self._answer(call, live)
        new = writing.decode(call, await self._written(call, live, call.kind))
        return self._answer(call, writing.update_ephemeral(self._store, call, new, live))

    async def _log(self, call: Call, live: dict) -> web.StreamResponse:
        return await logs.serve(self._runtime, call, live)

    async def _exec(self, call: Call, live: dict) -> web.StreamResponse:
        argv = call.http.query.getall("command", [])
        if not argv:
            raise status.bad_request("you must specify at least one command for the container")
        container = _streamable(call, live)
        stdin, tty = call.flag("stdin"), call.flag("tty")
        start = partial(self._runtime.exec, live, container, argv, stdin=stdin, tty=tty)
        return await _stream(call, start)

    async def _attach(self, call: Call, live: dict) -> web.StreamResponse:
        container = _streamable(call, live)
        stdin, tty = call.flag("stdin"), call.flag("tty")
        return await _stream(call, partial(self._runtime.attach, live, container, stdin=stdin, tty=tty))

    async def _portforward(self, call: Call, live: dict) -> web.StreamResponse:
        _require_running(live)
        dial = partial(self._runtime.dial, live)
        if spdystreams.is_asked(call):
            return await portforward.forward_spdy(call, dial)
        streams.require_websocket(call)
        return await portforward.forward(call, dial)

    async def _eviction(self, call: Call, live: dict) -> web.Response:
        eviction = writing.decode(call, await bodies.read_object(call.http), _EVICTION)
        options = eviction.get("deleteOptions", {})
        if causes := disruption.why_not_evicted(self._store, live):
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            raise status.ApiError(429, "TooManyRequests", message, {"causes": causes})
        if not call.dry_run and "All" not in options.get("dryRun", []):
            self._store.delete("pods", call.namespace, call.name, grace=options.get("gracePeriodSeconds"))
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        return json_response(body, 201)

    async def _binding(self, call: Call, live: dict) -> web.Response:
        binding = writing.decode(call, await bodies.read_object(call.http), _BINDING)
        node = binding.get("target", {}).get("name", "")
        if live["spec"].get("nodeName"):
            why = f'pod {call.name} is already assigned to node "{live["spec"]["nodeName"]}"'
            raise Conflict("pods/binding", call.name, why)
        self._store.get("nodes", None, node)
        self._store.mutate("pods", call.namespace, call.name, lambda p: p["spec"].update(nodeName=node))
        return json_response({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)

    async def _token(self, call: Call, live: dict) -> web.Response:
        request = writing.decode(call, await bodies.read_object(call.http), _TOKEN_REQUEST)
        spec = request.setdefault("spec", {})
        seconds = spec.setdefault("expirationSeconds", 3600)
        if seconds < _SHORTEST_TOKEN:
            cause = invalid(
                "spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
            )
            raise status.invalid(_TOKEN_REQUEST, call.name, [cause])
        spec["audiences"] = spec.get("audiences") or [ISSUER]
        pod = self._bound_pod(call, spec.get("boundObjectRef"))
        token = self._tokens.issue(
            call.namespace, call.name, pod, audiences=tuple(spec["audiences"]), seconds=seconds
        )
        request["status"] = {"token": token, "expirationTimestamp": clock.now(offset=seconds)}
        request["metadata"] = {
            "name": call.name,
            "namespace": call.namespace,
            "creationTimestamp": clock.now(),
        }
        return json_response(request, 201)

    def _bound_pod(self, call: Call, reference: dict | None) -> dict | None:
        if not reference:
            return None
        if reference.get("kind") != "Pod":
            cause = invalid(
                "spec.boundObjectRef.kind", reference.get("kind"), "only Pod can be bound to in netlab"
            )
            raise status.invalid(_TOKEN_REQUEST, call.name, [cause])
        return self._store.get("pods", call.namespace, reference.get("name", ""))

    def _answer(self, call: Call, obj: dict) -> web.Response:
        return json_response(Renderer(call.kind, call.http).object(obj), warnings=call.warnings)


def _scale_path(kind: Kind, name: str, usual: str) -> list[str]:
    """Where a kind keeps what its Scale shows: a custom one says it in its definition."""
    path = kind.custom.scale.get(name, "") if kind.custom else usual
    return path.split(".")[1:]


def _value_at(obj: dict, path: list[str]):
    for key in path:
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj if path else None


def _put_at(obj: dict, path: list[str], value) -> None:
    for key in path[:-1]:
        obj = obj.setdefault(key, {})
    obj[path[-1]] = value


def _scale_of(kind: Kind, obj: dict) -> dict:
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    wanted = _value_at(obj, _scale_path(kind, "specReplicasPath", ".spec.replicas"))
    present = _value_at(obj, _scale_path(kind, "statusReplicasPath", ".status.replicas"))
    selector = _value_at(obj, _scale_path(kind, "labelSelectorPath", ".spec.selector")) or {}
    if kind.name == "ReplicationController":
        selector = {"matchLabels": selector}
    text = selector if isinstance(selector, str) else selectors.selector_text(selector)
    found = {"replicas": present or 0, "selector": text}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": (0 if kind.custom else 1) if wanted is None else wanted},
        "status": found,
    }


def _streamable(call: Call, pod: dict) -> str:
    """The container to talk to. Raises ApiError."""
    if has_ended(pod):
        phase = pod["status"]["phase"]
        raise status.bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
    if not pod["spec"].get("nodeName"):
        raise status.bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    container = streams.container_of(call, pod)
    if not spdystreams.is_asked(call):
        streams.require_websocket(call)
    return container


async def _stream(call: Call, start) -> web.StreamResponse:
    return await (spdystreams if spdystreams.is_asked(call) else streams).run(call, start)


def _require_running(pod: dict) -> None:
    phase = pod.get("status", {}).get("phase")
    if phase != "Running":
        raise status.bad_request(f"unable to forward port because pod is not running. Current status={phase}")
