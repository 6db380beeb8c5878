"""Who is asking: client certificate, bearer token, or nobody; then whom they ask to be.

A wrong token is 401. No credentials at all is the anonymous user, whom RBAC then refuses (403).
"""

from aiohttp import web

from netlab.controllers.tokens import BadToken, TokenAuthority

from .request import User
from .status import ApiError

AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
_EXTRA = "impersonate-extra-"


def authenticate(http: web.Request, tokens: TokenAuthority) -> User:
    """Raises ApiError (401) for a token that is not good. As on a real server a certificate comes first."""
    certificate = http.transport.get_extra_info("peercert") if http.transport else None
    if certificate:
        return _by_certificate(certificate)
    header = http.headers.get("Authorization", "")
    if header.lower().startswith("bearer "):
        return _by_token(header[7:].strip(), tokens)
    if header:
        raise unauthorized()
    return ANONYMOUS


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def _by_token(token: str, tokens: TokenAuthority) -> User:
    try:
        identity = tokens.identify(token)
    except BadToken as error:
        raise unauthorized() from error
    return User(identity.user, identity.groups, identity.uid, identity.extra)


def _by_certificate(certificate: dict) -> User:
    """The common name is the user, each organization a group."""
    subject = [pair for rdn in certificate["subject"] for pair in rdn]
    name = next((value for key, value in subject if key == "commonName"), "")
    groups = tuple(value for key, value in subject if key == "organizationName")
    return User(name, (*groups, AUTHENTICATED))


def wants_impersonation(http: web.Request) -> bool:
    return any(name.lower().startswith("impersonate-") for name in http.headers)


def impersonated(http: web.Request) -> User:
    """The identity the Impersonate-* headers describe. Raises ApiError (400) when they lack a user."""
    name = http.headers.get("Impersonate-User", "")
    if not name:
        message = "requested impersonation of groups, uid or extra without impersonating a user"
        raise ApiError(400, "BadRequest", message)
    groups = tuple(http.headers.getall("Impersonate-Group", []))
    if name.startswith("system:serviceaccount:") and not groups:
        groups = _service_account_groups(name)
    extra: dict[str, list[str]] = {}
    for key, value in http.headers.items():
        if key.lower().startswith(_EXTRA):
            extra.setdefault(key.lower().removeprefix(_EXTRA), []).append(value)
    membership = ANONYMOUS.groups if name == ANONYMOUS.name else (AUTHENTICATED,)
    groups = (*groups, *(group for group in membership if group not in groups))
    return User(name, groups, http.headers.get("Impersonate-Uid", ""), extra)


def _service_account_groups(name: str) -> tuple[str, ...]:
    namespace = name.split(":")[2]
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
