from datetime import UTC, datetime, timedelta

import pytest

from netlab.controllers.cronjob import JOBS, RESOURCE, CronJobController
from netlab.cron import BadSchedule, Schedule

from .test_jobs import job

NEW_YEAR = datetime(datetime.now(UTC).year + 1, 1, 1, tzinfo=UTC)
NAME = f"tick-{int(NEW_YEAR.timestamp()) // 60}"


def cron_job(**spec) -> dict:
    """Due at New Year: not by the clock of the machine, but by the one of the test."""
    template = {"metadata": {"labels": {"of": "cron"}}, "spec": job()["spec"]}
    spec = {"schedule": "@yearly", "jobTemplate": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": spec}


def at(world, time: datetime) -> float | None:
    again = CronJobController(world.store, now=lambda: time).sync(("default", "tick"))
    world.run()
    return again


def jobs(world) -> list[str]:
    return [one["metadata"]["name"] for one in world.store.list(JOBS, "default")]


def end(world, phase="Succeeded") -> None:
    for pod in world.pods():
        world.change("pods", pod["metadata"]["name"], lambda p: p["status"].update(phase=phase))


def status(world) -> dict:
    return world.store.get(RESOURCE, "default", "tick")["status"]


def test_a_job_is_made_when_it_is_due_and_once(world):
    world.create(RESOURCE, cron_job())
    assert at(world, NEW_YEAR - timedelta(seconds=90)) == 90
    assert jobs(world) == []
    at(world, NEW_YEAR + timedelta(seconds=1))
    at(world, NEW_YEAR + timedelta(seconds=2))
    assert jobs(world) == [NAME]
    made = world.store.get(JOBS, "default", NAME)
    assert made["metadata"]["labels"]["of"] == "cron"
    assert status(world)["active"][0]["name"] == NAME
    end(world)
    assert "active" not in status(world) and status(world)["lastSuccessfulTime"]
    assert world.events("SawCompletedJob") == [f"Saw completed job: {NAME}, condition: Complete"]


def test_a_suspended_one_makes_nothing(world):
    world.create(RESOURCE, cron_job(suspend=True))
    assert at(world, NEW_YEAR) is None and jobs(world) == []


@pytest.mark.parametrize(("policy", "running"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_a_job_that_still_runs(world, policy, running):
    world.create(RESOURCE, cron_job(concurrencyPolicy=policy))
    at(world, NEW_YEAR)
    at(world, NEW_YEAR.replace(year=NEW_YEAR.year + 1))
    assert len(jobs(world)) == running
    assert (NAME in jobs(world)) == (policy != "Replace")


def test_what_was_missed_for_too_long_is_left_out(world):
    world.create(RESOURCE, cron_job(startingDeadlineSeconds=60))
    at(world, NEW_YEAR + timedelta(seconds=61))
    assert jobs(world) == []
    at(world, NEW_YEAR + timedelta(seconds=59))
    assert jobs(world) == [NAME]


@pytest.mark.parametrize(
    ("limits", "phase", "left"),
    [
        ({"successfulJobsHistoryLimit": 1}, "Succeeded", 1),
        ({"failedJobsHistoryLimit": 0}, "Failed", 0),
    ],
)
def test_of_what_has_ended_the_last_are_kept(world, limits, phase, left):
    given = cron_job(**limits)
    given["spec"]["jobTemplate"]["spec"]["backoffLimit"] = 0
    world.create(RESOURCE, given)
    for years in range(3):
        at(world, NEW_YEAR.replace(year=NEW_YEAR.year + years))
        end(world, phase)
    assert len(jobs(world)) == left


def test_the_schedule_counts_in_its_zone(world):
    world.create(RESOURCE, cron_job(timeZone="America/Sao_Paulo"))
    at(world, NEW_YEAR + timedelta(hours=2, minutes=59))
    assert jobs(world) == []
    at(world, NEW_YEAR + timedelta(hours=3))
    assert len(jobs(world)) == 1


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("*/15 * * * *", "2026-03-01 00:15"),
        ("5 4 * * *", "2026-03-01 04:05"),
        ("0 9-17/4 * * mon-fri", "2026-03-02 09:00"),
        ("0 0 13 * fri", "2026-03-06 00:00"),  # either day, as both are named
        ("30 6 1,15 jun *", "2026-06-01 06:30"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("@weekly", "2026-03-08 00:00"),
    ],
)
def test_the_next_time_of_a_schedule(text, following):
    start = datetime(2026, 3, 1, tzinfo=UTC)  # a Sunday
    assert Schedule(text).next(start) == datetime.fromisoformat(following).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "a * * * *", "*/0 * * * *", "9-5 * * * *", "@often"]
)
def test_what_is_no_schedule(text):
    with pytest.raises(BadSchedule):
        Schedule(text)


def test_a_schedule_without_any_day_has_no_next():
    assert Schedule("0 0 31 2 *").next(datetime(2026, 3, 1, tzinfo=UTC)) is None


def test_a_day_that_never_comes_is_told(world):
    world.create(RESOURCE, cron_job(schedule="59 23 31 2 *"))
    assert at(world, NEW_YEAR) is None
    assert world.events("InvalidSchedule")[0].startswith("invalid schedule: 59 23 31 2 * :")
