"""Evidence that can be checked later by anybody, and what a changed byte does to it."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command

from curriculum.enums import Verdict
from curriculum.evidence import check_export, fingerprint, public_text, sign
from k8s_tasks import signing
from k8s_tasks.checks.finding import Finding
from k8s_tasks.enums import RunKind
from k8s_tasks.models import ConditionResult
from k8s_tasks.verifying import keep

REASON = {"pt-br": "não", "en": "no"}


@pytest.fixture
def export(session, attempt) -> dict:
    """Two verdicts of an attempt, as they are exported."""
    run = session.runs.create(kind=RunKind.VERIFY, state="running")
    found = {
        "icmp-reach": Finding(Verdict.PASS, {"pt-br": "sim", "en": "yes"}, {"at": 1.25, "ttl": [64, 62]}),
        "echo-pair": Finding(Verdict.FAIL, REASON, {}),
    }
    keep(run, found)
    return json.loads(json.dumps(signing.export_of([attempt])))


def troubles(export) -> list[str]:
    return [each.wrong for each in check_export(json.dumps(export))[1]]


def test_what_was_signed_holds_after_a_round_trip(export):
    public, found = check_export(json.dumps(export))
    assert public == signing.public_key()
    assert [(each.statement["condition"], each.is_signed, each.wrong) for each in found] == [
        ("icmp-reach", True, ""),
        ("echo-pair", True, ""),
    ]


def test_a_statement_says_what_the_verdict_stands_on(export, attempt, session):
    statement = export["results"][0]["statement"]
    assert statement["lab_version"] == attempt.lab_version
    assert (statement["seed"], statement["parameters"]) == (attempt.seed, attempt.parameters)
    assert (statement["student"], statement["cluster_uid"]) == ("ana", session.cluster_uid)


def test_what_is_found_after_somebody_else_typed_says_so_under_the_signature(session, attempt, student):
    def verify(condition: str) -> None:
        run = session.runs.create(kind=RunKind.VERIFY, state="running")
        keep(run, {condition: Finding(Verdict.PASS, {"pt-br": "sim", "en": "yes"}, {})})

    verify("icmp-reach")
    terminal = session.runs.create(kind=RunKind.TERMINAL, state="running")
    typing = terminal.typings.create(person=student)
    verify("echo-pair")

    before, after = (each["statement"] for each in signing.export_of([attempt])["results"])
    assert before["helped_since"] is None
    assert after["helped_since"] == typing.began_at.isoformat(timespec="milliseconds")
    helped = dict(attempt.passes.values_list("condition", "is_helped"))
    assert helped == {"icmp-reach": False, "echo-pair": True}


@pytest.mark.parametrize(
    "field", ["student", "lab", "lab_version", "seed", "condition", "verdict", "helped_since", "at"]
)
def test_a_changed_statement_is_found(export, field):
    export["results"][1]["statement"][field] = "other"
    assert troubles(export) == ["", "the statement is not the one that was signed"]


def test_changed_evidence_is_found(export):
    export["results"][0]["evidence"]["ttl"] = [64, 63]
    assert troubles(export) == ["the evidence is not the one that was signed", ""]


def test_a_foreign_signature_is_none(export):
    result = export["results"][0]
    result["signature"] = sign(Ed25519PrivateKey.generate(), result["statement"])
    assert troubles(export)[0] == "the statement is not the one that was signed"


def test_a_verdict_from_before_is_exported_as_not_signed(session, attempt):
    run = session.runs.create(kind=RunKind.VERIFY, state="succeeded")
    ConditionResult.objects.create(
        run=run, attempt=attempt, condition="echo-pair", verdict="fail", reason=REASON
    )
    (found,) = check_export(json.dumps(signing.export_of([attempt])))[1]
    assert (found.is_signed, found.wrong) == (False, "")


def test_the_key_is_kept_from_others(export, settings):
    assert Path(settings.EVIDENCE_KEY).stat().st_mode & 0o777 == 0o600


class TestCommand:
    def verify(self, export, tmp_path, **options):
        file = tmp_path / "export.json"
        file.write_text(json.dumps(export))
        call_command("evidence", "verify", str(file), **options)

    def test_without_a_trusted_key_it_says_what_is_not_proven(self, export, tmp_path, capsys):
        self.verify(export, tmp_path)
        told = capsys.readouterr().out
        assert "2 of 2 verdicts are signed and unchanged" in told
        assert "vouches for itself" in told

    def test_the_portals_own_key_is_trusted(self, export, tmp_path, capsys):
        self.verify(export, tmp_path, trusted=[fingerprint(signing.public_key())])
        assert "vouches for itself" not in capsys.readouterr().out

    def test_another_key_is_refused(self, export, tmp_path):
        other = public_text(Ed25519PrivateKey.generate().public_key())
        with pytest.raises(CommandError, match="none of those you trust"):
            self.verify(export, tmp_path, trusted=[other])

    def test_a_changed_verdict_fails(self, export, tmp_path):
        export["results"][1]["statement"]["verdict"] = "pass"
        with pytest.raises(CommandError, match="1 of 2 verdicts are not what was signed"):
            self.verify(export, tmp_path)

    @pytest.mark.parametrize("noise", ["", "[]", '{"format": "x"}', '{"public_key": "!"}'])
    def test_what_is_no_export_is_refused(self, tmp_path, noise):
        file = tmp_path / "noise.json"
        file.write_text(noise)
        with pytest.raises(CommandError, match="no export"):
            call_command("evidence", "verify", str(file))
