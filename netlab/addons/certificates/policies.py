"""Why a Certificate must be issued anew, and when: pure, in cert-manager's reasons and words."""

from datetime import datetime, timedelta

from cryptography import x509

from netlab import pki

from . import CERTIFICATE_NAME, GROUP, TLS_CERTIFICATE, TLS_KEY, annotation, data_of, issuer_kind

Why = tuple[str, str]  # reason and message
_SHORTEST_LIFE = timedelta(seconds=2)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(hours=1), timedelta(hours=32)


def certificate_in(secret: dict | None) -> x509.Certificate | None:
    """The one that is served; None where none can be read."""
    try:
        return pki.load_certificates(data_of(secret, TLS_CERTIFICATE))[0]
    except pki.Unusable:
        return None


def fault(certificate: dict, secret: dict | None, request: dict | None, now: datetime) -> Why | None:
    """What is wrong with the Secret, or None; `request` is the one it came from, if still there."""
    if secret is None:
        return "DoesNotExist", "Issuing certificate as Secret does not exist"
    return (
        _missing(secret)
        or _bad_pair(secret, certificate["spec"])
        or _other_origin(certificate, secret)
        or _changed(certificate["spec"], secret, request)
        or _expired(secret, now)
    )


def _missing(secret: dict) -> Why | None:
    for key, what in ((TLS_KEY, "a private key"), (TLS_CERTIFICATE, "a certificate")):
        if not data_of(secret, key):
            return "MissingData", f"Issuing certificate as Secret does not contain {what}"
    return None


def _bad_pair(secret: dict, spec: dict) -> Why | None:
    try:
        key = pki.load_key(data_of(secret, TLS_KEY))
    except pki.Unusable as error:
        return "InvalidKeyPair", f"Issuing certificate as Secret contains invalid private key data: {error}"
    try:
        served = pki.load_certificates(data_of(secret, TLS_CERTIFICATE))[0]
    except pki.Unusable as error:
        return "InvalidCertificate", f"Issuing certificate as Secret contains an invalid certificate: {error}"
    if not pki.same_key(served, key):
        words = "a private key that does not match the certificate"
        return "InvalidKeyPair", f"Issuing certificate as Secret contains {words}"
    if mismatches := pki.key_mismatches(key, spec.get("privateKey") or {}):
        return "SecretMismatch", f"Existing private key is not up to date for spec: {_listed(mismatches)}"
    return None


def _other_origin(certificate: dict, secret: dict) -> Why | None:
    reference = certificate["spec"]["issuerRef"]
    name, kind = (annotation(secret, f"{GROUP}/issuer-{part}") for part in ("name", "kind"))
    if name and (name, kind or "Issuer") != (reference["name"], issuer_kind(reference)):
        by = f"{kind or 'Issuer'}.{GROUP}/{name}"
        return "IncorrectIssuer", f'Issuing certificate as Secret was previously issued by "{by}"'
    owner = annotation(secret, CERTIFICATE_NAME)
    if owner and owner != certificate["metadata"]["name"]:
        words = "you might have two conflicting Certificates pointing to the same secret."
        told = f'Secret was issued for "{owner}". If this message is not transient, {words}'
        return "IncorrectCertificate", told
    return None


def _changed(spec: dict, secret: dict, request: dict | None) -> Why | None:
    if request is not None:
        changed = request_mismatches(spec, request)
        words = "Fields on existing CertificateRequest resource not up to date"
        return ("RequestChanged", f"{words}: {_listed(changed)}") if changed else None
    served = certificate_in(secret)
    try:
        changed = pki.name_mismatches(spec, pki.names_of(served)) if served else []
    except pki.Unusable:
        return None  # no request could be made of it either
    words = "Issuing certificate as Existing issued Secret is not up to date for spec"
    return ("SecretMismatch", f"{words}: {_listed(changed)}") if changed else None


def request_mismatches(spec: dict, request: dict) -> list[str]:
    """The fields of a Certificate's spec that a CertificateRequest does not ask for."""
    asked = request["spec"]
    try:
        changed = pki.name_mismatches(
            spec, pki.names_of(pki.load_request(data_of({"data": asked}, "request")))
        )
    except pki.Unusable:
        changed = ["spec"]
    changed += [
        f"spec.{name}" for name in ("isCA", "duration", "usages") if spec.get(name) != asked.get(name)
    ]
    same = issuer_kind(spec["issuerRef"]) == issuer_kind(asked["issuerRef"])
    if not same or spec["issuerRef"]["name"] != asked["issuerRef"]["name"]:
        changed.append("spec.issuerRef")
    return changed


def _expired(secret: dict, now: datetime) -> Why | None:
    served = certificate_in(secret)
    if served is None or now <= served.not_valid_after_utc:
        return None
    return "Expired", f"Certificate expired on {served.not_valid_after_utc:%a, %d %b %Y %H:%M:%S UTC}"


def renewal_time(served: x509.Certificate, spec: dict) -> datetime:
    """Before its end as the spec asks, or in the last third of its life; not in its first seconds."""
    start, end = served.not_valid_before_utc, served.not_valid_after_utc
    before = pki.length(spec["renewBefore"]) if spec.get("renewBefore") else (end - start) / 3
    if before >= end - start:
        before = (end - start) / 3
    return max((end - before).replace(microsecond=0), start + _SHORTEST_LIFE)


def pause_until(failed_at: datetime, attempts: int) -> datetime:
    """When a failed issuance is tried again: after an hour, then after twice as long each time."""
    return failed_at + min(_FIRST_PAUSE * 2 ** min(attempts - 1, 10), _LONGEST_PAUSE)


def _listed(names: list[str]) -> str:
    return f"[{' '.join(names)}]"
