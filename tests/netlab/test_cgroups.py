"""The cgroups of pods, on trees of files that behave as the kernel's do in what is asked of them."""

import os
from pathlib import Path

import pytest

from netlab import cgroups
from netlab.node import limits

OF_MEMORY = (
    "memory.max",
    "memory.swap.max",
    "memory.oom.group",
    "memory.current",
    "memory.events",
    "memory.stat",
)
FILES = {"pids": ("pids.max",), "memory": OF_MEMORY, "cpu": ("cpu.max",)}
OWNER = os.getuid(), os.getgid()


class Kernel:
    """A v2 hierarchy below `root`: a new group has what the one above enables."""

    def __init__(self, root: Path, monkeypatch, refused=()):
        self.root, self.refused = root, refused
        make, write, remove = Path.mkdir, Path.write_text, Path.rmdir

        def mkdir(path, *args, **kwargs):
            make(path, *args, **kwargs)
            if path.resolve().is_relative_to(root):
                self.furnish(path, (path.parent / "cgroup.subtree_control").read_text().split())

        def write_text(path, text, **kwargs):
            if path.name == "cgroup.subtree_control":
                name = text.removeprefix("+")
                if name in self.refused:
                    raise OSError(22, "Invalid argument")
                text = " ".join({*path.read_text().split(), name})
            return write(path, text, **kwargs)

        def rmdir(path):
            if path.is_relative_to(root):
                for file in path.iterdir():
                    file.unlink()
            remove(path)

        self._write = write
        monkeypatch.setattr(Path, "mkdir", mkdir)
        monkeypatch.setattr(Path, "write_text", write_text)
        monkeypatch.setattr(Path, "rmdir", rmdir)
        monkeypatch.setattr(cgroups, "ROOT", root)
        self.furnish(root, list(FILES))

    def furnish(self, group: Path, controllers: list[str]) -> None:
        texts = {
            "cgroup.controllers": " ".join(controllers),
            "cgroup.subtree_control": "",
            "cgroup.procs": "",
        }
        for name in (*texts, *(file for one in controllers for file in FILES[one])):
            self._write(group / name, texts.get(name, ""))


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "cgroup"
    made.mkdir()
    return made


def as_user(monkeypatch, tmp_path, own: str) -> None:
    """As uid 1000, in this group."""
    file = tmp_path / "own"
    file.write_text(f"0::{own}\n")
    monkeypatch.setattr(cgroups, "OWN_GROUP", file)
    monkeypatch.setattr(os, "getuid", lambda: 1000)


def in_box(monkeypatch, tmp_path, group: cgroups.Group) -> limits.Limits:
    """What the server inside makes of the group that is bound into the box."""
    place = tmp_path / "box"
    place.mkdir()
    (place / "unified").symlink_to(group.directories[0])
    monkeypatch.setattr(limits, "CGROUP_DIR", place)
    return limits.Limits()


def test_root_has_its_group_at_the_top(root, monkeypatch):
    Kernel(root, monkeypatch)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    group = cgroups.create(OWNER)
    assert (group.version, group.directories[0].parent) == (2, root)
    (pods,) = group.child(cgroups.PODS).directories
    assert (pods / "pids.max").read_text() == "16384" and int((pods / "memory.max").read_text()) > 0
    assert set((pods / "cgroup.subtree_control").read_text().split()) == {"pids", "memory", "cpu"}
    assert (group.directories[0] / "server/cgroup.subtree_control").read_text() == ""  # it has processes
    cgroups.remove(group)
    assert not group.directories[0].exists()


def test_a_user_has_it_beside_the_own_group_where_that_is_delegated(root, monkeypatch, tmp_path):
    Kernel(root, monkeypatch)
    for name in FILES:
        (root / "cgroup.subtree_control").write_text(f"+{name}")
    for path in ("user.slice", "user.slice/app.slice", "user.slice/app.slice/terminal.scope"):
        (root / path).mkdir()
        (root / path / "cgroup.subtree_control").write_text("+pids")
        (root / path / "cgroup.subtree_control").write_text("+memory")
    as_user(monkeypatch, tmp_path, "/user.slice/app.slice/terminal.scope")
    group = cgroups.create(OWNER)
    assert group.directories[0].parent == root / "user.slice/app.slice"
    assert "cpu" not in (group.directories[0] / "cgroup.controllers").read_text()


@pytest.mark.parametrize("own", ["/", "/user.slice/session-3.scope"])
def test_a_user_has_none_where_the_place_is_roots(root, monkeypatch, tmp_path, own):
    Kernel(root, monkeypatch)
    as_user(monkeypatch, tmp_path, own)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cgroups.create(OWNER) is None and list(root.glob("**/netlab-*")) == []


def test_a_kernel_that_refuses_cpu_still_bounds_the_rest(root, monkeypatch):
    Kernel(root, monkeypatch, refused=("cpu",))
    monkeypatch.setattr(os, "getuid", lambda: 0)
    group = cgroups.create(OWNER)
    assert set((group.directories[0] / "cgroup.controllers").read_text().split()) == {"pids", "memory"}


def test_without_pids_there_is_none_and_nothing_is_left(root, monkeypatch):
    Kernel(root, monkeypatch, refused=("pids",))
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert cgroups.create(OWNER) is None and list(root.glob("netlab-*")) == []


def test_a_container_is_bounded_counted_and_ends_whole(root, monkeypatch, tmp_path):
    Kernel(root, monkeypatch)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    group = cgroups.create(OWNER)
    bounds = in_box(monkeypatch, tmp_path, group)
    assert bounds.describe() == "cgroup: 512 processes in each pod; memory 512 MiB"
    bounds.open_pod("1")
    bounds.open_container("1", "web-1", {"memory": "64Mi", "cpu": "250m"})
    pod = group.directories[0] / "pods/pod1"
    told = {name: (pod / "web-1" / name).read_text() for name in (*OF_MEMORY[:3], "cpu.max")}
    assert told == {
        "memory.max": str(64 << 20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "25000 100000",
    }
    assert (pod / "pids.max").read_text() == "512" and (pod / "memory.swap.max").read_text() == "0"
    (pod / "web-1/memory.current").write_text(f"{10 << 20}\n")
    (pod / "web-1/memory.stat").write_text(f"anon 1\ninactive_file {4 << 20}\n")
    (pod / "web-1/cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (pod / "web-1/memory.events").write_text("oom 3\noom_kill 2\noom_group_kill 1\n")
    assert bounds.usage("1", "web-1") == (2.5, 6 << 20)
    assert bounds.memory_kills("1", "web-1") == 2
    entering = bounds.entering("1", "web-1", ["true"])
    assert entering[-2].endswith("pods/pod1/web-1/cgroup.procs") and entering[3] == "1"


def test_the_old_hierarchy_swaps_nobody_either(tmp_path, monkeypatch):
    directory = tmp_path / "memory"
    directory.mkdir()
    for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
        (directory / name).touch()
    limits._bound(directory, memory=64 << 20)
    assert (directory / "memory.memsw.limit_in_bytes").read_text() == str(64 << 20)
