"""Another mode of kube-proxy, and the way back, on an API that remembers what was written."""

import asyncio
import copy
from uuid import uuid4

import pytest

from k8s_tasks.cluster import proxy
from k8s_tasks.cluster.errors import NotFound, NotReady
from k8s_tasks.cluster.proxy import (
    BEFORE,
    configure_proxy,
    is_rolled_out,
    restore_proxy,
    session_of_proxy,
    with_mode,
)
from k8s_tasks.enums import SessionState
from k8s_tasks.loop import on_loop
from k8s_tasks.models import LabSession
from k8s_tasks.sweeping import sweep_proxy

CONFIG = "kind: KubeProxyConfiguration\nmode: iptables\n"
COMMAND = ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--v=2"]


class Cluster:
    """Merges patches as the API server does; `lags` says how often the rollout is not over yet."""

    def __init__(self, *, lags: int = 0):
        self.lags = lags
        self.config = {"data": {"config.conf": CONFIG}}
        template = {"metadata": {"annotations": {}}, "spec": {"containers": [{"command": COMMAND}]}}
        self.daemons = {"metadata": {"generation": 1, "annotations": {}}, "spec": {"template": template}}

    async def request(self, method, path, *, body=None, content_type=""):
        kept = self.config if "configmaps" in path else self.daemons
        if method == "PATCH":
            self._merge(kept, copy.deepcopy(body))
        return copy.deepcopy(kept) | {"status": self._status()}

    def _merge(self, kept: dict, body: dict) -> None:
        if kept is self.config:
            kept["data"] |= body["data"]
            return
        annotations = kept["metadata"]["annotations"] | body["metadata"]["annotations"]
        kept["metadata"] = {
            "generation": kept["metadata"]["generation"] + 1,
            "annotations": {key: value for key, value in annotations.items() if value is not None},
        }
        kept["spec"]["template"] = body["spec"]["template"]

    def _status(self) -> dict:
        self.lags -= 1
        observed = self.daemons["metadata"]["generation"] - (self.lags >= 0)
        return {
            "observedGeneration": observed,
            "desiredNumberScheduled": 3,
            "updatedNumberScheduled": 3,
            "numberAvailable": 3,
        }

    @property
    def command(self) -> list[str]:
        return self.daemons["spec"]["template"]["spec"]["containers"][0]["command"]


def configure(cluster, mode="nftables", verbosity=3, session="one"):
    asyncio.run(configure_proxy(cluster, mode=mode, verbosity=verbosity, session=session))


def test_mode_and_verbosity_change_and_nothing_else():
    cluster = Cluster(lags=4)
    configure(cluster)
    assert cluster.config["data"]["config.conf"] == CONFIG.replace("iptables", "nftables")
    assert cluster.command == [*COMMAND[:2], "--v=3"]
    assert "restartedAt" in str(cluster.daemons["spec"]["template"]["metadata"])


def test_it_is_put_back_as_it_was_before_the_first_change():
    cluster = Cluster()
    configure(cluster)
    configure(cluster, mode="ipvs", verbosity=9)
    asyncio.run(restore_proxy(cluster))
    assert (cluster.config["data"]["config.conf"], cluster.command) == (CONFIG, COMMAND)
    assert BEFORE not in cluster.daemons["metadata"]["annotations"]


def test_it_is_known_whose_session_changed_it_last():
    cluster = Cluster()
    assert not asyncio.run(session_of_proxy(cluster))
    configure(cluster, session="one")
    configure(cluster, session="another")
    assert asyncio.run(session_of_proxy(cluster)) == "another"
    asyncio.run(restore_proxy(cluster))
    assert not asyncio.run(session_of_proxy(cluster))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("state", "is_restored"),
    [(SessionState.READY, False), (SessionState.ENDED, True), (SessionState.GONE, True)],
)
def test_the_sweep_sets_it_back_after_a_session_that_is_over(session, state, is_restored):
    cluster = Cluster()
    configure(cluster, session=str(session.pk))
    LabSession.objects.update(state=state)
    on_loop(sweep_proxy(cluster))
    assert (cluster.command == COMMAND) == is_restored


@pytest.mark.django_db(transaction=True)
def test_the_sweep_leaves_another_portals_alone(session):
    cluster = Cluster()
    configure(cluster, session=str(uuid4()))
    on_loop(sweep_proxy(cluster))
    assert cluster.command != COMMAND


def test_what_no_lab_changed_is_not_touched():
    cluster = Cluster()
    asyncio.run(restore_proxy(cluster))
    assert cluster.daemons["metadata"]["generation"] == 1


def test_a_cluster_without_kube_proxy_has_nothing_to_put_back():
    class Bare:
        async def request(self, *_, **__):
            raise NotFound(404, "NotFound", "no such config map")

    asyncio.run(restore_proxy(Bare()))


def test_a_proxy_that_does_not_come_up_is_told(monkeypatch):
    monkeypatch.setattr(proxy, "ROLLOUT_SECONDS", 0)
    with pytest.raises(NotReady, match="did not come up"):
        configure(Cluster(lags=1000))


def test_a_configuration_without_a_mode_is_given_one():
    assert with_mode("kind: X\n", "nftables") == "kind: X\nmode: nftables\n"
    assert with_mode('mode: ""\nx: 1\n', "ipvs") == "mode: ipvs\nx: 1\n"


def test_a_rollout_is_over_when_the_newest_pods_are_available_on_every_node():
    status = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}
    daemons = {"metadata": {"generation": 2}, "status": status | {"numberAvailable": 2}}
    assert not is_rolled_out(daemons)
    daemons["status"]["numberAvailable"] = 3
    assert is_rolled_out(daemons)
