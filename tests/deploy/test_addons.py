"""Add-ons: what is fetched is checked, what is ours is right, and what cannot be had is told and no more."""

import hashlib
import json
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from curriculum.course import get_course
from curriculum.enums import Capability
from deploy.addons import addons
from deploy.kind import tools

pytest_plugins = ["tests.deploy.fakes"]
OURS = ("prometheus", "jaeger", "elastic")  # no manifest of others in them
OTHERS = tuple(name for name in addons.catalogue() if name not in OURS)
STUB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: tried}
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      containers: [{name: x, image: "example.org/%s:1", args: ["-v"]}]
"""
FIRST_OBJECT = {"ingress": "nginx-ingress", "metrics": "metrics-server"}  # whom a patch is for


@pytest.fixture
def copies(tmp_path, monkeypatch) -> Path:
    """KIND_IMAGES with a stand-in for every manifest of others."""
    monkeypatch.setenv("KIND_IMAGES", str(tmp_path / "images"))
    for name in OTHERS:
        for number, address in enumerate(reversed(addons.addresses(name))):
            copy = addons.copy_of(address)
            copy.parent.mkdir(parents=True, exist_ok=True)
            object = FIRST_OBJECT.get(name, name) if number == 0 else f"{name}-{number}"
            copy.write_text(STUB % (object, object))
    return tmp_path / "images" / "addons"


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """A lock file of the test's own: lock({address: checksum})."""
    monkeypatch.setattr(addons, "LOCK", tmp_path / "lock.json")

    def write(sums: dict[str, str]) -> None:
        addons.LOCK.write_text(json.dumps(sums))

    write({})
    return write


def built(name: str, folder: Path) -> list[dict]:
    staged = addons.stage(name, folder)
    done = subprocess.run([str(addons.KUBECTL), "kustomize", str(staged)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("version", ["1.33", "1.36"])
@pytest.mark.parametrize("name", OURS)
def test_our_own_manifests_are_strictly_what_kubernetes_takes(name, version, tmp_path):
    for manifest in built(name, tmp_path):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("name", OTHERS)
def test_what_others_publish_is_named_by_its_release_and_patched_where_we_say(name, copies, lock, tmp_path):
    version = addons.catalogue()[name]["version"].removeprefix("v")
    assert all(f"/v{version}/" in each for each in addons.addresses(name))
    manifests = built(name, tmp_path / "staged")
    patched = [
        each["spec"]["template"]["spec"]["containers"][0]["args"]
        for each in manifests
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", FIRST_OBJECT.get(name))
    ]
    assert all(len(args) == 2 for args in patched) and bool(patched) == (name in FIRST_OBJECT)


def test_every_image_names_the_version_of_the_catalogue(tmp_path):
    for name in OURS:
        version = addons.catalogue()[name]["version"]
        assert any(each.endswith(f":{version}") for each in addons.images_of(name)), name


def test_what_has_another_checksum_than_the_lock_is_not_installed(copies, lock, tmp_path):
    (address,) = addons.addresses("metrics")
    lock({address: "0" * 64})
    with pytest.raises(tools.KindProblem, match=r"lock\.json says 0000"):
        addons.stage("metrics", tmp_path / "staged")


def test_the_lock_is_written_from_what_is_fetched_and_then_holds(copies, lock, tmp_path, capsys):
    addons.lock(["metrics", "metallb"])
    locked = json.loads(addons.LOCK.read_text())
    assert locked.keys() == {*addons.addresses("metrics"), *addons.addresses("metallb")}
    (address,) = addons.addresses("metrics")
    assert locked[address] == hashlib.sha256(addons.copy_of(address).read_bytes()).hexdigest()
    capsys.readouterr()
    addons.stage("metrics", tmp_path / "staged")
    assert "not checked" not in capsys.readouterr().out


def test_the_locks_addresses_are_those_that_are_used():
    used = {each for name in addons.catalogue() for each in addons.addresses(name)}
    assert json.loads((addons.FOLDER / "lock.json").read_text()).keys() <= used


def test_capabilities_and_labs_of_the_catalogue_are_the_courses():
    numbers = {lab.number for lab in get_course().labs}
    for name, facts in addons.catalogue().items():
        assert "gives" not in facts or Capability(facts["gives"]), name
        assert set(facts["labs"]) <= numbers, name


@pytest.mark.parametrize(
    ("subnets", "pool"),
    [
        (["fc00::/64", "172.18.0.0/16"], "172.18.255.200-172.18.255.250"),
        (["192.168.10.0/24"], "192.168.10.200-192.168.10.250"),
        (["10.0.0.0/25"], "10.0.0.72-10.0.0.122"),
    ],
)
def test_the_pool_is_at_the_end_of_kinds_network(subnets, pool):
    assert addons.pool_in(subnets) == pool


@pytest.mark.parametrize("subnets", [[], ["fc00::/64"], ["10.0.0.0/28"]])
def test_without_a_network_for_it_the_operator_names_the_pool(subnets, fakes, monkeypatch):
    with pytest.raises(tools.KindProblem, match="METALLB_POOL="):
        addons.pool_in(subnets)
    assert addons.metallb_pool() == "172.18.255.200-172.18.255.250"
    monkeypatch.setenv("METALLB_POOL", "10.1.1.1-10.1.1.9")
    assert addons.metallb_pool() == "10.1.1.1-10.1.1.9"


def test_names_are_checked_and_keep_their_order():
    assert addons.chosen([]) == ["ingress", "certificates", "metallb", "metrics"]
    assert addons.chosen(["jaeger", "ingress"]) == ["ingress", "jaeger"]
    assert addons.chosen(["all"]) == list(addons.catalogue())
    with pytest.raises(tools.KindProblem, match="there is no add-on nginx"):
        addons.chosen(["nginx"])


def test_what_cannot_be_had_is_told_with_its_labs_and_the_others_are_installed(monkeypatch, tmp_path, fakes):
    def fetched(address):
        raise addons.NotFetched(f"{address} could not be fetched: no route to host")

    monkeypatch.setattr(addons, "fetched", fetched)
    shown = []
    monkeypatch.setattr(addons, "show", lambda command, problem, stdin=None: shown.append(command))
    lacking = addons.install_all(["metallb", "jaeger"], tmp_path / "kubeconfig")
    assert len(lacking) == 1 and "metallb is not there" in lacking[0] and "2.4, 6.4" in lacking[0]
    assert [command[3] for command in shown] == ["apply", "rollout"]


def test_what_a_webhook_judges_is_given_to_it_again_until_it_answers(monkeypatch, tmp_path, capsys):
    """MetalLB's is asked about its address pool as soon as its pod is Ready."""
    kubectl, tries = tmp_path / "kubectl", tmp_path / "tries"
    kubectl.write_text(
        f"#!/bin/sh\necho >> {tries}\n"
        f"[ $(wc -l < {tries}) -ge 3 ] && cat && exit 0\n"
        "echo 'failed calling webhook \"x.metallb.io\": connection refused' >&2; exit 1\n"
    )
    kubectl.chmod(0o755)
    monkeypatch.setattr(addons, "LOOK_AGAIN", 0)
    addons._apply_once_judged([str(kubectl)], "the pool could not be applied", "a pool\n")
    assert capsys.readouterr().out == "a pool\n"
    kubectl.write_text("#!/bin/sh\necho 'addresses: invalid' >&2; exit 1\n")
    with pytest.raises(tools.KindProblem, match="the pool could not be applied: addresses: invalid"):
        addons._apply_once_judged([str(kubectl)], "the pool could not be applied", "a pool")


def test_the_ingress_controller_is_set_up_as_netlabs():
    ours, netlabs = map(_nginx_config, ("deploy/addons/ingress/around.yaml", _NETLABS_INGRESS))
    # Debian's nginx must be told of TLS 1.3, the controller's own need not.
    assert ours == {key: value for key, value in netlabs.items() if key != "ssl-protocols"}


_NETLABS_INGRESS = "netlab/addons/ingress/nginx-ingress.yaml"


def _nginx_config(path: str) -> dict[str, str]:
    manifests = yaml.safe_load_all((addons.PROJECT / path).read_text())
    return next(each["data"] for each in manifests if each and each["kind"] == "ConfigMap")


@pytest.mark.integration
def test_netlab_takes_our_own_manifests(stack, tmp_path):
    kubectl = [str(addons.KUBECTL), "--kubeconfig", str(stack.kubeconfig)]
    for name in OURS:
        # A node of netlab has no log files: it refuses their hostPath, and with it the shipper of logs.
        manifests = [each for each in built(name, tmp_path) if each["metadata"]["name"] != "fluent-bit"]
        namespaces = [each for each in manifests if each["kind"] == "Namespace"]
        for phase, objects in ((["--dry-run=none"], namespaces), (["--dry-run=server"], manifests)):
            command = [*kubectl, "apply", "--server-side", *phase, "-f", "-"]
            done = subprocess.run(command, input=yaml.safe_dump_all(objects), capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        for each in namespaces:
            subprocess.run([*kubectl, "delete", "ns", each["metadata"]["name"], "--wait=false"], check=True)
