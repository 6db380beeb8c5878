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
from django.core.management import call_command


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo-accounts", action="store_true")
    parser.add_argument("--await-file", type=Path, help="register the cluster when this kubeconfig is there")
    parser.add_argument("--seconds", type=float, default=40, help="how long to wait for it")
    wanted = parser.parse_args(argv)
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_course")
    if wanted.demo_accounts:
        call_command("demo_accounts")
    if wanted.await_file is None or _appears(wanted.await_file, wanted.seconds):
        call_command("register_cluster")
    else:
        sys.exit(f"{wanted.await_file} did not appear within {wanted.seconds:.0f} s")


def _appears(path: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return path.exists()


if __name__ == "__main__":
    main(sys.argv[1:])
