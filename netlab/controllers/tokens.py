"""Service-account tokens: JWTs signed by the cluster, bound to an account and often to a pod.

A token is good while its signature and time are, and while the account (and the pod) it names still
exist with the same uid: deleting the pod ends its token.
"""

import base64
import json
import time
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from netlab.store import Store

ISSUER = "https://kubernetes.default.svc.cluster.local"
_COORDINATE = 32  # bytes of r and s in a P-256 signature
_ALGORITHM = ec.ECDSA(hashes.SHA256())


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
        return self._sign(
            {
                "iss": ISSUER,
                "sub": f"system:serviceaccount:{namespace}:{account}",
                "aud": list(audiences),
                "iat": now,
                "nbf": now,
                "exp": now + seconds,
                "kubernetes.io": about,
            }
        )

    def identify(self, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> Identity:
        """Whom the token speaks for. Raises BadToken."""
        claims = self._verified(token)
        if not set(claims.get("aud", ())) & set(audiences):
            raise BadToken("the token is for another audience")
        if not claims["nbf"] - 5 <= time.time() < claims["exp"]:
            raise BadToken("the token has expired")
        about = claims["kubernetes.io"]
        self._check_alive("serviceaccounts", about["namespace"], about["serviceaccount"])
        if "pod" in about:
            self._check_alive("pods", about["namespace"], about["pod"])
        account = about["serviceaccount"]
        return Identity(about["namespace"], account["name"], account["uid"], _extra(about))

    def _check_alive(self, resource: str, namespace: str, named: dict) -> None:
        found = self._store.find(resource, namespace, named["name"])
        if not found or found["metadata"]["uid"] != named["uid"]:
            raise BadToken(f"{resource} {named['name']!r} of the token is gone")

    def _sign(self, claims: dict) -> str:
        text = f"{_encode({'alg': 'ES256', 'typ': 'JWT'})}.{_encode(claims)}"
        r, s = utils.decode_dss_signature(self._key.sign(text.encode(), _ALGORITHM))
        raw = r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")
        return f"{text}.{_base64(raw)}"

    def _verified(self, token: str) -> dict:
        try:
            head, body, tail = token.split(".")
            raw = _bytes(tail)
            r, s = (int.from_bytes(half, "big") for half in (raw[:_COORDINATE], raw[_COORDINATE:]))
            signature = utils.encode_dss_signature(r, s)
            self._key.public_key().verify(signature, f"{head}.{body}".encode(), _ALGORITHM)
            return json.loads(_bytes(body))
        except (ValueError, InvalidSignature) as error:
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


def _encode(value: dict) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# The kubelets of this process ask here; the server installs the authority before they start.
_installed: TokenAuthority | None = None


def install(authority: TokenAuthority) -> None:
    global _installed
    _installed = authority


def issue(namespace: str, service_account: str, pod: dict | None = None, **options) -> str:
    """A token of the running cluster; see TokenAuthority.issue for the options."""
    if _installed is None:
        raise RuntimeError("no token authority is installed")
    return _installed.issue(namespace, service_account, pod, **options)
