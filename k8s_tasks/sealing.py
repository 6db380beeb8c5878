"""Secrets in the database: encrypted with a key made of SECRET_KEY, another for each purpose."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class CannotUnseal(Exception):
    """It was sealed with another SECRET_KEY, or for another purpose."""


def seal(text: str, purpose: str) -> bytes:
    return _keys(purpose).encrypt(text.encode())


def unseal(sealed: bytes, purpose: str) -> str:
    """Raises CannotUnseal."""
    try:
        return _keys(purpose).decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise CannotUnseal from None


def _keys(purpose: str) -> MultiFernet:
    """The first seals; the fallbacks open what was sealed before a change of the key."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derive(secret, purpose)) for secret in secrets])


def _derive(secret: str, purpose: str) -> bytes:
    key = HKDF(SHA256(), 32, salt=None, info=f"redes {purpose}".encode()).derive(secret.encode())
    return base64.urlsafe_b64encode(key)
