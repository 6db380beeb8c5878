"""The disks of the nodes: what persistent volumes keep, when pods come and go.

Each directory that a PersistentVolume names on a node is a tmpfs of its own, as large as the volume, up to
MOST_STORED: a claim of a terabyte must not fill the machine's memory. They end with the cluster. They are
named after a hash of their path: what a pod writes into one, a link too, is not on the way to another.
"""

import errno
import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from netlab import linux
from netlab.schema.fields import MOST_STORED
from netlab.schema.quantities import amount
from netlab.store import Event

_MOST_DISKS = 64
_DISKS = Path("/run/netlab/disks")
_LOCAL_PATH = "rancher.io/local-path"


def directory(volume: dict, node: str) -> Path:
    """The volume's directory on this node, made if it is new. Raises OSError when there are too many."""
    place = _place(volume, node)
    if not place.is_mount():
        if len(list(_DISKS.glob("*/*"))) >= _MOST_DISKS:
            raise OSError(errno.ENOSPC, f"the nodes hold {_MOST_DISKS} volumes, which is all there may be")
        place.mkdir(parents=True, exist_ok=True)
        size = min(int(amount(volume["spec"]["capacity"]["storage"])), MOST_STORED)
        linux.mount("tmpfs", str(place), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"mode=777,size={size}")
    return place


def _place(volume: dict, node: str) -> Path:
    source = volume["spec"].get("hostPath") or volume["spec"]["local"]
    return _DISKS / node / _name(source["path"])


def _name(path: str) -> str:
    return hashlib.sha256(path.strip("/").encode()).hexdigest()[:32]


class DiskKeeper:
    """Takes away the files of a volume that local-path had made, when it is deleted."""

    name = "disks"

    def concerned(self, event: Event) -> Iterable[tuple[str, ...]]:
        annotations = event.object["metadata"].get("annotations", {})
        made = annotations.get("pv.kubernetes.io/provisioned-by") == _LOCAL_PATH
        if event.resource == "persistentvolumes" and event.type == "DELETED" and made:
            yield (_name(event.object["spec"]["hostPath"]["path"]),)

    def sync(self, key: tuple[str, ...]) -> None:
        for node in _DISKS.iterdir() if _DISKS.is_dir() else ():
            place = node / key[0]
            if place.is_mount():
                linux.umount(str(place))
            shutil.rmtree(place, ignore_errors=True)
