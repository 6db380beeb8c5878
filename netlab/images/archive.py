"""Load images from an archive: of `docker save`, `podman save`, `skopeo copy`, in docker's or OCI's form.

skopeo reads it and writes an OCI layout; what netlab does itself is to find the images and their names.
"""

import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from netlab.images import reference
from netlab.images.store import TAG, BadImage, Store, StoredImage

_CONTAINERD_NAME, _OCI_NAME = "io.containerd.image.name", "org.opencontainers.image.ref.name"


class LoadError(Exception):
    """The file could not be loaded; the message ends with skopeo's own words."""


def load(file: Path, store: Store, name: str | None = None) -> list[StoredImage]:
    """Take every image of the archive into the store, or the only one as `name`. Raises LoadError."""
    found = _images(file)
    if name:
        if len(found) != 1:
            raise LoadError(f"{file} holds {len(found)} images: they cannot all be called {name}")
        found = [(found[0][0], [name])]
    if nameless := [source for source, names in found if not names]:
        raise LoadError(f"an image of {file} has no name ({nameless[0]}): give one with --name")
    return [_load_one(source, [reference.full(one) for one in names], store) for source, names in found]


def _load_one(source: str, names: list[str], store: Store) -> StoredImage:
    store.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.directory, prefix="load-") as work:
        layout = Path(work) / "layout"
        copy = ["skopeo", *policy(), "copy", "--quiet", source, f"oci:{layout}:{TAG}"]
        done = subprocess.run(copy, capture_output=True, text=True)
        if done.returncode:
            raise LoadError(f"{names[0]}: {last_words(done.stderr)}")
        for path in (layout, *layout.rglob("*")):  # read from inside the box, where we are somebody else
            path.chmod(0o755 if path.is_dir() else 0o644)
        try:
            return store.add(layout, names)
        except (BadImage, KeyError) as error:
            raise LoadError(f"{names[0]}: {error}") from error


def policy() -> list[str]:
    """The machine's own policy of trust where it has one; skopeo does nothing without any."""
    return [] if os.path.exists("/etc/containers/policy.json") else ["--insecure-policy"]


def last_words(stderr: str) -> str:
    """The message of skopeo's last line, without its frame `time=... level=fatal msg="..."`."""
    line = (stderr.strip().splitlines() or ["skopeo gave no reason"])[-1]
    _, frame, message = line.partition(" msg=")
    if not frame:
        return line
    return json.loads(message) if message.startswith('"') else message


def _images(file: Path) -> list[tuple[str, list[str]]]:
    """Each image of the archive: how skopeo addresses it, and its names."""
    try:
        with tarfile.open(file) as archive:
            documents = _documents(archive, "manifest.json", "index.json")
    except (OSError, tarfile.TarError, ValueError) as error:
        raise LoadError(f"{file} is not an archive of images: {error}") from error
    if "manifest.json" in documents:
        listed = enumerate(documents["manifest.json"])
        return [(f"docker-archive:{file}:@{index}", one.get("RepoTags") or []) for index, one in listed]
    if "index.json" in documents:
        return [_of_index(file, one) for one in documents["index.json"]["manifests"]]
    raise LoadError(f"{file} holds neither manifest.json nor index.json: it is no archive of images")


def _documents(archive: tarfile.TarFile, *names: str) -> dict:
    found = {}
    for member in archive:
        name = member.name.removeprefix("./")
        if name in names and member.isfile():
            found[name] = json.load(archive.extractfile(member))
    return found


def _of_index(file: Path, entry: dict) -> tuple[str, list[str]]:
    notes = entry.get("annotations") or {}
    tag, name = notes.get(_OCI_NAME), notes.get(_CONTAINERD_NAME)
    source = f"oci-archive:{file}:{tag}" if tag else f"oci-archive:{file}"
    if not name and tag and ("/" in tag or ":" in tag):
        name = tag
    return source, [name] if name else []
