"""The quiz of a chapter: one question at a time, told at once what was right and why.

What is asked is written down when it is asked, so that it is marked against what the student has read.
Everything that writes is a POST; a question's page shows the form, or, once it is answered, what is
told of the answer. Nothing of the answer is in the page before.
"""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from curriculum import quiz_domain, quiz_queries
from curriculum.course import get_course
from curriculum.domain import AnswerError
from curriculum.enums import QuestionKind, WhyDrawn
from curriculum.models import QuizAttempt, QuizQuestion
from curriculum.predictions import SEPARATOR, move_choice
from curriculum.quizzes import Question, Quiz, lettered
from curriculum.specs import Chapter
from k8s_tasks import quiz_facts
from k8s_tasks.quiz_facts import Look
from portal import access
from portal.chapters import chapter_or_404
from portal.quiz_words import asked_words, section_of, told_words


@dataclass(frozen=True)
class Sitting:
    """A student at a quiz that is as it was when they began."""

    attempt: QuizAttempt
    chapter: Chapter
    quiz: Quiz


@require_safe
def quiz(request, slug):
    chapter = chapter_with_quiz(slug)
    attempts = quiz_queries.scored_attempts(request.user).filter(chapter=slug)
    context = {
        "chapter": chapter,
        "quiz": chapter.quiz,
        "attempts": attempts,
        "open": quiz_queries.open_attempt(request.user, chapter),
        "progress": quiz_queries.quiz_progress(request.user).get(slug),
    }
    return render(request, "quiz.html", context)


@require_POST
def start(request, slug):
    """Goes on with the attempt that is not finished, or begins one with other numbers."""
    chapter = chapter_with_quiz(slug)
    try:
        attempt = quiz_domain.start_quiz(request.user, chapter)
    except AnswerError as refusal:
        messages.error(request, str(refusal))
        return redirect("quiz", slug=slug)
    answered = quiz_queries.quiz_answers(attempt)
    following = quiz_queries.next_question(chapter.quiz, answered)
    return ask_and_show(request, Sitting(attempt, chapter, chapter.quiz), following)


@require_POST
def ask(request, attempt_id, question):
    """Ask the question, or ask it anew with what the cluster says now."""
    sitting = sitting_or_404(request, attempt_id)
    return ask_and_show(request, sitting, question_or_404(sitting, question), anew=True)


def ask_and_show(request, sitting: Sitting, question: Question, *, anew: bool = False):
    if anew or question.key not in quiz_queries.asked_last(sitting.attempt):
        seen = quiz_facts.look(request.user, question.live) if question.live else Look()
        try:
            quiz_domain.ask(sitting.attempt, question, live=seen.values, lab=seen.lab, why_drawn=seen.why)
        except AnswerError as refusal:
            messages.error(request, str(refusal))
    return redirect("quiz-question", attempt_id=sitting.attempt.pk, question=question.key)


@require_http_methods(["GET", "HEAD", "POST"])
def question(request, attempt_id, question):
    sitting = sitting_or_404(request, attempt_id)
    spec = question_or_404(sitting, question)
    asked = quiz_queries.asked_last(sitting.attempt).get(question)
    if asked is None:
        return redirect("quiz-result", attempt_id=attempt_id)
    if request.method != "POST":
        return render(request, "quiz_question.html", question_context(sitting, spec, asked))
    values = request.POST.getlist("value")
    if "move" in request.POST:
        values = move_choice(values, request.POST["move"])
        return render(request, "quiz_question.html", question_context(sitting, spec, asked, values))
    try:
        asked_id = request.POST.get("asked", "")
        quiz_domain.answer(sitting.attempt, spec, read_values(sitting, spec, values), asked_id=asked_id)
    except AnswerError as refusal:
        context = question_context(sitting, spec, asked, values) | {"error": str(refusal)}
        return render(request, "quiz_question.html", context, status=422)
    return redirect("quiz-question", attempt_id=attempt_id, question=question)


@require_safe
def result(request, attempt_id):
    """What was answered, and what to read again; also for those who teach the student."""
    attempt = get_object_or_404(access.visible_quiz_attempts(request.user), pk=attempt_id)
    chapter = chapter_or_404(attempt.chapter)
    told = answers_told(attempt, chapter)
    wrong = [each for each in told if not each["answer"].is_right]
    is_own = attempt.student == request.user
    context = {
        "attempt": attempt,
        "chapter": chapter,
        "is_own": is_own,
        "told": told,
        "right": len(told) - len(wrong),
        "is_finished": len(told) >= attempt.total,
        "is_open": is_own and goes_on(attempt, chapter),
        "read_again": read_again(wrong),
    }
    return render(request, "quiz_result.html", context)


def goes_on(attempt: QuizAttempt, chapter: Chapter) -> bool:
    found = quiz_queries.open_attempt(attempt.student, chapter)
    return found is not None and found.pk == attempt.pk


def question_context(
    sitting: Sitting, spec: Question, asked: QuizQuestion, values: list[str] | None = None
) -> dict:
    """`values` are what a form that comes back held."""
    answers = quiz_queries.quiz_answers(sitting.attempt)
    answer = answers.get(spec.key)
    following = quiz_queries.next_question(sitting.quiz, answers)
    number = [each.key for each in sitting.quiz.questions].index(spec.key) + 1
    context = {
        "attempt": sitting.attempt,
        "chapter": sitting.chapter,
        "spec": spec,
        "asked": asked,
        "number": number,
        "total": len(sitting.quiz.questions),
        "marks": [marks_of(each, answers, spec) for each in sitting.quiz.questions],
        "words": asked_words(spec, asked),
        "lab": live_lab(sitting.chapter, spec),
        "why_drawn": why_drawn(asked),
        "answer": answer,
        "following": following,
    }
    if answer:
        return context | {"told": told_words(spec, answer), "section": section_of(sitting.chapter, spec)}
    options = options_of(sitting, spec, asked, values)
    order = [(option["letter"], option["words"]) for option in options]
    return context | {"options": options, "order": order, "typed": (values or [""])[0]}


def marks_of(question: Question, answers: dict, current: Question) -> dict:
    """Where the quiz stands, one mark for each question."""
    answer = answers.get(question.key)
    state = ("right" if answer.is_right else "wrong") if answer else "open"
    return {"key": question.key, "state": state, "is_current": question.key == current.key}


def options_of(sitting: Sitting, spec: Question, asked: QuizQuestion, values: list[str] | None) -> list[dict]:
    """Each choice under the letter that stands for it in the form."""
    letters = lettered(spec, sitting.attempt.seed)
    if spec.kind == QuestionKind.ORDER and values and sorted(values) == sorted(letters):
        letters = {letter: letters[letter] for letter in values}
    words = asked_words(spec, asked)["choices"]
    return [
        {"letter": letter, "words": words[choice], "is_chosen": letter in (values or [])}
        for letter, choice in letters.items()
    ]


def read_values(sitting: Sitting, spec: Question, values: list[str]) -> str:
    """What the form holds, with the letters of choices turned into their keys."""
    if not spec.choices:
        return values[0] if values else ""
    letters = lettered(spec, sitting.attempt.seed)
    return SEPARATOR.join(letters.get(value, "?") for value in values)


def why_drawn(asked: QuizQuestion) -> str:
    sentences = {
        WhyDrawn.NO_SESSION: _("No lab of yours is running, so the numbers are made up."),
        WhyDrawn.NOT_THERE: _("Your lab does not have what is asked for yet, so the numbers are made up."),
        WhyDrawn.UNREACHABLE: _("Your cluster did not answer just now, so the numbers are made up."),
    }
    return sentences.get(WhyDrawn(asked.why_drawn), "") if asked.why_drawn else ""


def live_lab(chapter: Chapter, spec: Question):
    """The lab to start for a live question."""
    if spec.live is None:
        return None
    return next((lab for lab in chapter.labs if lab.slug == spec.live.labs[0]), None)


def answers_told(attempt: QuizAttempt, chapter: Chapter) -> list[dict]:
    """The answers in the order of the quiz, with their words; those to questions the quiz no longer asks
    come last, as they were kept."""
    answers = quiz_queries.quiz_answers(attempt)
    known = {each.key: each for each in chapter.quiz.questions} if chapter.quiz else {}
    order = [*(key for key in known if key in answers), *(key for key in answers if key not in known)]
    return [answer_told(chapter, known.get(key), answers[key]) for key in order]


def answer_told(chapter: Chapter, spec: Question | None, answer) -> dict:
    if spec is None:
        return {"spec": None, "answer": answer}
    return {
        "spec": spec,
        "answer": answer,
        "asked": answer.asked,
        "words": asked_words(spec, answer.asked),
        "told": told_words(spec, answer),
        "section": section_of(chapter, spec),
        "lab": next((lab for lab in chapter.labs if lab.slug == spec.lab), None),
    }


def read_again(wrong: list[dict]) -> list[dict]:
    """Sections and labs of what was wrong, each once."""
    found: dict[str, dict] = {}
    for each in wrong:
        if each["spec"]:
            place = found.setdefault(each["section"]["id"], {**each["section"], "labs": []})
            if each["lab"] and each["lab"] not in place["labs"]:
                place["labs"].append(each["lab"])
    return list(found.values())


def chapter_with_quiz(slug: str) -> Chapter:
    chapter = chapter_or_404(slug)
    if chapter.quiz is None:
        raise Http404(f"chapter {slug} has no quiz")
    return chapter


def sitting_or_404(request, attempt_id) -> Sitting:
    """An attempt of one's own; one at another version of the quiz can only be read."""
    attempt = get_object_or_404(access.own_quiz_attempts(request.user), pk=attempt_id)
    chapter = next((each for each in get_course().chapters if each.slug == attempt.chapter), None)
    if chapter is None or chapter.quiz is None or chapter.quiz.version != attempt.quiz_version:
        raise Http404("the quiz has changed since")
    return Sitting(attempt, chapter, chapter.quiz)


def question_or_404(sitting: Sitting, key: str) -> Question:
    try:
        return sitting.quiz.question(key)
    except KeyError:
        raise Http404(f"no question {key}") from None
