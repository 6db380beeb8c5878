"""Root filesystems on disk: `<images>/<name>-<hash>.tar` and `<images>/loaded/<id>`, unpacked once for each
map of user ids.

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
from netlab.images import recipe, store
from netlab.sandbox import IdMap

_DONE = ".complete"
_STORED = "oci-"
_in_use: list = []  # open files whose locks keep other clusters from removing our trees


class ImageMissing(Exception):
    """The archive has not been built; the message says how."""


def archive(images_dir: Path, image: images.Image) -> Path:
    return images_dir / f"{image.name}-{recipe.fingerprint(image.name)}.tar"


def missing(images_dir: Path) -> list[images.Image]:
    return [image for image in images.CATALOG if not archive(images_dir, image).exists()]


def trees_dir(images_dir: Path, tag: str) -> Path:
    return images_dir / f"trees-{tag}"


def loaded(images_dir: Path) -> store.Store:
    """What people have loaded by hand."""
    return store.Store(images_dir / "loaded")


def prepare_trees_dir(images_dir: Path, idmap: IdMap) -> Path:
    """On the host: make the directory that the inside will unpack into, and give it to the inside."""
    path = trees_dir(images_dir, idmap.tag)
    path.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        os.chown(path, idmap.root_uid, idmap.root_gid)
    return path


def tree(trees: Path, images_dir: Path, image: images.Image) -> Path:
    return trees / archive(images_dir, image).stem


def stored_tree(trees: Path, image_id: str) -> Path:
    return trees / f"{_STORED}{image_id}"


def unpack_all(images_dir: Path, trees: Path) -> None:
    """Inside the sandbox: unpack what is not yet unpacked. Raises ImageMissing."""
    for image in images.CATALOG:
        source = archive(images_dir, image)
        if not source.exists():
            raise ImageMissing(
                f"no root filesystem for {image.reference}: run `python -m netlab image build`"
            )
        with lock(trees / f"{image.name}.lock"):
            _unpack(source, tree(trees, images_dir, image))
        hold(tree(trees, images_dir, image))
    _forget_old(images_dir, trees)


@contextmanager
def lock(path: Path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpack(source: Path, target: Path) -> None:
    if is_complete(target):
        return
    root = make_empty(target)
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
    complete(target)


def is_complete(target: Path) -> bool:
    return (target / _DONE).exists()


def make_empty(target: Path) -> Path:
    """The root directory of a tree that is about to be unpacked; what was left half done is removed."""
    shutil.rmtree(target, ignore_errors=True)
    root = target / "rootfs"
    root.mkdir(parents=True)
    return root


def complete(target: Path) -> None:
    (target / _DONE).touch()


def hold(path: Path) -> None:
    """Mark a tree as used for as long as this process lives."""
    file = (path / _DONE).open()
    fcntl.flock(file, fcntl.LOCK_SH)
    _in_use.append(file)


def _forget_old(images_dir: Path, trees: Path) -> None:
    """Remove trees of former images, unless another cluster still runs on them."""
    wanted = {tree(trees, images_dir, image).name for image in images.CATALOG}
    wanted |= {stored_tree(trees, image_id).name for image_id in loaded(images_dir).table().values()}
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
