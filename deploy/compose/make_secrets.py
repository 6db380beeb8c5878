"""Makes what the containers may not be started without, once. Docker compose runs it as root.

SECRET_KEY and the database's password are kept in volumes, as files that only those who need them can read.
A value in the environment is taken on the first start; later the files are what counts. The kubeconfig
somebody has put into /given is copied for the portal's user, whoever owns it outside.
"""

import os
import secrets
from pathlib import Path

PORTAL, DATABASE, GIVEN = Path("/run/redes"), Path("/run/database"), Path("/given")
PORTAL_UID = 64100  # see deploy/portal/Dockerfile
URL = "postgresql://redes:{password}@postgres:5432/redes"


def main() -> None:
    keep(PORTAL / "secret_key", os.environ.get("SECRET_KEY", ""), owner=PORTAL_UID)
    # The image of the database reads it as a user of its own; nobody else mounts that volume.
    password = keep(DATABASE / "password", os.environ.get("POSTGRES_PASSWORD", ""), mode=0o444)
    write(PORTAL / "database_url", URL.format(password=password), owner=PORTAL_UID)
    given, kept = GIVEN / "kubeconfig", PORTAL / "kubeconfig"
    if given.is_file():
        write(kept, given.read_text(), owner=PORTAL_UID)
    else:
        kept.unlink(missing_ok=True)
    print("a kubeconfig is given" if kept.exists() else "no kubeconfig is given: the portal starts without")


def keep(path: Path, wanted: str, *, owner: int = 0, mode: int = 0o400) -> str:
    """What the file holds; made of `wanted`, or of chance, when it is not there."""
    if not path.exists():
        write(path, wanted or secrets.token_urlsafe(48), owner=owner, mode=mode)
    return path.read_text()


def write(path: Path, text: str, *, owner: int = 0, mode: int = 0o400) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.chown(fresh, owner, owner)
    fresh.chmod(mode)
    fresh.replace(path)


if __name__ == "__main__":
    main()
