import pytest

from netlab.controllers.job import FINALIZER, RESOURCE


def job(**spec) -> dict:
    container = {"name": "main", "image": "busybox:1"}
    template = {"metadata": {"labels": {"app": "work"}}, "spec": {"containers": [container]}}
    template["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work"},
        "spec": {"template": template, **spec},
    }


def end(world, pod: dict, phase: str) -> None:
    world.change("pods", pod["metadata"]["name"], lambda p: p["status"].update(phase=phase))


def running(world) -> list[dict]:
    return [pod for pod in world.pods() if pod["status"]["phase"] not in ("Succeeded", "Failed")]


def status(world) -> dict:
    return world.store.get(RESOURCE, "default", "work")["status"]


def conditions(world) -> dict:
    return {c["type"]: c["reason"] for c in status(world).get("conditions", [])}


def test_a_job_is_complete_when_its_pod_has_succeeded(world):
    world.create(RESOURCE, job())
    (pod,) = running(world)
    assert status(world)["active"] == 1
    end(world, pod, "Succeeded")
    assert conditions(world)["Complete"] == "CompletionsReached"
    assert status(world)["succeeded"] == 1 and "active" not in status(world)
    assert status(world)["completionTime"]


def test_no_more_pods_run_at_once_than_parallelism_says(world):
    world.create(RESOURCE, job(completions=5, parallelism=2))
    seen = []
    while running(world):
        seen.append(len(running(world)))
        end(world, running(world)[0], "Succeeded")
    assert seen == [2, 2, 2, 2, 1]
    assert status(world)["succeeded"] == 5


def test_a_failed_pod_is_not_replaced_at_once(world):
    world.create(RESOURCE, job(backoffLimit=1))
    end(world, running(world)[0], "Failed")
    assert status(world)["failed"] == 1
    assert running(world) == [] and conditions(world) == {}


def test_too_many_failures_end_the_job(world):
    world.create(RESOURCE, job(backoffLimit=0, completions=2, parallelism=2))
    failed, _ = running(world)
    end(world, failed, "Failed")
    assert conditions(world)["Failed"] == "BackoffLimitExceeded"
    assert running(world) == []


def test_a_pod_that_somebody_deletes_is_counted_and_replaced(world):
    world.create(RESOURCE, job())
    (first,) = running(world)
    world.delete("pods", first["metadata"]["name"])
    (second,) = running(world)
    assert status(world)["failed"] == 1
    assert second["metadata"]["name"] != first["metadata"]["name"]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_an_end_that_was_counted_holds_the_pod_no_longer(world, phase):
    world.create(RESOURCE, job())
    (pod,) = running(world)
    assert FINALIZER in pod["metadata"]["finalizers"]
    end(world, pod, phase)
    (ended,) = world.pods()
    assert not ended["metadata"].get("finalizers")
    world.delete("pods", pod["metadata"]["name"])
    assert status(world)[phase.lower()] == 1


def test_a_deleted_job_takes_its_pods_along(world):
    world.create(RESOURCE, job())
    world.delete(RESOURCE, "work")
    world.ready()
    assert world.store.list("pods") == []


def test_a_finished_job_goes_when_its_time_is_over(world):
    world.create(RESOURCE, job(ttlSecondsAfterFinished=0))
    end(world, running(world)[0], "Succeeded")
    assert world.store.find(RESOURCE, "default", "work") is None


def test_a_queue_of_work_begins_nobody_new_once_one_is_done(world):
    world.create(RESOURCE, job(parallelism=2))
    first, second = running(world)
    end(world, first, "Succeeded")
    assert [pod["metadata"]["name"] for pod in running(world)] == [second["metadata"]["name"]]
    end(world, second, "Succeeded")
    assert "Complete" in conditions(world)


def test_restarts_inside_a_pod_count_as_failures(world):
    world.create(RESOURCE, job(backoffLimit=2))
    (pod,) = running(world)
    restarted = [{"name": "main", "restartCount": 3}]
    world.change("pods", pod["metadata"]["name"], lambda p: p["status"].update(containerStatuses=restarted))
    assert conditions(world)["Failed"] == "BackoffLimitExceeded"
