"""The cluster's certificate authority, the certificates it signs, and the kubeconfig.

Kept in the state directory between starts, so that a kubeconfig once copied stays good. Certificates
pass OpenSSL's strict mode, which newer Pythons use by default.
"""

import base64
import ipaddress
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=3650)
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
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


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
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in _DNS_NAMES]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._sign(_name("kube-apiserver"), usage, x509.SubjectAlternativeName(names))

    def client(self, user: str, group: str) -> Pair:
        return self._sign(_name(user, group), ExtendedKeyUsageOID.CLIENT_AUTH)

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

    def _sign(self, subject: x509.Name, usage: x509.ObjectIdentifier, names=None) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca.key.public_key())
        builder = (
            _builder(subject, self.ca.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer_key, critical=False)
        )
        if names:
            builder = builder.add_extension(names, critical=False)
        return Pair(key, builder.sign(self.ca.key, hashes.SHA256()))

    def _load(self, name: str) -> Pair | None:
        try:
            key = serialization.load_pem_private_key((self._dir / f"{name}.key").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((self._dir / f"{name}.crt").read_bytes())
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
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name(name), _name(name), key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    return Pair(key, builder.sign(key, hashes.SHA256()))


def _builder(subject: x509.Name, issuer: x509.Name, public_key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(**used: bool) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: used.get(name, False) for name in every})


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


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
