"""Who a container runs as: its image's user, looked up in the image's own files, unless the manifest says."""

import os
from pathlib import Path

from netlab import linux
from netlab.node.env import ConfigError

_FILE_LIMIT = 1024 * 1024


def apply(security: dict, user: str, root: Path) -> dict:
    """The security context with user, group and groups filled in. Raises ConfigError."""
    passwd, groups = _rows(root, "etc/passwd"), _rows(root, "etc/group")
    name = str(security["runAsUser"]) if security.get("runAsUser") is not None else user
    uid, gid = _identity(name, passwd, groups)
    if security.get("runAsNonRoot"):
        _must_not_be_root(security, user, uid)
    if security.get("runAsGroup") is not None:
        gid = security["runAsGroup"]
    names = {row[0] for row in passwd if row[2] == str(uid)}
    listed = [int(row[2]) for row in groups if names & set(row[3].split(","))]
    more = [*(security.get("supplementalGroups") or []), *listed]
    return {**security, "runAsUser": uid, "runAsGroup": gid, "supplementalGroups": list(dict.fromkeys(more))}


def _must_not_be_root(security: dict, user: str, uid: int) -> None:
    if security.get("runAsUser") == 0:
        raise ConfigError("container's runAsUser breaks non-root policy")
    name = user.partition(":")[0]
    if security.get("runAsUser") is None and name and not name.isdigit():
        raise ConfigError(
            "container has runAsNonRoot and image has non-numeric user"
            f" ({name}), cannot verify user is non-root"
        )
    if uid == 0:
        raise ConfigError("container has runAsNonRoot and image will run as root")


def _identity(user: str, passwd: list[list[str]], groups: list[list[str]]) -> tuple[int, int]:
    name, _, group = user.partition(":")
    row = next((row for row in passwd if name in (row[0], row[2])), None)
    if row is None and name and not name.isdigit():
        raise ConfigError(f"unable to find user {name}: no matching entries in the image's passwd file")
    uid = int(row[2]) if row else int(name or 0)
    if not group:
        return uid, int(row[3]) if row else 0
    found = next((row for row in groups if group in (row[0], row[2])), None)
    if found is None and not group.isdigit():
        raise ConfigError(f"unable to find group {group}: no matching entries in the image's group file")
    return uid, int(found[2]) if found else int(group)


def _rows(root: Path, name: str) -> list[list[str]]:
    """The well-formed lines of an image's passwd or group file; a link in there leads to nothing outside."""
    try:
        with os.fdopen(linux.open_in_root(root, name), "rb") as file:
            text = file.read(_FILE_LIMIT).decode(errors="replace")
    except OSError:
        return []
    rows = (line.split(":") for line in text.splitlines())
    return [row for row in rows if len(row) >= 4 and row[2].isdigit() and (len(row) == 4 or row[3].isdigit())]
