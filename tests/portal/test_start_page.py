"""The administrator's start page, and the limits an administrator sets."""

import pytest
from django.contrib.admin.models import LogEntry
from redis.exceptions import ConnectionError as NoRedis

from k8s_tasks import queries, workers
from k8s_tasks.domain import limits
from k8s_tasks.domain.sessions import SessionError, extend_session, start_session
from k8s_tasks.models import Cluster, Limits

STATS = {"streams@one": {"pool": {"max-concurrency": 100}, "total": {"run": 7, "end": 2}, "uptime": 120}}


@pytest.fixture
def panel(world, visit, healthy):
    return visit(world.root)


@pytest.fixture
def told(panel, monkeypatch):
    """told(stats): the start page while these workers answer, and three tasks wait."""
    monkeypatch.setattr(queries, "queue_lengths", lambda: {"streams": 3, "verify": 0})

    def of(stats: dict | None) -> str:
        class Inspect:
            def stats(self):
                return stats

        monkeypatch.setattr(workers.current_app.control, "inspect", lambda timeout: Inspect())
        return panel.get("/admin/").content.decode()

    return of


def test_queues_and_workers_are_told(told):
    page = told(STATS)

    assert "3 tasks wait" in page and "0 tasks wait" in page
    assert "streams@one" in page and "100 threads" in page and "9 tasks done" in page


@pytest.mark.parametrize("silence", [None, {}])
def test_that_no_worker_answers_is_told(told, silence):
    assert "No worker answered within a second." in told(silence)


def test_without_redis_nothing_is_said_of_queues_and_workers(panel, monkeypatch):
    def gone():
        raise NoRedis("away")

    monkeypatch.setattr(queries, "queue_lengths", gone)
    page = panel.get("/admin/").content.decode()

    assert "Redis does not answer" in page
    assert "No worker answered" not in page and "tasks wait" not in page


def test_clusters_are_told_with_their_sessions(told):
    Cluster.objects.update(capacity=4)
    Cluster.objects.create(name="ill", is_healthy=False, health="it times out")

    page = told(STATS)

    assert "1 of 4 places taken" in page and "it times out" in page


def set_limits(panel, **figures):
    blank = {"sessions_per_student": "", "session_minutes": "", "run_bytes": ""}
    address = "/admin/k8s_tasks/limits/"
    known = Limits.objects.first()
    return panel.post(f"{address}{known.pk}/change/" if known else f"{address}add/", blank | figures)


def test_without_a_figure_the_option_counts(db, settings):
    assert limits.sessions_per_student() == settings.OPTIONS["SESSIONS_PER_STUDENT"]
    assert limits.session_minutes() == settings.OPTIONS["SESSION_MINUTES"]
    assert limits.run_bytes() == settings.OPTIONS["RUN_BYTES"]


def test_a_limit_is_in_force_at_once(redis_client, world, panel, lab):
    set_limits(panel, sessions_per_student="1", session_minutes="90", run_bytes="200000")

    with pytest.raises(SessionError):
        start_session(world.alice.attempts.create(lab=world.attempt.lab, lab_version="x", seed=1))
    before = world.session.expires_at
    extend_session(world.session)
    assert (world.session.expires_at - before).total_seconds() > 59 * 60
    assert limits.run_bytes() == 200_000


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("sessions_per_student", "0"),
        ("sessions_per_student", "21"),
        ("session_minutes", "9"),
        ("session_minutes", "481"),
        ("run_bytes", "99999"),
        ("run_bytes", "50000001"),
    ],
)
def test_a_figure_out_of_bounds_is_refused(panel, name, figure):
    assert set_limits(panel, **{name: figure}).status_code == 200
    assert not Limits.objects.exists()


def test_there_is_one_row_and_it_stays(panel):
    set_limits(panel, session_minutes="90")
    known = Limits.objects.get()

    assert panel.get("/admin/k8s_tasks/limits/add/").status_code == 403
    assert panel.post(f"/admin/k8s_tasks/limits/{known.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_changed_what_from_what_to_what_is_on_record(panel, world):
    set_limits(panel, session_minutes="90")
    set_limits(panel, session_minutes="45")

    newest, first = LogEntry.objects.all()[:2]
    assert (first.get_change_message(), first.user) == ("session_minutes: - → 90", world.root)
    assert newest.get_change_message() == "session_minutes: 90 → 45"
