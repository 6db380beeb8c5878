"""A text judged by the real cluster, line by line, and applied with the student's rights."""

import pytest

from k8s_tasks import running
from k8s_tasks.domain.editing import EditRefused, hints_for, original_text, review_text, start_edit

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: allow
spec:
  podSelector: {}
  policyTypes:
    - Ingress
"""


@pytest.fixture
def judge(sitting, lab):
    return lambda text: review_text(sitting, lab.step("write"), text)


def lines(review) -> list[int]:
    return [problem.line for problem in review.problems]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("podSelector: {}", "podSelektor: {}", 6, "spec.podSelektor"),
        ("    - Ingress", "    - Egress\n    - Ingres", 9, "Unsupported value"),
        ("podSelector: {}", "podSelector: here", 6, "must be of type"),
        ("name: allow", "name: Allow.x", 4, "metadata.name"),
        ("kind: NetworkPolicy", "kind: NetworkPolice", 1, "does not serve"),
        ("name: allow", "name: allow\n  namespace: kube-system", 5, "kube-system"),
        ("podSelector: {}", "podSelector: {", 8, "YAML"),
    ],
)
def test_what_the_cluster_refuses_stands_on_its_line(judge, old, new, line, words):
    (problem,) = judge(POLICY.replace(old, new)).problems
    assert (problem.line, words in problem.message) == (line, True), problem


def test_the_students_own_rights_decide(judge):
    review = judge(POLICY + "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: mine\n")
    assert lines(review) == [10] and "forbidden" in review.problems[0].message
    assert [change.effect for change in review.changes] == ["created"]


def test_a_check_changes_nothing_and_an_apply_does(judge, sitting, lab, student, printed):
    assert [change.effect for change in judge(POLICY).changes] == ["created"]
    assert [change.effect for change in judge(POLICY).changes] == ["created"]
    run = start_edit(sitting, lab.step("write"), POLICY, user=student)
    running.run_command(str(run.pk), columns=80, rows=24)
    assert printed(run) == "networkpolicy.networking.k8s.io/allow created\n"
    (same,), (changed,) = judge(POLICY).changes, judge(POLICY.replace("Ingress", "Egress")).changes
    assert (same.effect, same.lines) == ("unchanged", ())
    assert changed.effect == "configured"
    assert "-  - Ingress" in changed.lines and "+  - Egress" in changed.lines


def test_a_text_without_an_object_is_not_sent(sitting, lab, student):
    with pytest.raises(EditRefused) as refused:
        start_edit(sitting, lab.step("write"), "just words", user=student)
    assert refused.value.problems[0].line == 1 and not sitting.runs.exists()


def test_the_lab_s_text_is_filled_in_and_its_fields_are_known(sitting, lab):
    assert sitting.attempt.parameters["word"] in original_text(sitting, lab.step("write"))
    hints = hints_for(sitting, lab.step("write"))
    root = hints["kinds"]["networking.k8s.io/v1/NetworkPolicy"]
    spec = hints["types"][hints["types"][root]["spec"][0]]
    assert spec["ingress"][1] == "[object]" and "ingress" in spec["ingress"][2]
    assert "status" not in hints["types"][root]
