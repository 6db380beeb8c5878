"""What nginx should read and what people should be told, made of the world's objects: no clock, no network.

A host belongs to the oldest Ingress that names it; to others it is taken. An Ingress of type `master` takes
its paths from `minion` Ingresses of the same host.
"""

import re
from dataclasses import dataclass, field

from . import settings, transports
from .drafts import SECRETS, Message, Options, Plan, Ref, accepted, rejected
from .http import nginx_conf
from .servers import Location, Server
from .settings import Read
from .upstreams import Upstream
from .world import HTPASSWD_TYPE, TLS_TYPE, World, annotations, by_age, certificate_error

_TYPE = "mergeable-ingress-type"


def make(world: World, options: Options) -> Plan:
    plan, base = Plan(), _main(world, options)
    configmap = ("ConfigMap", *options.configmap)
    _tell_configmap(plan, configmap, base, known=options.configmap in world.configmaps)
    certificate = _certificate(plan, world, *options.default_secret)[0]
    plan.put("nginx.conf", nginx_conf(base, certificate), configmap)
    _Ingresses(plan, world, base, snippets=options.snippets).make()
    transports.make(plan, world, options)
    return plan


def _main(world: World, options: Options) -> Read:
    found = world.configmaps.get(options.configmap) or {}
    return settings.from_configmap(found.get("data") or {})


def _tell_configmap(plan: Plan, ref: Ref, base: Read, *, known: bool) -> None:
    _, namespace, name = ref
    text = f"ConfigMap {namespace}/{name} updated "
    wrong = base.errors + base.warnings
    if wrong:
        text += f"with errors. Ignoring invalid values: {'; '.join(wrong)}"
    if known:
        reason = "UpdatedWithError" if wrong else "Updated"
        plan.messages[ref] = Message(bool(wrong), reason, text if wrong else f"{text}without error")


def _certificate(plan: Plan, world: World, namespace: str, name: str) -> tuple[str, str]:
    """The file with a TLS secret's certificate and key, or nothing and what is wrong."""
    if not name:
        return "", "no secret is named"
    content, wrong = world.secret(namespace, name, TLS_TYPE, "tls.crt", "tls.key")
    if wrong:
        return "", wrong
    wrong = certificate_error(content)
    if wrong:
        return "", wrong
    plan.secrets[f"{namespace}-{name}"] = content
    return f"{SECRETS}/{namespace}-{name}", ""


@dataclass
class _Made:
    """An Ingress on its way to becoming a file."""

    obj: dict
    read: Read
    warnings: list[str]
    hosts: list[str] = field(default_factory=list)
    minions: list["_Made"] = field(default_factory=list)
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> Ref:
        return "Ingress", self.obj["metadata"]["namespace"], self.obj["metadata"]["name"]

    @property
    def key(self) -> str:
        return f"{self.ref[1]}/{self.ref[2]}"

    @property
    def type(self) -> str:
        return self.read[_TYPE] or ""


class _Ingresses:
    def __init__(self, plan: Plan, world: World, base: Read, *, snippets: bool):
        self._plan, self._world, self._base, self._snippets = plan, world, base, snippets
        self._made: list[_Made] = []

    def make(self) -> None:
        for obj in by_age(self._world.ingresses.values()):
            if self._world.is_ours(obj):
                self._read(obj)
        self._share_hosts()
        for made in self._made:
            if made.hosts and made.type != "minion":
                self._write(made)

    def _read(self, obj: dict) -> None:
        read = settings.from_annotations(annotations(obj), self._base.values, snippets=self._snippets)
        made = _Made(obj, read, list(read.warnings))
        errors = [*read.errors, *_shape_errors(obj, read)]
        if errors:
            self._plan.messages[made.ref] = rejected(made.key, f"with error: {'; '.join(errors)}")
        else:
            self._made.append(made)

    def _share_hosts(self) -> None:
        holders: dict[str, _Made] = {}
        for made in (one for one in self._made if one.type != "minion"):
            for rule in made.obj["spec"]["rules"]:
                if holders.setdefault(rule["host"], made) is made:
                    made.hosts.append(rule["host"])
                else:
                    made.warnings.append(f"host {rule['host']} is taken by another resource")
            if not made.hosts:
                why = "All hosts are taken by other resources"
                self._plan.messages[made.ref] = rejected(made.key, f"with error: {why}")
        for made in (one for one in self._made if one.type == "minion"):
            self._join_master(made, holders.get(made.obj["spec"]["rules"][0]["host"]))

    def _join_master(self, minion: _Made, master: _Made | None) -> None:
        if master is None or master.type != "master":
            why = "Ingress master is invalid or doesn't exist"
            self._plan.messages[minion.ref] = rejected(minion.key, f"with error: {why}")
        else:
            master.minions.append(minion)

    def _write(self, made: _Made) -> None:
        servers = [
            self._server(made, rule) for rule in made.obj["spec"]["rules"] if rule["host"] in made.hosts
        ]
        lines = [f"# configuration for {made.key}"]
        for upstream in made.upstreams.values():
            lines += upstream.lines()
        lines += [f"limit_req_zone {zone};" for zone in made.zones.values()]
        for server in servers:
            lines += server.lines()
        self._plan.put(f"conf.d/{made.key.replace('/', '-')}.conf", lines, made.ref)
        for one in (made, *made.minions):
            self._plan.messages[one.ref] = accepted(one.key, one.warnings)

    def _server(self, made: _Made, rule: dict) -> Server:
        host = rule["host"]
        server = Server(host, made.read, made.ref[1:], password_file=self._passwords(made))
        self._add_tls(made, server)
        taken: set[str] = set()
        for minion in made.minions:
            for minion_rule in minion.obj["spec"]["rules"]:
                self._add_paths(made, minion, server, minion_rule, taken)
        if made.type != "master":
            self._add_paths(made, made, server, rule, taken)
        backend = made.obj["spec"].get("defaultBackend")
        if backend and "/" not in taken:
            self._add_path(made, made, server, {"path": "/", "backend": backend})
        return server

    def _add_tls(self, made: _Made, server: Server) -> None:
        for tls in made.obj["spec"].get("tls") or []:
            if server.host not in (tls.get("hosts") or []):
                continue
            server.tls, name = True, tls.get("secretName", "")
            server.certificate, wrong = _certificate(self._plan, self._world, made.ref[1], name)
            if not name:
                made.warnings.append(
                    f"TLS termination for host '{server.host}' requires specifying a TLS secret or "
                    "configuring a global wildcard TLS secret"
                )
            elif wrong:
                link = "" if wrong.startswith("is of") else "is invalid: "
                made.warnings.append(f"TLS secret {name} {link}{wrong}")

    def _passwords(self, made: _Made) -> str:
        name, namespace = made.read["basic-auth-secret"], made.ref[1]
        if not name:
            return ""
        content, wrong = self._world.secret(namespace, name, HTPASSWD_TYPE, "htpasswd")
        if wrong:
            made.warnings.append(f"Basic auth secret {name} is invalid: {wrong}")
        else:
            self._plan.secrets[f"{namespace}-{name}"] = content
        return f"{SECRETS}/{namespace}-{name}"

    def _add_paths(self, file: _Made, made: _Made, server: Server, rule: dict, taken: set[str]) -> None:
        for path in (rule.get("http") or {}).get("paths") or []:
            where = _location_path(path, made.read["path-regex"])
            if where in taken:
                made.warnings.append(f"path {path.get('path') or '/'} is taken by another resource")
            else:
                taken.add(where)
                self._add_path(file, made, server, path)

    def _add_path(self, file: _Made, made: _Made, server: Server, path: dict) -> None:
        service = path["backend"]["service"]
        location = Location(
            _location_path(path, made.read["path-regex"]),
            path.get("path") or "/",
            self._upstream(file, made, server.host, service),
            made.read,
            service["name"],
            limit_zone=self._limit_zone(file, made),
        )
        if made is not file:
            location.minion = made.key
        if made is not file or made.read["basic-auth-secret"]:
            location.password_file = self._passwords(made)
        server.locations.append(location)

    def _upstream(self, file: _Made, made: _Made, host: str, service: dict) -> Upstream:
        port = service["port"]
        text = port.get("name") or port.get("number")
        name = f"{made.key.replace('/', '-')}-{host}-{service['name']}-{text}"
        if name not in file.upstreams:
            find = self._world.cluster_address if made.read["use-cluster-ip"] else self._world.endpoints
            servers = find(made.ref[1], service["name"], port)
            if not servers:
                made.warnings.append(f"No endpoints found for service {service['name']}")
            cookie = made.read["sticky-cookie-services"].get(service["name"]) if servers else None
            file.upstreams[name] = Upstream(name, servers, made.read, cookie)
        return file.upstreams[name]

    def _limit_zone(self, file: _Made, made: _Made) -> str:
        read = made.read
        if read["limit-req-rate"]:
            size = read["limit-req-zone-size"]
            zone = f"{read['limit-req-key']} zone={made.key}:{size} rate={read['limit-req-rate']}"
            file.zones[made.key] = zone
            return made.key
        return ""


def _location_path(path: dict, regex: str) -> str:
    text = path.get("path") or "/"
    if path.get("pathType") == "Exact":
        return f"= {text}"
    forms = {"case_sensitive": '~ "^{}"', "case_insensitive": '~* "^{}"', "exact": '= "{}"'}
    return forms.get(regex, "{}").format(text)


def _shape_errors(obj: dict, read: Read) -> list[str]:
    spec, kind = obj["spec"], read[_TYPE]
    rules = spec.get("rules") or []
    errors = [] if rules else ["spec.rules: Required value"]
    for index, rule in enumerate(rules):
        if not rule.get("host"):
            errors.append(f"spec.rules[{index}].host: Required value")
        for number, path in enumerate((rule.get("http") or {}).get("paths") or []):
            errors += _path_errors(f"spec.rules[{index}].http.paths[{number}]", path, read["path-regex"])
    if "service" not in (spec.get("defaultBackend") or {"service": 1}):
        errors.append("spec.defaultBackend.service: Required value: service backend must be specified")
    if kind and len(rules) != 1:
        errors.append("spec.rules: Too many: must have exactly 1 items")
    has_paths = bool(rules and (rules[0].get("http") or {}).get("paths"))
    if kind == "master" and has_paths:
        errors.append("spec.rules[0].http.paths: Too many: must have at most 0 items")
    if kind == "minion" and spec.get("tls"):
        errors.append("spec.tls: Too many: must have at most 0 items")
    return errors


def _path_errors(where: str, path: dict, regex: str) -> list[str]:
    text, errors = path.get("path") or "/", []
    forbidden = r'[\s;"]' if regex in ("case_sensitive", "case_insensitive") else r"[\s;\"{}\\$#']"
    if not text.startswith("/") or re.search(forbidden, text):
        errors.append(
            f'{where}.path: Invalid value: "{text}": must start with / and must not include any whitespace '
            "character, `;` or what nginx reads as its own"
        )
    if "service" not in path["backend"]:
        errors.append(f"{where}.backend.service: Required value: service backend must be specified")
    return errors
