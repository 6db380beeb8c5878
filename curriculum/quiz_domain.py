"""Acts on a student's quizzes: begin, be asked, answer. Nothing that was written is changed."""

import secrets
from collections.abc import Mapping
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from curriculum.cel import CelError
from curriculum.domain import SEED_BITS, AnswerError
from curriculum.enums import QuestionKind, Spelling, WhyDrawn
from curriculum.marking import mark, read_said
from curriculum.models import QuizAnswer, QuizAttempt, QuizQuestion
from curriculum.quiz_queries import open_attempt
from curriculum.quizzes import Draw, Question, draw
from curriculum.specs import Chapter

ASKED_AGAIN = 20  # times; each looks at a cluster
BEGUN_A_DAY = 50  # attempts at one quiz
_CHOOSE = gettext_lazy("Choose one of the answers offered.")
_REFUSED = {
    QuestionKind.SINGLE: _CHOOSE,
    QuestionKind.MULTIPLE: gettext_lazy("Choose at least one of the answers offered."),
    QuestionKind.NUMBER: gettext_lazy("Type a number, such as 12 or 0.5."),
    QuestionKind.ORDER: gettext_lazy("Put every item in its place, each once."),
    Spelling.ADDRESS: gettext_lazy("Type an IP address, such as 192.0.2.7."),
    Spelling.NETWORK: gettext_lazy("Type a network with its prefix, such as 192.0.2.0/24."),
    Spelling.NAME: gettext_lazy("Type a name of letters, digits, hyphens and points."),
    Spelling.WORD: gettext_lazy("Choose or type an answer first."),
}


def start_quiz(student, chapter: Chapter) -> QuizAttempt:
    """The attempt the student is at, or a new one with numbers of its own. Raises AnswerError."""
    with transaction.atomic():
        # Two clicks at once must not begin two: the student's row is the lock.
        get_user_model().objects.select_for_update().get(pk=student.pk)
        if found := open_attempt(student, chapter):
            return found
        since = timezone.now() - timedelta(days=1)
        mine = QuizAttempt.objects.filter(student=student, chapter=chapter.slug, started_at__gt=since)
        if mine.count() >= BEGUN_A_DAY:
            raise AnswerError(_("You have begun this quiz very often today. Come back tomorrow."))
        return QuizAttempt.objects.create(
            student=student,
            chapter=chapter.slug,
            quiz_version=chapter.quiz.version,
            seed=secrets.randbits(SEED_BITS),
            total=len(chapter.quiz.questions),
        )


def ask(
    attempt: QuizAttempt,
    question: Question,
    *,
    live: Mapping[str, object] | None = None,
    lab: str = "",
    why_drawn: str = "",
) -> QuizQuestion:
    """Ask a question that has no answer yet, with what was read `live` in a session of `lab`, or with
    drawn values and why. Raises AnswerError."""
    if attempt.answers.filter(question=question.key).exists():
        raise AnswerError(_("This question is already answered; an answer cannot be changed."))
    if attempt.asked.filter(question=question.key).count() >= ASKED_AGAIN:
        raise AnswerError(_("This question was asked often enough: answer it as it stands."))
    drawn, lab, why_drawn = _draw(attempt, question, live, lab, why_drawn)
    return attempt.asked.create(
        question=question.key,
        given=drawn.given,
        truth=drawn.truth,
        mistakes=drawn.mistakes,
        lab=lab,
        why_drawn=why_drawn,
    )


def _draw(
    attempt: QuizAttempt, question: Question, live: Mapping[str, object] | None, lab: str, why_drawn: str
) -> tuple[Draw, str, str]:
    """What a cluster says may not fit a question; the drawn values always do."""
    if live:
        try:
            drawn = draw(question, attempt.seed, live)
            if read_said(question, drawn.truth) is not None:
                return drawn, lab, ""
        except CelError:
            pass
        why_drawn = WhyDrawn.NOT_THERE
    return draw(question, attempt.seed), "", why_drawn


def answer(attempt: QuizAttempt, question: Question, value: str, *, asked_id: str) -> QuizAnswer:
    """Keep and mark an answer to the question as it was asked last; `asked_id` is the asking the student
    has read. Raises AnswerError."""
    said = read_said(question, value)
    if said is None:
        kind = question.accepts if question.kind == QuestionKind.TEXT else question.kind
        raise AnswerError(str(_REFUSED[kind]))
    with transaction.atomic():
        # Two clicks at once must not answer twice: the attempt's row is the lock.
        QuizAttempt.objects.select_for_update().get(pk=attempt.pk)
        asked = attempt.asked.filter(question=question.key).last()
        if asked is None or str(asked.pk) != asked_id:
            raise AnswerError(_("This question was asked anew meanwhile: read it again."))
        if attempt.answers.filter(question=question.key).exists():
            raise AnswerError(_("This question is already answered; an answer cannot be changed."))
        marked = mark(question, said, truth=asked.truth, mistakes=asked.mistakes)
        return attempt.answers.create(
            asked=asked,
            question=question.key,
            value=said,
            is_right=marked.is_right,
            mistake=marked.mistake,
        )
