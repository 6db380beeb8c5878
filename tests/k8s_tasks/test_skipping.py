"""What a cluster lacks the means for is skipped, said so, and not asked of the student."""

from dataclasses import replace

import pytest

from curriculum import domain as work
from curriculum.enums import Capability
from k8s_tasks import verifying
from k8s_tasks.domain import runs
from k8s_tasks.domain.runs import RunError, check_may_run

ABSENT = {"state": "absent", "reason": {"pt-br": "Não há.", "en": "There is none."}}


@pytest.fixture
def needy(lab):
    """The lab, one of whose conditions and steps need IPVS."""
    steps = (replace(lab.steps[0], needs=(Capability.IPVS,)), *lab.steps[1:])
    return replace(lab, steps=steps, conditions=(*lab.conditions[:-1], _needing(lab.conditions[-1])))


def _needing(condition):
    return replace(condition, needs=(Capability.IPVS,))


def measure(session, **capabilities):
    session.cluster.capabilities, session.cluster.measured_uid = capabilities, session.cluster.uid
    session.cluster.save()


def keys(conditions) -> list[str]:
    return [condition.key for condition in conditions]


def test_what_needs_the_absent_is_not_judged_and_the_reason_is_kept(session, needy):
    measure(session, ipvs=ABSENT)
    last = needy.conditions[-1].key
    assert keys(verifying.open_conditions(session, needy)) == keys(needy.conditions[:-1])
    session.attempt.refresh_from_db()
    assert session.attempt.skipped == {last: ABSENT["reason"]}


@pytest.mark.parametrize("state", ["present", "unknown"])
def test_what_may_be_there_is_judged(session, needy, state):
    measure(session, ipvs=ABSENT | {"state": state})
    assert keys(verifying.open_conditions(session, needy)) == keys(needy.conditions)
    assert session.attempt.skipped == {}


def test_the_rest_is_enough_to_pass(session, needy):
    measure(session, ipvs=ABSENT)
    for condition in verifying.open_conditions(session, needy):
        work.store_pass(session.attempt, condition.key, {"en": "seen"}, {})
    session.attempt.refresh_from_db()
    assert session.attempt.passed_at


def test_what_was_proven_before_the_lack_was_known_is_enough(session, needy):
    for condition in needy.conditions[:-1]:
        work.store_pass(session.attempt, condition.key, {"en": "seen"}, {})
    measure(session, ipvs=ABSENT)
    assert verifying.open_conditions(session, needy) == []
    session.attempt.refresh_from_db()
    assert session.attempt.passed_at


def test_on_a_cluster_that_has_it_nothing_is_skipped_any_more(session, needy):
    measure(session, ipvs=ABSENT)
    verifying.open_conditions(session, needy)
    measure(session, ipvs=ABSENT | {"state": "present"})
    verifying.open_conditions(session, needy)
    session.attempt.refresh_from_db()
    assert session.attempt.skipped == {}


def test_a_step_that_needs_the_absent_is_refused_with_the_reason(session, needy):
    measure(session, ipvs=ABSENT)
    with pytest.raises(RunError, match="There is none"):
        check_may_run(session, needy.steps[0])


def test_nobody_changes_the_proxy_of_a_cluster_that_others_use(session, lab):
    step = replace(lab.steps[0], kind=runs.StepKind.PROXY, mode="nftables", before=None)
    with pytest.raises(RunError, match="Others use this cluster"):
        check_may_run(session, step)
    session.is_exclusive = True
    check_may_run(session, step)
