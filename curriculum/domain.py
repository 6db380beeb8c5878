"""Acts on a student's work: begin an attempt, answer, keep a proof."""

import re
import secrets
from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from curriculum.course import get_course
from curriculum.enums import Accepts, Asks, Confidence, StepKind
from curriculum.hints import hints_ahead
from curriculum.models import Answer, Attempt, ConditionPass, Draft, HintOpening, Lab
from curriculum.parameters import card_of, draw_parameters, render_argv, spell_argv, substitute
from curriculum.predictions import is_right, read_value
from curriculum.signals import attempt_passed
from curriculum.specs import CARD, Course, LabSpec, Step

__all__ = [
    "AnswerError",
    "bring_back_draft",
    "current_attempt",
    "keep_skipped",
    "record_answer",
    "record_prediction",
    "render_argv",
    "return_to_original",
    "save_draft",
    "spell_argv",
    "start_attempt",
    "store_pass",
    "substitute",
    "sync_labs",
]

SEED_BITS = 63
DRAFT_BYTES = 64 * 1024
_REFUSED = {
    Asks.CHOICE: gettext_lazy("Choose one of the answers offered."),
    Asks.NUMBER: gettext_lazy("Type a number, such as 12 or 0.5."),
    Asks.ORDER: gettext_lazy("Put every item in its place, each once."),
}
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class AnswerError(ValueError):
    """An answer that is not taken; the text is for the student, in their language."""


def start_attempt(student, lab: LabSpec, *, seed: int | None = None, card: str = "") -> Attempt:
    """A new attempt with parameters of its own, whether or not there are others. A recording gives its
    seed, so that the next one draws the same, and a play the card of a deck that it is about."""
    if seed is None:
        seed = draw_seed(lab, {card} if card else lab.deck.keys() - _cards_seen(student, lab))
    return Attempt.objects.create(
        student=student,
        lab=_sync_lab(lab),
        lab_version=lab.version,
        seed=seed,
        parameters=draw_parameters(lab, seed),
    )


def draw_seed(lab: LabSpec, cards: Collection[str]) -> int:
    """One that deals one of these cards, where there is a deck."""
    while True:
        seed = secrets.randbits(SEED_BITS)
        if not lab.deck or card_of(lab, seed) in cards:
            return seed


def _cards_seen(student, lab: LabSpec) -> set[str]:
    """A card comes again only when the student has seen all the others: these were dealt since then."""
    if not lab.deck:
        return set()
    dealt = Attempt.objects.filter(student=student, lab__slug=lab.slug).order_by("started_at")
    cards = list(dealt.values_list(f"parameters__{CARD}", flat=True))
    return set(cards[len(cards) - len(cards) % len(lab.deck) :])


def current_attempt(student, lab: LabSpec) -> Attempt | None:
    """The student's newest attempt at the lab."""
    return Attempt.objects.filter(student=student, lab__slug=lab.slug).order_by("-started_at").first()


def record_answer(attempt: Attempt, step: Step, value: str) -> Answer:
    """Keep an answer; raises AnswerError for a value that cannot be one."""
    return attempt.answers.create(step=step.key, value=_check_value(step, value.strip()))


def record_prediction(attempt: Attempt, step: Step, value: str, confidence: int | None) -> Answer:
    """Commit a prediction once, with what is right for this attempt. Raises AnswerError."""
    said = _check_prediction(step, value.strip())
    if confidence not in Confidence.values:
        raise AnswerError(_("Say how sure you are."))
    truth = read_value(step.prediction, substitute(step.prediction.answer, attempt.parameters))
    with transaction.atomic():
        # Two clicks at once must not commit two predictions: the attempt's row is the lock.
        Attempt.objects.select_for_update().get(pk=attempt.pk)
        if attempt.answers.filter(step=step.key).exists():
            raise AnswerError(_("Your prediction is already committed; it cannot be changed."))
        return attempt.answers.create(
            step=step.key,
            value=said,
            confidence=confidence,
            truth=truth,
            is_right=is_right(step.prediction, said, truth),
        )


def save_draft(attempt: Attempt, step: Step, text: str) -> Draft:
    """Keep what a student has written at an edit step; raises AnswerError for what cannot be kept."""
    if step.kind != StepKind.EDIT:
        raise AnswerError(_("There is nothing to edit in this step."))
    text = text.replace("\r\n", "\n")  # browsers send forms so
    if len(text.encode()) > DRAFT_BYTES:
        raise AnswerError(_("This text is too long: at most %d kB are taken.") % (DRAFT_BYTES // 1024))
    return Draft.objects.update_or_create(attempt=attempt, step=step.key, defaults={"text": text})[0]


def return_to_original(attempt: Attempt, step: Step) -> None:
    """Put the student's text aside."""
    Draft.objects.filter(attempt=attempt, step=step.key).exclude(text="").update(before=F("text"), text="")


def bring_back_draft(attempt: Attempt, step: Step) -> None:
    """The text that was put aside changes places with what is written now."""
    mine = Draft.objects.filter(attempt=attempt, step=step.key).exclude(before="")
    mine.update(text=F("before"), before=F("text"))


def open_hint(attempt: Attempt, step: Step, number: int, reasons: Mapping[str, str]) -> None:
    """Keep that a hint was opened; again is no change, and after passing nothing is counted. `reasons`
    are why conditions fail now, by condition.

    Raises AnswerError for a hint that does not come next, or is not there.
    """
    if attempt.passed_at:
        return
    opened = list(attempt.hints.filter(step=step.key).values_list("number", flat=True))
    if number not in (*opened, *hints_ahead(step.hints, opened, reasons)[:1]):
        raise AnswerError(_("Open the hints one after the other."))
    HintOpening.objects.get_or_create(attempt=attempt, step=step.key, number=number)


def keep_skipped(attempt: Attempt, lab: LabSpec, skipped: dict[str, dict]) -> None:
    """What cannot be proven on the cluster the attempt runs on, and why: the rest is enough there, also
    when all of it was proven before this was known."""
    if attempt.skipped != skipped:
        attempt.skipped = skipped
        with transaction.atomic():
            attempt.save(update_fields=["skipped"])
            _pass_attempt_if_complete(attempt, lab)


def store_pass(
    attempt: Attempt, condition: str, reason: dict, evidence: dict, *, is_helped: bool = False
) -> ConditionPass:
    """Keep a proven condition; the first proof stays. The attempt is passed with its last one.

    Raises KeyError for a condition the lab does not have.
    """
    lab = get_course().lab(attempt.lab.slug)
    lab.condition(condition)
    with transaction.atomic():
        facts = {"reason": reason, "evidence": evidence, "is_helped": is_helped}
        proof, _created = ConditionPass.objects.get_or_create(
            attempt=attempt, condition=condition, defaults=facts
        )
        _pass_attempt_if_complete(attempt, lab)
    return proof


def sync_labs(course: Course) -> tuple[int, int]:
    """Make the rows of labs agree with the files. Returns how many are offered and how many are
    withdrawn: a lab that is no longer in the course keeps its attempts."""
    for lab in course.labs:
        _sync_lab(lab)
    slugs = [lab.slug for lab in course.labs]
    withdrawn = Lab.objects.exclude(slug__in=slugs)
    withdrawn.update(is_active=False)
    return len(slugs), withdrawn.count()


def _sync_lab(lab: LabSpec) -> Lab:
    facts = {
        "chapter": lab.chapter,
        "number": lab.number,
        "title": lab.title.as_dict(),
        "version": lab.version,
        "is_active": True,
    }
    return Lab.objects.update_or_create(slug=lab.slug, defaults=facts)[0]


def _check_value(step: Step, value: str) -> str:
    if step.kind != StepKind.ANSWER:
        raise AnswerError(_("This step takes no answer."))
    if not value:
        raise AnswerError(_("Choose or type an answer first."))
    if step.accepts == Accepts.NUMBER and not _NUMBER.fullmatch(value):
        raise AnswerError(_("Type a whole number, in digits only."))
    if len(value) > Answer._meta.get_field("value").max_length:
        raise AnswerError(_("This answer is too long."))
    return value


def _check_prediction(step: Step, value: str) -> str:
    if step.prediction is None:
        raise AnswerError(_("There is nothing to predict in this step."))
    said = read_value(step.prediction, value)
    if said is None:
        raise AnswerError(str(_REFUSED[step.prediction.asks]))
    return said


def _pass_attempt_if_complete(attempt: Attempt, lab: LabSpec) -> None:
    proven = set(attempt.passes.values_list("condition", flat=True))
    if proven.issuperset({condition.key for condition in lab.conditions} - attempt.skipped.keys()):
        is_new = Attempt.objects.filter(pk=attempt.pk, passed_at=None).update(passed_at=timezone.now())
        attempt.refresh_from_db(fields=["passed_at"])
        if is_new:
            attempt_passed.send(Attempt, attempt=attempt)
