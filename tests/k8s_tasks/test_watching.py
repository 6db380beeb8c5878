"""When the watcher takes a cluster for ill."""

import asyncio

import pytest

from k8s_tasks import watching
from k8s_tasks.cluster.errors import Unreachable
from k8s_tasks.models import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cluster(db) -> Cluster:
    return Cluster.objects.create(name="busy", kubeconfig_path="/none", uid="u", is_healthy=True)


async def silent(path: str):
    await asyncio.get_running_loop().create_future()


async def refused(path: str):
    raise Unreachable("connection refused")


def is_well_after(cluster: Cluster, *answers, monkeypatch) -> list[bool]:
    """What its row says after each look."""
    monkeypatch.setattr(watching, "HEALTH_LIMIT", 0.05)

    async def looks() -> list[bool]:
        said = []
        async with asyncio.TaskGroup() as group:
            watch = watching.ClusterWatch(group)
            for answer in answers:
                monkeypatch.setattr(watching, "connect", answer)
                await watch.look()
                said.append((await Cluster.objects.aget(pk=cluster.pk)).is_healthy)
        return said

    return asyncio.run(looks())


def test_one_late_answer_is_a_busy_moment_and_two_are_an_ill_cluster(cluster, monkeypatch):
    assert is_well_after(cluster, silent, silent, monkeypatch=monkeypatch) == [True, False]
    cluster.refresh_from_db()
    assert "no answer within" in cluster.health


def test_a_refused_connection_is_believed_at_once(cluster, monkeypatch):
    assert is_well_after(cluster, refused, monkeypatch=monkeypatch) == [False]
