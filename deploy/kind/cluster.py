"""The reference cluster: `cluster.py check|up|preload|down`. `make kind` runs check, the set-up, then up.

Every step looks first whether it has anything to do, so that a second call is quick and mends what an
interrupted one has left.
"""

import json
import os
import runpy
import socket
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.kind.tools import CLUSTER, KindProblem, ask, attempt, require_tools, show, step  # noqa: E402

CONFIG = PROJECT / "deploy" / "kind" / "cluster.yaml"
OURS = ("deploy/policies", "deploy/agent")
WAIT = "180s"
INGRESS_PORTS = {80: 30002, 443: 30003}
INSTANCES, ENOUGH_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances"), 512


def up() -> None:
    """From whatever is there to a cluster that the portal knows. Raises KindProblem."""
    from deploy.addons import addons
    from deploy.kind import images

    archives = images.archives(_folder("KIND_IMAGES"))
    node_image = images.load_node_image(archives, os.environ.get("KIND_NODE_IMAGE", ""))
    with step(f"cluster {CLUSTER}"):
        create(node_image)
    with step("images in its nodes"):
        loaded = images.load_archives(archives)
        if "redes.local/toolbox:0.1.0" not in loaded:
            images.load_toolbox()
        images.load_what_docker_has(each for each in images.images_of_labs() if each not in loaded)
    with step("database, course and registration"):
        manage("deploy/local/prepare.py")
    with step("the platform's policy and node agents"):
        install(kubeconfig())
    lacking = addons.install_all(_addons(), kubeconfig())
    offer_ingress(kubeconfig())
    with step("preflight"):
        manage("manage.py", "preflight", "--cluster", "kind")
    for each in lacking:
        print(f"  {each}")
    print("\nThe cluster is ready. Now: make run CLUSTER=kind")


def _addons() -> list[str]:
    """ADDONS: names, `all`, or `none`; the usual ones when nothing is said. Raises KindProblem."""
    from deploy.addons import addons

    words = os.environ.get("ADDONS", "").split()
    return [] if words == ["none"] else addons.chosen(words)


def create(node_image: str) -> None:
    """Create the cluster, or start its nodes again, and wait until they are Ready."""
    if CLUSTER not in ask("kind", "get", "clusters").split():
        warn_of_few_instances()
        command = ["kind", "create", "cluster", "--name", CLUSTER, "--config", "-", "--wait", WAIT]
        command += ["--image", node_image] if node_image else []
        show(command, "the cluster could not be created", stdin=config_text())
    elif stopped := stopped_nodes():
        ask("docker", "start", *stopped)


def warn_of_few_instances(setting: Path = INSTANCES) -> None:
    """Three nodes' systemd, kubelet and containerd share one user's; what finds none left crashes."""
    if setting.is_file() and (found := int(setting.read_text())) < ENOUGH_INSTANCES:
        print(
            f"  this machine gives one user {found} inotify instances, which may be too few for the nodes;"
            f" more: sudo sysctl fs.inotify.max_user_instances={ENOUGH_INSTANCES}"
        )


def stopped_nodes() -> list[str]:
    """Docker does not always start them again after the machine was off."""
    ours = f"label=io.x-k8s.kind.cluster={CLUSTER}"
    listed = ask("docker", "ps", "--all", "--filter", ours, "--format", "{{.Names}} {{.State}}")
    nodes = dict(line.split() for line in listed.splitlines())
    return sorted(name for name, state in nodes.items() if state != "running")


def config_text() -> str:
    """The configuration as JSON, which is YAML, without the ports that this machine uses already."""
    import yaml

    config = yaml.safe_load(CONFIG.read_text())
    for node in config["nodes"]:
        wanted = node.get("extraPortMappings", [])
        node["extraPortMappings"] = [each for each in wanted if _is_free(each)]
    return json.dumps(config)


def _is_free(mapping: dict) -> bool:
    address, port = mapping["listenAddress"], mapping["hostPort"]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            told = f"port {port} of this machine cannot be used ({error.strerror})"
            print(f"  {told}: the nodes' port {mapping['containerPort']} is not offered there")
            return False
    return True


def kubeconfig() -> Path:
    return _options()["STATE_DIR"] / "kind" / "kubeconfig"


def install(path: Path) -> None:
    """Apply what the portal keeps on every cluster, as it would itself, and wait for the agents."""
    kubectl = _kubectl(path)
    show(
        [*kubectl, "wait", "--for=condition=Ready", "nodes", "--all", f"--timeout={WAIT}"],
        "nodes are missing",
    )
    files = [word for folder in OURS for word in ("-f", str(PROJECT / folder))]
    apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=redes", *files]
    show([*kubectl, *apply], "the platform's objects could not be applied")
    renew_agents(path)
    let_kube_proxy_tell(path)
    waited = ["rollout", "status", "daemonset/redes-node-agent", "-n", "redes-system", f"--timeout={WAIT}"]
    show([*kubectl, *waited], "the node agents did not start")


def _kubectl(path: Path) -> list[str]:
    return [str(PROJECT / ".venv" / "bin" / "kubectl"), "--kubeconfig", str(path)]


def renew_agents(path: Path) -> None:
    """Agents of an image that has been loaded anew under the same name: a restart, once for each image."""
    from deploy.kind import images

    if image := images.toolbox_in_nodes():
        metadata = {"annotations": {"redes.local/toolbox": image}}
        patch = json.dumps({"spec": {"template": {"metadata": metadata}}})
        agents = ["daemonset/redes-node-agent", "-n", "redes-system"]
        show([*_kubectl(path), "patch", *agents, "--patch", patch], "the node agents could not be renewed")


def let_kube_proxy_tell(path: Path) -> None:
    """Its log is read in a lab; as kubeadm starts it, it holds almost nothing."""
    daemons = ["daemonset/kube-proxy", "-n", "kube-system"]
    asked = attempt(*_kubectl(path), "get", *daemons, "-o", "json")
    if asked.returncode:
        return  # a cluster may do without
    command = json.loads(asked.stdout)["spec"]["template"]["spec"]["containers"][0]["command"]
    if not any(word.startswith(("--v=", "-v=")) for word in command):
        container = {"name": "kube-proxy", "command": [*command, "--v=3"]}
        patch = json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}})
        change = [*_kubectl(path), "patch", *daemons, "--patch", patch]
        show(change, "kube-proxy could not be told to tell more")
        waited = [*_kubectl(path), "rollout", "status", *daemons, f"--timeout={WAIT}"]
        show(waited, "kube-proxy did not come back on every node")


def offer_ingress(path: Path) -> None:
    """The controller, where there is one, at the node ports that the configuration maps to this machine's."""
    kubectl = _kubectl(path)
    service = ["service", "nginx-ingress", "-n", "nginx-ingress"]
    if attempt(*kubectl, "get", *service).returncode == 0:
        ports = [{"port": port, "nodePort": number} for port, number in INGRESS_PORTS.items()]
        patch = json.dumps({"spec": {"ports": ports}})
        show([*kubectl, "patch", *service, "--patch", patch], "the ingress controller has no node ports")


def manage(script: str, *words: str) -> None:
    os.environ["CLUSTER"] = "kind"
    show([sys.executable, str(PROJECT / script), *words], f"{script} failed")


def preload() -> None:
    """Fill KIND_IMAGES, for machines without the internet."""
    from deploy.addons import addons
    from deploy.kind import images

    folder = _folder("KIND_IMAGES") or _options()["STATE_DIR"] / "kind" / "images"
    os.environ["KIND_IMAGES"] = str(folder)
    with step("manifests of the add-ons"):
        addons.keep_copies(_addons())
    wanted = {image for name in _addons() for image in addons.images_of(name)}
    with step("images for a class"):
        others = sorted(wanted.union(images.images_of_labs()))
        kept = images.preload(folder, os.environ.get("KIND_NODE_IMAGE", ""), others)
    print("\n".join(f"  {path.name}: {path.stat().st_size >> 20} MiB" for path in kept))
    print(f"Carry the folder to the other machines, then there: make kind KIND_IMAGES={folder}")


def down() -> None:
    """Gone already is as good."""
    with step(f"deleting cluster {CLUSTER}"):
        ask("kind", "delete", "cluster", "--name", CLUSTER)
    kubeconfig().unlink(missing_ok=True)


def _options() -> dict:
    """Read alone: the package around the table needs what may not be installed yet."""
    return runpy.run_path(str(PROJECT / "portal" / "options.py"))["read_options"]()


def _folder(name: str) -> Path | None:
    value = os.environ.get(name, "")
    return Path(value).expanduser().resolve() if value else None


ACTS = {"check": lambda: None, "up": up, "preload": preload, "down": down}


def main(argv: list[str]) -> None:
    if len(argv) != 1 or argv[0] not in ACTS:
        sys.exit(f"usage: cluster.py {'|'.join(ACTS)}")
    try:
        require_tools()
        ACTS[argv[0]]()
    except (KindProblem, ValueError) as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main(sys.argv[1:])
