"""`manage.py demo_accounts`: a student, an instructor and an administrator to try the portal with."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.demo import DemoAccount, DemoRefused, ensure_demo_accounts, has_kept_password


class Command(BaseCommand):
    help = "Makes the demo accounts and their class; may be repeated. Passwords are made per installation."

    def add_arguments(self, parser):
        parser.add_argument(
            "--print", action="store_true", help="print a line 'role username password' for each"
        )

    def handle(self, **options):
        if not settings.OPTIONS["DEMO_ACCOUNTS"]:
            self.stderr.write("DEMO_ACCOUNTS=no: no demo accounts are made.")
            return
        try:
            accounts = ensure_demo_accounts(host=settings.OPTIONS["HOST"], state_dir=settings.STATE_DIR)
        except DemoRefused as refusal:
            raise CommandError(str(refusal)) from None
        if options["print"]:
            self.stdout.write("\n".join(map(line_of, accounts)))


def line_of(account: DemoAccount) -> str:
    password = account.password if has_kept_password(account) else "(changed by its owner)"
    return f"{account.role} {account.username} {password}"
