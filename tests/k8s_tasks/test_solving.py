"""What `labs solve` makes of its outcomes."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import OperationalError

from curriculum.domain import start_attempt
from k8s_tasks import solving
from k8s_tasks.domain.sessions import end_session, start_session
from k8s_tasks.management.commands import labs as command
from k8s_tasks.models import Cluster
from k8s_tasks.plays import DO_NOTHING
from k8s_tasks.solving import Outcome, play_all, table_of

GOOD, WRONG = Outcome("a", "solution", 1.0), Outcome("a", "mutant", 2.0, wrong=["x is pass, not fail"])
BROKEN = Outcome("b", "solution", 3.0, broke="the session is failed")


@pytest.mark.parametrize(("outcomes", "code"), [([GOOD, WRONG, BROKEN], 1), ([GOOD, BROKEN], 2)])
def test_what_is_not_as_promised_and_what_could_not_be_played_differ_in_their_exit_code(outcomes, code):
    with pytest.raises(CommandError) as refusal:
        command._fail_if_wrong(outcomes)
    assert refusal.value.returncode == code


def test_all_right_is_no_error():
    command._fail_if_wrong([GOOD])


def test_the_table_counts_how_often_a_play_went_right():
    again = Outcome("a", "mutant", 4.0, caught={"echo": "nothing came"})
    assert "| a | mutant | 1 of 2 | 4.0 s | `echo`: nothing came |" in table_of([again, WRONG])


@pytest.mark.django_db(transaction=True)
def test_a_play_that_breaks_leaves_the_others_their_table(lab, cluster, monkeypatch):
    async def play_lab(student, lab, play, *, cluster):
        raise KeyError("shown")

    monkeypatch.setattr(solving, "play_lab", play_lab)
    plays = [(lab, DO_NOTHING)] * 2
    outcomes = asyncio.run(play_all(plays, jobs=2, cluster=None, tell=lambda outcome: None))
    assert [each.broke for each in outcomes] == ["KeyError('shown')"] * 2


def test_without_a_portal_it_says_so(monkeypatch):
    async def play_all(*_, **__):
        raise OperationalError("no such table: portal_user")

    monkeypatch.setattr(command, "play_all", play_all)
    with pytest.raises(CommandError, match="no portal runs here") as refusal:
        call_command("labs", "solve", "ping-and-netcat")
    assert refusal.value.returncode == 2


@pytest.mark.django_db(transaction=True)
def test_what_the_cluster_lacks_is_not_played_and_not_wrong(lab, cluster, monkeypatch):
    monkeypatch.setattr(solving, "_lacks", lambda lab, cluster: "netem: no such queue")
    (outcome,) = asyncio.run(play_all([(lab, DO_NOTHING)], jobs=1, cluster=None, tell=lambda outcome: None))
    command._fail_if_wrong([outcome])
    assert "| not played | | the cluster lacks netem: no such queue |" in table_of([outcome])


@pytest.mark.django_db(transaction=True)
def test_a_play_waits_until_a_cluster_is_well(lab, cluster, monkeypatch):
    """As a page does, which offers the start again."""
    Cluster.objects.update(is_healthy=False)
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        Cluster.objects.update(is_healthy=len(waits) == 3)

    async def play_lab(student, lab, play, *, cluster):
        return {}, []

    monkeypatch.setattr(solving.time, "sleep", sleep)
    monkeypatch.setattr(solving, "play_lab", play_lab)
    (outcome,) = asyncio.run(play_all([(lab, DO_NOTHING)], jobs=1, cluster=None, tell=lambda outcome: None))
    assert (len(waits), outcome.broke) == (3, "")


@pytest.mark.django_db(transaction=True)
def test_what_was_played_is_cleared_before_it_returns(lab, cluster, redis_client, monkeypatch):
    """The portal may end with it, and its workers too."""
    sessions, cleared = [], []

    async def play_lab(student, lab, play, *, cluster):
        session = await sync_to_async(start_session)(await sync_to_async(start_attempt)(student, lab))
        await sync_to_async(end_session)(session, "The play is over.")
        sessions.append(session.pk)
        return {}, []

    monkeypatch.setattr(solving, "play_lab", play_lab)
    monkeypatch.setattr(solving, "clear_session", cleared.append)
    outcomes = asyncio.run(play_all([(lab, DO_NOTHING)] * 2, jobs=2, cluster=None, tell=lambda outcome: None))
    assert [outcome.broke for outcome in outcomes] == ["", ""]
    assert sorted(cleared) == sorted(sessions) and len(sessions) == 2
