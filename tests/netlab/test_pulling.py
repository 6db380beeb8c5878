"""Images from a registry: who may be asked, what a pod is told, and that one pull serves all who wait."""

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from base64 import b64encode

import pytest

from netlab import images
from netlab.images import archive, rootfs
from netlab.images.pulling import Desk, Registries
from netlab.images.store import Store
from tests.netlab.ociworlds import layer
from tests.netlab.registry import Registry
from tests.netlab.test_loading import REPOSITORY, netlab_image
from tests.netlab.worlds import pod


@pytest.mark.parametrize(
    ("allowed", "image", "may"),
    [
        ("all", "docker.io/library/nginx:1", True),
        ("none", "docker.io/library/nginx:1", False),
        ("ghcr.io, docker.io", "docker.io/library/nginx:1", True),
        ("ghcr.io", "docker.io/ghcr.io/x:1", False),
        ("localhost", "localhost:5000/x:1", True),
        ("localhost:5000", "localhost:5000/x:1", True),
        ("localhost:5000", "localhost:5001/x:1", False),
    ],
)
def test_images_come_from_the_registries_that_were_named(allowed, image, may):
    assert (Registries.read(allowed).refuse(image) == "") is may


@pytest.mark.parametrize("wrong", ["", "docker.io,", "https://docker.io", "docker.io/library", "-- x"])
def test_what_is_no_registry_is_told_at_the_start(wrong):
    with pytest.raises(ValueError, match="is no registry"):
        Registries.read(wrong)


def test_a_pulled_image_is_found_by_its_name(tmp_path):
    store = Store(tmp_path / "loaded")
    with Registry("me/app", "1", [layer({"a": "x"})], Cmd=["/a"]) as registry:
        assert archive.pull(registry.name, store).config.command == ("/a",)
        assert store.find(registry.name).size > 0


def test_the_passwords_of_the_hosts_user_stay_there(tmp_path, monkeypatch):
    with Registry("me/app", "1", [layer({"a": "x"})], asks=True) as registry:
        secret = b64encode(b"user:password").decode()
        login = {"auths": {registry.name.partition("/")[0]: {"auth": secret}}}
        (tmp_path / "auth.json").write_text(json.dumps(login))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
        with pytest.raises(archive.LoadError, match="unauthorized"):
            archive.pull(registry.name, Store(tmp_path / "loaded"))
        assert registry.passwords and f"Basic {secret}" not in registry.passwords


def test_a_registry_without_the_image_is_told_in_its_own_words_and_nothing_is_left(tmp_path):
    store = Store(tmp_path / "loaded")
    with (
        Registry("me/app", "1", [layer({"a": "x"})]) as registry,
        pytest.raises(archive.LoadError, match="name unknown"),
    ):
        archive.pull(f"{registry.name}2", store)
    assert list(store.directory.iterdir()) == []


@pytest.mark.parametrize("name", ["oci:/etc", "nginx", "--all", "docker.io/library/nginx:1"])
def test_the_host_asks_for_nothing_but_whole_names_of_allowed_registries(tmp_path, name):
    desk = Desk(tmp_path, Registries.read("localhost"))
    desk.theirs.send(name.encode())
    inside = desk.theirs.dup()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as box:
        answers = []
        _when_answered(inside, answers, box)
        desk.serve_until_end_of(box.pid)
    desk.close()
    assert name in answers[0] and '"error": ""' not in answers[0]


def _when_answered(inside, answers: list[str], box: subprocess.Popen) -> None:
    def wait() -> None:
        answers.append(inside.recv(10_000).decode())
        box.stdin.close()

    threading.Thread(target=wait).start()


@pytest.fixture
def registry():
    """It gives out a busybox that sleeps; what was pulled of it is forgotten afterwards."""
    built = rootfs.archive(REPOSITORY / "var" / "images", images.named("busybox"))
    with tarfile.open(built) as tar:
        busybox = io.BytesIO(tar.extractfile("./bin/busybox").read()).getvalue()
    files = {"bin/busybox": busybox, f"made/for-{os.getpid()}": "once"}  # the image's id is this run's alone
    with Registry("me/app", "1", [layer(files)], Cmd=["/bin/busybox", "sleep", "600"]) as registry:
        yield registry
        netlab_image("rm", registry.name)


@pytest.mark.integration
def test_a_pods_image_is_pulled_once_for_all_and_the_events_say_so(netlab, namespace, images, registry):
    netlab.apply(*(pod(name, namespace, image=registry.name) for name in "abc"))
    netlab.kubectl(
        "wait", "-n", namespace, "pod/a", "pod/b", "pod/c", "--for=condition=Ready", "--timeout=30s"
    )
    assert registry.manifests_given == 1
    told = netlab.kubectl("describe", "pod", "-n", namespace, "a").stdout
    assert f'Pulling image "{registry.name}"' in told
    assert f'Successfully pulled image "{registry.name}" in ' in told


@pytest.mark.integration
def test_what_the_registry_says_stands_in_the_pods_status(netlab, namespace, registry):
    missing = registry.name.replace("/me/app", "/me/other")
    netlab.apply(pod("a", namespace, image=missing))
    reason = "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff"
    netlab.kubectl("wait", "-n", namespace, "pod/a", reason, "--timeout=30s")
    assert (
        f'failed to pull image "{missing}"' in netlab.kubectl("describe", "pod", "-n", namespace, "a").stdout
    )
    present = [sys.executable, "-m", "netlab", "image", "pull", registry.name]
    done = subprocess.run(present, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.startswith(f"netlab: pulled {registry.name} (sha256:")
