"""Root filesystems on disk: `<images>/<name>-<hash>.tar`, unpacked once for each map of user ids.

An unpacked tree is read-only below every container (the lower layer of its overlay). Its files must belong
to ids of the user namespace, so trees live in a directory named after the map.
"""

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from netlab import images
from netlab.images import recipe
from netlab.sandbox import IdMap, tag_inside

_DONE = ".complete"
_in_use: list = []  # open files whose locks keep other clusters from removing our trees


class ImageMissing(Exception):
    """The archive has not been built; the message says how."""


def archive(images_dir: Path, image: images.Image) -> Path:
    return images_dir / f"{image.name}-{recipe.fingerprint(image.name)}.tar"


def missing(images_dir: Path) -> list[images.Image]:
    return [image for image in images.CATALOG if not archive(images_dir, image).exists()]


def trees_dir(images_dir: Path, tag: str) -> Path:
    return images_dir / f"trees-{tag}"


def prepare_trees_dir(images_dir: Path, idmap: IdMap) -> Path:
    """On the host: make the directory that the inside will unpack into, and give it to the inside."""
    path = trees_dir(images_dir, idmap.tag)
    path.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        os.chown(path, idmap.root_uid, idmap.root_gid)
    return path


def tree(trees: Path, images_dir: Path, image: images.Image) -> Path:
    return trees / archive(images_dir, image).stem


def root_of(images_dir: Path, image: images.Image) -> Path:
    """Inside the sandbox: the unpacked root directory of an image."""
    return tree(trees_dir(images_dir, tag_inside()), images_dir, image) / "rootfs"


def unpack_all(images_dir: Path, trees: Path) -> None:
    """Inside the sandbox: unpack what is not yet unpacked. Raises ImageMissing."""
    for image in images.CATALOG:
        source = archive(images_dir, image)
        if not source.exists():
            raise ImageMissing(
                f"no root filesystem for {image.reference}: run `python -m netlab images build`"
            )
        with _lock(trees / f"{image.name}.lock"):
            _unpack(source, tree(trees, images_dir, image))
        _in_use.append(_hold(tree(trees, images_dir, image)))
    _forget_old(images_dir, trees)


@contextmanager
def _lock(path: Path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpack(source: Path, target: Path) -> None:
    if (target / _DONE).exists():
        return
    shutil.rmtree(target, ignore_errors=True)
    root = target / "rootfs"
    root.mkdir(parents=True)
    subprocess.run(
        [
            "tar",
            "--extract",
            "--file",
            str(source),
            "--directory",
            str(root),
            "--numeric-owner",
            "--preserve-permissions",
        ],
        check=True,
    )
    (target / _DONE).touch()


def _hold(path: Path):
    """Mark a tree as used for as long as this process lives."""
    file = (path / _DONE).open()
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def _forget_old(images_dir: Path, trees: Path) -> None:
    """Remove trees of former images, unless another cluster still runs on them."""
    wanted = {tree(trees, images_dir, image).name for image in images.CATALOG}
    for path in trees.iterdir():
        if path.is_dir() and path.name not in wanted and not _is_used(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_used(path: Path) -> bool:
    try:
        with (path / _DONE).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
