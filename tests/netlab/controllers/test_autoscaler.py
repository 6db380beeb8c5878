import pytest

from netlab.controllers.autoscaler import RESOURCE, AutoscalerController
from netlab.node.usage import Usage

from .worlds import workload

MEGABYTE = 1 << 20


class Scaled:
    """A Deployment of pods that ask for 100m and 10Mi, what they use, and the scaler's clock."""

    def __init__(self, world, replicas, **spec):
        self.world, self.seconds, self.used = world, 1000.0, {}
        shop = workload("Deployment", replicas=replicas)
        asked = {"requests": {"cpu": "100m", "memory": "10Mi"}}
        shop["spec"]["template"]["spec"]["containers"][0]["resources"] = asked
        world.create("deployments.apps", shop)
        world.converge()
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        spec = {"scaleTargetRef": reference, "maxReplicas": 20, **spec}
        kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        world.create(RESOURCE, {**kind, "metadata": {"name": "shop"}, "spec": spec})
        self.controller = AutoscalerController(world.store, self._usage, now=lambda: self.seconds)

    def _usage(self, pods):
        return {pod["metadata"]["uid"]: {"web": Usage(**self.used)} for pod in pods} if self.used else {}

    def look(self, *, cores=0.0, memory=0, after=15.0) -> int:
        """How many pods there shall be when each uses this."""
        self.seconds += after
        self.used = {"cores": cores, "memory": memory, "seconds": 15.0}
        self.controller.sync(("default", "shop"))
        self.world.converge()
        return self.replicas

    @property
    def replicas(self) -> int:
        return self.world.store.get("deployments.apps", "default", "shop")["spec"]["replicas"]

    @property
    def status(self) -> dict:
        return self.world.store.get(RESOURCE, "default", "shop")["status"]

    def condition(self, kind) -> str:
        return next(one["reason"] for one in self.status["conditions"] if one["type"] == kind)


def metric(name="cpu", **target) -> dict:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def test_pods_are_added_until_each_uses_its_share(world):
    scaled = Scaled(world, 2)  # 80 % of 100m, which is the default
    assert scaled.look(cores=0.16) == 4
    assert scaled.look(cores=0.08) == 4
    assert scaled.status["currentMetrics"][0]["resource"]["current"] == {
        "averageUtilization": 80,
        "averageValue": "80m",
    }
    assert scaled.condition("ScalingActive") == "ValidMetricFound"
    assert world.events("SuccessfulRescale") == [
        "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    ]


def test_near_the_aim_nothing_moves(world):
    scaled = Scaled(world, 4)
    assert scaled.look(cores=0.087) == scaled.look(cores=0.073) == 4


def test_fewer_only_when_that_has_been_so_for_five_minutes(world):
    scaled = Scaled(world, 4)
    assert scaled.look(cores=0.08) == 4
    assert scaled.look(cores=0.02, after=290) == 4
    assert scaled.condition("AbleToScale") == "ScaleDownStabilized"
    assert scaled.look(cores=0.02, after=20) == 1


def test_between_its_bounds(world):
    scaled = Scaled(world, 2, minReplicas=2, maxReplicas=3)
    assert scaled.look(cores=0.5) == 3 and scaled.condition("ScalingLimited") == "TooManyReplicas"
    assert scaled.look(cores=0.0, after=600) == 2


def test_not_faster_than_its_policies(world):
    assert Scaled(world, 1).look(cores=0.9) == 5  # four more, or twice as many: what is more


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}, [5, 5, 6]),
        ({"policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}, [6, 6, 9]),
        ({"selectPolicy": "Disabled"}, [4, 4, 4]),
        ({"stabilizationWindowSeconds": 40}, [8, 16, 20]),
        ({"tolerance": "100"}, [4, 4, 4]),
    ],
)
def test_behavior_says_how_fast(world, rules, wanted):
    scaled = Scaled(world, 4, behavior={"scaleUp": rules})
    assert [scaled.look(cores=0.9, after=seconds) for seconds in (1, 30, 31)] == wanted


def test_of_several_metrics_the_most_counts(world):
    by_value = metric("memory", type="AverageValue", averageValue="5Mi")
    by_container = {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "web",
            "target": {"type": "Utilization", "averageUtilization": 50},
        },
    }
    scaled = Scaled(world, 2, metrics=[by_value, by_container])
    assert scaled.look(cores=0.05, memory=10 * MEGABYTE) == 4
    assert scaled.look(cores=0.1, memory=MEGABYTE) == 8


def test_without_figures_nothing_moves_and_it_is_told(world):
    scaled = Scaled(world, 2)
    scaled.controller.sync(("default", "shop"))
    assert scaled.replicas == 2 and scaled.condition("ScalingActive") == "FailedGetResourceMetric"


def test_without_a_target_or_pods_it_stands_still(world):
    scaled = Scaled(world, 0)
    scaled.look(cores=1.0)
    assert scaled.replicas == 0 and scaled.condition("ScalingActive") == "ScalingDisabled"
    world.delete("deployments.apps", "shop")
    scaled.controller.sync(("default", "shop"))
    assert scaled.condition("AbleToScale") == "FailedGetScale"
