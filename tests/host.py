"""What of the host a test may compare before and after, although other tests run beside it."""

from pathlib import Path

SMALL_DISK = "small-disk"  # the folder of disks that tests of full ones mount meanwhile
_NAMESPACES = "/run/netns"  # mounted by whoever on this machine calls `ip netns add` first


def mounts() -> list[str]:
    """Of this process' mount namespace, a line each."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in lines if not _is_anothers(line.split()[1])]


def _is_anothers(place: str) -> bool:
    return place.endswith(f"/{SMALL_DISK}") or place == _NAMESPACES or place.startswith(f"{_NAMESPACES}/")
