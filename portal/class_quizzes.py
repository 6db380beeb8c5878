"""What a class answered at a quiz: for each question the share that was right, and which wrong ideas
were how frequent. Each student counts once, with the first answer: later ones know what was right."""

from collections import Counter
from collections.abc import Iterable

from django.shortcuts import get_object_or_404, render
from django.utils.html import escape, format_html, format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from curriculum import quiz_queries
from curriculum.course import get_course
from curriculum.models import QuizAnswer
from curriculum.parameters import fill_prose
from curriculum.predictions import split_order
from curriculum.quizzes import CHOSEN, Question
from curriculum.specs import Chapter
from portal import access
from portal.chapters import chapter_or_404
from portal.classes import first_or_404
from portal.models import Classroom
from portal.quiz_words import section_of

WIDTH = 240  # of a bar that stands for all
SHOWN = 6  # wrong ideas of one question; the others are put together


@require_safe
def quizzes(request, class_id):
    """Of the chapter in `?chapter=` (the first that has a quiz if none is named)."""
    classroom = get_object_or_404(access.taught_classrooms(request.user), pk=class_id)
    chapters = [each for each in get_course().chapters if each.quiz]
    chapter = chapter_or_404(request.GET["chapter"]) if "chapter" in request.GET else first_or_404(chapters)
    context = {
        "classroom": classroom,
        "with_quiz": chapters,
        "chapter": chapter,
        "questions": questions_told(classroom, chapter),
    }
    return render(request, "class_quizzes.html", context)


def questions_told(classroom: Classroom, chapter: Chapter) -> list[dict]:
    """{"spec", "total", "right", "percent", "width", "wrong": [{"words", "count", "width"}]} for each
    question of the quiz, in one query."""
    said: dict[str, list[QuizAnswer]] = {}
    for answer in quiz_queries.first_answers(classroom.students.all(), chapter.slug):
        said.setdefault(answer.question, []).append(answer)
    asked = chapter.quiz.questions if chapter.quiz else ()
    return [
        {**question_told(each, said.get(each.key, [])), "section": section_of(chapter, each)}
        for each in asked
    ]


def question_told(spec: Question, said: list[QuizAnswer]) -> dict:
    total, right = len(said), sum(each.is_right for each in said)
    return {
        "spec": spec,
        "title": fill_prose(escape(str(spec.title)), {}),
        "text": fill_prose(str(spec.text), {}),
        "total": total,
        "right": right,
        "percent": round(100 * right / total) if total else 0,
        "width": WIDTH * right // total if total else 0,
        "wrong": wrong_ideas(spec, [each for each in said if not each.is_right], total),
    }


def wrong_ideas(spec: Question, wrong: list[QuizAnswer], total: int) -> list[dict]:
    """The most frequent first. A numbers question's wrong idea is the mistake that gives the number; what
    no known mistake gives is told by its value."""
    counted = Counter(idea for each in wrong for idea in ideas_of(spec, each))
    shown = counted.most_common(SHOWN)
    left = sum(counted.values()) - sum(count for _idea, count in shown)
    rows = [(idea_told(spec, idea), count) for idea, count in shown]
    rows += [(_("other answers"), left)] if left else []
    return [{"words": words, "count": count, "width": WIDTH * count // total} for words, count in rows]


def ideas_of(spec: Question, answer: QuizAnswer) -> Iterable[tuple[str, str]]:
    """(kind, key): of several choices each that was wrong, or was left out."""
    if spec.kind in CHOSEN:
        chosen, right = set(split_order(answer.value)), set(split_order(answer.asked.truth))
        yield from (("chosen", key) for key in chosen - right)
        if spec.kind == "multiple":
            yield from (("left", key) for key in right - chosen)
    elif answer.mistake:
        yield "mistake", answer.mistake
    else:
        yield "value", answer.value


def idea_told(spec: Question, idea: tuple[str, str]) -> str:
    kind, key = idea
    if kind == "value" and spec.kind == "order":
        words = [fill_prose(str(spec.words.get(item, item)), {}) for item in split_order(key)]
        return format_html_join(" → ", "{}", ([each] for each in words))
    if kind == "value" or key not in spec.words:
        return key
    words = fill_prose(str(spec.words[key]), {})
    return format_html("{} {}", _("left out:"), words) if kind == "left" else words
