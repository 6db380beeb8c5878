"""Images for a cluster that has no registry: they are built or unpacked here and loaded into its nodes.

`KIND_IMAGES` names a folder of archives, as `docker save` writes them and `make kind-preload` makes them.
The archive of a node image is for Docker, which starts nodes from it; all others are for the nodes.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from deploy.kind.tools import CLUSTER, KindProblem, ask, attempt, show
from netlab import images
from netlab.images.reference import full

PROJECT = Path(__file__).resolve().parents[2]
NODE_IMAGE = "kindest/node"
DOCKERFILE = PROJECT / "deploy/toolbox/Dockerfile"
BUILT_ROOT = PROJECT / "var" / "images"
IMPORTED = ("ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["redes-idle"]')


def names_in(archive: Path) -> list[str]:
    """The names of the images in an archive of `docker save`. Raises KindProblem."""
    try:
        with tarfile.open(archive, "r:") as opened:
            manifest = opened.extractfile("manifest.json")
            listed = json.load(manifest) if manifest else []
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise KindProblem(f"{archive} is no archive that `docker save` writes: {error}") from None
    return [name for image in listed for name in image.get("RepoTags") or []]


def archives(folder: Path | None) -> dict[Path, list[str]]:
    """The archives of a folder with the names in them. Raises KindProblem."""
    if folder is None:
        return {}
    if not folder.is_dir():
        raise KindProblem(f"KIND_IMAGES={folder}: there is no such folder; `make kind-preload` fills one")
    return {path: names_in(path) for path in sorted(folder.glob("*.tar"))}


def node_images(found: dict[Path, list[str]]) -> dict[str, Path]:
    """The archive of each node image."""
    return {
        name: path
        for path, names in found.items()
        for name in names
        if name.removeprefix("docker.io/").startswith(f"{NODE_IMAGE}:")
    }


def load_node_image(found: dict[Path, list[str]], wanted: str) -> str:
    """Give Docker the node image that is wanted, or the only one there is; its name, empty for kind's own
    choice. Raises KindProblem where the folder leaves a choice."""
    offered = node_images(found)
    if not wanted and len(offered) > 1:
        raise KindProblem(f"KIND_NODE_IMAGE= must name one of the node images: {', '.join(sorted(offered))}")
    name = wanted or next(iter(offered), "")
    if name in offered and attempt("docker", "image", "inspect", name).returncode:
        show(["docker", "load", "--input", str(offered[name])], f"{name} could not be given to Docker")
    return name


def load_archives(found: dict[Path, list[str]]) -> set[str]:
    """Load every archive but the node images' into the nodes; the full names of what was loaded."""
    nodes = set(node_images(found).values())
    loaded = {path: names for path, names in found.items() if path not in nodes}
    for path in loaded:
        command = ["kind", "load", "image-archive", str(path), "--name", CLUSTER]
        show(command, f"{path} could not be loaded into the nodes")
    return {full(name) for names in loaded.values() for name in names}


def images_of_labs() -> list[str]:
    """What the labs' pods run besides the toolbox, by its full name."""
    manifests = (PROJECT / "curriculum/content").glob("*/*/manifests/*.yaml")
    named = {name for path in manifests for name in re.findall(r"\bimage: *(\S+)", path.read_text())}
    return sorted({full(name) for name in named} - {images.TOOLBOX})


def load_what_docker_has(wanted: Iterable[str]) -> None:
    """Load those that Docker has and a node has not: nodes without the internet cannot pull them. One that
    cannot be loaded is told: few labs need it, and a node may still pull it. Raises KindProblem."""
    nodes = ask("kind", "get", "nodes", "--name", CLUSTER).split()
    for name in wanted:
        if attempt("docker", "image", "inspect", name).returncode or all(map(_has(name), nodes)):
            continue
        try:
            _load(name)
        except KindProblem as problem:
            print(f"  {problem}")


def _load(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        _write(archive, name)
        command = ["kind", "load", "image-archive", str(archive), "--name", CLUSTER]
        show(command, f"{name} could not be loaded into the nodes")


def _has(image: str) -> Callable[[str], bool]:
    return lambda node: attempt("docker", "exec", node, "crictl", "inspecti", image).returncode == 0


def toolbox_in_nodes() -> str:
    """The id of the toolbox that the nodes have; empty where they do not tell."""
    asked = attempt("docker", "exec", f"{CLUSTER}-worker", "crictl", "inspecti", images.TOOLBOX)
    return "" if asked.returncode else json.loads(asked.stdout)["status"]["id"]


def load_toolbox() -> None:
    """Make the toolbox and load it; kind passes over nodes that have it. Raises KindProblem."""
    make_toolbox()
    command = ["kind", "load", "docker-image", images.TOOLBOX, "--name", CLUSTER]
    show(command, "the toolbox could not be loaded into the nodes")


def make_toolbox() -> None:
    """Build it. Without Docker's registry, take what an earlier build has left, else netlab's root
    filesystem, which the same list makes. Raises KindProblem."""
    if _is_built():
        return
    if attempt("docker", "image", "inspect", images.TOOLBOX).returncode == 0:
        print("  not built: the toolbox that Docker has is taken as it is")
    elif root := _root_filesystem():
        print("  not built: netlab's root filesystem is taken, which has the same tools")
        changes = [word for change in IMPORTED for word in ("--change", change)]
        ask("docker", "import", *changes, str(root), images.TOOLBOX)
    else:
        raise KindProblem(
            "the toolbox could not be built; Docker's words are above. Without the internet, take archives"
            " from a machine that has it: make kind-preload there, make kind KIND_IMAGES=folder here"
        )


def _is_built() -> bool:
    """Docker shows its progress itself; when nothing has changed, it takes a second."""
    command = ["docker", "build", "--file", str(DOCKERFILE), "--tag", images.TOOLBOX, str(PROJECT)]
    # A node's containerd cannot import an index that points at attestations which are not there.
    environment = os.environ | {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    return subprocess.run(command, env=environment).returncode == 0


def _root_filesystem() -> Path | None:
    """Netlab's own, made now where the distribution's packages can be had; None where it cannot be."""
    if sys.platform != "linux":
        return None
    from netlab.images import build, recipe, rootfs  # they know Linux alone

    toolbox = images.named("toolbox")
    archive = rootfs.archive(BUILT_ROOT, toolbox) if recipe.kubectl().exists() else None
    if archive is None or archive.exists():
        return archive
    try:
        return build.build(toolbox, BUILT_ROOT)
    except build.BuildError as error:
        print(f"  netlab's root filesystem cannot be made either: {error}")
        return None


def preload(folder: Path, node_image: str, others: Sequence[str] = ()) -> list[Path]:
    """Pull and build what a class needs, and keep it as archives; those that are there are left alone.

    Raises KindProblem.
    """
    node_image = node_image or _node_image_in_use()
    tag = node_image.partition("@")[0]
    folder.mkdir(parents=True, exist_ok=True)
    for each in (node_image, *others):
        if attempt("docker", "image", "inspect", each).returncode:
            show(["docker", "pull", each], f"{each} could not be pulled")
    if tag != node_image:
        ask("docker", "tag", node_image, tag)  # an image pulled by its digest has no name to be saved under
    make_toolbox()
    kept = [_save(folder, each) for each in (tag, *others)]
    return [*kept, _save(folder, images.TOOLBOX, again=True)]


def _node_image_in_use() -> str:
    asked = attempt("docker", "inspect", "--format", "{{.Config.Image}}", f"{CLUSTER}-control-plane")
    if asked.returncode:
        raise KindProblem(
            "say which node image: make kind-preload KIND_NODE_IMAGE=kindest/node:v1.36.4 (kind's release"
            " notes list those made for it: https://github.com/kubernetes-sigs/kind/releases),"
            " or `make kind` first"
        )
    return asked.stdout.strip()


def _save(folder: Path, name: str, *, again: bool = False) -> Path:
    target = folder / f"{name.replace('/', '_').replace(':', '_')}.tar"
    if again or not target.exists():
        part = Path(f"{target}.part")
        _write(part, name)
        part.replace(target)
    return target


def _write(target: Path, name: str) -> None:
    """The image as Docker runs it here, and nothing of its other architectures: Docker's containerd store
    would name them in the archive without having them, and then no node takes it (kind's issue 3795)."""
    command = ["docker", "save", "--output", str(target)]
    if attempt(*command, "--platform", _platform(), name).returncode:
        ask(*command, name)  # Docker before 28 does not know the option


def _platform() -> str:
    return ask("docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").strip()
