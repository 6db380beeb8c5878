"""What a student writes is kept, and the way to the original leads back too."""

import pytest

from curriculum.domain import (
    AnswerError,
    bring_back_draft,
    return_to_original,
    save_draft,
    start_attempt,
)
from curriculum.enums import StepKind
from curriculum.queries import drafts
from curriculum.specs import Step

EDIT = Step(key="write", kind=StepKind.EDIT, manifest="allow", title={}, text={}, hints=())


@pytest.fixture
def attempt(ana, lab):
    return start_attempt(ana, lab)


def kept(attempt) -> tuple[str, str]:
    draft = drafts(attempt)["write"]
    return draft.text, draft.before


def test_the_newest_text_is_kept_with_the_lines_of_a_file(attempt):
    save_draft(attempt, EDIT, "kind: Pod\r\n")
    save_draft(attempt, EDIT, "kind: Service\r\nspec:\r\n")
    assert kept(attempt) == ("kind: Service\nspec:\n", "")


def test_back_to_the_original_and_forth_again(attempt):
    save_draft(attempt, EDIT, "mine")
    return_to_original(attempt, EDIT)
    assert kept(attempt) == ("", "mine")
    return_to_original(attempt, EDIT)
    assert kept(attempt) == ("", "mine")
    bring_back_draft(attempt, EDIT)
    assert kept(attempt) == ("mine", "")


def test_two_texts_change_places(attempt):
    save_draft(attempt, EDIT, "mine")
    return_to_original(attempt, EDIT)
    save_draft(attempt, EDIT, "another")
    bring_back_draft(attempt, EDIT)
    assert kept(attempt) == ("mine", "another")


def test_a_long_text_and_another_kind_of_step_are_refused(attempt, lab):
    save_draft(attempt, EDIT, "ç" * 32 * 1024)
    with pytest.raises(AnswerError, match="64"):
        save_draft(attempt, EDIT, "ç" * 32 * 1024 + "x")
    with pytest.raises(AnswerError):
        save_draft(attempt, lab.step("addresses"), "x")
