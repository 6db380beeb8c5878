"""Lab 4.4's deceivers deceive their own namespace only: by real packets, from within and from outside."""

import time

import pytest

from curriculum.course import get_course
from curriculum.domain import start_attempt
from k8s_tasks.cluster.execs import run_to_end, start_process
from k8s_tasks.cluster.labs import clear_lab
from k8s_tasks.cluster.namespaces import namespace_manifests, student_rules
from k8s_tasks.cluster.objects import apply_manifest, apply_manifests, wait_until_ready
from k8s_tasks.loop import api_of, on_loop
from tests.escapes.conftest import pod
from tests.k8s_tasks.live import prepared, real_cluster

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
OUTSIDE = "outside-of-it"


@pytest.fixture
def sitting(stack, student, redis_client):
    cluster = real_cluster(stack)
    cluster.uid = cluster.measured_uid = "measured"
    cluster.capabilities = {"networkpolicy": {"state": "present"}}
    cluster.save()
    with prepared(start_attempt(student, get_course().lab("dns-spoofing-and-mitm"))) as session:
        yield session


@pytest.fixture
def run(sitting):
    """`run(namespace, pod, *argv)`: what a command in a pod prints."""
    api = on_loop(api_of(sitting.cluster.kubeconfig_path))

    async def act(namespace: str, name: str, argv: tuple[str, ...]) -> str:
        process = await start_process(api, namespace, name, argv)
        return (await run_to_end(process, seconds=20)).stdout.decode()

    return lambda namespace, name, *argv: on_loop(act(namespace, name, argv))


@pytest.fixture
def outsider(sitting):
    """Pod `outsider` in another session's namespace, whose name is told."""
    api = on_loop(api_of(sitting.cluster.kubeconfig_path))
    labels = {"redes.local/session": OUTSIDE}

    async def make() -> None:
        rules = student_rules(may_make_pods=True)
        await apply_manifests(api, namespace_manifests(OUTSIDE, labels, rules=rules), namespace=OUTSIDE)
        await apply_manifest(api, pod("outsider"), namespace=OUTSIDE)
        await wait_until_ready(api, OUTSIDE, {"outsider"}, seconds=60)

    on_loop(make())
    yield OUTSIDE
    on_loop(clear_lab(api, OUTSIDE, OUTSIDE))


@pytest.fixture
def places(sitting) -> dict[str, str]:
    return {each["name"]: each["address"] for each in sitting.bindings["pods"]}


@pytest.fixture
def host(sitting) -> str:
    return sitting.attempt.parameters["host"]


@pytest.fixture
def lying(sitting, run, places, host) -> None:
    """The resolver answers ana, as the lab's step has it do."""
    words = f"{host} {places['interceptor']} {places['ana']}"
    run(sitting.namespace, "resolver", "sh", "-c", f"python3 /lab/resolver.py {words} >/dev/null 2>&1 &")
    deadline = time.monotonic() + 30
    while ask(run, sitting.namespace, "ana", places, host) != places["interceptor"]:
        assert time.monotonic() < deadline, "the resolver does not lie"


def ask(run, namespace: str, name: str, places: dict, host: str) -> str:
    words = ("+short", "+noedns", "+time=1", "+tries=1", f"@{places['resolver']}", host)
    told = run(namespace, name, "dig", *words).strip()
    return "" if told.startswith(";;") else told


def test_a_victim_is_born_with_the_liars_address(sitting, run, places):
    assert f"nameserver {places['resolver']}\n" in run(sitting.namespace, "ana", "cat", "/etc/resolv.conf")


def test_nobody_but_the_victim_is_lied_to(sitting, run, places, host, outsider, lying):
    assert ask(run, sitting.namespace, "bia", places, host) == ""
    assert ask(run, outsider, "outsider", places, host) == ""


def test_the_interceptor_reaches_nobody_outside(sitting, run, places, outsider):
    listen = "timeout 60 nc -lk 8080 >/dev/null 2>&1 & hostname -i"
    address = run(outsider, "outsider", "sh", "-c", listen).strip()
    knock = f"nc -z -w 2 {address} 8080 && echo reached || echo shut"
    assert run(sitting.namespace, "ana", "sh", "-c", knock).strip() == "reached"
    assert run(sitting.namespace, "interceptor", "sh", "-c", knock).strip() == "shut"
