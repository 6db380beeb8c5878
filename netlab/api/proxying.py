"""`pods/NAME:PORT/proxy/...` and `services/NAME:PORT/proxy/...`: HTTP to a pod, through the API.

The request goes on as it came, but for what belongs to the connection or to the API's own door (credentials,
impersonation). The connection is made inside the pod's network, to the pod's address, as a node makes it.
"""

import random
import socket

import aiohttp
from aiohttp import web
from yarl import URL

from netlab.schema.kinds import Kind
from netlab.store import Store

from . import status
from .request import Call

_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_OURS = {"host", "authorization", "content-length"}
_SECONDS = 60


async def serve(store: Store, runtime, call: Call) -> web.StreamResponse:
    """Raises ApiError, StoreError."""
    if call.http.headers.get("Upgrade"):
        raise status.bad_request("upgrades are not passed on by netlab's proxy: use kubectl port-forward")
    scheme, name, port = _parts(call.name or "")
    pod, number = _target(store, call.kind, call.namespace, name, port)
    host, make = runtime.door(pod)
    url = f"{scheme}://{host}:{number}/{call.rest}"
    if call.http.query_string:
        url += f"?{call.http.rel_url.raw_query_string}"
    try:
        return await _pass_on(call.http, url, make)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _unavailable(f"error trying to reach service: {error}") from error


def _parts(text: str) -> tuple[str, str, str]:
    """`name`, `name:port`, `https:name:port` (a port may be left out: `https:name:`)."""
    words = text.split(":")
    if len(words) == 3 and words[0] in ("http", "https"):
        return words[0], words[1], words[2]
    if len(words) > 2:
        raise status.bad_request(f"invalid proxy request {text!r}")
    return "http", words[0], words[1] if len(words) == 2 else ""


def _target(store: Store, kind: Kind, namespace: str | None, name: str, port: str) -> tuple[dict, int]:
    if kind.resource == "services":
        return _of_service(store, store.get("services", namespace, name), port)
    pod = store.get("pods", namespace, name)
    if port and not port.isdecimal():
        raise status.bad_request(f"invalid port {port!r} in proxy request")
    return pod, int(port) if port else _first_port(pod)


def _first_port(pod: dict) -> int:
    ports = [p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports", [])]
    return ports[0] if ports else 80


def _of_service(store: Store, service: dict, wanted: str) -> tuple[dict, int]:
    """A ready pod behind the Service, and the number its port has there."""
    meta = service["metadata"]
    ports = service["spec"].get("ports", [])
    found = [p for p in ports if wanted in ("", p.get("name"), str(p["port"]))]
    if not found:
        raise _unavailable(f'no service port "{wanted}" found for service "{meta["name"]}"')
    port_name = found[0].get("name") or ""
    choices = [
        (endpoint["targetRef"]["name"], port["port"])
        for piece in store.list("endpointslices.discovery.k8s.io", meta["namespace"])
        if (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == meta["name"]
        for port in piece.get("ports") or []
        if (port.get("name") or "") == port_name
        for endpoint in piece.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready") is not False and endpoint.get("targetRef")
    ]
    if not choices:
        raise _unavailable(f'no endpoints available for service "{meta["name"]}"')
    pod, number = random.choice(choices)
    return store.get("pods", meta["namespace"], pod), number


async def _pass_on(http: web.Request, url: str, make) -> web.StreamResponse:
    def factory(_address) -> socket.socket:
        made = make()
        made.setblocking(False)
        return made

    # The certificate of a pod is its own affair, as it is to a real API server.
    connector = aiohttp.TCPConnector(socket_factory=factory, ssl=False)
    async with (
        aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
        session.request(
            http.method,
            URL(url, encoded=True),
            headers={k: v for k, v in http.headers.items() if _passes(k)},
            data=http.content if http.body_exists else None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_SECONDS),
        ) as answer,
    ):
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for key, value in answer.headers.items():
            if key.lower() not in _HOP_BY_HOP:
                response.headers.add(key, value)
        await response.prepare(http)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
        return response


def _passes(header: str) -> bool:
    name = header.lower()
    return name not in _HOP_BY_HOP and name not in _OURS and not name.startswith("impersonate-")


def _unavailable(message: str) -> status.ApiError:
    return status.ApiError(503, "ServiceUnavailable", message)
