"""Work that takes long is given to a second worker while the first is at it: there must not be two."""

import pytest

from k8s_tasks import sole
from k8s_tasks.redis_keys import task_beat
from k8s_tasks.sole import BEAT_LASTS, sole_worker

BEAT = task_beat("prepare_session", 7)


@pytest.fixture
def asked_again(redis_client, monkeypatch) -> list:
    asked = []
    monkeypatch.setattr(sole, "enqueue", lambda task, id, *, countdown: asked.append((task, id, countdown)))
    return asked


def test_a_second_worker_leaves_it_and_asks_again_for_later(asked_again):
    with sole_worker("prepare_session", 7) as ours, sole_worker("prepare_session", 7) as theirs:
        assert (ours, theirs) == (True, False)
    assert asked_again == [("prepare_session", 7, BEAT_LASTS)]


def test_when_the_first_is_done_or_has_failed_the_next_may(asked_again):
    with pytest.raises(ZeroDivisionError), sole_worker("prepare_session", 7):
        raise ZeroDivisionError
    with sole_worker("prepare_session", 7) as ours:
        assert ours
    assert asked_again == []


def test_others_work_is_no_hindrance(asked_again):
    with sole_worker("prepare_session", 7), sole_worker("prepare_session", 8) as ours:
        assert ours


def test_a_dead_workers_beat_ends_by_itself(asked_again, redis_client, monkeypatch):
    monkeypatch.setattr(sole, "BEAT_EVERY", 0.01)
    with sole_worker("prepare_session", 7):
        assert 0 < redis_client.ttl(BEAT) <= BEAT_LASTS
    redis_client.set(BEAT, "1", px=1)  # what a worker that was shot leaves
    while redis_client.exists(BEAT):
        pass
    with sole_worker("prepare_session", 7) as ours:
        assert ours
