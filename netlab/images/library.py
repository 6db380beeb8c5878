"""The images as the nodes inside the box see them: found by name, unpacked when first needed.

A name is looked for among the loaded images, then those netlab makes itself; so whoever
loads a `busybox:1.36` gets that one. umoci unpacks: layers with their whiteouts, never through a link out of
the tree. All nodes share what is here.
"""

import asyncio
import re
from pathlib import Path

from netlab import images
from netlab.images import reference, rootfs
from netlab.images.store import TAG, StoredImage
from netlab.node.processes import CommandError, run
from netlab.sandbox import count_ids_inside, tag_inside

AnyImage = images.Image | StoredImage
_LARGEST_FILE = 8 << 30


class UnpackError(Exception):
    """The image is there, but its layers cannot be unpacked; the message is umoci's."""


class Library:
    def __init__(self, images_dir: Path):
        self._images_dir, self._trees = images_dir, rootfs.trees_dir(images_dir, tag_inside())
        self._loaded = rootfs.loaded(images_dir)
        self._unpacking: dict[str, asyncio.Lock] = {}
        self._ready: set[str] = set()

    def find(self, name: str) -> AnyImage | None:
        """What the field `image` means. Raises reference.InvalidName."""
        wanted = reference.full(name)
        return self._loaded.find(wanted) or images.find(name)

    def listed(self) -> list[dict]:
        """For the status of a Node."""
        own = [
            {"names": image.names, "sizeBytes": rootfs.archive(self._images_dir, image).stat().st_size}
            for image in images.CATALOG
        ]
        return own + [{"names": image.names, "sizeBytes": image.size} for image in self._loaded.all()]

    def own_root(self, image: images.Image) -> Path:
        """Of an image that netlab makes: unpacked before the server starts."""
        return rootfs.tree(self._trees, self._images_dir, image) / "rootfs"

    async def root_of(self, image: AnyImage) -> Path:
        """The unpacked root directory. Raises UnpackError."""
        if isinstance(image, images.Image):
            return self.own_root(image)
        target = rootfs.stored_tree(self._trees, image.id)
        async with self._unpacking.setdefault(image.id, asyncio.Lock()):
            if image.id not in self._ready:
                await self._unpack(image, target)
                self._ready.add(image.id)
        return target / "rootfs"

    async def _unpack(self, image: StoredImage, target: Path) -> None:
        # Other clusters of this machine may be at it too, hence the lock on disk, waited for beside the loop.
        holding = rootfs.lock(Path(f"{target}.lock"))
        await asyncio.to_thread(holding.__enter__)
        try:
            if not rootfs.is_complete(target):
                root = rootfs.make_empty(target)
                await self._run_umoci(image.layout, root)
                rootfs.complete(target)
            rootfs.hold(target)
        finally:
            holding.__exit__(None, None, None)

    async def _run_umoci(self, layout: Path, root: Path) -> None:
        rootless = [] if count_ids_inside() > 1 else ["--rootless"]
        unpack = ["umoci", "raw", "unpack", *rootless, "--image", f"{layout}:{TAG}", str(root)]
        try:
            await run(["prlimit", f"--fsize={_LARGEST_FILE}", *unpack])
        except CommandError as error:
            lines = error.stderr.splitlines() or ["umoci gave no reason"]
            raise UnpackError(re.sub(r"^\W*⨯\W*", "", lines[-1])) from error
