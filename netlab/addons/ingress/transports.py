"""TransportServers and the listeners of the GlobalConfiguration: TCP and UDP without HTTP."""

import re

from . import settings
from .drafts import Message, Options, Plan, accepted
from .upstreams import block
from .world import World, by_age

_NO_SERVER = "unix:/var/lib/nginx/non-existing-unix-socket.sock"
_FORBIDDEN_PORTS = (80, 443, 8080, 8081)
_IDLE = ("healthCheck", "backup", "backupPort")


def make(plan: Plan, world: World, options: Options) -> None:
    listeners = _listeners(plan, world, options.global_configuration)
    holders: dict[str, str] = {}
    for obj in by_age(world.transports.values()):
        if world.is_our_transport(obj):
            _make_one(plan, world, obj, listeners, holders, snippets=options.snippets)


def _listeners(plan: Plan, world: World, key: tuple[str, str]) -> dict[str, dict]:
    obj = world.globals.get(key)
    if obj is None:
        return {}
    found: dict[str, dict] = {}
    errors: list[str] = []
    for index, one in enumerate((obj.get("spec") or {}).get("listeners") or []):
        wrong = _listener_error(one, found)
        if wrong:
            errors.append(f"spec.listeners[{index}].{wrong}")
        else:
            found[one["name"]] = one
    text = f"GlobalConfiguration {key[0]}/{key[1]} "
    if errors:
        message = Message(
            True, "AddedOrUpdatedWithError", f"{text}is updated with errors: {'; '.join(errors)}"
        )
    else:
        message = Message(False, "AddedOrUpdated", f"{text}was added or updated")
    plan.messages["GlobalConfiguration", *key] = message
    return found


def _listener_error(one: dict, found: dict[str, dict]) -> str:
    name, port, protocol = one.get("name", ""), one.get("port", 0), one.get("protocol", "")
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) or name == "tls-passthrough":
        return f'name: Invalid value: "{name}"'
    if name in found:
        return f'name: Duplicate value: "{name}"'
    if protocol not in ("TCP", "UDP"):
        return f'protocol: Unsupported value: "{protocol}": supported here: "TCP", "UDP"'
    if not 0 < port < 65536 or port in _FORBIDDEN_PORTS:
        return f"port: Forbidden: Listener {name}: Listener port {port} is forbidden"
    if (port, protocol) in {(other["port"], other["protocol"]) for other in found.values()}:
        return (
            f"port: Duplicate value: Listener {name}: Duplicated port/protocol combination {port}/{protocol}"
        )
    return ""


def _make_one(plan: Plan, world: World, obj: dict, listeners: dict, holders: dict, *, snippets: bool) -> None:
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    key, ref = f"{namespace}/{name}", ("TransportServer", namespace, name)
    spec = obj["spec"]
    listener = (spec.get("listener") or {}).get("name", "")
    errors = _errors(spec, snippets)
    if errors:
        text = f"TransportServer {key} was rejected with error: {'; '.join(errors)}"
    elif listener not in listeners or listeners[listener]["protocol"] != spec["listener"].get("protocol"):
        text = f"TransportServer {key} was rejected with error: Listener {listener} doesn't exist"
    elif holders.setdefault(listener, key) != key:
        text = (
            f"TransportServer {key} was rejected with error: Listener {listener} is taken by another resource"
        )
    else:
        writer = _Writer(world, obj, listeners[listener])
        plan.put(f"stream-conf.d/ts_{namespace}_{name}.conf", writer.lines(), ref)
        plan.messages[ref] = accepted(key, writer.warnings)
        return
    plan.messages[ref] = Message(True, "Rejected", text)


def _errors(spec: dict, snippets: bool) -> list[str]:
    upstreams = spec.get("upstreams") or []
    names = [one.get("name", "") for one in upstreams]
    chosen = (spec.get("action") or {}).get("pass", "")
    errors = [] if chosen in names else [f'spec.action.pass: Not found: "{chosen}"']
    for index, one in enumerate(upstreams):
        if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", one.get("name", "")):
            errors.append(f"spec.upstreams[{index}].name: Invalid value")
        errors += _value_errors(f"spec.upstreams[{index}]", one)
    if spec.get("tls") or (spec.get("listener") or {}).get("name") == "tls-passthrough":
        errors.append("spec.tls: Forbidden: TLS of TransportServers is not offered here")
    if not snippets and (spec.get("serverSnippets") or spec.get("streamSnippets")):
        errors.append("spec.serverSnippets: Forbidden: snippet specified but snippets feature is not enabled")
    timeout = (spec.get("sessionParameters") or {}).get("timeout")
    parameters = spec.get("upstreamParameters") or {}
    for text in (timeout, parameters.get("connectTimeout"), parameters.get("nextUpstreamTimeout")):
        errors += _try(settings.time, text, "spec")
    return errors


def _value_errors(where: str, upstream: dict) -> list[str]:
    method = upstream.get("loadBalancingMethod")
    if method == "ip_hash":
        return [f'{where}.loadBalancingMethod: Invalid value: "ip_hash": has no meaning without HTTP']
    return [
        *_try(settings.lb_method, method, f"{where}.loadBalancingMethod"),
        *_try(settings.time, upstream.get("failTimeout"), f"{where}.failTimeout"),
    ]


def _try(parse, text: str | None, where: str) -> list[str]:
    try:
        if text:
            parse(text)
    except ValueError as error:
        return [f'{where}: Invalid value: "{text}": {error}']
    return []


class _Writer:
    def __init__(self, world: World, obj: dict, listener: dict):
        self._world, self._spec, self._listener = world, obj["spec"], listener
        self._namespace = obj["metadata"]["namespace"]
        self._prefix = f"ts_{self._namespace}_{obj['metadata']['name']}_"
        self.warnings: list[str] = []

    def lines(self) -> list[str]:
        lines = [line for one in self._spec["upstreams"] for line in self._upstream(one)]
        lines += (self._spec.get("streamSnippets") or "").splitlines()
        return lines + block("server", self._server())

    def _upstream(self, one: dict) -> list[str]:
        name = self._prefix + one["name"]
        servers = self._world.endpoints(self._namespace, one["service"], {"number": one["port"]})
        if not servers:
            self.warnings.append(f"No endpoints found for service {one['service']}")
        self.warnings += [f"{key} has no effect here" for key in _IDLE if one.get(key)]
        method = settings.lb_method(one.get("loadBalancingMethod") or "random two least_conn")
        fails = (
            f"max_fails={one.get('maxFails', 1)} fail_timeout={one.get('failTimeout') or '10s'} "
            f"max_conns={one.get('maxConns', 0)}"
        )
        return block(
            f"upstream {name}",
            [
                f"zone {name} 512k;",
                *([f"{method};"] if method else []),
                *(f"server {address} {fails};" for address in servers or [_NO_SERVER]),
            ],
        )

    def _server(self) -> list[str]:
        more = self._spec.get("upstreamParameters") or {}
        address = self._listener.get("ipv4")
        where = f"{address}:{self._listener['port']}" if address else self._listener["port"]
        udp = self._listener["protocol"] == "UDP"
        lines = [f"listen {where}{' udp reuseport' if udp else ''};"]
        for key, directive in (("udpRequests", "proxy_requests"), ("udpResponses", "proxy_responses")):
            if more.get(key) is not None:
                lines.append(f"{directive} {int(more[key])};")
        lines += (self._spec.get("serverSnippets") or "").splitlines()
        timeout = (self._spec.get("sessionParameters") or {}).get("timeout") or "10m"
        lines += [
            f"proxy_pass {self._prefix}{self._spec['action']['pass']};",
            f"proxy_timeout {timeout};",
            f"proxy_connect_timeout {more.get('connectTimeout') or '60s'};",
        ]
        if more.get("nextUpstream"):
            lines += [
                "proxy_next_upstream on;",
                f"proxy_next_upstream_timeout {more.get('nextUpstreamTimeout') or '0s'};",
                f"proxy_next_upstream_tries {int(more.get('nextUpstreamTries') or 0)};",
            ]
        return lines
