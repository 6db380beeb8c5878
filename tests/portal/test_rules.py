"""The drawing of kube-proxy's rules: what the page is told of what a node said."""

from pathlib import Path

import pytest

from k8s_tasks.cluster.errors import Unreachable
from k8s_tasks.proxy_rules import iptables
from k8s_tasks.proxy_rules.reading import Look, Mode
from k8s_tasks.proxy_rules.rules import Rules
from portal import rules as page

TOLD = Path(__file__).parents[1] / "k8s_tasks/proxy_rules/told/iptables.txt"
NAMES = ("web", "local", "nobody", "headless")
SERVICES = [{"metadata": {"namespace": "rs-a", "name": name}} for name in NAMES]


@pytest.fixture
def session(world, monkeypatch):
    """Alice's session, of a lab that draws rules, in the namespace that the node's words are of."""
    session = world.session
    session.attempt.lab.slug = "kube-proxy"
    session.attempt.lab.save()
    session.namespace = "rs-a"
    nodes = [
        {"name": "redes-control-plane", "address": "172.18.0.2", "role": "control-plane"},
        {"name": "redes-worker", "address": "172.18.0.3", "role": "worker"},
        {"name": "redes-worker2", "address": "172.18.0.4", "role": "worker"},
    ]
    session.bindings = {"nodes": nodes, "pods": [{"name": "web1", "address": "10.244.1.5"}]}
    session.save()
    return session


@pytest.fixture
def seen(monkeypatch):
    """A function: what the node says when it is asked; gives back which nodes were."""
    asked = []

    def seen(answer):
        async def look(session, node):
            asked.append(node)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(page, "_look", look)
        return asked

    return seen


def read() -> Look:
    return Look(Mode.IPTABLES, iptables.read(TOLD.read_text(), ["rs-a"]), SERVICES)


def ask(visit, world, session, query: str = ""):
    return visit(world.alice).get(f"/sessions/{session.pk}/rules/{query}")


def test_the_labs_node_is_asked_and_its_rules_are_told(world, visit, session, seen):
    asked = seen(read())
    told = ask(visit, world, session).json()
    assert asked == ["redes-worker2"]
    assert (told["node"], told["mode"]) == ("redes-worker2", "iptables")
    assert [each["name"] for each in told["services"]] == ["local", "nobody", "web:http"]
    assert told["without"] == ["headless"]


def test_spots_have_words(world, visit, session, seen):
    seen(read())
    web = ask(visit, world, session).json()["services"][2]
    told = {(spot["part"], spot["short"], spot["note"]) for spot in web["spots"]}
    assert ("door", "10.96.58.42:80", "cluster IP") in told
    assert ("outside", "KUBE-EXT-3X6K…", "from outside, SNAT") in told
    assert ("choice", "KUBE-SVC-3X6K…", "draws among 2") in told
    assert ("endpoint", "KUBE-SEP-665A…", "web1 10.244.1.5:8080") in told


def test_another_node_may_be_asked(world, visit, session, seen):
    asked = seen(read())
    ask(visit, world, session, "?node=control")
    assert asked == ["redes-control-plane"]


@pytest.mark.parametrize("node", ["worker9", "redes-worker"])
def test_no_other_node(world, visit, session, seen, node):
    asked = seen(read())
    assert ask(visit, world, session, f"?node={node}").status_code == 404
    assert asked == []


def test_a_lab_that_draws_none_has_none(world, visit, session, seen):
    asked = seen(read())
    session.attempt.lab.slug = "ping-and-netcat"
    session.attempt.lab.save()
    assert "no rules" in ask(visit, world, session).json()["trouble"]
    assert asked == []


def test_a_lab_that_names_services_draws_only_those(session):
    told = page.told_of(read(), session, ["web"])
    assert ([each["name"] for each in told["services"]], told["without"]) == (["web:http"], [])


def test_many_services_do_not_fill_the_page(session, monkeypatch):
    monkeypatch.setattr(page, "MOST_PICTURES", 2)
    told = page.told_of(read(), session, [])
    assert (len(told["services"]), told["more"]) == (2, 1)


def test_a_cluster_that_does_not_answer_is_told(world, visit, session, seen):
    seen(Unreachable("no route"))
    answer = ask(visit, world, session)
    assert answer.status_code == 503
    assert "no route" in answer.json()["trouble"]


def test_before_it_is_ready_nothing_is_asked(world, visit, session, seen):
    asked = seen(read())
    session.state = "preparing"
    session.save()
    assert "ready" in ask(visit, world, session).json()["trouble"]
    assert asked == []


def test_a_mode_without_chains_says_so(session):
    told = page.told_of(Look(Mode.OTHER, Rules((), {}), SERVICES), session, [])
    assert told["services"] == told["without"] == []
    assert "no chains" in told["counts"]
