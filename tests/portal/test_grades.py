"""From proofs to points: the rules of a class, changes by hand with their history, and files."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from curriculum.domain import store_pass
from curriculum.models import ConditionPass, HintOpening
from portal.grading import Work, days_late, grades_of, points_for
from portal.models import Assignment, Credit, GradingRules, Override

DUE = datetime(2026, 5, 1, 12, tzinfo=UTC)
IN_TIME = DUE - timedelta(hours=1)


def work(*moments: datetime, total: int = 4, hints: int = 0) -> Work:
    return Work({f"c{number}": moment for number, moment in enumerate(moments)}, total, hints)


def points(work: Work, **rules) -> Decimal:
    return points_for(work, GradingRules(**rules), Assignment(points=20, due_at=DUE))


@pytest.mark.parametrize(
    ("done", "rules", "wanted"),
    [
        (work(), {}, "0"),
        (work(IN_TIME), {}, "5.00"),
        (work(*[IN_TIME] * 4), {}, "20.00"),
        (work(*[IN_TIME] * 3), {"credit": Credit.WHOLE}, "0"),
        (work(*[IN_TIME] * 4), {"credit": Credit.WHOLE}, "20.00"),
        (work(*[IN_TIME] * 4, hints=2), {"hint_cost": 10}, "16.00"),
        (work(*[IN_TIME] * 4, hints=20), {"hint_cost": 10}, "0.00"),
        (work(IN_TIME, DUE + timedelta(minutes=1)), {"late_cost": 20}, "9.00"),
        (work(DUE + timedelta(days=9)), {"late_cost": 20}, "0.00"),
        (work(DUE + timedelta(days=9)), {"late_cost": 20, "late_floor": 50}, "2.50"),
        (work(DUE), {"late_cost": 100}, "5.00"),
        (work(IN_TIME, total=3), {}, "6.67"),
    ],
)
def test_points_are_what_the_rules_say(done, rules, wanted):
    assert points(done, **rules) == Decimal(wanted)


def test_a_day_late_is_one_that_has_begun():
    late = [days_late(DUE + timedelta(hours=hours), DUE) for hours in (-5, 0, 1, 24, 25)]
    assert late == [0, 0, 1, 1, 2]
    assert days_late(DUE, None) == 0


@pytest.fixture
def teacher(world, visit):
    return visit(world.paula)


def prove(attempt, *conditions: str) -> None:
    for condition in conditions:
        store_pass(attempt, condition, {"en": "Seen.", "pt-br": "Visto."}, {})


def grade(world):
    return grades_of(world.classroom, [world.alice], [world.assignment])[world.alice.pk][0]


def test_the_best_attempt_counts_with_its_own_hints_and_lateness(world, lab):
    world.assignment.due_at = DUE
    world.assignment.save()
    GradingRules.objects.create(classroom=world.classroom, hint_cost=50, late_cost=10)
    prove(world.attempt, lab.conditions[0].key)
    ConditionPass.objects.update(passed_at=IN_TIME)
    assert grade(world).points == Decimal(10) / len(lab.conditions)

    HintOpening.objects.create(attempt=world.attempt, step=lab.steps[0].key, number=1)
    assert grade(world).points == Decimal(5) / len(lab.conditions)


def test_the_books_tell_what_was_proven_after_an_instructor_had_typed(world, lab, teacher):
    prove(world.attempt, lab.conditions[0].key)
    ConditionPass.objects.update(is_helped=True)

    assert grade(world).work.helped == 1 and grade(world).points
    book = f"/classes/{world.classroom.pk}/grades/"
    for page in (book, f"{book}{world.assignment.pk}/{world.alice.pk}/"):
        assert "fter an instructor had typed" in teacher.get(page).content.decode(), page


def test_a_proof_of_a_condition_the_lab_no_longer_has_is_worth_nothing(world):
    ConditionPass.objects.create(attempt=world.attempt, condition="dropped", reason={}, evidence={})
    assert grade(world).points == 0


def test_what_the_cluster_lacked_the_means_for_costs_nothing(world, lab):
    world.attempt.skipped = {lab.conditions[-1].key: {"en": "There is none.", "pt-br": "Não há."}}
    world.attempt.save()
    prove(world.attempt, *(condition.key for condition in lab.conditions[:-1]))
    assert grade(world).points == 10


def test_one_who_did_nothing_has_a_row_with_nothing(world, teacher):
    ConditionPass.objects.all().delete()
    world.attempt.delete()
    page = teacher.get(f"/classes/{world.classroom.pk}/grades/").content.decode()
    assert "Not begun" in page and "Alice" in page


def change(world, teacher, **facts):
    address = f"/classes/{world.classroom.pk}/grades/{world.assignment.pk}/{world.alice.pk}/"
    return teacher.post(address, {"points": "", "comment": "", **facts})


def test_a_grade_is_changed_with_a_comment_and_the_history_stays(world, teacher):
    change(world, teacher, points="7.5", comment="shown in class")
    change(world, teacher, points="8", comment="and the rest")
    assert grade(world).points == 8
    change(world, teacher, comment="a mistake of mine")

    found = grade(world)
    assert (found.points, found.override) == (found.reckoned, None)
    assert [each.comment for each in found.history] == ["shown in class", "and the rest", "a mistake of mine"]
    assert {each.made_by for each in found.history} == {world.paula}


@pytest.mark.parametrize(
    "facts", [{"points": "5"}, {"points": "-1", "comment": "x"}, {"points": "many", "comment": "x"}]
)
def test_a_change_without_a_comment_or_with_nonsense_is_told(world, teacher, facts):
    assert change(world, teacher, **facts).status_code == 422
    assert not Override.objects.exists()


def test_rules_are_kept_and_nonsense_is_told(world, teacher):
    address = f"/classes/{world.classroom.pk}/grades/rules/"
    rules = {"credit": "whole", "hint_cost": "5", "late_cost": "10", "late_floor": "50"}
    teacher.post(address, rules)
    assert GradingRules.objects.get().late_floor == 50
    assert teacher.post(address, rules | {"hint_cost": "101"}).status_code == 422
    assert GradingRules.objects.get().hint_cost == 5


def test_the_files_hold_what_the_page_shows_and_no_formula(world, teacher):
    world.alice.first_name = "=HYPERLINK(evil)"
    world.alice.save()
    change(world, teacher, points="7.5", comment="x")
    address = f"/classes/{world.classroom.pk}/grades"

    answer = teacher.get(f"{address}.csv")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0] == ["Name", "Username", "E-mail", "1.2 ping and netcat between pods (10)", "Total"]
    assert lines[1] == ["'=HYPERLINK(evil)", "alice", "", "7.50", "7.50"]
    assert answer["Content-Disposition"] == 'attachment; filename="redes-1-grades.csv"'

    sheet = load_workbook(io.BytesIO(teacher.get(f"{address}.xlsx").content)).active
    assert [cell.value for cell in sheet[2]] == ["'=HYPERLINK(evil)", "alice", None, 7.5, 7.5]


def test_the_number_of_queries_does_not_grow_with_the_class(world, teacher, django_assert_max_num_queries):
    for number in range(30):
        world.classroom.students.add(type(world.alice).objects.create_user(f"s{number}"))
    Assignment.objects.create(classroom=world.classroom, lab="packet-loss")
    with django_assert_max_num_queries(16):
        teacher.get(f"/classes/{world.classroom.pk}/grades/")


def test_students_read_their_own_points(world, teacher, visit):
    change(world, teacher, points="7.5", comment="x")
    assert "7.50 of 10 points" in visit(world.alice).get("/classes/").content.decode()
