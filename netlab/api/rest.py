"""The plain verbs on objects: get, list, create, update, patch, delete, deletecollection."""

import base64
import json

from aiohttp import web

from netlab.schema import conversions
from netlab.schema.decode import WrongType, conform
from netlab.schema.kinds import Kind
from netlab.store import Store, clone, key_of

from . import bodies, patching, rbacrules, selectors, status, writing
from .rendering import Renderer, json_response
from .request import Call

_IMMORTAL = ("default", "kube-public", "kube-system")
_OPTIONS = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"}


class Rest:
    def __init__(self, store: Store, guard: rbacrules.RoleGuard):
        self._store, self._guard = store, guard

    async def get(self, call: Call) -> web.Response:
        return json_response(Renderer(call.kind, call.http).object(self._present(call)))

    async def list_(self, call: Call) -> web.Response:
        objects, meta = _page(call, self.selected(call), self._store.version)
        return json_response(Renderer(call.kind, call.http).page(objects, meta))

    def selected(self, call: Call) -> list[dict]:
        """Everything the request's namespace and selectors pick."""
        wanted = selection(call)
        return [obj for obj in self._store.list(call.kind.stored_as, call.namespace) if wanted(obj)]

    async def create(self, call: Call) -> web.Response:
        if call.kind.namespaced and call.namespace is None:
            raise status.method_not_allowed()
        obj = writing.decode(call, await bodies.read_object(call.http))
        self._guard.check(call, obj)
        return self._answer(call, writing.create(self._store, call, obj), 201)

    def _present(self, call: Call) -> dict:
        return self._store.get(call.kind.stored_as, call.namespace, call.name)

    async def update(self, call: Call) -> web.Response:
        document = await bodies.read_object(call.http)
        old = self._present(call)
        obj = writing.decode(call, document)
        self._guard.check(call, obj)
        return self._answer(call, writing.update(self._store, call, obj, old))

    async def patch(self, call: Call) -> web.Response:
        media, patch = await patching.read(call.http)
        if media == patching.APPLY:
            return self._apply(call, _as_mapping(patch))
        old = self._present(call)
        document = patching.patched(media, patch, conversions.from_stored(call.kind, old), call.kind)
        obj = writing.decode(call, document)
        self._guard.check(call, obj)
        return self._answer(call, writing.update(self._store, call, obj, old))

    def _apply(self, call: Call, document: dict) -> web.Response:
        patching.require_manager(call.http)
        config = writing.decode(call, document)
        writing.check_name(call, config)
        config["metadata"].pop("managedFields", None)
        old = self._store.find(call.kind.stored_as, call.namespace, call.name)
        self._guard.check(call, config)
        if old is None:
            return self._answer(call, writing.create(self._store, call, config, applied=True), 201)
        kind = conversions.stored_kind(call.kind)
        merged = patching.applied(old, config, kind, call.manager, force=call.flag("force"))
        return self._answer(call, writing.update(self._store, call, merged, old, track=False))

    async def delete(self, call: Call) -> web.Response:
        options = await delete_options(call)
        old = self._present(call)
        gone = self._delete(call, old, options)
        if call.kind.answers_deleted:
            return json_response(Renderer(call.kind, call.http).object(gone))
        return json_response(status.success(_details(call.kind, gone)))

    async def deletecollection(self, call: Call) -> web.Response:
        options = await delete_options(call)
        for obj in self.selected(call):
            self._delete(call, obj, options)
        return json_response(status.success({"group": call.kind.group, "kind": call.kind.plural}))

    def _delete(self, call: Call, obj: dict, options: dict) -> dict:
        _check_preconditions(call.kind, obj, options.get("preconditions", {}))
        if call.kind.resource == "namespaces" and obj["metadata"]["name"] in _IMMORTAL:
            raise status.forbidden(call.kind, obj["metadata"]["name"], "this namespace may not be deleted")
        writing.judge(self._store, call, None, obj)
        if call.dry_run or "All" in options.get("dryRun", []):
            return obj
        resource, key = call.kind.stored_as, key_of(obj)
        policy = options.get("propagationPolicy", "Background")
        if policy == "Orphan" or options.get("orphanDependents"):
            orphan_dependents(self._store, obj)
        if policy == "Foreground":
            self._store.mutate(resource, *key, _hold_for_dependents)
        return self._store.delete(resource, *key, grace=options.get("gracePeriodSeconds"))

    def _answer(self, call: Call, obj: dict, code: int = 200) -> web.Response:
        body = Renderer(call.kind, call.http).object(obj)
        return json_response(body, code, warnings=call.warnings)


def _as_mapping(document) -> dict:
    assert isinstance(document, dict)  # what read_object gives
    return document


def selection(call: Call):
    """The predicate of labelSelector and fieldSelector (and the name, when the path has one)."""
    by_label = selectors.label_predicate(call.http.query.get("labelSelector"))
    by_field = selectors.field_predicate(
        call.http.query.get("fieldSelector"), "" if call.kind.custom else call.kind.name
    )
    return lambda obj: by_label(obj) and by_field(obj)


def _page(call: Call, objects: list[dict], version: int) -> tuple[list[dict], dict]:
    """The objects after `continue`, at most `limit`, and the list's metadata."""
    limit, token = call.number("limit"), call.http.query.get("continue")
    if token:
        version, start = _read_token(token)
        objects = [obj for obj in objects if key_of(obj) > start]
    meta: dict = {"resourceVersion": str(version)}
    if limit and len(objects) > limit:
        meta["continue"] = _write_token(version, key_of(objects[limit - 1]))
        meta["remainingItemCount"] = len(objects) - limit
        objects = objects[:limit]
    return objects, meta


def _write_token(version: int, key: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([version, *key]).encode()).decode()


def _read_token(token: str) -> tuple[int, tuple[str, str]]:
    try:
        version, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        return int(version), (str(namespace), str(name))
    except (ValueError, TypeError) as error:
        raise status.bad_request("continue key is not valid") from error


async def delete_options(call: Call) -> dict:
    """DeleteOptions of the body, completed by the query. Raises ApiError."""
    options = await bodies.read_object(call.http)
    try:
        options = conform(options, _OPTIONS).object
    except WrongType as error:
        raise status.bad_request(f"DeleteOptions cannot be handled: {error}") from error
    if policy := call.http.query.get("propagationPolicy"):
        options.setdefault("propagationPolicy", policy)
    grace = call.number("gracePeriodSeconds")
    if grace is not None:
        options.setdefault("gracePeriodSeconds", grace)
    if options.get("gracePeriodSeconds", 0) < 0:
        options["gracePeriodSeconds"] = 1  # as the real server reads a negative one
    return options


def _check_preconditions(kind: Kind, obj: dict, wanted: dict) -> None:
    meta = obj["metadata"]
    for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) and wanted[field] != meta[field]:
            message = (
                f'Operation cannot be fulfilled on {kind.resource} "{meta["name"]}": Precondition failed:'
                f" {name} in precondition: {wanted[field]}, {name} in object meta: {meta[field]}"
            )
            raise status.ApiError(409, "Conflict", message)


def _hold_for_dependents(obj: dict) -> None:
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if "foregroundDeletion" not in finalizers:
        finalizers.append("foregroundDeletion")


def orphan_dependents(store: Store, owner: dict) -> None:
    """Cut the dependents loose, so that the garbage collector leaves them."""
    uid = owner["metadata"]["uid"]
    for resource in store.resources():
        for obj in store.list(resource, owner["metadata"].get("namespace")):
            owners = obj["metadata"].get("ownerReferences", [])
            if any(reference["uid"] == uid for reference in owners):
                changed = clone(obj)
                others = [reference for reference in owners if reference["uid"] != uid]
                changed["metadata"]["ownerReferences"] = others
                if not others:
                    del changed["metadata"]["ownerReferences"]
                store.update(resource, changed)


def _details(kind: Kind, obj: dict) -> dict:
    details = {
        "name": obj["metadata"]["name"],
        "group": kind.group,
        "kind": kind.plural,
        "uid": obj["metadata"]["uid"],
    }
    return {key: value for key, value in details.items() if value}
