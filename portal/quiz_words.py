"""The words of a question and of its answer, with the numbers it was asked with."""

from collections.abc import Mapping

from django.utils.html import escape
from django.utils.safestring import SafeString

from curriculum.enums import QuestionKind
from curriculum.models import QuizAnswer, QuizQuestion
from curriculum.parameters import fill_prose
from curriculum.predictions import split_order
from curriculum.quizzes import CHOSEN, TYPED, Question
from curriculum.specs import Chapter
from curriculum.text import FIRST_LANGUAGE, Text
from portal.language import page_language


def asked_words(spec: Question, asked: QuizQuestion) -> dict:
    """{"title", "text", "about", "choices"}: `about` is the sentence for live or for drawn values."""
    about = spec.if_live if asked.lab else spec.if_drawn
    return {
        "title": fill_prose(escape(str(spec.title)), asked.given),
        "text": filled(spec.text, asked.given),
        "about": filled(about, asked.given) if about and spec.live else "",
        "choices": {choice: filled(spec.words[choice], asked.given) for choice in spec.choices},
    }


def told_words(spec: Question, answer: QuizAnswer) -> dict:
    """What is told of an answer: {"said", "truth", "why", "mistake", "choices"}. `mistake` has the words of
    the wrong model the answer comes from; `choices` tell of each choice that is worth a word."""
    given = answer.asked.given
    mistake = answer.mistake if spec.kind in TYPED and answer.mistake in spec.told_of else ""
    return {
        "said": spell_answer(spec, given, answer.value),
        "truth": spell_answer(spec, given, answer.asked.truth),
        "why": filled(spec.why, given),
        "mistake": {
            "words": filled(spec.words[mistake], given),
            "html": filled(spec.told_of[mistake], given),
        }
        if mistake
        else None,
        "choices": choices_told(spec, answer) if spec.kind in CHOSEN else [],
    }


def choices_told(spec: Question, answer: QuizAnswer) -> list[dict]:
    """Each choice with {"words", "html", "is_right", "is_chosen"}."""
    chosen = set(split_order(answer.value))
    right = set(split_order(answer.asked.truth))
    return [
        {
            "words": filled(spec.words[choice], answer.asked.given),
            "html": filled(spec.told_of[choice], answer.asked.given),
            "is_right": choice in right,
            "is_chosen": choice in chosen,
        }
        for choice in spec.choices
    ]


def spell_answer(spec: Question, given: Mapping, value: str) -> list[SafeString]:
    """One line, or one for each choice; a choice the quiz has dropped stands as its key."""
    if spec.kind == QuestionKind.NUMBER:
        return [escape(f"{value} {spec.unit}" if spec.unit else value)]
    if spec.kind == QuestionKind.TEXT:
        return [escape(value)]
    return [
        filled(spec.words[item], given) if item in spec.words else escape(item) for item in split_order(value)
    ]


def section_of(chapter: Chapter, spec: Question) -> dict:
    """{"id", "title"} of the section to read again, in the page's language: its place is the same in both."""
    ids = [key for key, _title in chapter.sections(FIRST_LANGUAGE)]
    key, title = chapter.sections(page_language())[ids.index(spec.read)]
    return {"id": key, "title": title}


def filled(text: Text, given: Mapping) -> SafeString:
    return fill_prose(str(text), given)
