"""What the course's mutants fail with is what the checks say, as far as it is known without playing them."""

import pytest

from curriculum.course import get_course
from curriculum.enums import ConditionKind
from k8s_tasks.checks import answer

LABS = [lab for chapter in get_course().chapters for lab in chapter.labs]
OWN_WORDS = ("reply-ttl", "silence")


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_a_wrong_answer_is_told_in_the_words_that_its_mutants_wait_for(lab):
    kinds = {each.key: each for each in lab.conditions if each.kind == ConditionKind.ANSWER}
    for mutant in lab.mutants:
        for key, words in mutant.fails.items():
            if key in kinds and kinds[key].parsed.equals not in OWN_WORDS:
                told = sentences(kinds[key].parsed, mutant)
                assert any(words in each for each in told), (mutant.name, key, told)


def sentences(settings, mutant) -> list[str]:
    """All that can be said of the answer that the mutant gives, or does not give."""
    is_live = bool(settings.tolerance) or answer.is_read_live(settings)
    typed = [each.value for each in mutant.acts if each.step == settings.step and each.value]
    wrong = answer.judge_value("right", typed[-1] if typed else "wrong", is_live=is_live)
    return [answer.NO_ANSWER, answer.NOTHING_YET, wrong.reason["en"]]
