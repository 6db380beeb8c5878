"""By Services, from within a pod, and by asking too often."""

import asyncio
import json
import time

import pytest

from k8s_tasks.cluster.api import connect
from k8s_tasks.cluster.errors import Refused
from tests.escapes.conftest import PINNED, THIEF, node_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
NETWORKING = "networking.k8s.io/v1"
PINNED_INGRESS = {
    **PINNED,
    "apiVersion": NETWORKING,
    "kind": "Ingress",
    "spec": {"defaultBackend": {"service": {"name": "mine", "port": {"number": 80}}}},
}
INGRESS_CLASS = {
    "apiVersion": NETWORKING,
    "kind": "IngressClass",
    "metadata": {"name": "mine"},
    "spec": {"controller": "nginx.org/ingress-controller"},
}
API = "https://kubernetes.default.svc"
CLIENTS, REQUESTS, WORST_SECONDS = 40, 800, 10


def test_a_node_port_that_is_anothers_is_not_given_twice(student, admin, neighbour):
    told = student.make_refused(node_port("my-door", neighbour["port"]))
    assert "already allocated" in told
    service = json.loads(admin.do("get", "service", "their-door", "-n", neighbour["namespace"], "-o", "json"))
    assert service["spec"]["ports"][0]["nodePort"] == neighbour["port"]


def test_a_service_takes_no_address_that_is_somebody_elses(student):
    assert "may not take external addresses" in student.make_refused(THIEF)
    student.make(node_port("mine"))
    told = student.refusal("patch", "service", "mine", "-p", '{"spec":{"externalIPs":["192.0.2.9"]}}')
    assert "may not take external addresses" in told


@pytest.mark.parametrize("made", [PINNED, PINNED_INGRESS], ids=lambda made: made["kind"])
def test_nothing_is_pinned_to_the_namespace_for_ever(student, made):
    assert "may add no finalizers" in student.make_refused(made)


def test_a_way_in_that_is_the_platforms_or_the_clusters_is_not_made(student):
    issuer = {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "mine"}}
    told = student.make_refused({**issuer, "spec": {"selfSigned": {}}})
    assert "forbidden" in told or "no matches for kind" in told
    assert "forbidden" in student.make_refused(INGRESS_CLASS)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/nodes",
        "/api/v1/namespaces/kube-system/pods",
        "/api/v1/namespaces/redes-system/pods",
        "/api/v1/namespaces/{theirs}/pods",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    ],
)
def test_the_token_in_the_pod_opens_no_more(prisoner, neighbour, path):
    url = API + path.format(theirs=neighbour["namespace"])
    script = (
        'd=/var/run/secrets/kubernetes.io/serviceaccount; curl -s -o /dev/null -w "%{http_code}" '
        f'--cacert $d/ca.crt -H "Authorization: Bearer $(cat $d/token)" {url}'
    )
    assert prisoner(script).stdout == "403"


@pytest.mark.parametrize(
    "door", ["https://{node}:10250/pods", "http://{node}:10255/pods", "https://{node}:2379/"]
)
def test_a_node_answers_no_pod(prisoner, admin, door):
    for node in admin.get("nodes")["items"]:
        address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        url = door.format(node=address)
        found = prisoner(f'curl -sk -m 5 -o /dev/null -w "%{{http_code}}" {url}').stdout
        assert found in ("000", "401", "403"), f"{url}: {found}"


@pytest.mark.parametrize(
    "order",
    [
        "mount -t tmpfs none /mnt",
        "mount -o remount,rw /proc/sys",
        "echo h > /proc/sysrq-trigger",
        "echo /x > /proc/sys/kernel/core_pattern",
        "mknod /disk b 8 0 && head -c1 /disk",
        "head -c1 /dev/mem",
        "date -s 2001-01-01",
        "nsenter --target 1 --mount ls /etc/kubernetes/manifests",
        "chroot /proc/1/root ls /etc/kubernetes/manifests",
    ],
)
def test_the_kernel_takes_no_order_from_a_pod(prisoner, order):
    assert prisoner(f"({order}) > /dev/null 2>&1 && echo done").stdout == ""


def test_a_flood_is_served_or_told_to_wait_and_leaves_others_their_answers(student, admin):
    statuses, slowest = asyncio.run(flood(student, admin))
    assert set(statuses) <= {200, 429}
    assert slowest < WORST_SECONDS, f"the administrator waited {slowest:.1f} s"


async def flood(student, admin) -> tuple[list[int], float]:
    """The answers to one student's many requests, and the longest that another user waited meanwhile."""
    many, other = await connect(student.kubeconfig), await connect(admin.kubeconfig)
    path, statuses = f"/api/v1/namespaces/{student.namespace}/pods", []

    async def ask() -> None:
        while len(statuses) < REQUESTS:
            try:
                await many.request("GET", path)
                statuses.append(200)
            except Refused as error:
                statuses.append(error.status)

    asking = [asyncio.create_task(ask()) for _ in range(CLIENTS)]
    waits = []
    try:
        while not all(task.done() for task in asking):
            began = time.monotonic()
            await other.version()
            waits.append(time.monotonic() - began)
        await asyncio.gather(*asking)
    finally:
        await asyncio.gather(many.close(), other.close())
    return statuses, max(waits)
