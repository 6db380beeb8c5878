"""Signed evidence: what was found of a student's work, in a form that anybody can check later, offline.

Each verdict is told in a statement: who, which lab in which version, with which seed, on which cluster,
which condition, what was found and when, and the hash of its evidence. The statement's canonical form
is JSON in UTF-8 with sorted keys and without spaces; its signature is Ed25519. See docs/evidence.md.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT = "redes-evidence/1"


class EvidenceError(ValueError):
    """An export that cannot be read at all."""


@dataclass(frozen=True)
class Checked:
    """One verdict of an export; `wrong` says what does not hold, and is empty when all does."""

    statement: dict
    is_signed: bool
    wrong: str = ""


def canonical(document: object) -> bytes:
    """The one way to write a document down, byte by byte."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def hash_of(evidence: dict) -> str:
    return hashlib.sha256(canonical(evidence)).hexdigest()


def sign(key: Ed25519PrivateKey, statement: dict) -> str:
    """The signature of a statement, in base64."""
    return base64.b64encode(key.sign(canonical(statement))).decode()


def public_text(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def fingerprint(public: str) -> str:
    """Of a public key in base64: what people read to each other."""
    return hashlib.sha256(base64.b64decode(public)).hexdigest()[:32]


def make_export(public: str, results: list[dict]) -> dict:
    """`results` are {"statement", "evidence", "signature"}; an empty signature is an unsigned one."""
    return {"format": FORMAT, "public_key": public, "fingerprint": fingerprint(public), "results": results}


def check_export(text: str) -> tuple[str, list[Checked]]:
    """The public key, and what holds of each verdict. Raises EvidenceError for what is no export."""
    try:
        export = json.loads(text)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(export["public_key"], validate=True))
        results = export["results"]
        if export["format"] != FORMAT or not isinstance(results, list):
            raise EvidenceError(f"this is no export of the format {FORMAT}")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise EvidenceError(f"this is no export of evidence: {error}") from error
    return public_text(key), [_check(key, result) for result in results]


def check_signature(public: str, statement: dict, signature: str) -> bool:
    """Whether the key (in base64) has signed exactly this statement."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
    try:
        key.verify(base64.b64decode(signature, validate=True), canonical(statement))
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _check(key: Ed25519PublicKey, result: dict) -> Checked:
    try:
        statement, evidence, signature = result["statement"], result["evidence"], result["signature"]
        if not signature:
            return Checked(statement, is_signed=False)
        if hash_of(evidence) != statement["evidence_sha256"]:
            return Checked(statement, True, "the evidence is not the one that was signed")
        key.verify(base64.b64decode(signature, validate=True), canonical(statement))
    except InvalidSignature:
        return Checked(statement, True, "the statement is not the one that was signed")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        return Checked(_statement_in(result), True, f"it cannot be read: {error}")
    return Checked(statement, is_signed=True)


def _statement_in(result: object) -> dict:
    found = result.get("statement") if isinstance(result, dict) else None
    return found if isinstance(found, dict) else {}


def trust(public: str, trusted: Collection[str]) -> bool:
    """Whether the key is one of those trusted, given whole or as fingerprints."""
    return public in trusted or fingerprint(public) in trusted
