"""Images from archives: their names, their configuration, and what of them a pod gets."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from netlab import images
from netlab.images import archive, reference, rootfs
from netlab.images.store import Store
from netlab.node import users
from netlab.node.env import ConfigError
from tests.netlab.ociworlds import docker_archive, layer, oci_archive
from tests.netlab.worlds import pod

REPOSITORY = Path(__file__).parents[2]
PASSWD = "root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n"


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("me/app:1", "docker.io/me/app:1"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("registry.k8s.io/e2e-test-images/agnhost:2.43", "registry.k8s.io/e2e-test-images/agnhost:2.43"),
        (f"a:1@sha256:{'0' * 64}", f"docker.io/library/a@sha256:{'0' * 64}"),
    ],
)
def test_a_short_name_means_what_it_means_elsewhere(short, whole):
    assert reference.full(short) == whole


@pytest.mark.parametrize("name", ["Nginx", "a b", "-x", "oci:/etc", "a/../b", ""])
def test_what_cannot_be_a_name_is_refused(name):
    with pytest.raises(reference.InvalidName):
        reference.full(name)


def test_an_archive_of_docker_is_found_by_each_of_its_names_until_the_last_is_removed(tmp_path):
    store = Store(tmp_path / "loaded")
    file = docker_archive(tmp_path / "a.tar", ["app:1", "me/app:2"], [layer({"a": "x"})], Cmd=["/a"])
    archive.load(file, store)
    assert store.find("docker.io/me/app:2").config.command == ("/a",)
    store.remove("docker.io/library/app:1")
    assert [image.reference for image in store.all()] == ["docker.io/me/app:2"]
    store.remove("docker.io/me/app:2")
    assert sorted(path.name for path in store.directory.iterdir()) == ["lock", "names.json"]


def test_an_oci_archive_without_a_name_gets_one(tmp_path):
    store = Store(tmp_path / "loaded")
    file = oci_archive(tmp_path / "a.tar", "latest", [layer({"a": "x"})], Entrypoint=["/a"], User="web")
    with pytest.raises(archive.LoadError, match="give one with --name"):
        archive.load(file, store)
    (image,) = archive.load(file, store, "app")
    assert (image.reference, image.config.user) == ("docker.io/library/app:latest", "web")


def test_a_file_that_is_no_archive_is_an_error_with_its_name(tmp_path):
    (tmp_path / "x").write_text("hello")
    with pytest.raises(archive.LoadError, match="is not an archive of images"):
        archive.load(tmp_path / "x", Store(tmp_path / "loaded"))


def test_a_user_of_the_image_is_looked_up_in_the_image(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text("extra:x:7:web\n")
    wanted = {"runAsUser": 101, "runAsGroup": 102, "supplementalGroups": [7]}
    assert users.apply({}, "web", tmp_path) == wanted
    assert users.apply({"runAsUser": 5}, "web", tmp_path)["runAsUser"] == 5
    with pytest.raises(ConfigError, match="unable to find user nobody"):
        users.apply({}, "nobody", tmp_path)


def test_a_passwd_that_is_a_link_to_the_hosts_is_not_followed(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").symlink_to("/etc/passwd")
    with pytest.raises(ConfigError, match="unable to find user daemon"):
        users.apply({}, "daemon", tmp_path)


@pytest.mark.parametrize(
    ("security", "user", "why"),
    [
        ({}, "", "image will run as root"),
        ({"runAsUser": 0}, "1", "runAsUser breaks"),
        ({}, "web", "non-numeric user"),
    ],
)
def test_a_container_that_must_not_be_root_is_judged_by_its_image(tmp_path, security, user, why):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    with pytest.raises(ConfigError, match=why):
        users.apply({"runAsNonRoot": True, **security}, user, tmp_path)


def netlab_image(*argv: str) -> None:
    subprocess.run([sys.executable, "-m", "netlab", "image", *argv], check=True, cwd=REPOSITORY)


@pytest.fixture
def hostile_image(images, tmp_path):
    """A loaded image: a busybox, a file that a later layer removes, and links that point out of it."""
    name = f"tests.local/app-{os.getpid()}:1"
    base = {"bin/busybox": _busybox(), "etc/passwd": PASSWD, "gone": "x", "srv/kept": "kept"}
    links = {"bin/sh": "/bin/busybox", "way": "/../../../../etc", "etc/resolv.conf": "/../../../tmp/leak"}
    upper = layer({".wh.gone": "", "way/dropped": "from the image"})
    config = {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["exec /bin/busybox sleep 600"]}
    config |= {"Env": ["COLOR=blue"], "WorkingDir": "/srv/new", "User": "web"}
    file = docker_archive(tmp_path / "a.tar", [name], [layer(base, links), upper], **config)
    yield name, file
    netlab_image("rm", name)


def _busybox() -> bytes:
    built = rootfs.archive(REPOSITORY / "var" / "images", images.named("busybox"))
    with tarfile.open(built) as tar:
        return io.BytesIO(tar.extractfile("./bin/busybox").read()).getvalue()


@pytest.mark.integration
def test_a_waiting_pod_runs_as_its_image_says_once_it_is_loaded(netlab, namespace, hostile_image):
    name, file = hostile_image
    netlab.apply(pod("a", namespace, image=name), pod("n", namespace, image=name, imagePullPolicy="Never"))
    waiting = "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}="
    netlab.kubectl("wait", "-n", namespace, "pod/a", f"{waiting}ImagePullBackOff", "--timeout=20s")
    netlab.kubectl("wait", "-n", namespace, "pod/n", f"{waiting}ErrImageNeverPull", "--timeout=20s")
    netlab_image("load", str(file))
    netlab.kubectl("wait", "-n", namespace, "pod/a", "pod/n", "--for=condition=Ready", "--timeout=30s")
    script = "echo $COLOR; pwd; busybox id -u; busybox ls /gone; busybox ls / /srv"
    done = netlab.kubectl(
        "exec", "-n", namespace, "a", "--", "/bin/sh", "-c", f"PATH=/bin; {script}", ok=False
    )
    assert done.stdout.splitlines()[:3] == ["blue", "/srv/new", "101"]
    assert "kept" in done.stdout and "/gone: No such file" in done.stderr
    assert not os.path.exists("/etc/dropped") and not os.path.exists("/tmp/leak")
    (status,) = netlab.get("pod", "a", "-n", namespace)["status"]["containerStatuses"]
    assert (status["image"], status["imageID"][:7]) == (name, "sha256:")
