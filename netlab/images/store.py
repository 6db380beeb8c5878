"""Images that were loaded: each an OCI layout in a directory of its own, and one table of names.

    <directory>/names.json          full name -> id
    <directory>/<id>/index.json ... one image; its id is the digest of its configuration

The table is read anew whenever an image is looked for, so a running cluster sees a load at once.
"""

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netlab.images import Config

TAG = "image"  # the name of the one image inside its layout
_JSON_LIMIT = 4 * 1024 * 1024


class BadImage(Exception):
    """The layout is not an image that netlab could run; the message says why."""


@dataclass(frozen=True)
class StoredImage:
    """An image as it lies in a store."""

    reference: str
    id: str  # hex digits of the configuration's digest
    layout: Path
    config: Config
    size: int

    @property
    def image_id(self) -> str:
        """As a kubelet reports an image that no registry has named."""
        return f"sha256:{self.id}"

    @property
    def names(self) -> list[str]:
        return [self.reference]


class Store:
    def __init__(self, directory: Path):
        self.directory = directory

    def find(self, name: str) -> StoredImage | None:
        """The image of a full name, or None."""
        found = self.table().get(name)
        try:
            return self._read(name, self.directory / found) if found else None
        except (BadImage, OSError):  # removed at this moment
            return None

    def all(self) -> list[StoredImage]:
        found = [self.find(name) for name in sorted(self.table())]
        return [image for image in found if image]

    def table(self) -> dict[str, str]:
        try:
            return json.loads((self.directory / "names.json").read_text())
        except FileNotFoundError:
            return {}

    def add(self, layout: Path, names: list[str]) -> StoredImage:
        """Take over a layout that lies in this store's file system. Raises BadImage."""
        image = self._read(names[0], layout)
        target = self.directory / image.id
        with self._changing() as table:
            if not target.exists():
                os.replace(layout, target)
            table.update(dict.fromkeys(names, image.id))
        return self._read(names[0], target)

    def remove(self, name: str) -> bool:
        """Forget a full name, and the image with its last one; False when there is no such name."""
        with self._changing() as table:
            gone = table.pop(name, None)
            if gone and gone not in table.values():
                shutil.rmtree(self.directory / gone)
        return gone is not None

    @contextmanager
    def _changing(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = self.table()
            yield table
            fresh = self.directory / "names.json.new"
            fresh.write_text(json.dumps(table, indent=1))
            fresh.replace(self.directory / "names.json")

    def _read(self, name: str, layout: Path) -> StoredImage:
        index = _json(layout / "index.json")
        (entry,) = index["manifests"]
        manifest = _json(_blob(layout, entry["digest"]))
        config = _json(_blob(layout, manifest["config"]["digest"]))
        size = sum(layer["size"] for layer in manifest["layers"])
        return StoredImage(
            name,
            manifest["config"]["digest"].removeprefix("sha256:"),
            layout,
            read_config(config),
            size,
        )


def _blob(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or not value.isalnum():
        raise BadImage(f"the digest {digest!r} is not known to netlab")
    return layout / "blobs" / "sha256" / value


def _json(path: Path) -> dict:
    with path.open("rb") as file:
        text = file.read(_JSON_LIMIT)
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadImage(f"{path.name} is not JSON: {error}") from error


def read_config(document: dict) -> Config:
    """What a container needs of an image's configuration."""
    own = document.get("config") or {}
    variables = (text.partition("=") for text in own.get("Env") or [])
    return Config(
        entrypoint=tuple(own.get("Entrypoint") or ()),
        command=tuple(own.get("Cmd") or ()),
        env={name: value for name, _, value in variables},
        user=own.get("User") or "",
        working_dir=own.get("WorkingDir") or "",
    )
