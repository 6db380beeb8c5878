"""The course that is shipped."""

import pytest
from django.utils import translation

from curriculum.course import get_course, hash_folder
from curriculum.text import LANGUAGES


def test_the_course_has_six_chapters_in_order():
    course = get_course()
    assert [chapter.number for chapter in course.chapters] == [1, 2, 3, 4, 5, 6]
    assert course.chapters[0].slug == "foundations"


def test_every_chapter_tells_its_topics_and_what_it_stands_on():
    for chapter in get_course().chapters:
        for language in LANGUAGES:
            assert chapter.summary[language] and chapter.tanenbaum[language]
            assert all(topic[language] for topic in chapter.topics)


def test_every_lab_of_the_plan_is_written_or_announced():
    numbers = {lab.number for lab in get_course().labs}
    numbers |= {planned.number for chapter in get_course().chapters for planned in chapter.planned}
    assert {f"{chapter}.{lab}" for chapter in range(1, 7) for lab in range(1, 5)} <= numbers
    assert {"5.5", "6.5"} <= numbers
    assert len(numbers) == 26


def test_unknown_names_are_key_errors(lab):
    with pytest.raises(KeyError):
        get_course().lab("no-such-lab")
    with pytest.raises(KeyError):
        get_course().chapter("no-such-chapter")
    with pytest.raises(KeyError):
        lab.step("no-such-step")


def test_steps_have_their_words_in_both_languages(lab):
    for step in lab.steps:
        for language in LANGUAGES:
            assert step.title[language] and "<p>" in step.body(language)
            assert all("<p>" in hint[language] for hint in step.hints)


def test_the_prediction_stands_before_the_ping_that_answers_it(lab):
    keys = [step.key for step in lab.steps]
    assert lab.step("ping-across").before == "predict-ttl"
    assert keys.index("predict-ttl") < keys.index("ping-across")


def test_texts_follow_the_active_language(lab):
    with translation.override("en"):
        assert str(lab.title) == "ping and netcat between pods"
    with translation.override("pt-br"):
        assert str(lab.title) == "ping e netcat entre pods"
    assert lab.title["de"] == lab.title["pt-br"]
    assert lab.title["en-gb"] == lab.title["en"]


def test_the_version_changes_with_any_byte_of_the_folder(folder):
    before = hash_folder(folder.path("."))
    assert hash_folder(folder.path(".")) == before
    folder.change("manifests/pods.yaml", "NET_RAW", "SYS_TIME")
    assert hash_folder(folder.path(".")) != before
