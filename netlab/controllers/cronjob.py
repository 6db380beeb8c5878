"""CronJobs: a Job whenever the schedule says so."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from netlab.cron import Schedule
from netlab.store import (
    Event,
    Store,
    clock,
    clone,
    events,
    is_controlled_by,
    is_deleting,
    key_of,
    owner_reference,
)

from . import podset
from .job import RESOURCE as JOBS
from .job import condition_of
from .manager import Key

RESOURCE = "cronjobs.batch"
_COMPONENT = "cronjob-controller"


class CronJobController:
    """`now` is asked for the time, in UTC."""

    name = "cronjob"

    def __init__(self, store: Store, now=lambda: datetime.now(UTC)):
        self._store, self._now = store, now

    def concerned(self, event: Event) -> Iterable[Key]:
        return podset.owner_concerned(event, RESOURCE, "CronJob", made=JOBS)

    def sync(self, key: Key) -> float | None:
        cron = self._store.find(RESOURCE, *key)
        if cron is None or is_deleting(cron):
            return None
        jobs = self._jobs(cron)
        self._tidy(cron, jobs)
        cron = self._report(cron, jobs)
        if cron["spec"]["suspend"]:
            return None
        return self._run(cron, [job for job in jobs if not condition_of(job)])

    def _jobs(self, cron: dict) -> list[dict]:
        found = self._store.list(JOBS, cron["metadata"]["namespace"])
        return [job for job in found if is_controlled_by(job, cron) and not is_deleting(job)]

    def _tidy(self, cron: dict, jobs: list[dict]) -> None:
        """Of the Jobs that ended only the last are kept, those that failed by a count of their own."""
        for kind, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            ended = [job for job in jobs if (condition_of(job) or {}).get("type") == kind]
            ended.sort(key=lambda job: job["status"]["startTime"])
            for job in ended[: max(0, len(ended) - cron["spec"][limit])]:
                self._delete(cron, job)

    def _delete(self, cron: dict, job: dict) -> None:
        self._store.delete(JOBS, *key_of(job))
        told = f"Deleted job {job['metadata']['name']}"
        events.record(self._store, cron, "SuccessfulDelete", told, component=_COMPONENT)

    def _report(self, cron: dict, jobs: list[dict], scheduled: str | None = None) -> dict:
        status = clone(cron.get("status", {}))
        was_active = {one["uid"] for one in status.pop("active", [])}
        for job in jobs:
            end = condition_of(job)
            if end and job["metadata"]["uid"] in was_active:
                told = f"Saw completed job: {job['metadata']['name']}, condition: {end['type']}"
                events.record(self._store, cron, "SawCompletedJob", told, component=_COMPONENT)
        if active := [_reference(job) for job in jobs if not condition_of(job)]:
            status["active"] = active
        completed = [
            job["status"]["completionTime"] for job in jobs if job.get("status", {}).get("completionTime")
        ]
        if completed:
            status["lastSuccessfulTime"] = max([*completed, status.get("lastSuccessfulTime", "")])
        if scheduled:
            status["lastScheduleTime"] = scheduled
        return podset.set_status(self._store, RESOURCE, cron, status)

    def _run(self, cron: dict, active: list[dict]) -> float | None:
        """Make the Job that is due, if one is; seconds until the next."""
        spec, now = cron["spec"], self._now()
        schedule = Schedule(spec["schedule"], spec.get("timeZone"))
        last = clock.parse(cron["status"].get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
        if "startingDeadlineSeconds" in spec:
            last = max(last, now - timedelta(seconds=spec["startingDeadlineSeconds"]))
        due, following = schedule.last(last, now), schedule.next(now)
        again = (following - now).total_seconds() if following else None
        if due is None:
            if following is None:
                self._complain(cron)
            return again
        if active and spec["concurrencyPolicy"] == "Forbid":
            why = "Not starting job because prior execution is running and concurrency policy is Forbid"
            events.record(self._store, cron, "JobAlreadyActive", why, component=_COMPONENT)
            return again
        if spec["concurrencyPolicy"] == "Replace":
            for job in active:
                self._delete(cron, job)
        return podset.RETRY_REFUSED if self._make(cron, due) else again

    def _complain(self, cron: dict) -> None:
        why = "time difference between two schedules is less than 1 second"  # of two that never come
        told = f"invalid schedule: {cron['spec']['schedule']} : {why}"
        events.record(self._store, cron, "InvalidSchedule", told, component=_COMPONENT, type="Warning")

    def _make(self, cron: dict, due: datetime) -> str | None:
        job = _job_for(cron, due)
        if self._store.find(JOBS, *key_of(job)) is None:
            told = f"Created job {job['metadata']['name']}"
            if refused := podset.create(self._store, cron, job, component=_COMPONENT, told=told):
                return refused
        self._report(self._store.get(RESOURCE, *key_of(cron)), self._jobs(cron), _written(due))
        return None


def _job_for(cron: dict, due: datetime) -> dict:
    """Named after the minute it is due in, so that none is made twice."""
    template, meta = clone(cron["spec"]["jobTemplate"]), cron["metadata"]
    given = template.get("metadata", {})
    told = {"batch.kubernetes.io/cronjob-scheduled-timestamp": _written(due)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{meta['name']}-{int(due.timestamp()) // 60}",
            "namespace": meta["namespace"],
            "labels": given.get("labels", {}),
            "annotations": {**given.get("annotations", {}), **told},
            "ownerReferences": [owner_reference(cron)],
        },
        "spec": template["spec"],
    }


def _reference(job: dict) -> dict:
    meta = {key: job["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    return {"apiVersion": "batch/v1", "kind": "Job", **meta}


def _written(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
