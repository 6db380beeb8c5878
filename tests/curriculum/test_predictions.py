"""What may be predicted, what is right, and what a linter says of a prediction."""

import pytest
from django.db import IntegrityError
from django.utils import translation

from curriculum.course import get_course
from curriculum.domain import AnswerError, record_prediction, start_attempt
from curriculum.enums import Asks, Confidence
from curriculum.models import Answer
from curriculum.predictions import (
    Prediction,
    brier_score,
    is_right,
    move_choice,
    read_value,
    shuffle_choices,
    spell_value,
)
from curriculum.queries import predictions
from curriculum.text import Text

NUMBER = Prediction(
    asks=Asks.NUMBER, right="140", tolerance=20, unit=Text({"pt-br": "mensagens", "en": "messages"})
)
ORDER = Prediction(
    asks=Asks.ORDER, choices=("syn", "syn-ack", "ack"), labels={"syn": Text({"pt-br": "pede", "en": "asks"})}
)
CHOICE = Prediction(choices=("64", "62"), right="62")


@pytest.mark.parametrize(
    ("prediction", "value", "kept"),
    [
        (CHOICE, "64", "64"),
        (CHOICE, "63", None),
        (NUMBER, "0,5", "0.5"),
        (NUMBER, "+12", "12"),
        (NUMBER, "1.000.000", None),
        (NUMBER, "many", None),
        (NUMBER, "٦٢", None),
        (ORDER, "ack, syn,syn-ack", "ack,syn,syn-ack"),
        (ORDER, "syn,ack", None),
        (ORDER, "syn,syn,ack", None),
    ],
)
def test_a_value_is_kept_in_one_spelling_or_refused(prediction, value, kept):
    assert read_value(prediction, value) == kept


@pytest.mark.parametrize(
    ("value", "right"), [("120", True), ("160.0", True), ("160.5", False), ("60", False)]
)
def test_a_number_is_right_within_its_tolerance(value, right):
    assert is_right(NUMBER, value, "140") is right


def test_an_order_is_right_as_a_whole():
    assert is_right(ORDER, "syn,syn-ack,ack", ORDER.answer)
    assert not is_right(ORDER, "syn,ack,syn-ack", ORDER.answer)


def test_a_value_is_told_with_its_words_and_its_unit():
    with translation.override("en"):
        assert spell_value(NUMBER, "140") == "140 messages"
        assert spell_value(ORDER, "syn,ack,syn-ack") == "asks → ack → syn-ack"


def test_an_order_is_first_shown_shuffled_and_the_same_every_time():
    shown = {seed: shuffle_choices(ORDER.choices, seed) for seed in map(str, range(50))}
    assert all(sorted(items) == ["ack", "syn", "syn-ack"] for items in shown.values())
    assert list(ORDER.choices) not in shown.values()
    assert shown["7"] == shuffle_choices(ORDER.choices, "7")


@pytest.mark.parametrize(
    ("move", "then"),
    [
        ("b up", ["b", "a", "c"]),
        ("b down", ["a", "c", "b"]),
        ("a up", ["a", "b", "c"]),
        ("c down", ["a", "b", "c"]),
        ("d up", ["a", "b", "c"]),
        ("b sideways", ["a", "b", "c"]),
    ],
)
def test_an_item_changes_places_with_its_neighbour(move, then):
    assert move_choice(["a", "b", "c"], move) == then


def test_the_brier_score_is_the_mean_squared_distance():
    made = [{"confidence": 95, "is_right": True}, {"confidence": 50, "is_right": False}]
    assert brier_score(made) == pytest.approx((0.05**2 + 0.5**2) / 2)
    assert brier_score([]) is None


@pytest.mark.django_db
class TestCommitting:
    @pytest.fixture
    def loss(self):
        return get_course().lab("packet-loss")

    def test_what_was_right_is_kept_beside_it(self, ana, loss):
        attempt = start_attempt(ana, loss)
        record_prediction(attempt, loss.step("predict-many"), " 130 ", Confidence.RATHER_SURE)
        made = predictions(attempt)["predict-many"]
        assert (made.value, made.confidence, made.truth, made.is_right) == ("130", 75, "140", True)

    def test_a_parameter_may_be_the_right_answer(self, ana, folder):
        folder.change("lab.yaml", '{choices: ["64", "63", "62", "61"], right: "62"}', SEEDED)
        folder.change("solution.yaml", 'value: "62"', 'value: "${port}"')
        for mutant in folder.path("mutants").iterdir():
            mutant.write_text(
                mutant.read_text().replace('step: predict-ttl, value: "6', 'step: predict-ttl, value: "1')
            )
        lab = folder.lab()
        attempt = start_attempt(ana, lab)
        made = record_prediction(attempt, lab.step("predict-ttl"), "1", Confidence.GUESS)
        assert made.truth == str(attempt.parameters["port"]) and made.is_right is False

    @pytest.mark.parametrize("confidence", [None, 0, 60, 100])
    def test_a_confidence_that_is_not_offered_is_refused(self, ana, loss, confidence):
        with pytest.raises(AnswerError, match="how sure"), translation.override("en"):
            record_prediction(start_attempt(ana, loss), loss.step("predict-many"), "140", confidence)

    def test_a_value_that_cannot_be_one_is_refused(self, ana, loss):
        with pytest.raises(AnswerError, match="Type a number"), translation.override("en"):
            record_prediction(start_attempt(ana, loss), loss.step("predict-many"), "most", Confidence.SURE)

    def test_the_database_takes_one_prediction_for_a_step(self, ana, loss):
        attempt = start_attempt(ana, loss)
        made = record_prediction(attempt, loss.step("predict-many"), "130", Confidence.SURE)
        with pytest.raises(IntegrityError):
            Answer.objects.create(attempt=attempt, step=made.step, value="140", confidence=95)


SEEDED = '{asks: number, right: "${port}", tolerance: 5}'
ASKED = '{choices: ["64", "63", "62", "61"], right: "62"}'


@pytest.mark.parametrize(
    ("prediction", "mend"),
    [
        ('{choices: ["64", "62"], right: "61"}', "'61' cannot be answered; write one of the choices"),
        ('{choices: ["62"], right: "62"}', "give at least 2 choices"),
        ('{choices: ["64", "62", "62"], right: "62"}', "a choice is here twice"),
        ('{choices: ["64", "62"], right: "62", tolerance: 1}', "asks 'choice' has no 'tolerance'"),
        ("{asks: number, right: many}", "write a number"),
        ('{asks: number, right: "62", choices: ["62"]}', "asks 'number' has no 'choices'"),
        ('{asks: number, right: "${carla.ip}"}', "${carla.ip} is no parameter"),
        ("{asks: order, choices: [a, b]}", "give at least 3 choices"),
        ('{asks: order, choices: [a, b, "c,d"]}', "holds no comma"),
        ("{asks: order, choices: [a, b, c], labels: {d: {pt-br: D, en: D}}}", "there is no choice 'd'"),
        ("{asks: order, choices: [a, b, c], right: a}", "asks 'order' has no 'right'"),
    ],
)
def test_a_prediction_that_does_not_fit_is_told(folder, prediction, mend):
    folder.change("lab.yaml", ASKED, prediction)
    assert any(mend in problem.mend and "steps[2]" in problem.key for problem in folder.problems())


def test_a_prediction_no_command_waits_for_is_told(folder):
    folder.change("lab.yaml", "    before: predict-ttl\n", "")
    assert "no command waits for it" in folder.only_problem().mend


def test_a_solution_that_predicts_wrongly_is_told(folder):
    folder.change("solution.yaml", 'step: predict-ttl, value: "62"', 'step: predict-ttl, value: "64"')
    assert "the solution predicts '64', but right is '62'" in folder.only_problem().mend


def test_a_play_may_be_sure_only_of_a_prediction(folder):
    folder.change("solution.yaml", "step: answer-ttl,", "step: answer-ttl, confidence: sure,")
    assert "only an answer at a predict step" in folder.only_problem().mend
