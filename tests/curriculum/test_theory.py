"""Theory pages and their drawings."""

from curriculum.course import get_course
from curriculum.text import LANGUAGES


def test_theory_is_there_in_both_languages_and_only_where_it_is_written():
    first, second = get_course().chapters[:2]
    assert first.has_theory and not second.has_theory
    assert second.theory("en") is None and second.sections("en") == ()
    for language in LANGUAGES:
        assert first.theory(language).count("<figure") >= 3
        assert all(f'id="{anchor}"' in first.theory(language) for anchor, _ in first.sections(language))
