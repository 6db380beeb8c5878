"""From the directives of a Corefile to chains of plugins, in CoreDNS' order whatever theirs is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from .cluster import Mirror
from .corefile import Directive, ServerBlock, integer, parse, seconds, zone_name
from .names import Names, Options
from .observe import COMMON, Errors, Log, Metrics, Registry, say
from .plugins import Cache, Forward, Hosts, Kubernetes, LoadBalance, Plugin, Refusing, Rewrite


@dataclass
class Chain:
    """The plugins of one server block, for the zones it serves on a port."""

    zones: list[str]
    port: int
    first: Plugin


@dataclass
class Service:
    """Beside the answers: doors for probes, and when to look at the file again."""

    health: tuple[str, int] | None = None
    ready: tuple[str, int] | None = None
    metrics: tuple[str, int] | None = None
    lameduck: float = 0.0
    reload: tuple[float, float] | None = None  # interval and jitter in seconds


@dataclass
class Configuration:
    chains: list[Chain] = field(default_factory=list)
    service: Service = field(default_factory=Service)


class Builder:
    def __init__(self, mirror: Mirror, registry: Registry):
        self._mirror, self._registry = mirror, registry

    def build(self, text: str, path: str) -> Configuration:
        """Raises CorefileError."""
        found = Configuration()
        for block in parse(text, path):
            found.chains.append(self._chain(block, found.service))
        return found

    def _chain(self, block: ServerBlock, service: Service) -> Chain:
        made: list[tuple[int, Plugin]] = []
        for item in block.directives:
            if item.name in _SERVICES:
                _SERVICES[item.name](item, service)
            if item.name == "prometheus":
                item = Directive("metrics", item.args, item.where, item.block)
            if item.name in _ORDER:
                made.append((_ORDER.index(item.name), getattr(self, f"_{item.name}")(item, block)))
            elif item.name not in _SERVICES and item.name != "loop":
                known = ", ".join(sorted({*_ORDER, *_SERVICES, "loop", "prometheus"} - {"metrics"}))
                raise item.error(f"Unknown directive '{item.name}'; this server has {known}")
        chain = [plugin for _, plugin in sorted(made, key=lambda one: one[0])]
        for one, following in zip(chain, [*chain[1:], Refusing()], strict=True):
            one.next = following
        first = chain[0] if chain else Refusing()
        for one in chain:
            if isinstance(one, Kubernetes):
                one.upstream = first
        return Chain(block.zones, block.port, first)

    def _metrics(self, _: Directive, block: ServerBlock) -> Plugin:
        return Metrics(f"dns://:{block.port}", block.zones, self._registry.count)

    def _errors(self, item: Directive, _: ServerBlock) -> Plugin:
        for line in item.block:
            raise item.unknown(line)
        return Errors()

    def _log(self, item: Directive, block: ServerBlock) -> Plugin:
        names = [zone_name(word) for word in item.args if "{" not in word and " " not in word]
        formats = [word for word in item.args if "{" in word or " " in word]
        classes: list[str] = []
        for line in item.block:
            if line.name != "class" or set(line.args) - {"all", "success", "denial", "error"}:
                raise item.unknown(line)
            classes += line.args
        return Log(names or block.zones, formats[0] if formats else COMMON, tuple(classes) or ("all",))

    def _loadbalance(self, item: Directive, _: ServerBlock) -> Plugin:
        if item.args not in ([], ["round_robin"]):
            raise item.error(f"plugin/loadbalance: unknown policy: {item.args[0]}")
        return LoadBalance()

    def _cache(self, item: Directive, block: ServerBlock) -> Plugin:
        words = list(item.args)
        cap = integer(item, words.pop(0), 0, 2**31) if words and words[0].isdigit() else None
        made = Cache([zone_name(word) for word in words] or block.zones)
        if cap is not None:
            made.success = made.denial = cap
        for line in item.block:
            if line.name == "disable" and line.args and line.args[0] in ("success", "denial"):
                made.disabled[line.args[0]] = [zone_name(z) for z in line.args[1:]] or block.zones
            elif line.name in ("success", "denial"):
                line.count(1, 2)
                made.capacity = integer(line, line.args[0], 1, 10**6)
                if line.args[1:]:
                    setattr(made, line.name, integer(line, line.args[1], 0, 2**31))
            else:
                raise item.unknown(line)
        return made

    def _rewrite(self, item: Directive, _: ServerBlock) -> Plugin:
        mode = item.args[0] if item.args and item.args[0] in ("stop", "continue") else ""
        words = item.args[bool(mode) :]
        if words[-2:] == ["answer", "auto"]:
            words = words[:-2]
        if not words or words[0] != "name" or item.block:
            raise item.error("plugin/rewrite: this server rewrites names only: rewrite name [RULE] FROM TO")
        match = words.pop(1) if words[1:] and words[1] in _MATCHES else "exact"
        if len(words) != 3:
            raise item.error("plugin/rewrite: a name rule needs FROM and TO")
        old = words[1] if match == "regex" else words[1].lower()
        return Rewrite(match, old, words[2].lower(), goes_on=mode == "continue")

    def _hosts(self, item: Directive, block: ServerBlock) -> Plugin:
        path = Path(item.args[0] if item.args else "/etc/hosts")
        made = Hosts({}, [zone_name(word) for word in item.args[1:]] or block.zones)
        inline = []
        for line in item.block:
            if line.name == "ttl" and line.args:
                made.ttl = integer(line, line.args[0], 0, 2**31)
            elif line.name == "no_reverse":
                made.reverse = False
            elif line.name == "fallthrough":
                made.fallthrough = [zone_name(word) for word in line.args] or ["."]
            elif _is_address(line.name):
                inline.append((line.name, line.args))
            else:
                raise item.unknown(line)
        for address, names in [*_hosts_file(path), *inline]:
            for name in names:
                made.entries.setdefault(zone_name(name), []).append(address)
        return made

    def _kubernetes(self, item: Directive, block: ServerBlock) -> Plugin:
        settings: dict = {}
        ttl, fallthrough = 5, []
        for line in item.block:
            if line.name == "pods" and line.args and line.args[0] in ("disabled", "insecure", "verified"):
                settings["pods"] = line.args[0]
            elif line.name == "ttl" and line.args:
                ttl = integer(line, line.args[0], 0, 3600)
            elif line.name == "fallthrough":
                fallthrough = [zone_name(word) for word in line.args] or ["."]
            elif line.name == "namespaces" and line.args:
                settings["namespaces"] = tuple(line.args)
            elif line.name == "endpoint_pod_names":
                settings["endpoint_pod_names"] = True
            elif [line.name, *line.args] == ["ignore", "empty_service"]:
                settings["ignore_empty_service"] = True
            else:
                raise item.unknown(line)
        kinds = ["namespaces", "services", "endpointslices"]
        self._mirror.follow(*kinds, *(["pods"] if settings.get("pods") == "verified" else []))
        names = Names(self._mirror.cluster, Options(**settings))
        zones = [zone_name(word) for word in item.args] or block.zones
        return Kubernetes(self._mirror.cluster, names, zones, ttl=ttl, fallthrough=fallthrough)

    def _forward(self, item: Directive, _: ServerBlock) -> Plugin:
        item.count(2)
        servers = [server for word in item.args[1:] for server in _servers(item, word)]
        if not servers:
            raise item.error("plugin/forward: no nameservers found")
        made = Forward(zone_name(item.args[0]), servers)
        for line in item.block:
            if line.name == "except":
                made.excepted += [zone_name(word) for word in line.args]
            elif (
                line.name == "policy"
                and line.args
                and line.args[0] in ("random", "round_robin", "sequential")
            ):
                made.policy = line.args[0]
            elif line.name == "force_tcp":
                made.force_tcp = True
            elif line.name == "max_concurrent" and line.args:
                made.max_concurrent = integer(line, line.args[0], 0, 2**31)
            elif line.name in ("prefer_udp", "max_fails", "expire", "health_check"):
                say("WARNING", f"plugin/forward: '{line.name}' has no effect on netlab's server")
            else:
                raise item.unknown(line)
        return made


# CoreDNS runs its plugins in this order, not in that of the file.
_ORDER = ["metrics", "errors", "log", "loadbalance", "cache", "rewrite", "hosts", "kubernetes", "forward"]
_MATCHES = ("exact", "prefix", "suffix", "substring", "regex")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _hosts_file(path: Path) -> list[tuple[str, list[str]]]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        say("WARNING", f"plugin/hosts: File does not exist: {path}: {error.strerror}")
        return []
    words = [line.partition("#")[0].split() for line in lines]
    return [(found[0], found[1:]) for found in words if found and _is_address(found[0])]


def _servers(item: Directive, word: str) -> list[tuple[str, int]]:
    if word.startswith("/"):
        try:
            lines = Path(word).read_text(errors="replace").splitlines()
        except OSError as error:
            raise item.error(f"plugin/forward: {word}: {error.strerror}") from error
        return [(one.split()[1], 53) for one in lines if one.startswith("nameserver ") and one.split()[1:]]
    host, _, port = word.removeprefix("dns://").partition(":")
    if not _is_address(host) or (port and not port.isdigit()):
        raise item.error(f'plugin/forward: not an IP address or file: "{word}"')
    return [(host, int(port or 53))]


def _address(item: Directive, default: str) -> tuple[str, int]:
    item.count(0, 1)
    host, _, port = (item.args[0] if item.args else default).rpartition(":")
    if not port.isdigit():
        raise item.error(f"invalid address '{item.args[0]}'")
    return host or "0.0.0.0", int(port)  # noqa: S104 - the pod's own addresses


def _set_health(item: Directive, service: Service) -> None:
    service.health = _address(item, ":8080")
    for line in item.block:
        if line.name != "lameduck" or len(line.args) != 1:
            raise item.unknown(line)
        service.lameduck = seconds(line, line.args[0])


def _set_ready(item: Directive, service: Service) -> None:
    service.ready = _address(item, ":8181")


def _set_metrics(item: Directive, service: Service) -> None:
    service.metrics = _address(item, "localhost:9153")


def _set_reload(item: Directive, service: Service) -> None:
    item.count(0, 2)
    interval = seconds(item, item.args[0]) if item.args else 30
    jitter = seconds(item, item.args[1]) if item.args[1:] else interval / 2
    if interval < 2 or jitter < 1:
        raise item.error("plugin/reload: interval value must be greater or equal to 2s, jitter to 1s")
    service.reload = interval, min(jitter, interval / 2)


_SERVICES: dict[str, Callable[[Directive, Service], None]] = {
    "health": _set_health,
    "ready": _set_ready,
    "prometheus": _set_metrics,
    "reload": _set_reload,
}
