"""Theory pages and their drawings."""

import shutil

from curriculum.course import CONTENT, get_course, load_course
from curriculum.text import LANGUAGES

FIGURES_WANTED = 4


def test_a_written_chapter_has_the_same_sections_and_drawings_in_both_languages():
    for chapter in (chapter for chapter in get_course().chapters if chapter.has_theory):
        pages = {language: chapter.theory(language) for language in LANGUAGES}
        assert len({len(chapter.sections(language)) for language in LANGUAGES}) == 1, chapter.slug
        assert len({page.count("<figure") for page in pages.values()}) == 1, chapter.slug
        assert all(page.count("<figure") >= FIGURES_WANTED for page in pages.values()), chapter.slug


def test_every_section_can_be_pointed_at():
    for chapter in get_course().chapters:
        for language in LANGUAGES:
            anchors = [anchor for anchor, _ in chapter.sections(language)]
            assert len(set(anchors)) == len(anchors)
            assert all(f'id="{anchor}"' in chapter.theory(language) for anchor in anchors)


def test_a_chapter_may_be_announced_before_it_is_written(tmp_path):
    (tmp_path / "01-foundations").mkdir()
    shutil.copy(CONTENT / "01-foundations" / "chapter.yaml", tmp_path / "01-foundations")
    (chapter,) = load_course(tmp_path).chapters
    assert not chapter.has_theory
    assert chapter.theory("en") is None and chapter.sections("en") == ()
