from netlab.node.status import ContainerRecord, PodFacts, phase, write_into


def facts(*records: ContainerRecord, init=(), policy="Always") -> PodFacts:
    return PodFacts(list(init), list(records), policy, "172.18.0.3", started="2026-01-01T00:00:00Z")


def ended(code: int, name="a") -> ContainerRecord:
    record = ContainerRecord(name, "busybox")
    record.end(code, 1.0, 2.0)
    return record


def running(name="a") -> ContainerRecord:
    record = ContainerRecord(name, "busybox")
    record.run("id", 1.0)
    record.ready = record.started = True
    return record


def test_a_pod_is_pending_until_every_container_has_started():
    assert phase(facts(running(), ContainerRecord("b", "busybox"))) == "Pending"


def test_a_pod_that_never_restarts_ends_by_its_exit_codes():
    assert phase(facts(ended(0), policy="Never")) == "Succeeded"
    assert phase(facts(ended(3), policy="Never")) == "Failed"


def test_a_crashing_pod_that_is_restarted_goes_on_running():
    record = ended(1)
    record.begin_again()
    record.wait("CrashLoopBackOff")
    assert phase(facts(record)) == "Running"
    assert record.as_status()["restartCount"] == 1
    assert record.as_status()["lastState"]["terminated"]["exitCode"] == 1


def test_a_failed_init_container_fails_a_pod_that_never_restarts():
    assert phase(facts(ContainerRecord("a", "busybox"), init=[ended(1, "i")], policy="Never")) == "Failed"


def test_the_time_of_a_condition_stays_while_its_value_does():
    status = {
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]
    }
    write_into(status, facts(running()))
    ready = next(condition for condition in status["conditions"] if condition["type"] == "Ready")
    assert (ready["status"], ready["lastTransitionTime"]) == ("True", "2020-01-01T00:00:00Z")


def test_an_unready_container_is_named_in_the_condition():
    record = running("web")
    record.ready = False
    status = {}
    write_into(status, facts(record))
    ready = next(condition for condition in status["conditions"] if condition["type"] == "Ready")
    assert (ready["status"], ready["message"]) == ("False", "containers with unready status: [web]")
