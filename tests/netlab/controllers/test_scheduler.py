from .worlds import pod

HOSTNAME = "kubernetes.io/hostname"


def node_of(world, name):
    return world.store.get("pods", "default", name)["spec"].get("nodeName")


def apart_from(label, *, wish=False):
    term = {"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": label}}
    if wish:
        wishes = [{"weight": 100, "podAffinityTerm": term}]
        return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wishes}}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def next_to(label):
    term = {"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": label}}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_pods_spread_over_the_workers_and_spare_the_control_plane(world):
    for name in ("a", "b"):
        world.create("pods", pod(name))
    assert {node_of(world, "a"), node_of(world, "b")} == {"redes-worker", "redes-worker2"}
    assert world.events("Scheduled")[0].startswith("Successfully assigned default/")


def test_a_toleration_opens_the_control_plane(world):
    spec = {
        "nodeSelector": {HOSTNAME: "redes-control-plane"},
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
    }
    world.create("pods", pod("a", **spec))
    assert node_of(world, "a") == "redes-control-plane"


def test_the_reason_is_told_once_until_it_changes(world):
    world.create("pods", pod("a", nodeSelector={"disk": "ssd"}))
    assert world.events("FailedScheduling") == [
        "0/3 nodes are available: 2 node(s) didn't match Pod's node affinity/selector,"
        " 1 node(s) had untolerated taint(s)."
    ]
    world.change("nodes", "redes-worker", lambda n: n["metadata"]["labels"].update(disk="ssd"), None)
    assert node_of(world, "a") == "redes-worker"


def test_anti_affinity_keeps_apart_even_when_only_the_other_asks(world):
    world.create("pods", pod("a", affinity=apart_from({"app": "b"})))
    world.create("pods", pod("b"))
    assert node_of(world, "a") != node_of(world, "b")


def test_affinity_brings_together_whoever_comes_first(world):
    world.create("pods", pod("guest", affinity=next_to({"app": "host"})))
    assert node_of(world, "guest") is None
    world.create("pods", pod("host"))
    assert node_of(world, "guest") == node_of(world, "host")


def test_a_full_house_waits_for_somebody_to_leave(world):
    for name in ("a", "b", "c"):
        one = pod(name, affinity=apart_from({"team": "x"}))
        one["metadata"]["labels"]["team"] = "x"
        world.create("pods", one)
    waiting = next(name for name in ("a", "b", "c") if node_of(world, name) is None)
    leaving = next(name for name in ("a", "b", "c") if name != waiting)
    world.store.remove("pods", "default", leaving)
    world.run()
    assert node_of(world, waiting) is not None


def test_a_wish_yields_to_necessity(world):
    for name in ("a", "b", "c"):
        one = pod(name, affinity=apart_from({"team": "x"}, wish=True))
        one["metadata"]["labels"]["team"] = "x"
        world.create("pods", one)
    placed = [node_of(world, name) for name in ("a", "b", "c")]
    assert set(placed) == {"redes-worker", "redes-worker2"} and None not in placed


def test_a_cordoned_node_takes_no_more(world):
    world.change("nodes", "redes-worker", lambda n: n["spec"].update(unschedulable=True), None)
    for name in ("a", "b"):
        world.create("pods", pod(name))
    assert node_of(world, "a") == node_of(world, "b") == "redes-worker2"


def test_node_affinity_expressions(world):
    terms = [{"matchExpressions": [{"key": HOSTNAME, "operator": "NotIn", "values": ["redes-worker"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    world.create("pods", pod("a", affinity={"nodeAffinity": required}))
    assert node_of(world, "a") == "redes-worker2"
