"""Archives that mean harm, or are broken: refused with the reason, at once, and nothing is left of them."""

import gzip
import io
import json
import tarfile

import pytest

from netlab.images import archive
from netlab.images.store import Store
from tests.netlab.ociworlds import docker_archive, layer


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "loaded")


def _left(store) -> list[str]:
    return sorted(path.name for path in store.directory.iterdir()) if store.directory.exists() else []


def _write(path, members: dict[str, bytes], *, claims: int | None = None):
    """A tar of these; with `claims` the last header promises that many bytes, and none follow."""
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    if claims:
        info = tarfile.TarInfo("layer.tar")
        info.size = claims
        with path.open("r+b") as file:
            file.seek(sum(512 + -(-len(data) // 512) * 512 for data in members.values()))
            file.write(info.tobuf(tarfile.GNU_FORMAT))
            file.truncate()
    return path


MANIFEST = json.dumps([{"Config": "c.json", "RepoTags": ["a:1"], "Layers": []}]).encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 100_000, "malformed"),
        (b'{"a": 1}', "malformed"),
        (b'["a"]', "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'[{"RepoTags": 7}]', "malformed"),
        (b'[{"RepoTags": ["../../etc"]}]', "invalid reference format"),
        (b" " * (5 << 20), "larger than 4 MiB"),
        (json.dumps([{"RepoTags": ["a:1"]}] * 101).encode(), "at most 100"),
    ],
)
def test_a_list_of_images_that_is_none_is_refused(tmp_path, store, content, why):
    file = _write(tmp_path / "a.tar", {"manifest.json": content})
    with pytest.raises(archive.LoadError, match=why):
        archive.load(file, store)
    assert _left(store) == []


def test_a_huge_archive_is_refused_by_its_headers(tmp_path, store):
    file = _write(tmp_path / "a.tar", {"manifest.json": MANIFEST}, claims=9 << 30)
    with pytest.raises(archive.LoadError, match="larger than netlab takes"):
        archive.load(file, store)


def test_an_archive_of_very_many_files_is_refused(tmp_path, store, monkeypatch):
    monkeypatch.setattr(archive, "_MOST_MEMBERS", 10)
    file = _write(tmp_path / "a.tar", {str(number): b"" for number in range(11)})
    with pytest.raises(archive.LoadError, match="larger than netlab takes"):
        archive.load(file, store)


def test_a_list_that_is_a_link_is_not_followed(tmp_path, store):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(archive.LoadError, match="holds neither"):
        archive.load(tmp_path / "a.tar", store)


def test_layers_that_grow_when_unpacked_are_refused_and_nothing_is_left(tmp_path, store, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 32 << 20)
    bomb = gzip.compress(layer({"zeros": bytes(40 << 20)}))
    file = docker_archive(tmp_path / "a.tar", ["a:1"], [bomb])
    with pytest.raises(archive.LoadError):
        archive.load(file, store)
    assert _left(store) == []


def test_a_broken_archive_is_told_by_skopeo_and_nothing_is_left(tmp_path, store):
    file = _write(tmp_path / "a.tar", {"manifest.json": MANIFEST})
    with pytest.raises(archive.LoadError, match="library/a:1"):
        archive.load(file, store)
    assert _left(store) == []


def test_skopeo_is_not_waited_for_for_ever(tmp_path, store, monkeypatch):
    monkeypatch.setattr(archive, "_MOST_SECONDS", 0)
    file = docker_archive(tmp_path / "a.tar", ["a:1"], [layer({"a": "x"})])
    with pytest.raises(archive.LoadError, match="not done after 0 s"):
        archive.load(file, store)
    assert _left(store) == []
