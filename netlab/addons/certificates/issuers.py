"""Issuers and ClusterIssuers: whether they can sign, and what they sign with."""

from collections.abc import Callable

from cryptography import x509

from netlab import pki
from netlab.store import Store, events, full_name, key_of

from . import (
    CLUSTER_ISSUERS,
    ISSUERS,
    NAMESPACE,
    TLS_CA,
    TLS_CERTIFICATE,
    TLS_KEY,
    condition,
    data_of,
    issuer_kind,
    put_condition,
)


class NoKeyPair(Exception):
    """A CA issuer has nothing to sign with; `reason` is its condition's."""

    def __init__(self, reason: str, text: str):
        super().__init__(text)
        self.reason = reason


def find(store: Store, reference: dict, namespace: str) -> dict | None:
    """The issuer that an issuerRef means."""
    if issuer_kind(reference) == "ClusterIssuer":
        return store.find(CLUSTER_ISSUERS, None, reference["name"])
    return store.find(ISSUERS, namespace, reference["name"])


def key_pair(store: Store, issuer: dict) -> tuple[pki.Key, list[x509.Certificate]]:
    """A CA issuer's key and its certificates, its own first. Raises NoKeyPair."""
    name = issuer["spec"]["ca"]["secretName"]
    namespace = issuer["metadata"].get("namespace") or NAMESPACE
    secret = store.find("secrets", namespace, name)
    if secret is None:
        raise NoKeyPair("ErrGetKeyPair", f'secrets "{name}" not found')
    for part in (TLS_CERTIFICATE, TLS_KEY):
        if not data_of(secret, part):
            raise NoKeyPair("ErrGetKeyPair", f"no data for \"{part}\" in secret '{namespace}/{name}'")
    try:
        key = pki.load_key(data_of(secret, TLS_KEY))
        chain = [*pki.load_certificates(data_of(secret, TLS_CERTIFICATE))]
        roots = pki.load_certificates(data_of(secret, TLS_CA)) if data_of(secret, TLS_CA) else ()
    except pki.Unusable as error:
        raise NoKeyPair("ErrInvalidKeyPair", str(error)) from error
    if not pki.is_authority(chain[0]):
        raise NoKeyPair("ErrInvalidKeyPair", "certificate is not a CA")
    if not pki.same_key(chain[0], key):
        raise NoKeyPair("ErrInvalidKeyPair", "the private key does not match the certificate")
    return key, [*chain, *roots]


class Issuers:
    def __init__(self, store: Store, tell: Callable[[str], None]):
        self._store, self._tell = store, tell

    def sync(self, issuer: dict) -> None:
        """The condition Ready, with an event when it says something new."""
        is_so, reason, message = self._verdict(issuer)
        before = condition(issuer, "Ready")
        resource = ISSUERS if issuer["kind"] == "Issuer" else CLUSTER_ISSUERS

        def change(obj: dict) -> None:
            put_condition(obj, "Ready", is_so, reason, message)

        self._store.mutate(resource, *key_of(issuer), change)
        if (before.get("reason"), before.get("message")) != (reason, message):
            self._tell(
                f'"issuer" issuer="{full_name(issuer)}" ready={str(is_so).lower()} message="{message}"'
            )
            if message:
                kind = "Normal" if is_so else "Warning"
                component = f"cert-manager-{resource.partition('.')[0]}"
                events.record(self._store, issuer, reason, message, type=kind, component=component)

    def _verdict(self, issuer: dict) -> tuple[bool, str, str]:
        if "selfSigned" in issuer["spec"]:
            return True, "IsReady", ""
        try:
            key_pair(self._store, issuer)
        except NoKeyPair as error:
            return False, error.reason, f"Error getting keypair for CA issuer: {error}"
        return True, "KeyPairVerified", "Signing CA verified"
