"""Bring the database up to date: migrations, the course, the demo accounts, the cluster.

One process instead of four `manage.py` calls, because starting Django costs more than each of them.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django
from django.core.management import CommandError, call_command


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo-accounts", type=Path, help="make them, and list them in this file")
    parser.add_argument("--await-file", type=Path, help="register the cluster when this kubeconfig is there")
    parser.add_argument("--seconds", type=float, default=180, help="how long to wait for it")
    wanted = parser.parse_args(argv)
    django.setup()
    try:
        prepare(wanted)
    except CommandError as error:
        sys.exit(f"error: {error}")


def prepare(wanted: argparse.Namespace) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_course")
    if wanted.demo_accounts:
        with wanted.demo_accounts.open("w") as listed:
            call_command("demo_accounts", print=True, stdout=listed)
    if wanted.await_file and not _appears(wanted.await_file, wanted.seconds):
        raise CommandError(f"{wanted.await_file} did not appear within {wanted.seconds:.0f} s")
    call_command("register_cluster")


def _appears(path: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return path.exists()


if __name__ == "__main__":
    main(sys.argv[1:])
