"""DNS of any cluster, by the Kubernetes DNS specification, asked from a pod with dig."""

import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")
TOOLBOX = os.environ.get("TOOLBOX", "redes.local/toolbox:0.1.0")
FIRST_ANSWER = "until dig +tries=1 +timeout=1 +short kubernetes.default.svc.cluster.local; do :; done"
SECONDS = 60  # until an object shows in the answers; caches of clusters may hold a denial for half of that


@dataclass
class World:
    kubeconfig: Path
    namespace: str

    def kubectl(self, *args: str, stdin: str = "") -> str:
        command = [KUBECTL, "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: dict) -> None:
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(one) for one in objects))

    def run(self, *argv: str, pod: str = "asker") -> str:
        return self.kubectl("exec", pod, "--", *argv)

    def dig(self, *words: str) -> list[str]:
        return sorted(self.run("dig", "+short", "+timeout=5", *words).split("\n")[:-1])

    def status(self, *words: str) -> str:
        """NOERROR, NXDOMAIN or the like; NODATA for a name without records of this type."""
        text = self.run("dig", "+noall", "+comments", "+timeout=5", *words)
        code = text.partition("status: ")[2].partition(",")[0]
        return "NODATA" if code == "NOERROR" and "ANSWER: 0" in text else code

    def until(self, wanted: list[str], *words: str) -> None:
        deadline = time.monotonic() + SECONDS
        while (found := self.dig(*words)) != wanted:
            assert time.monotonic() < deadline, f"dig {' '.join(words)}: {found}, not {wanted}"

    def address(self, kind: str, name: str, path: str) -> str:
        return self.kubectl("get", kind, name, "-o", f"jsonpath={{{path}}}")

    @property
    def domain(self) -> str:
        return f"{self.namespace}.svc.cluster.local"


def pod(name: str, **spec) -> dict:
    container = {"name": "main", "image": TOOLBOX, "command": ["sleep", "3600"]}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }


def service(name: str, app: str = "", **spec) -> dict:
    ports = [{"name": "http", "port": 80}, {"name": "gram", "port": 53, "protocol": "UDP"}]
    spec = {"ports": ports, **({"selector": {"app": app}} if app else {}), **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def world(kubeconfig):
    """A namespace with one who asks, one pod with a name of its own, and every kind of Service."""
    made = World(kubeconfig, f"dns-{uuid.uuid4().hex[:8]}")
    made.kubectl("create", "namespace", made.namespace)
    made.apply(
        pod("asker"),
        pod("named", hostname="first", subdomain="all"),
        pod("plain"),
        service("web", "plain"),
        service("all", "named", clusterIP="None"),
        service("lone", "plain", clusterIP="None"),
        service("near", type="ExternalName", externalName=f"web.{made.domain}", ports=[]),
    )
    made.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    made.run("timeout", str(SECONDS), "bash", "-c", FIRST_ANSWER)  # a cluster just made may have none yet
    made.until([made.address("pod", "named", ".status.podIP")], f"all.{made.domain}")
    made.until([made.address("pod", "plain", ".status.podIP")], f"lone.{made.domain}")
    made.until([made.address("service", "web", ".spec.clusterIP")], f"web.{made.domain}")
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")


def test_a_service_is_its_cluster_address(world):
    address = world.address("service", "web", ".spec.clusterIP")
    assert world.dig(f"web.{world.domain}") == [address]
    assert world.dig(f"WEB.{world.domain}".upper()) == [address]
    assert world.dig("+tcp", f"web.{world.domain}") == [address]


def test_a_headless_service_is_its_pods(world):
    address = world.address("pod", "named", ".status.podIP")
    assert world.dig(f"first.all.{world.domain}") == [address]
    plain = world.address("pod", "plain", ".status.podIP")
    assert world.dig(f"{plain.replace('.', '-')}.lone.{world.domain}") == [plain]


def test_a_pods_address_is_a_name(world):
    address = world.address("pod", "plain", ".status.podIP")
    assert world.dig(f"{address.replace('.', '-')}.{world.namespace}.pod.cluster.local") == [address]


def test_srv_tells_port_and_target(world):
    assert world.dig(f"_http._tcp.web.{world.domain}", "SRV") == [f"0 100 80 web.{world.domain}."]
    assert world.dig(f"_gram._udp.web.{world.domain}", "SRV") == [f"0 100 53 web.{world.domain}."]
    assert world.dig(f"_http._tcp.all.{world.domain}", "SRV") == [f"0 100 80 first.all.{world.domain}."]


def test_addresses_lead_back_to_names(world):
    service_address = world.address("service", "web", ".spec.clusterIP")
    pod_address = world.address("pod", "named", ".status.podIP")
    assert world.dig("-x", service_address) == [f"web.{world.domain}."]
    assert world.dig("-x", pod_address) == [f"first.all.{world.domain}."]


def test_an_external_name_is_an_alias(world):
    address = world.address("service", "web", ".spec.clusterIP")
    assert world.dig(f"near.{world.domain}") == sorted([address, f"web.{world.domain}."])
    assert world.dig(f"near.{world.domain}", "CNAME") == [f"web.{world.domain}."]


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("absent.{}", "A", "NXDOMAIN"),
        ("absent.all.{}", "A", "NXDOMAIN"),
        ("_ftp._tcp.web.{}", "SRV", "NXDOMAIN"),
        ("web.{}", "AAAA", "NODATA"),
        ("{}", "A", "NODATA"),
        ("nowhere.svc.cluster.local", "A", "NXDOMAIN"),
    ],
)
def test_what_is_not_there_is_denied_rightly(world, name, kind, wanted):
    assert world.status(name.format(world.domain), kind) == wanted


def test_short_names_are_found_by_the_search_list(world):
    lines = world.run("cat", "/etc/resolv.conf").splitlines()
    search = next(line.split() for line in lines if line.startswith("search"))
    assert search[1:4] == [world.domain, "svc.cluster.local", "cluster.local"]
    assert "ndots:5" in next(line for line in lines if line.startswith("options"))
    address = world.address("service", "web", ".spec.clusterIP")
    for name in ("web", f"web.{world.namespace}", f"web.{world.namespace}.svc"):
        assert world.run("getent", "ahostsv4", name).split()[0] == address
    assert world.run("getent", "ahostsv4", "kubernetes.default").split()[0]


def test_a_service_that_goes_is_forgotten(world):
    world.apply(service("brief", "plain"))
    world.until([world.address("service", "brief", ".spec.clusterIP")], f"brief.{world.domain}")
    world.kubectl("delete", "service", "brief")
    world.until([], f"brief.{world.domain}")


def test_a_pod_may_choose_its_own_resolver(world):
    config = {
        "nameservers": ["192.0.2.1"],
        "searches": ["school.test"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    world.apply(pod("own", dnsPolicy="None", dnsConfig=config))
    world.kubectl("wait", "--for=condition=Ready", "pod/own", "--timeout=60s")
    lines = world.run("cat", "/etc/resolv.conf", pod="own").split("\n")
    assert lines[:3] == ["search school.test", "nameserver 192.0.2.1", "options ndots:2"]


def test_a_named_pod_knows_its_full_name(world):
    assert world.run("hostname", pod="named").strip() == "first"
    assert world.run("hostname", "-f", pod="named").strip() == f"first.all.{world.domain}"
