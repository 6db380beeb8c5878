import fcntl

import pytest

from netlab import images
from netlab.images import build, recipe, rootfs

TOOLBOX = images.find(images.TOOLBOX)


def test_the_packages_are_a_list_without_comments():
    listed = recipe.packages("toolbox")
    assert "tcpdump" in listed
    assert not [name for name in listed if not name or " " in name or name.startswith("#")]


def test_a_changed_script_is_another_image(monkeypatch, tmp_path):
    before = recipe.fingerprint("toolbox")
    for path in recipe.FILES.iterdir():
        (tmp_path / path.name).write_text(path.read_text() + "\n")
    monkeypatch.setattr(recipe, "FILES", tmp_path)
    recipe.fingerprint.cache_clear()
    assert recipe.fingerprint("toolbox") != before
    recipe.fingerprint.cache_clear()


def test_only_sources_of_this_release_are_used(tmp_path):
    listed = tmp_path / "a.list"
    listed.write_text(
        "deb http://deb.debian.org/debian bookworm main\n"
        "# deb http://off.example bookworm main\n"
        "deb [signed-by=/k] https://other.example/apt cloud-sdk-bookworm main\n"
        "deb cdrom:[Debian]/ bookworm main\n"
        "deb [arch=amd64] http://security.debian.org bookworm-security main\n"
    )
    assert [line.split()[-2] for line in build._of_release(listed, "bookworm").splitlines()] == [
        "bookworm",
        "bookworm-security",
    ]


def test_only_stanzas_of_this_release_are_used(tmp_path):
    listed = tmp_path / "a.sources"
    listed.write_text(
        "Types: deb\nURIs: http://a\nSuites: noble noble-updates\n\n"
        "Types: deb\nURIs: http://b\nSuites: nodistro\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://c\nSuites: noble\n"
    )
    assert build._of_release(listed, "noble").count("URIs") == 1


def test_a_tree_that_is_in_use_is_not_removed(tmp_path):
    for name in ("used-1", "idle-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".complete").touch()
    with (tmp_path / "used-1" / ".complete").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        rootfs._forget_old(tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["used-1"]


def test_a_missing_archive_says_how_to_build_it(tmp_path):
    assert TOOLBOX in rootfs.missing(tmp_path)


@pytest.mark.parametrize("asked", ["prom/prometheus", "docker.io/prom/prometheus:v2.53.5"])
def test_prometheus_is_the_distributions_under_the_name_of_the_projects_own_image(asked):
    image = images.find(asked)
    assert (image.name, recipe.packages(image.name)) == ("prometheus", ["prometheus"])


def test_an_image_of_another_house_is_not_taken_for_prometheus():
    assert images.find("evil/prom/prometheus") is None
