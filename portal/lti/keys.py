"""The tool's own key, made at first use, and the public keys of platforms, fetched when they are needed."""

import json
import secrets
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from k8s_tasks import sealing
from portal.lti.calls import CallFailed, fetch_json
from portal.lti.models import LtiPlatform, ToolKey

PURPOSE = "lti"
KEPT_SECONDS = 300
LOOK_AGAIN_SECONDS = 10  # for a key that is not there: a platform may have changed its keys
_fetched: dict[str, tuple[float, dict]] = {}


class NoKey(Exception):
    """The platform has no such key, or tells none."""


def tool_key() -> tuple[str, str]:
    """The id and the private key (PEM) with which the tool signs. A key that cannot be opened any more, for
    SECRET_KEY has changed, is deleted: what it would sign nobody could sign for."""
    for key in ToolKey.objects.all():
        try:
            return key.kid, sealing.unseal(key.sealed, PURPOSE)
        except sealing.CannotUnseal:
            key.delete()
    return _make_tool_key()


def _make_tool_key() -> tuple[str, str]:
    private = _new_private_key()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    kid = secrets.token_urlsafe(16)
    public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    public |= {"kid": kid, "alg": "RS256", "use": "sig"}
    ToolKey.objects.create(kid=kid, sealed=sealing.seal(text, PURPOSE), public=public)
    return kid, text


def _new_private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_keys() -> dict:
    """The key set that platforms read."""
    tool_key()
    return {"keys": [key.public for key in ToolKey.objects.all()]}


def signed(claims: dict) -> str:
    kid, private = tool_key()
    return jwt.encode(claims, private, algorithm="RS256", headers={"kid": kid})


def platform_key(platform: LtiPlatform, kid: str) -> jwt.PyJWK:
    """Raises NoKey, and CallFailed when the platform does not answer."""
    fetched_at, keys = _fetched.get(platform.jwks_url, (0.0, {}))
    age = time.monotonic() - fetched_at
    if not keys or age > KEPT_SECONDS or (kid not in keys and age > LOOK_AGAIN_SECONDS):
        keys = _fetch(platform.jwks_url)
    if kid not in keys:
        raise NoKey(kid)
    return keys[kid]


def _fetch(url: str) -> dict[str, jwt.PyJWK]:
    body, _headers = fetch_json("GET", url)
    try:
        found = {key.key_id: key for key in jwt.PyJWKSet.from_dict(body).keys if key.key_id}
    except (jwt.PyJWTError, AttributeError, TypeError) as error:
        raise CallFailed(f"{url}: no key set ({error})") from None
    _fetched[url] = (time.monotonic(), found)
    return found
