"""What a request asks for, read from its method, path and query."""

from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import web

from netlab.schema.catalogue import Catalogue
from netlab.schema.kinds import Kind, Subresource

from .status import bad_request, method_not_allowed, unknown_path

_TRUE = {"1", "t", "T", "true", "TRUE", "True"}
_FALSE = {"0", "f", "F", "false", "FALSE", "False"}
# The names people use for namespaces' own subresources.
_FINALIZE = Subresource("finalize", "Namespace", ("update",))
_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: dict = field(default_factory=dict, hash=False, compare=False)

    @property
    def info(self) -> dict:
        """As Kubernetes' objects tell of a user."""
        told = {"username": self.name, "uid": self.uid, "groups": list(self.groups), "extra": self.extra}
        return {key: value for key, value in told.items() if value}


@dataclass
class Call:
    """One request on a resource. `user` is who it is done for, after impersonation."""

    kind: Kind
    verb: str
    namespace: str | None
    name: str | None
    subresource: str | None
    http: web.Request
    user: User
    rest: str = ""  # of the path, below the subresource `proxy`, as it was sent
    warnings: list[str] = field(default_factory=list)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean of the query, as Go reads them."""
        text = self.http.query.get(name)
        if text is None or text == "":
            return default
        if text not in _TRUE | _FALSE:
            raise bad_request(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        return text in _TRUE

    def number(self, name: str) -> int | None:
        text = self.http.query.get(name)
        if text in (None, ""):
            return None
        try:
            return int(text)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None

    @property
    def dry_run(self) -> bool:
        asked = self.http.query.getall("dryRun", [])
        if any(value != "All" for value in asked):
            raise bad_request(f'dryRun: Unsupported value: {asked}: supported values: "All"')
        return bool(asked)

    @property
    def manager(self) -> str:
        """Who shall own the fields written: the name given, or the program's."""
        agent = self.http.headers.get("User-Agent", "unknown").split("/")[0]
        return self.http.query.get("fieldManager") or agent or "unknown"

    @property
    def validation(self) -> str:
        asked = self.http.query.get("fieldValidation") or "Warn"
        if asked not in ("Strict", "Warn", "Ignore"):
            supported = '"Ignore", "Strict", "Warn"'
            raise bad_request(f'fieldValidation: Unsupported value: "{asked}": supported values: {supported}')
        return asked


def path_segments(http: web.Request) -> list[str]:
    return [unquote(part) for part in http.rel_url.raw_path.strip("/").split("/")]


def parse_call(http: web.Request, user: User, catalogue: Catalogue) -> Call:
    """Raises ApiError when the path names nothing that is served."""
    group, version, rest = _split_prefix(path_segments(http))
    namespace = None
    if len(rest) >= 3 and rest[0] == "namespaces":
        inside = catalogue.find(group, version, rest[2])
        if inside and inside.namespaced:
            namespace, rest = rest[1], rest[2:]
    kind = catalogue.find(group, version, rest[0]) if rest else None
    proxied = rest[2:3] == ["proxy"]
    if kind is None or (len(rest) > 3 and not proxied):
        raise unknown_path()
    name, subresource = [*rest[1:], None, None][:2]
    if kind.namespaced and name and namespace is None:
        raise unknown_path()
    call = Call(kind, "", namespace, name, subresource, http, user)
    call.verb = _verb(call)
    if proxied:
        call.rest = http.rel_url.raw_path.partition("/proxy")[2].removeprefix("/")
    return call


def _split_prefix(parts: list[str]) -> tuple[str, str, list[str]]:
    if parts[0] == "api" and len(parts) > 2:
        return "", parts[1], parts[2:]
    if parts[0] == "apis" and len(parts) > 3:
        return parts[1], parts[2], parts[3:]
    raise unknown_path()


def _verb(call: Call) -> str:
    verb = _raw_verb(call)
    allowed = _allowed_verbs(call)
    if verb not in allowed:
        raise method_not_allowed()
    return verb


def _raw_verb(call: Call) -> str:
    method = call.http.method
    if method in ("GET", "HEAD"):
        if call.name:
            return "get"
        return "watch" if call.flag("watch") else "list"
    if method == "DELETE":
        return "delete" if call.name else "deletecollection"
    return _WRITES.get(method, "")


def _allowed_verbs(call: Call) -> tuple[str, ...]:
    if not call.subresource:
        return call.kind.verbs
    known = (*call.kind.subresources, *((_FINALIZE,) if call.kind.resource == "namespaces" else ()))
    found = next((sub for sub in known if sub.name == call.subresource), None)
    if not found:
        raise unknown_path()
    return found.verbs
