"""Keys, requests and certificates, asked for by the fields of cert-manager's Certificate: without a cluster.

Whatever cannot be read, or not be put into a certificate, raises Unusable with the reason in a sentence.
"""

import base64
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache, wraps
from ipaddress import ip_address
from typing import ParamSpec, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_Digest = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_DURATION = "2160h"
_PEM, _PLAIN = serialization.Encoding.PEM, serialization.NoEncryption()
_CURVES: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_DEFAULT_USAGES = ("digital signature", "key encipherment")
KEY_USAGES = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
EXTENDED_USAGES = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}


class Unusable(ValueError):
    """What a user wrote makes no key, request or certificate; the message says why."""


def _email(address: str) -> x509.RFC822Name:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        raise Unusable(f'invalid email address "{address}"')
    return x509.RFC822Name(address)


_ALTERNATIVES: dict[str, Callable[[str], x509.GeneralName]] = {
    "dnsNames": x509.DNSName,
    "ipAddresses": lambda text: x509.IPAddress(ip_address(text)),
    "uris": x509.UniformResourceIdentifier,
    "emailAddresses": _email,
}
_NAMES = ("commonName", "organizations", *_ALTERNATIVES)


_REFUSED = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def _told(work: Callable[P, R]) -> Callable[P, R]:
    """The library's many exceptions as the one that callers foresee."""

    @wraps(work)
    def guarded(*args: P.args, **named: P.kwargs) -> R:
        try:
            return work(*args, **named)
        except Unusable:
            raise
        except _REFUSED as error:
            raise Unusable(str(error) or type(error).__name__) from error

    return guarded


@_told
def length(duration: str) -> timedelta:
    """A duration as Go writes it: 2160h, 1h30m."""
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", duration)
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


@_told
def generate_key(wanted: dict) -> Key:
    """A new key by `spec.privateKey`; takes seconds for a long RSA key."""
    algorithm = wanted.get("algorithm") or "RSA"
    if algorithm == "ECDSA":
        return ec.generate_private_key(_CURVES[wanted.get("size") or 256]())
    if algorithm == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, wanted.get("size") or 2048)


@lru_cache(maxsize=256)
@_told
def load_key(pem: bytes) -> Key:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, Key):
        raise Unusable("the private key is neither RSA, ECDSA nor Ed25519")
    return key


@_told
def encode_key(key: Key, encoding: str = "") -> bytes:
    """PEM; an Ed25519 key has the form PKCS8 only."""
    traditional = encoding != "PKCS8" and not isinstance(key, ed25519.Ed25519PrivateKey)
    form = (
        serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    )
    return key.private_bytes(_PEM, form, _PLAIN)


def key_mismatches(key: Key, wanted: dict) -> list[str]:
    algorithm = wanted.get("algorithm") or "RSA"
    if algorithm != _algorithm(key):
        return ["spec.privateKey.algorithm"]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return []
    default = 2048 if algorithm == "RSA" else 256
    return [] if key.key_size == (wanted.get("size") or default) else ["spec.privateKey.size"]


def _algorithm(key: Key) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "Ed25519"


@_told
def make_request(spec: dict, key: Key) -> bytes:
    """The PEM of a signing request with the names of a Certificate's spec."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(spec))
    alternatives = [
        make(text) for field, make in _ALTERNATIVES.items() for text in dict.fromkeys(spec.get(field) or [])
    ]
    if alternatives:
        names = x509.SubjectAlternativeName(alternatives)
        builder = builder.add_extension(names, critical=not _subject(spec).rdns)
    made = builder.sign(key, _digest(key))
    if lost := name_mismatches(spec, names_of(made)):
        raise Unusable(f"a certificate cannot hold {', '.join(lost)} as written")
    return made.public_bytes(_PEM)


def _subject(spec: dict) -> x509.Name:
    organizations = (spec.get("subject") or {}).get("organizations") or []
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, text) for text in organizations]
    if spec.get("commonName"):
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, spec["commonName"]))
    return x509.Name(parts)


def _digest(key: Key) -> _Digest | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    sizes: dict[int, _Digest] = {384: hashes.SHA384(), 521: hashes.SHA512()}
    return sizes.get(key.key_size, hashes.SHA256())


@_told
def decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


@_told
def load_request(pem: bytes) -> x509.CertificateSigningRequest:
    request = x509.load_pem_x509_csr(pem)
    if not request.is_signature_valid:
        raise Unusable("the request is not signed by its own key")
    return request


@lru_cache(maxsize=256)
@_told
def load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(pem))


def same_key(one: x509.Certificate | x509.CertificateSigningRequest | Key, other: Key) -> bool:
    try:
        return _raw(one.public_key()) == _raw(other.public_key())
    except _REFUSED:
        return False  # a key of a kind that nothing here makes


def _raw(public) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@_told
def names_of(signed: x509.Certificate | x509.CertificateSigningRequest) -> dict[str, list[str]]:
    """The names in it, each under the name of its field of a Certificate's spec."""
    oids = {"commonName": NameOID.COMMON_NAME, "organizations": NameOID.ORGANIZATION_NAME}
    found = {
        field: [str(part.value) for part in signed.subject.get_attributes_for_oid(oid)]
        for field, oid in oids.items()
    }
    names = _alternatives(signed) or ()
    kinds = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier, x509.RFC822Name)
    for field, kind in zip(_ALTERNATIVES, kinds, strict=True):
        found[field] = [str(name.value) for name in names if isinstance(name, kind)]
    return found


def _alternatives(signed) -> x509.SubjectAlternativeName | None:
    try:
        return signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


@_told
def name_mismatches(spec: dict, found: dict[str, list[str]]) -> list[str]:
    """The fields of a Certificate's spec that say other names than were found."""
    wanted = {field: spec.get(field) or [] for field in _ALTERNATIVES}
    wanted["ipAddresses"] = [str(ip_address(text)) for text in wanted["ipAddresses"]]
    wanted["commonName"] = [spec["commonName"]] if spec.get("commonName") else []
    wanted["organizations"] = (spec.get("subject") or {}).get("organizations") or []
    at = {"organizations": "spec.subject.organizations"}
    return [at.get(one, f"spec.{one}") for one in _NAMES if set(wanted[one]) != set(found[one])]


@_told
def sign(
    request: x509.CertificateSigningRequest,
    spec: dict,
    key: Key,
    issuer: x509.Certificate | None,
    now: datetime,
) -> x509.Certificate:
    """The certificate for a CertificateRequest's spec, signed by an issuer's key, or by its own."""
    start, is_ca = now.replace(microsecond=0), bool(spec.get("isCA"))
    usages, extended = _usages(spec, is_ca)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(issuer.subject if issuer else request.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + length(spec.get("duration") or DEFAULT_DURATION))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if usages:
        builder = builder.add_extension(usages, critical=True)
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if is_ca:
        own = x509.SubjectKeyIdentifier.from_public_key(request.public_key())
        builder = builder.add_extension(own, critical=False)
    if issuer:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(above, critical=False)
    if names := _alternatives(request):
        builder = builder.add_extension(names, critical=not request.subject.rdns)
    return builder.sign(key, _digest(key))


def _usages(spec: dict, is_ca: bool) -> tuple[x509.KeyUsage | None, list[x509.ObjectIdentifier]]:
    """None where no bit is asked for: a KeyUsage of none at all would forbid every use."""
    asked = [*(spec.get("usages") or _DEFAULT_USAGES), *(["cert sign"] if is_ca else [])]
    used = {KEY_USAGES[name] for name in asked if name in KEY_USAGES}
    if used & {"encipher_only", "decipher_only"} and "key_agreement" not in used:
        raise Unusable("usages encipher only and decipher only have a meaning with key agreement only")
    extended = [EXTENDED_USAGES[name] for name in asked if name in EXTENDED_USAGES]
    bits = {name: name in used for name in dict.fromkeys(KEY_USAGES.values())}
    return x509.KeyUsage(**bits) if used else None, list(dict.fromkeys(extended))


def bundle(leaf: x509.Certificate, others: Iterable[x509.Certificate]) -> tuple[bytes, bytes]:
    """The chain of a certificate without its self-signed root, and its highest issuer; both PEM."""
    chain, rest = [leaf], list(others)
    while not _signs(chain[-1], chain[-1]):
        above = next((one for one in rest if one not in chain and _signs(one, chain[-1])), None)
        if above is None:
            break
        chain.append(above)
    top = chain[-1]
    served = chain[:-1] if len(chain) > 1 and _signs(top, top) else chain
    return b"".join(pem_of(one) for one in served), pem_of(top) if chain[1:] or _signs(leaf, leaf) else b""


def _signs(issuer: x509.Certificate, issued: x509.Certificate) -> bool:
    try:
        issued.verify_directly_issued_by(issuer)
    except _REFUSED:
        return False
    return True


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(_PEM)


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *_REFUSED):
        return False
