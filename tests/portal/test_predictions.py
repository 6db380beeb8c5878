"""What students said and what came: on their own page, and for a class as a histogram."""

import pytest
from django.utils import timezone

from curriculum import domain as work
from curriculum.course import get_course
from curriculum.enums import Confidence
from tests.portal.conftest import make_run, make_session, make_student


def predict(attempt, lab, step: str, value: str, confidence=Confidence.SURE):
    return work.record_prediction(attempt, lab.step(step), value, confidence)


def end_run(attempt, step: str) -> None:
    now = timezone.now()
    make_run(make_session(attempt), step=step, started_at=now, ended_at=now)


@pytest.fixture
def calibration(world, visit):
    return lambda: visit(world.alice).get("/my-labs/").context["calibration"]


def row_of(calibration: dict, percent: int) -> tuple[int, int]:
    row = next(row for row in calibration["rows"] if row["percent"] == percent)
    return row["right"], row["total"]


def test_a_prediction_counts_when_its_run_is_over(world, lab, calibration):
    predict(world.attempt, lab, "predict-ttl", "64")
    assert calibration() is None

    end_run(world.attempt, "ping-across")

    assert row_of(calibration(), 95) == (0, 1)
    assert calibration()["brier"] == pytest.approx(0.95**2)


def test_a_later_attempt_changes_nothing(world, lab, calibration):
    predict(world.attempt, lab, "predict-ttl", "64")
    end_run(world.attempt, "ping-across")
    again = work.start_attempt(world.alice, lab)
    predict(again, lab, "predict-ttl", "62")
    end_run(again, "ping-across")

    assert row_of(calibration(), 95) == (0, 1)


def test_labs_add_up_and_each_confidence_has_its_row(world, lab, calibration):
    predict(world.attempt, lab, "predict-ttl", "62", Confidence.RATHER_SURE)
    end_run(world.attempt, "ping-across")
    loss = get_course().lab("packet-loss")
    other = work.start_attempt(world.alice, loss)
    predict(other, loss, "predict-many", "60", Confidence.RATHER_SURE)
    end_run(other, "two-hundred")

    told = calibration()

    assert (row_of(told, 50), row_of(told, 75), row_of(told, 95)) == ((0, 0), (1, 2), (0, 0))
    assert told["brier"] == pytest.approx((0.25**2 + 0.75**2) / 2)


def test_the_truth_is_not_told_before_the_run(world, lab, visit):
    predict(world.attempt, lab, "predict-ttl", "64")

    page = visit(world.alice).get("/my-labs/").content.decode()

    assert "The command has not run yet." in page and "It came otherwise" not in page


def test_the_teacher_sees_a_students_calibration(world, lab, visit):
    predict(world.attempt, lab, "predict-ttl", "64")
    end_run(world.attempt, "ping-across")

    page = visit(world.paula).get(f"/classes/{world.classroom.pk}/students/{world.alice.pk}/")

    assert row_of(page.context["calibration"], 95) == (0, 1)


class TestHistograms:
    @pytest.fixture
    def told(self, world, visit):
        """A function: the histogram of a prediction, as bars of (words, count, sure, right)."""

        def told(lab: str, step: str) -> list[tuple]:
            page = visit(world.paula).get(f"/classes/{world.classroom.pk}/?lab={lab}")
            (found,) = [each for each in page.context["histograms"] if each["step"].key == step]
            return [
                (" → ".join(bar["words"]), bar["count"], bar["sure"], bar["is_right"])
                for bar in found["bars"]
            ]

        return told

    @pytest.fixture
    def say(self, world):
        """A function: new students of the class say these values."""

        def say(slug: str, step: str, *values: str, confidence=Confidence.SURE) -> None:
            lab = get_course().lab(slug)
            for value in values:
                student = make_student(f"student-{world.classroom.students.count()}")
                world.classroom.students.add(student)
                predict(work.start_attempt(student, lab), lab, step, value, confidence)

        return say

    def test_every_choice_has_its_bar_and_the_right_one_is_marked(self, say, told):
        say("ping-and-netcat", "predict-ttl", "64", "64", "62")
        assert told("ping-and-netcat", "predict-ttl") == [
            ("64", 2, 2, False),
            ("63", 0, 0, False),
            ("62", 1, 1, True),
            ("61", 0, 0, False),
        ]

    def test_numbers_stand_in_their_order(self, say, told):
        say("packet-loss", "predict-many", "200", "60", "150", "60", confidence=Confidence.GUESS)
        assert told("packet-loss", "predict-many") == [
            ("60 messages", 2, 0, False),
            ("150 messages", 1, 0, True),
            ("200 messages", 1, 0, False),
        ]

    def test_many_numbers_are_put_together(self, say, told):
        say("packet-loss", "predict-many", *map(str, range(0, 260, 10)))
        bars = told("packet-loss", "predict-many")
        assert len(bars) == 12 and sum(count for _words, count, _sure, _right in bars) == 26
        assert bars[0][0] == "0 – 20.83"

    def test_orders_stand_by_how_many_said_them(self, say, told):
        right = "syn,syn-ack,ack,data,fin"
        say("tcp-and-udp", "predict-order", right, "data,syn,syn-ack,ack,fin", right)
        (first, second) = told("tcp-and-udp", "predict-order")
        assert (first[1:], second[1:]) == ((2, 2, True), (1, 1, False))
        assert first[0].startswith("ana asks for a connection (SYN) → carla agrees")

    def test_a_student_counts_once_with_the_first(self, world, lab, told):
        predict(world.attempt, lab, "predict-ttl", "64")
        predict(work.start_attempt(world.alice, lab), lab, "predict-ttl", "62")
        assert [bar[1] for bar in told("ping-and-netcat", "predict-ttl")] == [1, 0, 0, 0]

    def test_another_class_is_not_counted(self, world, lab, told):
        predict(work.start_attempt(world.bob, lab), lab, "predict-ttl", "64")
        assert [bar[1] for bar in told("ping-and-netcat", "predict-ttl")] == [0, 0, 0, 0]

    def test_the_page_asks_for_them_apart(self, world, visit):
        headers = {"HX-Request": "true", "HX-Target": "predicted"}
        page = visit(world.paula).get(f"/classes/{world.classroom.pk}/?lab=packet-loss", headers=headers)
        assert "predict-many" in page.content.decode() and "grid-table" not in page.content.decode()
