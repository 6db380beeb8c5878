"""The portal's signing key, and the statements it signs."""

import os
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from curriculum.evidence import hash_of, make_export, public_text, sign
from curriculum.models import Attempt
from k8s_tasks.checks.finding import Finding
from k8s_tasks.models import ConditionResult, LabSession
from k8s_tasks.queries import helped_since


@cache
def signing_key() -> Ed25519PrivateKey:
    """The key in the file of the option EVIDENCE_KEY; made on the first need."""
    path = Path(settings.EVIDENCE_KEY)
    if not path.exists():
        _make_key(path)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path} holds no Ed25519 key; name another file with EVIDENCE_KEY")
    return key


def _make_key(path: Path) -> None:
    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
    try:
        os.link(fresh, path)  # of two processes that make one at the same time the first wins
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def statement_of(session: LabSession, condition: str, finding: Finding) -> dict:
    """All that a verdict stands on, to be signed as it is now."""
    attempt = session.attempt
    helped = helped_since(attempt)
    return {
        "student": attempt.student.get_username(),
        "attempt": str(attempt.pk),
        "lab": attempt.lab.slug,
        "lab_version": attempt.lab_version,
        "seed": attempt.seed,
        "parameters": attempt.parameters,
        "cluster": session.cluster.name,
        "cluster_uid": session.cluster_uid,
        "condition": condition,
        "verdict": str(finding.verdict),
        "reason": finding.reason,
        "evidence_sha256": hash_of(finding.evidence),
        "helped_since": helped.isoformat(timespec="milliseconds") if helped else None,
        "at": timezone.now().isoformat(timespec="milliseconds"),
    }


def signed(session: LabSession, condition: str, finding: Finding) -> dict:
    """The fields of a ConditionResult that make it evidence."""
    statement = statement_of(session, condition, finding)
    return {"statement": statement, "signature": sign_statement(statement)}


def sign_statement(statement: dict) -> str:
    return sign(signing_key(), statement)


def public_key() -> str:
    return public_text(signing_key().public_key())


def export_of(attempts: list[Attempt]) -> dict:
    """Every verdict of these attempts, oldest first; those kept before there were signatures have none."""
    results = ConditionResult.objects.filter(attempt__in=attempts).select_related("attempt__lab")
    return make_export(public_key(), [_told(result) for result in results.order_by("created_at", "id")])


def _told(result: ConditionResult) -> dict:
    unsigned = {
        "attempt": str(result.attempt_id),
        "lab": result.attempt.lab.slug,
        "condition": result.condition,
        "verdict": result.verdict,
        "reason": result.reason,
    }
    statement = result.statement or unsigned
    return {"statement": statement, "evidence": result.evidence, "signature": result.signature}
