"""The HTTP face: who asks, may they, and which part answers.

One catch-all handler instead of a router: Kubernetes paths are read by `request.parse_call` from the
table of kinds. Whatever goes wrong leaves as a Status.
"""

import logging

from aiohttp import web

from netlab.controllers.tokens import TokenAuthority
from netlab.node.runtime import Runtime
from netlab.schema import openapi
from netlab.schema.catalogue import Catalogue
from netlab.store import Store, StoreError

from . import auth, bodies, discovery, status, usage, watching, writing
from .metrics import CONTENT_TYPE, RequestMetrics
from .rbac import Access, Authorizer
from .rbacrules import RoleGuard
from .rendering import dump, json_response, warning
from .request import Call, User, parse_call, path_segments
from .rest import Rest
from .reviews import Reviews
from .status import ApiError
from .subresources import Subresources

log = logging.getLogger(__name__)
_STREAMED = ("exec", "attach", "portforward")
_MAX_BODY = 3 * 1024 * 1024  # the limit of a real API server
_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_CALL: web.RequestKey[Call] = web.RequestKey("call", Call)  # for what is added to the answer, and counted
_PATHS = ["/api", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v3", "/readyz", "/version"]
_HEALTH = ("healthz", "livez", "readyz")


class Api:
    def __init__(self, store: Store, runtime: Runtime, tokens: TokenAuthority, *, address: str):
        self._store, self._runtime, self._tokens, self._address = store, runtime, tokens, address
        self.authorizer = Authorizer(store)
        self.catalogue = Catalogue(store)
        self._rest = Rest(store, RoleGuard(self.authorizer))
        self._subresources = Subresources(store, runtime, tokens, self.authorizer)
        self._reviews = Reviews(self.authorizer, tokens)
        self._metrics = RequestMetrics()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.on_response_prepare.append(_warn_of_deprecation)
        return app

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        answer = await self._answer(http)
        self._metrics.count(http.get(_CALL), http.method, answer.status)
        return answer

    async def _answer(self, http: web.Request) -> web.StreamResponse:
        try:
            return await self._handle(http)
        except ApiError as error:
            return json_response(error.body(), error.code)
        except StoreError as error:
            refusal = status.from_store(error)
            return json_response(refusal.body(), refusal.code)
        except web.HTTPRequestEntityTooLarge:
            message = "Request entity too large: limit is 3145728"
            return json_response(status.failure(413, "RequestEntityTooLarge", message), 413)
        except web.HTTPException:
            raise
        except Exception:
            log.exception("%s %s failed", http.method, http.path)
            message = "Internal error occurred: the server met an error of its own; its log tells more"
            return json_response(status.failure(500, "InternalError", message), 500)

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        user = self._identify(http)
        parts = path_segments(http)
        if _is_resource_path(parts):
            call = parse_call(http, user, self.catalogue)
            http[_CALL] = call
            return await self._resource(call)
        self._require(user, Access(http.method.lower(), path=http.path))
        return self._document(http, parts)

    def _identify(self, http: web.Request) -> User:
        user = auth.authenticate(http, self._tokens)
        if not auth.wants_impersonation(http):
            return user
        wanted = auth.impersonated(http)
        for access in _impersonation_needs(wanted):
            self._require(user, access)
        return wanted

    def _require(self, user: User, access: Access) -> None:
        if self.authorizer.allows(user, access):
            return
        plural = access.resource.partition("/")[0]
        resource = f"{plural}.{access.group}" if access.group else access.resource
        subject = f'{resource} "{access.name}"' if access.name else resource
        details = {"name": access.name, "group": access.group, "kind": plural}
        refused = f"{subject} is forbidden" if subject else "forbidden"  # without: a path such as /version
        message = f"{refused}: {access.describe(user)}"
        raise ApiError(403, "Forbidden", message, details)

    async def _resource(self, call: Call) -> web.StreamResponse:
        for verb in _verbs_needed(call):
            self._require(call.user, _access(call, verb))
        if call.kind.verbs == ("create",):
            review = writing.decode(call, await bodies.read_object(call.http))
            return json_response(self._reviews.answer(call, review), 201)
        if call.kind.measured:
            return usage.serve(self._store, self._runtime.meter, call)
        if call.subresource:
            return await self._subresources.serve(call)
        if call.verb == "watch":
            return await watching.watch(self._store, call)
        verb = "list_" if call.verb == "list" else call.verb
        return await getattr(self._rest, verb)(call)

    def _document(self, http: web.Request, parts: list[str]) -> web.Response:
        """Everything that is no object: discovery, OpenAPI, version, health."""
        if parts[0] in _HEALTH:
            return web.Response(text="ok")
        if parts == ["metrics"]:
            return web.Response(body=self._metrics.text().encode(), headers={"Content-Type": CONTENT_TYPE})
        if parts == ["version"]:
            return json_response(discovery.VERSION)
        if parts[:2] == ["openapi", "v3"]:
            return _openapi(self.catalogue.group_versions(), parts[2:])
        if parts == ["openapi", "v2"]:
            return web.Response(body=openapi.version_two(), headers={"Content-Type": _OPENAPI_V2})
        if parts in (["api"], ["apis"]) and discovery.wants_aggregated(http.headers.get("Accept", "")):
            body = dump(discovery.aggregated(self.catalogue.group_versions(), core=parts == ["api"]))
            return web.Response(body=body, headers={"Content-Type": discovery.AGGREGATED_TYPE})
        found = self._legacy(parts)
        if found is None:
            raise status.unknown_path()
        return json_response(found)

    def _legacy(self, parts: list[str]) -> dict | None:
        served = self.catalogue.group_versions()
        if parts == ["api"]:
            return discovery.api_versions(self._address)
        if parts == ["apis"]:
            return discovery.group_list(served)
        if parts[0] == "api" and len(parts) == 2:
            return discovery.resource_list(served, parts[1])
        if parts[0] == "apis" and len(parts) == 2:
            return discovery.api_group(served, parts[1])
        if parts[0] == "apis" and len(parts) == 3:
            return discovery.resource_list(served, f"{parts[1]}/{parts[2]}")
        if parts == [""]:
            return {"paths": _PATHS}
        return None


async def _warn_of_deprecation(http: web.Request, response: web.StreamResponse) -> None:
    call = http.get(_CALL)
    kind = call.kind if call else None
    told = kind.custom.deprecation if kind and kind.custom else None
    if told is not None:
        text = told or f"{kind.api_version} {kind.name} is deprecated"
        response.headers.add("Warning", warning(text))


def _is_resource_path(parts: list[str]) -> bool:
    return (parts[0] == "api" and len(parts) > 2) or (parts[0] == "apis" and len(parts) > 3)


def _access(call: Call, verb: str) -> Access:
    resource = f"{call.kind.plural}/{call.subresource}" if call.subresource else call.kind.plural
    namespace = call.namespace or ""
    if call.kind.resource == "namespaces" and call.name:
        namespace = call.name  # a Role in the namespace may speak of it
    return Access(verb, call.kind.group, resource, namespace, call.name or "")


def _verbs_needed(call: Call) -> tuple[str, ...]:
    """A stream opened by GET changes things: it needs `create` as well."""
    if call.subresource in _STREAMED and call.verb == "get":
        return ("get", "create")
    return (call.verb,)


def _impersonation_needs(wanted: User) -> list[Access]:
    needs = []
    if wanted.name.startswith("system:serviceaccount:") and wanted.name.count(":") == 3:
        _, _, namespace, name = wanted.name.split(":")
        needs.append(Access("impersonate", "", "serviceaccounts", namespace, name))
    else:
        needs.append(Access("impersonate", "", "users", name=wanted.name))
    implied = ("system:authenticated", "system:unauthenticated", "system:serviceaccounts")
    groups = [g for g in wanted.groups if g not in implied and not g.startswith("system:serviceaccounts:")]
    needs += [Access("impersonate", "", "groups", name=group) for group in groups]
    if wanted.uid:
        needs.append(Access("impersonate", "authentication.k8s.io", "uids", name=wanted.uid))
    for key, values in wanted.extra.items():
        resource = f"userextras/{key}"
        needs += [Access("impersonate", "authentication.k8s.io", resource, name=value) for value in values]
    return needs


def _openapi(served: discovery.Versions, rest: list[str]) -> web.Response:
    if not rest:
        return json_response(openapi.index(served))
    path = "/".join(rest)
    kinds = openapi.kinds_at(served, path)
    if not kinds:
        raise status.unknown_path()
    headers = {
        "Content-Type": "application/json",
        "ETag": f'"{openapi.document_hash(path, kinds)}"',
        "Cache-Control": "public, max-age=31536000",
    }
    return web.Response(body=openapi.document(path, kinds), headers=headers)
