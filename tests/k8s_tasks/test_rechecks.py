"""Conditions that check themselves: asked for once, told only when there is news."""

import pytest

from curriculum.enums import Verdict
from k8s_tasks import rechecking
from k8s_tasks.checks.finding import Finding
from k8s_tasks.domain import rechecks
from k8s_tasks.domain.runs import start_verification
from k8s_tasks.domain.sessions import end_session
from k8s_tasks.enums import RunKind
from k8s_tasks.models import ConditionResult
from k8s_tasks.redis_keys import recheck_asked
from k8s_tasks.watching import hear_change


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The sessions a worker was asked to check."""
    asked = []
    monkeypatch.setattr(rechecks, "enqueue", lambda task, id, **options: asked.append(str(id)))
    return asked


@pytest.fixture
def look(monkeypatch, session):
    """A function: a check that finds these verdicts; gives back which conditions it looked at."""

    def look(*, meanwhile=lambda: None, **verdicts: str):
        looked = []

        def find(session, lab, conditions):
            meanwhile()
            looked.extend(condition.key for condition in conditions)
            told = {"pt-br": "motivo", "en": "reason"}
            return {key.replace("_", "-"): Finding(Verdict(each), told) for key, each in verdicts.items()}

        monkeypatch.setattr(rechecking, "find", find)
        rechecking.recheck(str(session.pk))
        return looked

    return look


def test_many_changes_ask_for_one_check(session, asked, redis_client):
    for _ in range(50):
        hear_change("/api/v1/pods", session.namespace)
    assert asked == [str(session.pk)]


def test_a_change_during_a_check_causes_another(session, asked, look, redis_client):
    hear_change("/api/v1/pods", session.namespace)
    look(icmp_reach="fail")
    assert not redis_client.exists(recheck_asked(session.pk))
    hear_change("/api/v1/pods", session.namespace)
    assert len(asked) == 2


def test_changes_of_others_and_of_ended_sessions_ask_for_nothing(session, asked):
    hear_change("/api/v1/pods", "kube-system")
    end_session(session, "over")
    hear_change("/api/v1/pods", session.namespace)
    assert asked == []


def test_a_proof_is_kept_and_a_failure_not_asked_for_is_not(session, attempt, look):
    look(icmp_reach="pass", echo_pair="fail")
    assert list(attempt.passes.values_list("condition", flat=True)) == ["icmp-reach"]
    assert list(ConditionResult.objects.values_list("condition", flat=True)) == ["icmp-reach"]


def test_without_news_no_run_is_left_behind(session, look):
    look(echo_pair="fail", handshake="undecided")
    assert not session.runs.exists()


def test_a_reason_that_was_shown_is_brought_up_to_date(session, attempt, look):
    run = session.runs.create(kind=RunKind.VERIFY, state="succeeded")
    old = {"pt-br": "antes", "en": "before"}
    ConditionResult.objects.create(
        run=run, attempt=attempt, condition="echo-pair", verdict="fail", reason=old
    )
    look(echo_pair="fail")
    assert session.runs.count() == 2
    look(echo_pair="fail")
    assert session.runs.count() == 2  # the same again is no news


def test_what_a_verification_found_while_it_looked_is_not_overruled(session, attempt, look):
    def verify():
        run = session.runs.create(kind=RunKind.VERIFY, state="succeeded")
        newer = {"pt-br": "depois", "en": "after"}
        ConditionResult.objects.create(
            run=run, attempt=attempt, condition="echo-pair", verdict="fail", reason=newer
        )

    look(meanwhile=verify, echo_pair="fail")
    assert ConditionResult.objects.get().reason["en"] == "after"


def test_what_another_check_proved_meanwhile_does_not_fail_any_more(session, attempt, look):
    run = session.runs.create(kind=RunKind.VERIFY, state="succeeded")
    told = {"run": run, "attempt": attempt, "condition": "echo-pair", "reason": {"en": "before"}}
    ConditionResult.objects.create(verdict="fail", **told)
    prove = {"condition": "echo-pair", "reason": {"en": "proven"}, "evidence": {}}
    look(meanwhile=lambda: attempt.passes.create(**prove), echo_pair="fail")
    assert session.runs.count() == 1


def test_what_is_proven_is_not_looked_at_again(session, look):
    look(icmp_reach="pass")
    assert "icmp-reach" not in look()


def test_while_a_verification_goes_on_it_waits(session, student, asked, look, monkeypatch):
    monkeypatch.setattr("k8s_tasks.domain.runs.enqueue", lambda *_, **__: None)
    start_verification(session, user=student)
    assert look(icmp_reach="pass") == []
    assert asked == [str(session.pk)]
