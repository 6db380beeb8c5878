"""Add-ons of a cluster: `addons.py install|lock|list [NAME ...]`. `make addons` and `make kind` run it.

What others publish is fetched from the addresses in each kustomization.yaml, never kept here. `lock`, run
where the internet is, writes the checksum of each address into lock.json; from then on nothing else is
installed. KIND_IMAGES/addons holds copies for machines without the internet (`make kind-preload` fills it).
"""

import hashlib
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from string import Template

import yaml

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.kind.tools import KindProblem, attempt, last_words, show, step  # noqa: E402

FOLDER = Path(__file__).resolve().parent
LOCK = FOLDER / "lock.json"
KUBECTL = PROJECT / ".venv" / "bin" / "kubectl"
USUAL = ("metallb", "ingress", "certificates", "metrics")  # what the labs of all chapters but 5 can use
PATIENCE = "180s"
WEBHOOK_SECONDS, LOOK_AGAIN = 90, 2
MOST_BYTES = 20_000_000


class NotFetched(KindProblem):
    """A manifest of others that could not be had from here."""


def catalogue() -> dict[str, dict]:
    return yaml.safe_load((FOLDER / "catalogue.yaml").read_text())


def chosen(words: list[str]) -> list[str]:
    """Names in the order in which they are installed; nothing is the usual ones. Raises KindProblem."""
    known = catalogue()
    if words == ["all"]:
        return list(known)
    if unknown := sorted(set(words) - known.keys()):
        raise KindProblem(f"there is no add-on {', '.join(unknown)}; there are: {', '.join(known)}")
    return [name for name in known if name in (words or USUAL)]


def addresses(name: str) -> list[str]:
    """Where the manifests of others are, as the kustomization names them."""
    resources = _kustomization(name).get("resources", [])
    return [each for each in resources if each.startswith("https://")]


def stage(name: str, folder: Path) -> Path:
    """The add-on's kustomization in `folder`, with every manifest beside it. Raises KindProblem."""
    staged = folder / name
    shutil.copytree(FOLDER / name, staged)
    kustomization = _kustomization(name)
    resources = []
    for number, each in enumerate(kustomization.get("resources", [])):
        if each.startswith("https://"):
            (staged / f"others-{number}.yaml").write_bytes(checked(each, fetched(each)))
            each = f"others-{number}.yaml"
        resources.append(each)
    (staged / "kustomization.yaml").write_text(yaml.safe_dump({**kustomization, "resources": resources}))
    return staged


def _kustomization(name: str) -> dict:
    return yaml.safe_load((FOLDER / name / "kustomization.yaml").read_text())


def fetched(address: str) -> bytes:
    """From the folder of copies, else from the internet. Raises NotFetched."""
    copy = copy_of(address)
    if copy and copy.is_file():
        return copy.read_bytes()
    try:
        with urllib.request.urlopen(address, timeout=8) as answer:  # noqa: S310 - https, by `addresses`
            body = answer.read(MOST_BYTES + 1)
    except (urllib.error.URLError, OSError) as error:
        raise NotFetched(f"{address} could not be fetched: {error}") from None
    if len(body) > MOST_BYTES:
        raise NotFetched(f"{address} is larger than any manifest")
    return body


def copy_of(address: str) -> Path | None:
    folder = os.environ.get("KIND_IMAGES", "")
    name = f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.yaml"
    return Path(folder).expanduser() / "addons" / name if folder else None


def checked(address: str, body: bytes) -> bytes:
    """Raises KindProblem when the lock knows another content under this address."""
    locked = json.loads(LOCK.read_text()).get(address)
    found = hashlib.sha256(body).hexdigest()
    if locked is None:
        print(f"  not in deploy/addons/lock.json, so its content is not checked: {address}")
    elif locked != found:
        raise KindProblem(f"{address} has the checksum {found}, but lock.json says {locked}: not installed")
    return body


def lock(names: list[str]) -> None:
    """Write the checksums of what the addresses hold now; look at the difference before it is committed."""
    known = {each for name in catalogue() for each in addresses(name)}
    sums = {each: kept for each, kept in json.loads(LOCK.read_text()).items() if each in known}
    for each in (each for name in names for each in addresses(name)):
        sums[each] = hashlib.sha256(fetched(each)).hexdigest()
        print(f"{sums[each]}  {each}")
    LOCK.write_text(json.dumps(dict(sorted(sums.items())), indent=1) + "\n")


def keep_copies(names: list[str]) -> None:
    """For machines without the internet, in KIND_IMAGES/addons. Raises NotFetched."""
    for each in (each for name in names for each in addresses(name)):
        copy = copy_of(each)
        if copy is None:
            raise KindProblem("KIND_IMAGES= must name the folder to fill")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(checked(each, fetched(each)))


def images_of(name: str) -> list[str]:
    """The images an add-on's pods are made of. Raises KindProblem."""
    with tempfile.TemporaryDirectory() as folder:
        built = subprocess.run(
            [str(KUBECTL), "kustomize", str(stage(name, Path(folder)))], capture_output=True, text=True
        )
    if built.returncode:
        raise KindProblem(f"{name}: {built.stderr.strip()}")
    found: set[str] = set()
    for manifest in yaml.safe_load_all(built.stdout):
        pod = (manifest or {}).get("spec", {}).get("template", {}).get("spec", {})
        found |= {each["image"] for kind in ("initContainers", "containers") for each in pod.get(kind, [])}
    return sorted(found)


def install(name: str, kubeconfig: Path) -> None:
    """Apply it and wait until it runs; the same again is no change. Raises KindProblem."""
    kubectl = [str(KUBECTL), "--kubeconfig", str(kubeconfig)]
    apply = [*kubectl, "apply", "--server-side", "--force-conflicts", "--field-manager=redes-addons"]
    after = FOLDER / name / "after.yaml"
    text = Template(after.read_text()).substitute(pool=metallb_pool()) if after.exists() else ""
    with tempfile.TemporaryDirectory() as folder:
        show([*apply, "-k", str(stage(name, Path(folder)))], f"{name} could not be applied")
    for each in catalogue()[name]["waits"]:
        waited = ["rollout", "status", each["workload"], "-n", each["namespace"], f"--timeout={PATIENCE}"]
        show([*kubectl, *waited], f"{name} did not start")
    if text:
        _apply_once_judged([*apply, "-f", "-"], f"what belongs to {name} could not be applied", text)


def _apply_once_judged(command: list[str], problem: str, text: str) -> None:
    """The add-on judges its own objects by a webhook, which answers some seconds after its pod is Ready.
    Raises KindProblem."""
    deadline = time.monotonic() + WEBHOOK_SECONDS
    while (done := attempt(*command, stdin=text)).returncode:
        if "failed calling webhook" not in done.stderr or time.monotonic() > deadline:
            raise KindProblem(f"{problem}: {last_words(done)}")
        time.sleep(LOOK_AGAIN)
    print(done.stdout, end="")


def metallb_pool() -> str:
    """METALLB_POOL, else a range at the end of the network that kind's nodes are on. Raises KindProblem."""
    if given := os.environ.get("METALLB_POOL", ""):
        return given
    asked = attempt("docker", "network", "inspect", "kind", "--format", "{{json .IPAM.Config}}")
    if asked.returncode:
        raise KindProblem("METALLB_POOL= must name addresses of the nodes' network that nobody hands out")
    return pool_in([each["Subnet"] for each in json.loads(asked.stdout)])


def pool_in(subnets: list[str]) -> str:
    """Fifty addresses near the end of the first IPv4 network: Docker hands out from its beginning."""
    for each in map(ipaddress.ip_network, subnets):
        if each.version == 4 and each.num_addresses >= 128:
            last = int(each.broadcast_address)
            return f"{ipaddress.ip_address(last - 55)}-{ipaddress.ip_address(last - 5)}"
    raise KindProblem(f"METALLB_POOL= must name the addresses: kind's network has none to spare ({subnets})")


def install_all(names: list[str], kubeconfig: Path) -> list[str]:
    """Each that can be had; a sentence for each that could not: none of them is what the others stand on."""
    lacking = []
    for name in names:
        facts = catalogue()[name]
        with step(f"{facts['of']} {facts['version']}"):
            try:
                install(name, kubeconfig)
            except KindProblem as error:
                labs = ", ".join(facts["labs"]) or "none"
                lacking.append(f"{name} is not there ({error}); labs that use it: {labs}")
                print(f"  {error}")
    return lacking


def main(words: list[str]) -> None:
    try:
        match words:
            case ["install", *names]:
                kubeconfig = os.environ.get("KUBECONFIG", "")
                if not kubeconfig:
                    raise KindProblem("KUBECONFIG= must name the cluster's kubeconfig")
                lacking = install_all(chosen(names), Path(kubeconfig))
                if lacking:
                    raise KindProblem("\n  ".join(["some could not be had:", *lacking]))
            case ["lock", *names]:
                lock(chosen(names or ["all"]))
            case ["list"]:
                for name, facts in catalogue().items():
                    labs = ", ".join(facts["labs"]) or "no lab needs it"
                    print(f"{name:13}{facts['version']:10}{facts['of']} ({labs})")
            case _:
                raise KindProblem("usage: addons.py install|lock|list [NAME ...|all]")
    except KindProblem as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main(sys.argv[1:])
