"""The cluster's certificate authority, the certificates it signs, and the kubeconfig.

Kept in the state directory between starts, so that a kubeconfig once copied stays good. Certificates
pass OpenSSL's strict mode, which newer Pythons use by default.
"""

import base64
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from netlab.pki import (
    encode_key,
    generate_key,
    load_certificates,
    load_key,
    load_request,
    make_request,
    pem_of,
    sign,
)

_LIFETIME = "87600h"
_CLOCKS = timedelta(hours=1)  # how far another machine's clock may be behind
_RENEW_BEFORE = timedelta(days=30)
_DNS_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "redes-control-plane",
)
_ADDRESSES = ("127.0.0.1", "10.96.0.1", "172.18.0.2", "172.18.0.1")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        return encode_key(self.key, "PKCS8")

    @property
    def certificate_pem(self) -> bytes:
        return pem_of(self.certificate)


class Authority:
    """The CA and token key under `<state>/pki`; made on first use."""

    def __init__(self, state_dir: Path):
        self._dir = state_dir / "pki"
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.ca = self._load("ca") or self._save("ca", _self_signed("netlab-ca"))
        self.tokens = self._load("tokens") or self._save("tokens", _self_signed("netlab-tokens"))

    @property
    def ca_pem(self) -> bytes:
        return self.ca.certificate_pem

    def server(self) -> Pair:
        names = {"dnsNames": _DNS_NAMES, "ipAddresses": _ADDRESSES}
        return _pair({"commonName": "kube-apiserver", **names}, "server auth", self.ca)

    def client(self, user: str, group: str) -> Pair:
        names = {"commonName": user, "subject": {"organizations": [group]}}
        return _pair(names, "client auth", self.ca)

    def admin(self) -> Pair:
        """The administrator's pair, the same at each start."""
        return self._load("admin") or self._save("admin", self.client("kubernetes-admin", "system:masters"))

    def server_context(self) -> ssl.SSLContext:
        """TLS that asks for a client certificate and goes on without one."""
        pair = self._save("apiserver", self.server())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.ca_pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_cert_chain(self._dir / "apiserver.crt", self._dir / "apiserver.key")
        assert pair.certificate.issuer == self.ca.certificate.subject
        return context

    def _load(self, name: str) -> Pair | None:
        try:
            key = load_key((self._dir / f"{name}.key").read_bytes())
            certificate = load_certificates((self._dir / f"{name}.crt").read_bytes())[0]
        except FileNotFoundError:
            return None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        expires_soon = certificate.not_valid_after_utc - _RENEW_BEFORE < datetime.now(UTC)
        return None if expires_soon else Pair(key, certificate)

    def _save(self, name: str, pair: Pair) -> Pair:
        write_private(self._dir / f"{name}.key", pair.key_pem)
        write_private(self._dir / f"{name}.crt", pair.certificate_pem)
        return pair


def _self_signed(name: str) -> Pair:
    return _pair({"commonName": name, "isCA": True}, "crl sign")


def _pair(names: dict, usage: str, issuer: Pair | None = None) -> Pair:
    """A new key with its certificate, signed by an issuer or by itself."""
    key = generate_key({"algorithm": "ECDSA"})
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    own = [] if names.get("isCA") else ["digital signature"]
    spec = {**names, "usages": [*own, usage], "duration": _LIFETIME}
    asked = load_request(make_request(spec, key))
    by, above = (issuer.key, issuer.certificate) if issuer else (key, None)
    return Pair(key, sign(asked, spec, by, above, datetime.now(UTC) - _CLOCKS))


def kubeconfig(authority: Authority, server: str, *, cluster: str = "redes", user: str = "admin") -> str:
    """The administrator's kubeconfig, everything inline."""
    pair = authority.admin()
    context = f"{user}@{cluster}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": _text(authority.ca_pem)},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _text(pair.certificate_pem),
                    "client-key-data": _text(pair.key_pem),
                },
            }
        ],
        "contexts": [
            {"name": context, "context": {"cluster": cluster, "user": user, "namespace": "default"}}
        ],
        "current-context": context,
        "preferences": {},
    }
    return yaml.safe_dump(document, sort_keys=False)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def write_private(path: Path, content: bytes) -> None:
    """Replace a file that only its owner may read; a reader never sees half of it."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
