"""What `make` alone prints: the chores of the Makefile, and the options with their defaults."""

import re
import runpy
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CHORE = re.compile(r"^([a-z0-9-]+):[^#\n]*## (.+)$", re.MULTILINE)
DEVELOPMENT = """\
Single parts by hand, each in its own terminal (Redis on localhost, or REDIS_URL set):
  export REDIS_URL=redis://localhost:6379/0 DEBUG=yes
  .venv/bin/python -m netlab up
  .venv/bin/python manage.py migrate
  .venv/bin/python manage.py load_course
  .venv/bin/python manage.py register_cluster
  .venv/bin/python manage.py demo_accounts --print
  .venv/bin/uvicorn portal.asgi:application --reload
  .venv/bin/celery -A portal worker -Q streams,verify --pool=threads -c 50
  .venv/bin/python manage.py watcher
After a change in static/src: .venv/bin/node deploy/local/assets.mjs"""


def chores(makefile: Path) -> list[tuple[str, str]]:
    return CHORE.findall(makefile.read_text())


def main(argv: list[str]) -> None:
    if argv == ["--dev"]:
        return print(DEVELOPMENT)
    print("Chores: make ...")
    for name, meaning in chores(Path(argv[0])):
        print(f"  {name:<12} {meaning}")
    print("\nOptions: make run NAME=value")
    # Read alone: the package around it needs what may not be installed yet.
    for option in runpy.run_path(str(PROJECT / "portal" / "options.py"))["OPTIONS"]:
        default = f" [{option.default}]" if option.default else ""
        print(f"  {option.name:<22} {option.meaning}{default}")


if __name__ == "__main__":
    main(sys.argv[1:])
