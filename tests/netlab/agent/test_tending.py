"""The process that holds up the agent's pod: what hinders one of its chores must not end it."""

import contextlib
import os

import pytest

from netlab.agent import impair, kernel, main, routes


class Ended(BaseException):
    """The test has seen enough."""


@pytest.fixture
def two_news(monkeypatch, tmp_path):
    """Interfaces come or go twice."""
    news = iter((None, None))

    def wait() -> None:
        if next(news, Ended) is Ended:
            raise Ended

    monkeypatch.setattr(main, "watch_interfaces", lambda: contextlib.nullcontext(wait))
    monkeypatch.setattr(kernel, "_LOCK", tmp_path / "lock")


@pytest.mark.parametrize(
    "hindrance", [kernel.Failed("iptables failed"), BlockingIOError("no more processes"), KeyError("src")]
)
def test_what_hinders_a_chore_is_told_and_tried_again(two_news, monkeypatch, capfd, hindrance):
    pruned = []

    def hindered() -> None:
        raise hindrance

    for module, name in ((impair, "restore"), (impair, "prune")):
        monkeypatch.setattr(module, name, hindered)
    monkeypatch.setattr(routes, "prune", lambda: pruned.append("once"))
    with pytest.raises(Ended):
        main._tend()
    assert len(pruned) == 3, "at the start, and at each news"
    assert capfd.readouterr().err.count(type(hindrance).__name__) == 4


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        (
            "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n",
            [f"--set {name} /usr/sbin/{name}-legacy" for name in ("iptables", "ip6tables")],
        ),
        ("*nat\n:DOCKER_OUTPUT - [0:0]\nCOMMIT\n", []),
        ("", []),
    ],
    ids=["the kubelet's", "Docker's alone", "none"],
)
def test_the_agent_speaks_of_the_tables_that_the_kubelet_writes(monkeypatch, tmp_path, saved, told):
    asked = tmp_path / "asked"
    for name, script in {
        "iptables-legacy-save": f"printf %s '{saved}'",
        "update-alternatives": f"echo $* >> {asked}",
    }.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    kernel.follow_the_nodes_iptables()
    assert (asked.read_text().splitlines() if asked.exists() else []) == told
