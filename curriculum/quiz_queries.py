"""Questions about students' quizzes."""

from collections.abc import Iterable

from django.db.models import Count, Q

from curriculum.models import QuizAnswer, QuizAttempt, QuizQuestion
from curriculum.quizzes import Question, Quiz
from curriculum.specs import Chapter


def scored_attempts(student):
    """Attempts, newest first, with how many questions are `answered` and how many of them `right`."""
    scored = QuizAttempt.objects.filter(student=student).annotate(
        answered=Count("answers"),
        right=Count("answers", filter=Q(answers__is_right=True)),
    )
    return scored.order_by("-started_at")


def open_attempt(student, chapter: Chapter) -> QuizAttempt | None:
    """The newest attempt, while it can go on: an attempt at another version of the quiz is over."""
    attempt = scored_attempts(student).filter(chapter=chapter.slug).first()
    goes_on = attempt and chapter.quiz and attempt.quiz_version == chapter.quiz.version
    return attempt if goes_on and attempt.answered < attempt.total else None


def quiz_progress(student) -> dict[str, dict]:
    """By chapter: {"best", "last", "attempts"}, where `best` and `last` are finished attempts, scored. One
    query, however many attempts."""
    progress: dict[str, dict] = {}
    for attempt in scored_attempts(student):
        if attempt.answered < attempt.total:
            continue
        known = progress.setdefault(attempt.chapter, {"best": attempt, "last": attempt, "attempts": 0})
        known["attempts"] += 1
        if share(attempt) > share(known["best"]):
            known["best"] = attempt
    return progress


def share(attempt) -> float:
    """Of all questions, those that were answered right."""
    return attempt.right / attempt.total if attempt.total else 0.0


def asked_last(attempt: QuizAttempt) -> dict[str, QuizQuestion]:
    """Each question as it was asked last."""
    return {asked.question: asked for asked in attempt.asked.order_by("asked_at", "id")}


def quiz_answers(attempt: QuizAttempt) -> dict[str, QuizAnswer]:
    return {each.question: each for each in attempt.answers.select_related("asked")}


def next_question(quiz: Quiz, answered: Iterable[str]) -> Question | None:
    """The first one without an answer."""
    done = set(answered)
    return next((question for question in quiz.questions if question.key not in done), None)


def first_answers(students, chapter: str) -> list[QuizAnswer]:
    """The first answer of each student to each question of the chapter: later ones know what was right."""
    found: dict[tuple, QuizAnswer] = {}
    answers = QuizAnswer.objects.filter(attempt__student__in=students, attempt__chapter=chapter)
    for answer in answers.select_related("attempt", "asked").order_by("answered_at", "id"):
        found.setdefault((answer.attempt.student_id, answer.question), answer)
    return list(found.values())
