"""Keys of the ConfigMap and annotations of Ingresses: what each may hold, its default, words of refusal.

A key of the ConfigMap is the default of the annotation `nginx.org/<key>`. A wrong value in the ConfigMap is
ignored with an event; a wrong annotation, as with the original, refuses its whole Ingress.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PREFIX, PLUS_PREFIX = "nginx.org/", "nginx.com/"
_LB_METHODS = ("least_conn", "ip_hash", "random", "random two", "random two least_conn")
_HASH_KEY = r"(\$\{\w+\}|[\w$.:/@-])+"


def boolean(text: str) -> bool:
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if text in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise ValueError("must be a boolean")


def count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError("must be a non-negative integer")
    return int(text)


def _pattern(pattern: str, complaint: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(complaint)
        return text

    return parse


time = _pattern(r"\d+(ms|[smhdwMy])?( \d+(ms|[smhdwMy]))*", "must be a time")
size = _pattern(r"\d+[kKmMgG]?", "must be a size")
buffers = _pattern(r"\d+ \d+[kKmM]?", "must be a proxy buffer spec")
rate = _pattern(r"\d+r/[sm]", "must be a rate, as 10r/s")
level = _pattern("debug|info|notice|warn|error|crit|alert|emerg", "must be a log level")
limit_level = _pattern("info|notice|warn|error", "must be one of info, notice, warn, error")
limit_key = _pattern(r"(\$\{\w+\}|[\w.-])+", "must be variables, as ${binary_remote_addr}")
header = _pattern(r"[A-Za-z0-9_-]+", "must be a valid HTTP header")
regex_kind = _pattern(
    "case_sensitive|case_insensitive|exact", "must be one of case_sensitive, case_insensitive, exact"
)
app_root = _pattern(r"/[^\s{};$\"'\\]*", "must start with / and hold neither spaces nor any of {};$")
tokens = _pattern(r"[^\"$\\;]*", 'must not hold any of "$\\;')
secret_name = _pattern(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", "must be a valid resource name")
workers = _pattern(r"auto|\d{1,3}", "must be a number or auto")
ciphers = _pattern(r"[\w:+!@.=-]+", "must be a list of ciphers")
words = _pattern(r"[\w. -]+", "must be plain words")


def names(text: str) -> list[str]:
    found = [name.strip() for name in text.split(",")]
    if not all(re.fullmatch(r"[a-zA-Z0-9_.-]+", name) for name in found):
        raise ValueError("must be a comma-separated list of names")
    return found


def networks(text: str) -> list[str]:
    found = [one.strip() for one in text.split(",")]
    for one in found:
        if one != "unix:":
            ipaddress.ip_network(one, strict=False)
    return found


def ports(text: str) -> list[int]:
    found = [count(one.strip()) for one in text.split(",")]
    if not all(0 < one < 65536 for one in found):
        raise ValueError("must be a comma-separated list of ports")
    return found


def redirect_code(text: str) -> int:
    if text not in ("301", "302", "307", "308"):
        raise ValueError("must be one of 301, 302, 307, 308")
    return int(text)


def reject_code(text: str) -> int:
    if not 400 <= count(text) <= 599:
        raise ValueError("must be a code from 400 to 599")
    return int(text)


def headers(text: str) -> list[tuple[str, str]]:
    """`Name: value` or `Name`, which passes the client's own on, separated by commas."""
    found = []
    for one in text.split(","):
        name, colon, value = (part.strip() for part in one.partition(":"))
        header(name)
        if re.search(r"[\"\\\n{};]", value):
            raise ValueError("a header's value must not hold any of \"\\{};")
        found.append((name, value if colon else f"$http_{name.replace('-', '_').lower()}"))
    return found


def lb_method(text: str) -> str:
    """nginx' directive; empty for its own default, which is round robin."""
    text = text.strip()
    if text == "round_robin":
        return ""
    if text in _LB_METHODS or re.fullmatch(rf"hash {_HASH_KEY}( consistent)?", text):
        return text
    raise ValueError(f'invalid load balancing method: "{text}"')


def rewrites(text: str) -> dict[str, str]:
    """`serviceName=coffee rewrite=/beans/`, several separated by `;`."""
    found = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        match = re.fullmatch(r"serviceName=([\w.-]+)\s+rewrite=(/[^\s{};$\"'\\]*)", part)
        if not match:
            raise ValueError("must be a semicolon-separated list of rewrites")
        found[match[1]] = match[2]
    return found


def rewrite_target(text: str) -> str:
    if not re.fullmatch(r"/([\w/.~%-]|\$\d)*", text):
        raise ValueError("must start with / and hold only path characters and $1 to $9")
    return text


@dataclass(frozen=True)
class Cookie:
    name: str
    attributes: str  # as they stand in Set-Cookie


_ATTRIBUTES = {
    "domain": (r"[\w.-]+", "Domain"),
    "path": (r"/[^\s\";$,\\]*", "Path"),
    "samesite": (r"(?i:strict|lax|none)", "SameSite"),
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000, "": 1}


def sticky_cookies(text: str) -> dict[str, Cookie]:
    """`serviceName=tea srv_id expires=1h path=/`, several separated by `;`."""
    found = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        service, name, *options = [*part.split(), "", ""][: max(2, len(part.split()))]
        match = re.fullmatch(r"serviceName=([\w.-]+)", service)
        if not match or not re.fullmatch(r"[A-Za-z0-9_]+", name):
            raise ValueError("must be serviceName=SERVICE COOKIE and the cookie's options")
        found[match[1]] = Cookie(name, "".join(_attribute(option) for option in options))
    return found


def _attribute(option: str) -> str:
    name, _, value = option.partition("=")
    if option in ("httponly", "secure"):
        return {"httponly": "; HttpOnly", "secure": "; Secure"}[option]
    if name == "expires" and value == "max":
        return "; Max-Age=315360000"
    if name == "expires" and (match := re.fullmatch(r"(\d+)([smhdwy]?)", value)):
        return f"; Max-Age={int(match[1]) * _SECONDS[match[2]]}"
    if name in _ATTRIBUTES and re.fullmatch(_ATTRIBUTES[name][0], value):
        return f"; {_ATTRIBUTES[name][1]}={value}"
    raise ValueError(f'unknown option "{option}" of a sticky cookie')


@dataclass(frozen=True)
class Setting:
    parse: Callable[[str], Any]
    default: Any = None
    ingress: bool = True  # may be an annotation
    configmap: bool = True
    snippet: bool = False


def _snippet(**places: bool) -> Setting:
    return Setting(str, "", snippet=True, **places)


def _main(parse: Callable[[str], Any], default: Any = None) -> Setting:
    return Setting(parse, default, ingress=False)


def _annotation(parse: Callable[[str], Any], default: Any = None) -> Setting:
    return Setting(parse, default, configmap=False)


SETTINGS: dict[str, Setting] = {
    "lb-method": Setting(lb_method, "random two least_conn"),
    "max-fails": Setting(count, 1),
    "fail-timeout": Setting(time, "10s"),
    "max-conns": Setting(count, 0),
    "keepalive": Setting(count, 0),
    "upstream-zone-size": Setting(size, "256k"),
    "proxy-connect-timeout": Setting(time, "60s"),
    "proxy-read-timeout": Setting(time, "60s"),
    "proxy-send-timeout": Setting(time, "60s"),
    "client-max-body-size": Setting(size, "1m"),
    "client-body-buffer-size": Setting(size),
    "proxy-buffering": Setting(boolean, True),
    "proxy-buffers": Setting(buffers),
    "proxy-buffer-size": Setting(size),
    "proxy-busy-buffers-size": Setting(size),
    "proxy-max-temp-file-size": Setting(size),
    "proxy-hide-headers": Setting(names, ()),
    "proxy-pass-headers": Setting(names, ()),
    "proxy-set-headers": Setting(headers, ()),
    "redirect-to-https": Setting(boolean, False),
    "ssl-redirect": Setting(boolean, True),
    "http-redirect-code": Setting(redirect_code, 301),
    "hsts": Setting(boolean, False),
    "hsts-max-age": Setting(count, 2592000),
    "hsts-include-subdomains": Setting(boolean, False),
    "server-tokens": Setting(tokens, "on"),
    "ssl-ciphers": Setting(ciphers),
    "ssl-prefer-server-ciphers": Setting(boolean, False),
    "server-snippets": _snippet(),
    "location-snippets": _snippet(),
    "limit-req-rate": _annotation(rate),
    "limit-req-key": _annotation(limit_key, "${binary_remote_addr}"),
    "limit-req-zone-size": _annotation(size, "10m"),
    "limit-req-burst": _annotation(count, 0),
    "limit-req-delay": _annotation(count, 0),
    "limit-req-no-delay": _annotation(boolean, False),
    "limit-req-dry-run": _annotation(boolean, False),
    "limit-req-log-level": _annotation(limit_level, "error"),
    "limit-req-reject-code": _annotation(reject_code, 429),
    "listen-ports": _annotation(ports, (80,)),
    "listen-ports-ssl": _annotation(ports, (443,)),
    "rewrites": _annotation(rewrites, {}),
    "rewrite-target": _annotation(rewrite_target, ""),
    "path-regex": _annotation(regex_kind, ""),
    "app-root": _annotation(app_root, ""),
    "ssl-services": _annotation(names, ()),
    "grpc-services": _annotation(names, ()),
    "websocket-services": _annotation(names, ()),
    "sticky-cookie-services": _annotation(sticky_cookies, {}),
    "basic-auth-secret": _annotation(secret_name, ""),
    "basic-auth-realm": _annotation(tokens, ""),
    "use-cluster-ip": _annotation(boolean, False),
    "mergeable-ingress-type": _annotation(_pattern("master|minion", "must be one of: 'master' or 'minion'")),
    "http2": _main(boolean, False),
    "proxy-protocol": _main(boolean, False),
    "real-ip-header": _main(header, ""),
    "set-real-ip-from": _main(networks, ()),
    "real-ip-recursive": _main(boolean, False),
    "worker-processes": _main(workers, "auto"),
    "worker-connections": _main(count, 1024),
    "worker-shutdown-timeout": _main(time),
    "error-log-level": _main(level, "notice"),
    "access-log-off": _main(boolean, False),
    "log-format": _main(str),
    "stream-log-format": _main(str),
    "keepalive-timeout": _main(time, "75s"),
    "keepalive-requests": _main(count, 1000),
    "ssl-protocols": _main(words),
    "server-names-hash-max-size": _main(count, 1024),
    "server-names-hash-bucket-size": _main(count, 256),
    "variables-hash-max-size": _main(count, 1024),
    "variables-hash-bucket-size": _main(count, 256),
    "map-hash-max-size": _main(count, 2048),
    "map-hash-bucket-size": _main(count, 256),
    "main-snippets": _snippet(ingress=False),
    "http-snippets": _snippet(ingress=False),
    "stream-snippets": _snippet(ingress=False),
}


@dataclass
class Read:
    """Settings with what was wrong and what has no effect."""

    values: dict[str, Any]
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


def from_configmap(data: dict[str, str]) -> Read:
    read = Read({key: one.default for key, one in SETTINGS.items()})
    for key, text in data.items():
        setting = SETTINGS.get(key)
        if setting is None or not setting.configmap:
            read.warnings.append(f"key {key} has no effect here")
            continue
        try:
            read.values[key] = setting.parse(text)
        except ValueError as error:
            read.errors.append(f"{key}: {error}")
    return read


def from_annotations(annotations: dict[str, str], base: dict[str, Any], *, snippets: bool) -> Read:
    read = Read(dict(base))
    for name, text in annotations.items():
        key = name.removeprefix(PREFIX)
        if name.startswith((PLUS_PREFIX, "appprotect")):
            read.errors.append(f"annotations.{name}: Forbidden: annotation requires NGINX Plus")
        elif name.startswith(PREFIX):
            _read_annotation(read, key, text, snippets)
    return read


def _read_annotation(read: Read, key: str, text: str, snippets: bool) -> None:
    setting, path = SETTINGS.get(key), f"annotations.{PREFIX}{key}"
    if setting is None or not setting.ingress:
        read.warnings.append(f"annotation {PREFIX}{key} has no effect here")
    elif setting.snippet and not snippets:
        read.errors.append(f"{path}: Forbidden: snippet specified but snippets feature is not enabled")
    else:
        try:
            read.values[key] = setting.parse(text)
        except ValueError as error:
            read.errors.append(f'{path}: Invalid value: "{text}": {error}')
