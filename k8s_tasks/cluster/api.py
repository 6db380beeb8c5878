"""A connection to one Kubernetes API: requests and watches, as oneself or for a student.

The official client reads the kubeconfig and owns the TLS session and credentials. Objects stay
dicts: what a lab applies need not be known to this version of the client.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient

from k8s_tasks.cluster.errors import ClusterError, Unreachable, refusal
from k8s_tasks.cluster.short import ShortWebSocket, short_socket

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
SECONDS = 10  # an API server that needs longer for one object is not well
IDLE_SECONDS = 60  # an idle connection is kept so long
_WARNING = re.compile(r'\s*299\s+\S+\s+"((?:[^"\\]|\\.)*)"')
_CONNECTION_ERRORS = (aiohttp.ClientError, OSError, asyncio.TimeoutError)


def student_identity(namespace: str) -> str:
    """The user every act for a student is done as."""
    return f"system:serviceaccount:{namespace}:student"


@dataclass(frozen=True)
class Api:
    """Not safe to share between event loops."""

    client: ApiClient
    terminals: aiohttp.ClientSession
    kinds: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    _warming: set[asyncio.Task] = field(default_factory=set)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query=None,
        body=None,
        content_type="application/json",
        as_user: str | None = None,
        warnings: list[str] | None = None,
    ) -> dict:
        """The decoded answer; the server's warnings go to `warnings`, also when it refuses.

        Raises Unreachable, Refused or NotFound.
        """
        request = (method, path, query, body, content_type, SECONDS)
        async with self._answer(*request, as_user=as_user, warnings=warnings) as answer:
            return json.loads(await answer.read())

    async def text(self, path: str, *, query=None) -> str:
        """An answer that is no JSON, such as a log. Raises Unreachable, Refused or NotFound."""
        async with self._answer(
            "GET", path, query, None, "application/json", SECONDS, accept="*/*"
        ) as answer:
            return (await answer.read()).decode(errors="replace")

    async def watch(self, path: str, *, query=None, seconds: int = 300) -> AsyncIterator[dict]:
        """Events {"type", "object"} until the server or `seconds` ends the watch.

        Raises Refused (410 when the resourceVersion is too old) and Unreachable.
        """
        query = {
            **(query or {}),
            "watch": "true",
            "timeoutSeconds": str(seconds),
            "allowWatchBookmarks": "true",
        }
        async with self._answer("GET", path, query, None, "application/json", seconds + SECONDS) as answer:
            try:
                async for line in answer.content:
                    yield _event(line)
            except _CONNECTION_ERRORS as error:
                raise Unreachable(_words(error)) from error

    @asynccontextmanager
    async def _answer(
        self,
        method,
        path,
        query,
        body,
        content_type,
        seconds,
        *,
        as_user=None,
        warnings=None,
        accept="application/json",
    ):
        headers = {"Accept": accept, "Content-Type": content_type}
        headers |= await self.credentials(as_user=as_user)
        data = None if body is None else json.dumps(body)
        limit = aiohttp.ClientTimeout(total=seconds, connect=SECONDS)
        url = self.url(path, query)
        try:
            answer = await self.http.request(
                method, url, headers=headers, data=data, timeout=limit, server_hostname=self.tls_name
            )
        except _CONNECTION_ERRORS as error:
            raise Unreachable(_words(error)) from error
        async with answer:
            if warnings is not None:
                warnings += _warnings_of(answer)
            if answer.status >= 400:
                raise refusal(answer.status, await answer.read())
            yield answer

    def url(self, path: str, query=None) -> str:
        base = self.client.configuration.host.rstrip("/") + path
        return f"{base}?{urlencode(query, doseq=True)}" if query else base

    @property
    def http(self) -> aiohttp.ClientSession:
        return self.client.rest_client.pool_manager

    @property
    def tls_name(self) -> str | None:
        """The kubeconfig's `tls-server-name`: whom the certificate must name, when not the address."""
        return self.client.configuration.tls_server_name

    def warm_up(self) -> None:
        """Have an idle connection ready: the next command then needs no TCP and TLS handshake."""
        self._warming.add(task := asyncio.create_task(self._touch(), name="warm connection"))
        task.add_done_callback(self._warming.discard)

    async def _touch(self) -> None:
        with suppress(ClusterError):
            await self.version()

    async def credentials(self, *, as_user: str | None = None) -> dict[str, str]:
        headers: dict[str, str] = {}
        await self.client.update_params_for_auth(headers, [], ["BearerToken"], None, None, None)
        if as_user:
            headers["Impersonate-User"] = as_user
        return headers

    async def version(self) -> str:
        return (await self.request("GET", "/version"))["gitVersion"]

    async def uid(self) -> str:
        """The uid of kube-system: another one behind the same address is another cluster."""
        namespace = await self.request("GET", "/api/v1/namespaces/kube-system")
        return namespace["metadata"]["uid"]

    async def close(self) -> None:
        await self.terminals.close()
        await self.client.close()


async def connect(kubeconfig: str | Path) -> Api:
    """Read the kubeconfig; no request is made yet. Raises ClusterError when it cannot be used."""
    if not _is_file(kubeconfig):
        raise ClusterError(f"there is no kubeconfig at {kubeconfig}")
    try:
        client = await config.new_client_from_config(str(kubeconfig), persist_config=False)
    except (config.ConfigException, ValueError, OSError) as error:
        raise ClusterError(f"the kubeconfig {kubeconfig} cannot be used: {error}") from error
    rest = client.rest_client
    rest.pool_manager = _session(rest.ssl_context, read_bufsize=2**21)
    return Api(client, _session(rest.ssl_context, short_socket, ws_response_class=ShortWebSocket))


def _session(ssl: SSLContext, socket_factory=None, **options) -> aiohttp.ClientSession:
    # No limit: every running command holds a connection, and a full pool lets the rest wait in silence.
    connector = aiohttp.TCPConnector(
        limit=0, ssl=ssl, keepalive_timeout=IDLE_SECONDS, socket_factory=socket_factory
    )
    return aiohttp.ClientSession(connector=connector, trust_env=True, **options)


def _event(line: bytes) -> dict:
    event = json.loads(line)
    if event["type"] == "ERROR":
        raise refusal(event["object"].get("code", 500), json.dumps(event["object"]).encode())
    return event


def _warnings_of(answer: aiohttp.ClientResponse) -> list[str]:
    """The texts of `Warning: 299 - "text"` headers."""
    found = (_WARNING.match(header) for header in answer.headers.getall("Warning", []))
    return [re.sub(r"\\(.)", r"\1", match[1]) for match in found if match]


def _words(error: BaseException) -> str:
    return f"the Kubernetes API does not answer: {error or type(error).__name__}"


def _is_file(path: str | Path) -> bool:
    return Path(path).is_file()
