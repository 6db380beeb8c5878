"""Load images from an archive: of `docker save`, `podman save`, `skopeo copy`, in docker's or OCI's form; or
pull one from its registry.

skopeo reads it and writes an OCI layout; what netlab does itself is to find the images and their names. An
archive or a registry may be hostile: what is read of it, unpacked of it and waited for is bounded.
"""

import gzip
import json
import lzma
import os
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from netlab.images import reference
from netlab.images.store import TAG, BadImage, Store, StoredImage

MOST_BYTES = 8 << 30  # of an archive without compression, and of an image's layers
_MOST_MEMBERS, _MOST_IMAGES, _MOST_SECONDS = 20_000, 100, 900
_DOCUMENT_BYTES = 4 << 20
_PIECE = 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_THIS_MACHINE = ("localhost", "127.0.0.1")
_CONTAINERD_NAME, _OCI_NAME = "io.containerd.image.name", "org.opencontainers.image.ref.name"


class LoadError(Exception):
    """The image could not be loaded; the message ends with skopeo's own words."""


def load(file: Path, store: Store, name: str | None = None) -> list[StoredImage]:
    """Take every image of the archive into the store, or the only one as `name`. Raises LoadError."""
    found = _images(file)
    if name:
        if len(found) != 1:
            raise LoadError(f"{file} holds {len(found)} images: they cannot all be called {name}")
        found = [(found[0][0], [name])]
    if nameless := [source for source, names in found if not names]:
        raise LoadError(f"an image of {file} has no name ({nameless[0]}): give one with --name")
    try:
        named = [(source, [reference.full(one) for one in names]) for source, names in found]
    except reference.InvalidName as error:
        raise LoadError(f"{file}: {error}") from error
    return [_load_one(source, names, store) for source, names in named]


def pull(name: str, store: Store) -> StoredImage:
    """Take the image of a full name from its registry into the store, for this machine's architecture. Raises
    LoadError.

    Nobody's password goes along: those of the host's user are not for whoever can name an image. As other
    runtimes do, netlab takes a registry on this very machine without TLS.
    """
    host = name.partition("/")[0].partition(":")[0]
    plain = ["--src-tls-verify=false"] if host in _THIS_MACHINE else []
    return _load_one(f"docker://{name}", [name], store, "--src-no-creds", *plain)


def _load_one(source: str, names: list[str], store: Store, *flags: str) -> StoredImage:
    store.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.directory, prefix="load-") as work:
        layout = Path(work) / "layout"
        copy = ["skopeo", *policy(), "copy", "--quiet", *flags, source, f"oci:{layout}:{TAG}"]
        bounded = ["prlimit", f"--fsize={MOST_BYTES}", *copy]
        # skopeo unpacks into files of its own first: they go with this directory.
        place = {**os.environ, "TMPDIR": work}
        try:
            done = subprocess.run(bounded, capture_output=True, text=True, timeout=_MOST_SECONDS, env=place)
        except subprocess.TimeoutExpired as error:
            raise LoadError(f"{names[0]}: skopeo was not done after {_MOST_SECONDS} s") from error
        if done.returncode:
            raise LoadError(f"{names[0]}: {last_words(done.stderr)}")
        _check_layers(names[0], layout)
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
        found = _listed(file, documents)
    except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
        raise LoadError(f"{file} is not an archive of images: {error}") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise LoadError(f"{file} is not an archive of images: its list is malformed: {error}") from error
    if len(found) > _MOST_IMAGES:
        raise LoadError(f"{file} holds {len(found)} images: netlab takes at most {_MOST_IMAGES} at once")
    return found


def _listed(file: Path, documents: dict) -> list[tuple[str, list[str]]]:
    if "manifest.json" in documents:
        listed = enumerate(documents["manifest.json"])
        return [(f"docker-archive:{file}:@{index}", list(one.get("RepoTags") or [])) for index, one in listed]
    if "index.json" in documents:
        return [_of_index(file, one) for one in documents["index.json"]["manifests"]]
    raise LoadError(f"{file} holds neither manifest.json nor index.json: it is no archive of images")


def _documents(archive: tarfile.TarFile, *names: str) -> dict:
    """Reads headers only: what is large is known before it is read."""
    found: dict = {}
    total = 0
    for count, member in enumerate(archive):
        name, total = member.name.removeprefix("./"), total + max(member.size, 0)
        if total > MOST_BYTES or count >= _MOST_MEMBERS:
            bounds = f"{MOST_BYTES >> 30} GiB in {_MOST_MEMBERS} files"
            raise LoadError(f"{archive.name!s} is larger than netlab takes ({bounds})")
        if name in names and member.isfile():
            if member.size > _DOCUMENT_BYTES:
                raise LoadError(f"{name} of {archive.name!s} is larger than {_DOCUMENT_BYTES >> 20} MiB")
            found[name] = json.load(archive.extractfile(member))
    return found


def _check_layers(name: str, layout: Path) -> None:
    """Layers are small until they are unpacked. Raises LoadError."""
    total = 0
    for blob in (layout / "blobs/sha256").iterdir():
        for size in _unpacked_pieces(name, blob):
            total += size
            if total > MOST_BYTES:
                raise LoadError(f"{name}: its layers are larger than {MOST_BYTES >> 30} GiB when unpacked")


def _unpacked_pieces(name: str, blob: Path) -> Iterator[int]:
    with blob.open("rb") as file:
        begin = file.read(4)
    if begin == _ZSTD:
        why = "its layers are packed by zstd, which umoci does not read: repack them with gzip"
        raise LoadError(f"{name}: {why}")
    if not begin.startswith(_GZIP):
        yield blob.stat().st_size
        return
    try:
        with gzip.open(blob) as unpacked:
            while piece := unpacked.read(_PIECE):
                yield len(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise LoadError(f"{name}: a layer is broken: {error}") from error


def _of_index(file: Path, entry: dict) -> tuple[str, list[str]]:
    notes = entry.get("annotations") or {}
    tag, name = notes.get(_OCI_NAME), notes.get(_CONTAINERD_NAME)
    source = f"oci-archive:{file}:{tag}" if tag else f"oci-archive:{file}"
    if not name and tag and ("/" in tag or ":" in tag):
        name = tag
    return source, [name] if name else []
