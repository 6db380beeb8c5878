"""deploy/portal: what kustomize makes of it, as far as it can be judged without a cluster, and on netlab."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from deploy.portal import alive
from k8s_tasks.alive import sign_of_life
from portal.options import OPTIONS

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "deploy/portal"
KUBECTL = str(Path(sys.prefix) / "bin/kubectl")
OVERLAYS = ("base", "gateway", "keda", "monitoring")
OF_OTHERS = {"HTTPRoute", "ScaledObject", "ServiceMonitor"}  # kinds that Kubernetes itself does not know
METRIC = re.compile(r"portal_[a-z_]+")


def built(overlay: str) -> list[dict]:
    done = subprocess.run([KUBECTL, "kustomize", str(FOLDER / overlay)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def objects() -> list[dict]:
    return built("base")


def of_kind(objects: list[dict], *kinds: str) -> dict[str, dict]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] in kinds}


def workloads(objects: list[dict]) -> dict[str, dict]:
    """{name: pod spec}."""
    found = of_kind(objects, "Deployment", "Job")
    return {name: each["spec"]["template"]["spec"] for name, each in found.items()}


@pytest.mark.parametrize("version", ["1.33", "1.36"])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_is_strictly_what_kubernetes_takes(overlay, version):
    known = [each for each in built(overlay) if each["kind"] not in OF_OTHERS]
    for manifest in known:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert known


def test_the_processes_are_those_of_compose(objects):
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    given = {"redis", "postgres", "secrets", "migrate"}
    assert of_kind(objects, "Deployment").keys() == compose.keys() - given
    for name in ("worker-streams", "worker-verify", "watcher"):
        assert workloads(objects)[name]["containers"][0]["command"] == compose[name]["command"]


def test_every_option_is_one_of_the_portals(objects):
    (config,) = of_kind(objects, "ConfigMap").values()
    known = {option.name for option in OPTIONS}
    assert {name.removesuffix("_FILE") for name in config["data"]} <= known


def test_operations_tells_how_to_make_each_file_of_the_secret(objects):
    (config,) = of_kind(objects, "ConfigMap").values()
    files = {value.removeprefix("/run/redes/") for value in config["data"].values() if "/run/redes/" in value}
    told = (PROJECT / "docs/operations.md").read_text()
    assert files == {
        "secret_key",
        "database_url",
        "redis_url",
        "metrics_token",
        "evidence_key.pem",
        "kubeconfig",
    }
    assert all(f"{name}=" in told for name in files)


def test_everybody_is_confined_and_nobody_may_speak_to_its_own_cluster(objects):
    for name, pod in workloads(objects).items():
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"], name
        assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"], name


def test_budgets_scalers_and_the_service_point_at_what_is_there(objects):
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"]
        for name, each in of_kind(objects, "Deployment").items()
    }
    for name, scaler in of_kind(objects, "HorizontalPodAutoscaler").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name and name in labels
    for name, budget in of_kind(objects, "PodDisruptionBudget").items():
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels[name].items()
    assert of_kind(objects, "Service")["web"]["spec"]["selector"].items() <= labels["web"].items()


def test_there_is_never_a_second_watcher(objects):
    watcher = of_kind(objects, "Deployment")["watcher"]["spec"]
    assert (watcher["replicas"], watcher["strategy"]) == (1, {"type": "Recreate"})


def test_a_leaving_worker_lets_the_longest_command_end(objects):
    longest = int(next(option.default for option in OPTIONS if option.name == "RUN_SECONDS"))
    assert workloads(objects)["worker-streams"]["terminationGracePeriodSeconds"] > longest


def test_with_a_gateway_there_is_no_ingress_and_with_keda_only_one_scaler_each():
    gateway, keda = built("gateway"), built("keda")
    assert not of_kind(gateway, "Ingress") and of_kind(gateway, "HTTPRoute")
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind(keda, "ScaledObject").values()}
    assert scaled == {"worker-streams", "worker-verify"}
    assert of_kind(keda, "HorizontalPodAutoscaler").keys() == {"web"}


def test_the_dashboard_asks_only_for_metrics_that_there_are():
    source = (PROJECT / "portal/metrics.py").read_text()
    told = set(re.findall(r'"(portal_[a-z_]+)"', source))
    asked = {
        name.removesuffix("_bucket")
        for panel in json.loads((FOLDER / "monitoring/dashboard.json").read_text())["panels"]
        for target in panel["targets"]
        for name in METRIC.findall(target["expr"])
    }
    assert asked <= told and len(asked) >= 7


def test_a_process_is_alive_while_its_loop_leaves_signs(settings, tmp_path, monkeypatch, capsys):
    settings.STATE_DIR = tmp_path
    monkeypatch.setattr(alive, "BEAT", tmp_path / "beat")

    assert alive.main() == 1
    sign_of_life()
    assert alive.main() == 0
    later = time.time() + 31
    monkeypatch.setattr(alive.time, "time", lambda: later)
    assert alive.main() == 1
    assert "31 s old" in capsys.readouterr().out


@pytest.mark.integration
def test_netlab_takes_all_of_it(stack, objects, tmp_path):
    """A dry run on the server: defaults, validation and admission are run, nothing is made."""
    kubectl = [KUBECTL, "--kubeconfig", str(stack.kubeconfig)]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))
    subprocess.run([*kubectl, "create", "namespace", "redes-portal"], check=True)
    try:
        apply = ["apply", "--server-side", "--dry-run=server", "-f", str(tmp_path / "all.yaml")]
        done = subprocess.run([*kubectl, *apply], capture_output=True, text=True)
    finally:
        subprocess.run([*kubectl, "delete", "namespace", "redes-portal", "--wait=false"], check=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(server dry run)") == len(objects)
