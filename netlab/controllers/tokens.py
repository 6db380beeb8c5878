"""Service-account tokens: JWTs signed by the cluster, bound to an account and often to a pod.

A token is good while its signature and time are, and while the account (and the pod) it names still
exist with the same uid: deleting the pod ends its token.
"""

import time
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.types import Options

from netlab.store import Store

ISSUER = "https://kubernetes.default.svc.cluster.local"
_ALGORITHM = "ES256"
# It holds from the moment it is made: a clock that is set back must not shut it out.
_OPTIONS: Options = {"verify_iat": False, "verify_nbf": False}


class BadToken(Exception):
    """The token is malformed, forged, expired or speaks of things that are gone."""


@dataclass(frozen=True)
class Identity:
    """Whom a token speaks for."""

    namespace: str
    name: str
    uid: str
    extra: dict

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        return ("system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated")


class TokenAuthority:
    def __init__(self, store: Store, key: ec.EllipticCurvePrivateKey):
        self._store, self._key = store, key

    def issue(
        self,
        namespace: str,
        account: str,
        pod: dict | None = None,
        *,
        audiences: tuple[str, ...] = (ISSUER,),
        seconds: int = 3600,
    ) -> str:
        """A signed token. Raises NotFound when the account does not exist."""
        owner = self._store.get("serviceaccounts", namespace, account)
        now = int(time.time())
        about = {"namespace": namespace, "serviceaccount": _named(owner)}
        if pod:
            about["pod"] = _named(pod)
        claims = {
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{namespace}:{account}",
            "aud": list(audiences),
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "kubernetes.io": about,
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def identify(self, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> Identity:
        """Whom the token speaks for. Raises BadToken."""
        about = self._verified(token, audiences)["kubernetes.io"]
        self._check_alive("serviceaccounts", about["namespace"], about["serviceaccount"])
        if "pod" in about:
            self._check_alive("pods", about["namespace"], about["pod"])
        account = about["serviceaccount"]
        return Identity(about["namespace"], account["name"], account["uid"], _extra(about))

    def _check_alive(self, resource: str, namespace: str, named: dict) -> None:
        found = self._store.find(resource, namespace, named["name"])
        if not found or found["metadata"]["uid"] != named["uid"]:
            raise BadToken(f"{resource} {named['name']!r} of the token is gone")

    def _verified(self, token: str, audiences: tuple[str, ...]) -> dict:
        key = self._key.public_key()
        try:
            return jwt.decode(token, key, [_ALGORITHM], options=_OPTIONS, audience=audiences)
        except jwt.InvalidAudienceError as error:
            raise BadToken("the token is for another audience") from error
        except jwt.ExpiredSignatureError as error:
            raise BadToken("the token has expired") from error
        except jwt.PyJWTError as error:
            raise BadToken("the token is not one of this cluster") from error


def _named(obj: dict) -> dict:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _extra(about: dict) -> dict:
    if "pod" not in about:
        return {}
    return {
        "authentication.kubernetes.io/pod-name": [about["pod"]["name"]],
        "authentication.kubernetes.io/pod-uid": [about["pod"]["uid"]],
    }
