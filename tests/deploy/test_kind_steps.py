"""`make kind` up to the Kubernetes API, with a docker and a kind that only write down how they are called."""

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from deploy.kind import cluster, images, tools
from netlab.images import TOOLBOX

PROJECT = Path(__file__).resolve().parents[2]
pytest_plugins = ["tests.deploy.fakes"]


def archive(path: Path, *names: str) -> Path:
    content = json.dumps([{"Config": "c.json", "RepoTags": list(names), "Layers": []}]).encode()
    member = tarfile.TarInfo("manifest.json")
    member.size = len(content)
    with tarfile.open(path, "w") as opened:
        opened.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    archive(made / "node.tar", "kindest/node:v1.33.4")
    archive(made / "toolbox.tar", TOOLBOX)
    return made


def plain_python(act: str, **environment: str) -> subprocess.CompletedProcess:
    """As `make` calls it before the set-up: a Python without any package."""
    command = [sys.executable, "-S", str(PROJECT / "deploy/kind/cluster.py"), act]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_without_docker_and_kind_it_says_where_they_are_had(tmp_path):
    done = plain_python("check", PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: make kind needs what is not installed here")
    assert all(home in done.stderr for home in tools.HOMES.values())


def test_a_docker_that_may_not_be_asked_is_told_with_its_remedy(fakes):
    fakes.note("no-daemon")
    with pytest.raises(tools.KindProblem, match=r"permission denied[^.]*\n(.|\n)*usermod -aG docker"):
        tools.require_tools()


def test_the_cluster_is_created_from_the_file_with_the_image_that_was_named(fakes):
    cluster.create("kindest/node:v1.33.4")
    (call,) = fakes.calls("kind", "create")
    assert call[3:5] == ["--name", "redes"]
    assert call[-2:] == ["--image", "kindest/node:v1.33.4"]
    config = json.loads((fakes.notes / "config").read_text())
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]


def test_a_cluster_that_is_there_is_left_alone_and_its_stopped_nodes_are_started(fakes):
    fakes.note("cluster", "stopped")
    cluster.create("")
    assert not fakes.calls("kind", "create")
    assert fakes.calls("docker", "start") == [["docker", "start", "redes-control-plane"]]


def test_a_port_this_machine_uses_is_left_out_and_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not cluster._is_free({"listenAddress": "127.0.0.1", "hostPort": port, "containerPort": 30000})
    assert f"port {port} of this machine" in capsys.readouterr().out


@pytest.mark.parametrize(("found", "is_told"), [("128\n", True), ("512\n", False), (None, False)])
def test_too_few_inotify_instances_are_told_with_the_remedy(tmp_path, capsys, found, is_told):
    setting = tmp_path / "max_user_instances"
    if found:
        setting.write_text(found)
    cluster.warn_of_few_instances(setting)
    assert ("sysctl fs.inotify.max_user_instances=512" in capsys.readouterr().out) == is_told


def test_archives_go_where_they_are_needed(fakes, folder):
    found = images.archives(folder)
    assert images.load_node_image(found, "") == "kindest/node:v1.33.4"
    assert images.load_archives(found) == {TOOLBOX}
    assert fakes.calls("docker", "load") == [["docker", "load", "--input", str(folder / "node.tar")]]
    loads = fakes.calls("kind", "load")
    assert loads == [["kind", "load", "image-archive", str(folder / "toolbox.tar"), "--name", "redes"]]
    assert not fakes.calls("docker", "build")


def test_two_node_images_leave_the_choice_to_the_operator(fakes, folder):
    archive(folder / "other.tar", "kindest/node:v1.36.1")
    found = images.archives(folder)
    with pytest.raises(tools.KindProblem, match=r"KIND_NODE_IMAGE= must name one.*v1\.33\.4, .*v1\.36\.1"):
        images.load_node_image(found, "")
    assert images.load_node_image(found, "kindest/node:v1.36.1") == "kindest/node:v1.36.1"


def test_a_file_that_is_no_archive_is_named(folder):
    (folder / "notes.tar").write_text("not a tar")
    with pytest.raises(tools.KindProblem, match=r"notes\.tar is no archive"):
        images.archives(folder)


def test_the_toolbox_is_built_and_loaded(fakes):
    images.load_toolbox()
    assert len(fakes.calls("docker", "build")) == 1
    assert fakes.calls("kind", "load") == [["kind", "load", "docker-image", TOOLBOX, "--name", "redes"]]


def test_without_the_internet_netlabs_root_filesystem_becomes_the_toolbox(fakes, tmp_path, monkeypatch):
    fakes.note("no-build")
    root = tmp_path / "toolbox.tar"
    root.touch()
    monkeypatch.setattr(images, "_root_filesystem", lambda: root)
    images.load_toolbox()
    (call,) = fakes.calls("docker", "import")
    assert call[-2:] == [str(root), TOOLBOX] and 'CMD ["redes-idle"]' in call


def test_without_anything_to_make_the_toolbox_of_it_says_what_to_do(fakes, monkeypatch):
    fakes.note("no-build")
    monkeypatch.setattr(images, "_root_filesystem", lambda: None)
    with pytest.raises(tools.KindProblem, match=r"could not be built(.|\n)*KIND_IMAGES=folder"):
        images.load_toolbox()
    fakes.note(f"has-{TOOLBOX}")
    images.load_toolbox()


def test_a_preload_can_be_used_by_another_machine(fakes, tmp_path):
    fakes.note("cluster")
    kept = images.preload(tmp_path / "kept", "")
    assert [path.name for path in kept] == ["kindest_node_v1.36.1.tar", "redes.local_toolbox_0.1.0.tar"]
    assert fakes.calls("docker", "save")[0][-1] == "kindest/node:v1.36.1"


def test_an_archive_holds_the_architecture_that_docker_runs_and_no_other(fakes, tmp_path):
    """Docker's containerd store knows of others that it has not: nodes refuse an archive that names them."""
    images._write(tmp_path / "a.tar", "busybox:latest")
    (call,) = fakes.calls("docker", "save")
    assert call[-3:] == ["--platform", "linux/amd64", "busybox:latest"]


def test_a_docker_that_knows_no_platforms_saves_what_it_has(fakes, tmp_path):
    fakes.note("old-docker")
    images._write(tmp_path / "a.tar", "busybox:latest")
    assert (tmp_path / "a.tar").read_bytes() == b"saved"
    assert len(fakes.calls("docker", "save")) == 2


def test_images_of_labs_that_docker_has_come_into_nodes_that_have_them_not(fakes):
    here, there, nowhere = images.images_of_labs()[0], "prom/there:1", "prom/nowhere:1"
    assert here == "docker.io/library/busybox:latest"
    fakes.note(f"has-{here}", f"has-{there}", f"node-has-{there}")
    images.load_what_docker_has([here, there, nowhere])
    (load,) = fakes.calls("kind", "load")
    assert load[:3] == ["kind", "load", "image-archive"]
    assert [call[-1] for call in fakes.calls("docker", "save")] == [here]


@pytest.fixture
def shown(monkeypatch) -> list[list[str]]:
    """What kubectl would be told to change."""
    commands = []
    monkeypatch.setattr(cluster, "show", lambda command, problem: commands.append(command))
    return commands


def test_agents_are_renewed_once_for_each_image_that_the_nodes_have(fakes, shown, tmp_path):
    cluster.renew_agents(tmp_path)
    assert shown == []
    fakes.note(f"node-has-{TOOLBOX}")
    cluster.renew_agents(tmp_path)
    ((*_, patch),) = shown
    template = json.loads(patch)["spec"]["template"]
    assert template["metadata"]["annotations"] == {"redes.local/toolbox": "sha256:1"}


@pytest.mark.parametrize(
    ("command", "patched"),
    [
        (["kube-proxy", "--config=/c"], ["kube-proxy", "--config=/c", "--v=3"]),
        (["kube-proxy", "--v=2"], None),
    ],
)
def test_kube_proxys_log_is_told_to_tell_what_a_lab_reads(monkeypatch, shown, tmp_path, command, patched):
    spec = {"containers": [{"name": "kube-proxy", "command": command}]}
    told = subprocess.CompletedProcess([], 0, json.dumps({"spec": {"template": {"spec": spec}}}))
    monkeypatch.setattr(cluster, "attempt", lambda *_: told)
    cluster.let_kube_proxy_tell(tmp_path)
    patches = [json.loads(each[-1]) for each in shown if "patch" in each]
    wanted = {"spec": {"template": {"spec": {"containers": [{"name": "kube-proxy", "command": patched}]}}}}
    assert patches == ([wanted] if patched else [])
    assert any("rollout" in each for each in shown) == bool(patched)


def test_a_cluster_without_kube_proxy_is_left_alone(monkeypatch, shown, tmp_path):
    monkeypatch.setattr(cluster, "attempt", lambda *_: subprocess.CompletedProcess([], 1, ""))
    cluster.let_kube_proxy_tell(tmp_path)
    assert shown == []


def test_down_is_asked_by_name_and_can_be_said_twice(fakes, tmp_path):
    options = {"PATH": os.environ["PATH"], "STATE_DIR": str(tmp_path / "state")}
    assert [plain_python("down", **options).returncode for _ in range(2)] == [0, 0]
    assert fakes.calls("kind", "delete") == [["kind", "delete", "cluster", "--name", "redes"]] * 2


def test_an_option_that_cannot_be_used_is_a_sentence(fakes, tmp_path):
    done = plain_python("down", PATH=os.environ["PATH"], STATE_DIR=str(tmp_path), PORT="soon")
    assert done.returncode == 1 and done.stderr.startswith("error: PORT='soon' cannot be used")
