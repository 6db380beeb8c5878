"""From a row of somebody's work to an xAPI statement (1.0.3).

An actor is an account: the portal's address and a pseudonym or username. What is told about is named by its
address in the portal. Of help the actor is always the student: neither who answered or typed is told nor any
word of the question.
"""

import uuid
from collections.abc import Sequence

from curriculum.models import Answer, Attempt, QuizAnswer, QuizAttempt
from portal.chapters import find_chapter
from portal.lab_page import find_lab
from portal.models import HelpLog, User
from portal.xapi.models import RecordStore

VERB = "http://adlnet.gov/expapi/verbs/"
ACTIVITY = "http://adlnet.gov/expapi/activities/"
STREAMS = "http://activitystrea.ms/schema/1.0/"
ATTEMPTED, PASSED, ANSWERED, COMPLETED = "attempted", "passed", "answered", "completed"
ASKED, RECEIVED, SHARED = "asked", "receive", "shared"
ELSEWHERE = {RECEIVED: f"{STREAMS}{RECEIVED}"}  # of those that ADL has no verb for
SHOWN = {
    ATTEMPTED: {"en": "attempted", "pt-BR": "tentou"},
    PASSED: {"en": "passed", "pt-BR": "foi aprovado em"},
    ANSWERED: {"en": "answered", "pt-BR": "respondeu"},
    COMPLETED: {"en": "completed", "pt-BR": "concluiu"},
    ASKED: {"en": "asked", "pt-BR": "perguntou"},
    RECEIVED: {"en": "received", "pt-BR": "recebeu"},
    SHARED: {"en": "shared", "pt-BR": "compartilhou"},
}
TAGS = {"pt-br": "pt-BR", "en": "en"}


def id_of(store: RecordStore, verb: str, key: object) -> uuid.UUID:
    """The same for the same deed, however often it is told."""
    return uuid.uuid5(store.namespace, f"{verb}:{key}")


def actor_of(store: RecordStore, person: User) -> dict:
    name = person.get_username()
    if store.is_pseudonymous:
        name = str(uuid.uuid5(store.namespace, f"person:{person.pk}"))
    return {"objectType": "Agent", "account": {"homePage": store.home_page, "name": name}}


def _within(store: RecordStore, attempt: Attempt | QuizAttempt) -> dict:
    """The attempt's own id stands in evidence, beside its student's name: a pseudonym must not stand
    beside it."""
    known = uuid.uuid5(store.namespace, f"attempt:{attempt.pk}") if store.is_pseudonymous else attempt.pk
    return {"registration": str(known)}


def attempted(store: RecordStore, attempt: Attempt) -> dict:
    told = _told(store, ATTEMPTED, attempt.student, attempt.started_at)
    return told | {"object": _lab(store, attempt.lab.slug), "context": _within(store, attempt)}


def passed(store: RecordStore, attempt: Attempt) -> dict:
    return _told(store, PASSED, attempt.student, attempt.passed_at) | {
        "object": _lab(store, attempt.lab.slug),
        "result": {"success": True, "completion": True, "extensions": _helped(store, attempt)},
        "context": _within(store, attempt),
    }


def predicted(store: RecordStore, answer: Answer) -> dict:
    attempt = answer.attempt
    lab = _lab(store, attempt.lab.slug)
    return _told(store, ANSWERED, attempt.student, answer.created_at) | {
        "object": _question(f"{lab['id']}steps/{answer.step}/", answer.step),
        "result": {"success": bool(answer.is_right), "response": answer.value},
        "context": _within(store, attempt) | {"contextActivities": {"parent": [lab]}},
    }


def answered(store: RecordStore, answer: QuizAnswer) -> dict:
    attempt = answer.attempt
    quiz = _quiz(store, attempt.chapter)
    return _told(store, ANSWERED, attempt.student, answer.answered_at) | {
        "object": _question(f"{quiz['id']}#{answer.question}", answer.question),
        "result": {"success": answer.is_right, "response": answer.value},
        "context": _within(store, attempt) | {"contextActivities": {"parent": [quiz]}},
    }


def completed(store: RecordStore, attempt: QuizAttempt, last: QuizAnswer) -> dict:
    right = attempt.answers.filter(is_right=True).count()
    score = {"scaled": round(right / attempt.total, 4), "raw": right, "min": 0, "max": attempt.total}
    return _told(store, COMPLETED, attempt.student, last.answered_at) | {
        "object": _quiz(store, attempt.chapter),
        "result": {"completion": True, "score": score},
        "context": _within(store, attempt),
    }


def asked(store: RecordStore, entry: HelpLog) -> dict:
    return _helping(store, ASKED, entry) | {"object": _hand(store, entry)}


def received(store: RecordStore, entry: HelpLog) -> dict:
    hand = _hand(store, entry)
    answer = {"en": "Answer of an instructor", "pt-BR": "Resposta de um instrutor"}
    told = _helping(store, RECEIVED, entry, within=[hand])
    return told | {"object": _part_of(hand, f"answers/{entry.pk}/", f"{STREAMS}comment", answer)}


def shared(store: RecordStore, entry: HelpLog) -> dict:
    hand = _hand(store, entry)
    keyboard = {"en": "Keyboard of the terminal", "pt-BR": "Teclado do terminal"}
    told = _helping(store, SHARED, entry, within=[hand])
    return told | {"object": _part_of(hand, "keyboard/", f"{STREAMS}application", keyboard)}


def lowered(store: RecordStore, entry: HelpLog) -> dict:
    seconds = (entry.at - entry.request.created_at).total_seconds()
    return _helping(store, COMPLETED, entry) | {
        "object": _hand(store, entry),
        "result": {"completion": True, "duration": f"PT{max(0.0, seconds):.2f}S"},
    }


def _helping(store: RecordStore, verb: str, entry: HelpLog, within: Sequence[dict] = ()) -> dict:
    attempt = entry.request.session.attempt
    parents = [*within, _lab(store, attempt.lab.slug)]
    context = _within(store, attempt) | {"contextActivities": {"parent": parents}}
    return _told(store, verb, entry.request.student, entry.at) | {"context": context}


def _hand(store: RecordStore, entry: HelpLog) -> dict:
    lab = _lab(store, entry.request.session.attempt.lab.slug)
    key = uuid.uuid5(store.namespace, f"hand:{entry.request_id}")
    names = {"en": "Raised hand", "pt-BR": "Mão levantada"}
    return _part_of(lab, f"hands/{key}/", f"{STREAMS}question", names)


def _part_of(whole: dict, path: str, kind: str, names: dict) -> dict:
    definition = {"type": kind, "name": names}
    return {"objectType": "Activity", "id": f"{whole['id']}{path}", "definition": definition}


def _helped(store: RecordStore, attempt: Attempt) -> dict:
    """How many conditions were proven after an instructor had typed in the student's terminal."""
    count = attempt.passes.filter(is_helped=True).count()
    return {f"{store.home_page.rstrip('/')}/xapi/proven-after-an-instructor-typed": count}


def _told(store: RecordStore, verb: str, person: User, moment) -> dict:
    return {
        "actor": actor_of(store, person),
        "verb": {"id": ELSEWHERE.get(verb, f"{VERB}{verb}"), "display": SHOWN[verb]},
        "timestamp": moment.isoformat(timespec="milliseconds"),
    }


def _lab(store: RecordStore, slug: str) -> dict:
    lab = find_lab(slug)
    definition = {"type": f"{ACTIVITY}simulation"}
    if lab:
        definition["name"] = _names(lab.title)
    return {
        "objectType": "Activity",
        "id": f"{store.home_page.rstrip('/')}/labs/{slug}/",
        "definition": definition,
    }


def _quiz(store: RecordStore, slug: str) -> dict:
    chapter = find_chapter(slug)
    definition = {"type": f"{ACTIVITY}assessment"}
    if chapter:
        definition["name"] = _names(chapter.title)
    return {
        "objectType": "Activity",
        "id": f"{store.home_page.rstrip('/')}/chapters/{slug}/quiz/",
        "definition": definition,
    }


def _question(address: str, key: str) -> dict:
    definition = {
        "type": f"{ACTIVITY}cmi.interaction",
        "interactionType": "other",
        "name": {"und": key},
    }
    return {"objectType": "Activity", "id": address, "definition": definition}


def _names(title) -> dict:
    return {TAGS[language]: text for language, text in title.as_dict().items() if language in TAGS}
