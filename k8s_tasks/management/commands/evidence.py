"""For teachers and auditors: export signed evidence, and check an export offline."""

import json
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from curriculum.evidence import EvidenceError, check_export, fingerprint, trust
from curriculum.models import Attempt
from k8s_tasks import signing


class Command(BaseCommand):
    help = "Export signed evidence of students' work, check an export, show the portal's key."
    # A check needs neither database nor portal.
    requires_system_checks = []

    def add_arguments(self, parser):
        acts = parser.add_subparsers(dest="act", required=True)
        export = acts.add_parser("export", help="print the evidence of an attempt, or of a student")
        export.add_argument("--attempt", help="id of an attempt")
        export.add_argument("--student", help="user name: all attempts of theirs")
        verify = acts.add_parser("verify", help="check an export; needs no network and no database")
        verify.add_argument("file", type=Path)
        verify.add_argument("--trusted", action="append", default=[], help="a public key or fingerprint")
        acts.add_parser("key", help="print the portal's public key and its fingerprint")

    def handle(self, *args, act, **options):
        getattr(self, act)(**options)

    def export(self, attempt, student, **options):
        if bool(attempt) == bool(student):
            raise CommandError("say --attempt ID or --student NAME")
        chosen = {"pk": attempt} if attempt else {"student__username": student}
        try:
            attempts = list(Attempt.objects.filter(**chosen))
        except ValidationError:
            attempts = []
        if not attempts:
            raise CommandError(f"there is no attempt of {attempt or student!r}")
        self.stdout.write(json.dumps(signing.export_of(attempts), ensure_ascii=False, indent=1))

    def key(self, **options):
        public = signing.public_key()
        self.stdout.write(f"{public}\nfingerprint {fingerprint(public)}")

    def verify(self, file, trusted, **options):
        try:
            public, found = check_export(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, EvidenceError) as error:
            raise CommandError(f"{file}: {error}") from None
        for each in found:
            state = each.wrong or ("good" if each.is_signed else "not signed")
            told = each.statement
            names = (told.get(name, "?") for name in ("student", "lab", "condition", "verdict", "at"))
            helped = told.get("helped_since")
            words = [state, f"an instructor had typed since {helped}"] if helped else [state]
            self.stdout.write("  ".join([*map(str, names), *words]))
        self._conclude(public, found, trusted)

    def _conclude(self, public: str, found: list, trusted: list[str]):
        wrong = sum(bool(each.wrong) for each in found)
        unsigned = sum(not each.is_signed for each in found)
        if wrong:
            raise CommandError(f"{wrong} of {len(found)} verdicts are not what was signed")
        self.stdout.write(f"{len(found) - unsigned} of {len(found)} verdicts are signed and unchanged")
        known = trust(public, trusted)
        if trusted and not known:
            raise CommandError(f"the key {fingerprint(public)} is none of those you trust")
        if not known:
            self.stdout.write(
                f"The key {fingerprint(public)} vouches for itself: this proves that nothing was changed"
                " since, not who signed. Name the portal's key with --trusted."
            )
