"""Statements, told to a Learning Record Store of the tests' own over real HTTP."""

import base64
import json
import re
import threading
import uuid
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import transaction
from django.utils import timezone

from curriculum import quiz_domain
from curriculum.course import get_course
from curriculum.domain import record_answer, record_prediction, start_attempt, store_pass
from k8s_tasks.enums import RunState
from k8s_tasks.models import Run
from k8s_tasks.sealing import seal
from portal import keyboard
from portal import outbox as all_outboxes
from portal.models import HelpRequest
from portal.privacy import data_of, erase_person
from portal.tasks import send_statements
from portal.xapi import outbox
from portal.xapi.models import RecordStore, Statement

SEEN = {"en": "Seen.", "pt-br": "Visto."}
HOME = "https://redes.example"
VERB = "http://adlnet.gov/expapi/verbs/"
HELPED = f"{HOME}/xapi/proven-after-an-instructor-typed"


class Lrs(BaseHTTPRequestHandler):
    """Keeps statements by id, and minds the version header, the credentials and each statement's shape."""

    kept: dict[str, dict]
    broken: int
    puts: list[str]

    def log_message(self, *_args):
        pass

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self._status(body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _status(self, body: bytes) -> int:
        parts = urlsplit(self.path)
        (chosen,) = parse_qs(parts.query)["statementId"]
        self.puts.append(chosen)
        if type(self).broken:
            type(self).broken -= 1
            return 503
        if self.headers["Authorization"] != "Basic " + base64.b64encode(b"redes:s3cret").decode():
            return 401
        if parts.path != "/xapi/statements" or self.headers["X-Experience-API-Version"] != "1.0.3":
            return 400
        statement = json.loads(body)
        if statement["id"] != chosen or not {"actor", "verb", "object", "timestamp"} <= statement.keys():
            return 400
        if chosen in self.kept:
            return 204 if self.kept[chosen] == statement else 409
        self.kept[chosen] = statement
        return 204


@pytest.fixture
def lrs():
    handler = type("Handler", (Lrs,), {"kept": {}, "broken": 0, "puts": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    handler.url = f"http://127.0.0.1:{server.server_port}/xapi/"
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(lrs, world, monkeypatch) -> RecordStore:
    monkeypatch.setattr(outbox, "ask_softly", lambda task: None)
    return RecordStore.objects.create(
        name="LRS", endpoint=lrs.url, key="redes", secret=seal("s3cret", outbox.PURPOSE), home_page=HOME
    )


def told(lrs, verb: str) -> list[dict]:
    return [each for each in lrs.kept.values() if each["verb"]["id"] in (verb, f"{VERB}{verb}")]


def pass_all(person, lab):
    attempt = start_attempt(person, lab)
    for condition in lab.conditions:
        store_pass(attempt, condition.key, SEEN, {})
    return attempt


def test_a_lab_is_attempted_and_passed(lrs, store, world, lab):
    pass_all(world.bob, lab)

    send_statements()

    (begun,), (passed,) = told(lrs, "attempted"), told(lrs, "passed")
    assert begun["object"]["id"] == f"{HOME}/labs/{lab.slug}/"
    assert begun["object"]["definition"]["name"]["pt-BR"] == lab.title.as_dict()["pt-br"]
    assert begun["context"] == passed["context"]
    assert passed["result"] == {"success": True, "completion": True, "extensions": {HELPED: 0}}
    assert passed["object"] == begun["object"] and passed["actor"] == begun["actor"]
    assert not Statement.objects.filter(sent_at=None).exists()


def test_an_actor_is_a_pseudonym_of_this_portal(lrs, store, world, lab):
    start_attempt(world.bob, lab)
    send_statements()

    (statement,) = lrs.kept.values()
    account = statement["actor"]["account"]
    assert account["homePage"] == HOME and uuid.UUID(account["name"])
    assert "bob" not in json.dumps(statement).lower() and "@" not in json.dumps(statement)


def test_an_attempt_has_a_pseudonym_too_for_evidence_names_it_beside_its_student(lrs, store, world, lab):
    attempt = pass_all(world.alice, lab)
    send_statements()

    told_of = {each["context"]["registration"] for each in lrs.kept.values()}

    assert len(told_of) == 1
    assert str(attempt.pk) not in json.dumps(list(lrs.kept.values()))


def test_a_store_may_be_told_usernames(lrs, store, world, lab):
    RecordStore.objects.update(is_pseudonymous=False)
    attempt = start_attempt(world.bob, lab)
    send_statements()

    (statement,) = lrs.kept.values()
    assert statement["actor"] == {"objectType": "Agent", "account": {"homePage": HOME, "name": "bob"}}
    assert statement["context"]["registration"] == str(attempt.pk)


def test_a_prediction_is_answered_and_other_answers_are_not_told(lrs, store, world, lab):
    attempt = start_attempt(world.bob, lab)
    step = next(each for each in lab.steps if each.key == "predict-ttl")
    record_prediction(attempt, step, "62", 75)
    record_answer(attempt, next(each for each in lab.steps if each.kind == "answer"), "62")

    send_statements()

    (statement,) = told(lrs, "answered")
    assert statement["object"]["id"] == f"{HOME}/labs/{lab.slug}/steps/predict-ttl/"
    assert statement["object"]["definition"]["interactionType"] == "other"
    assert statement["result"] == {"success": attempt.answers.first().is_right, "response": "62"}
    assert statement["context"]["contextActivities"]["parent"][0]["id"] == f"{HOME}/labs/{lab.slug}/"


def test_a_quiz_is_answered_and_completed_with_its_score(lrs, store, world):
    chapter = get_course().chapter("foundations")
    attempt = quiz_domain.start_quiz(world.bob, chapter)
    for question in chapter.quiz.questions:
        asked = quiz_domain.ask(attempt, question)
        quiz_domain.answer(attempt, question, asked.truth, asked_id=str(asked.pk))

    send_statements()

    assert len(told(lrs, "answered")) == attempt.total
    (done,) = told(lrs, "completed")
    score = {"scaled": 1.0, "raw": attempt.total, "min": 0, "max": attempt.total}
    assert done["result"] == {"completion": True, "score": score}
    assert done["object"]["id"] == f"{HOME}/chapters/foundations/quiz/"


def test_a_lab_that_was_passed_after_an_instructor_had_typed_says_so(lrs, store, world, lab):
    attempt = start_attempt(world.bob, lab)
    first, *rest = lab.conditions
    store_pass(attempt, first.key, SEEN, {})
    for condition in rest:
        store_pass(attempt, condition.key, SEEN, {}, is_helped=True)

    send_statements()

    (passed,) = told(lrs, "passed")
    assert passed["result"]["extensions"] == {HELPED: len(rest)}


@pytest.fixture
def helped(world, store, visit, redis_client) -> None:
    """Alice raises a hand, lends her keyboard, is answered, Paula types, and Alice lowers the hand."""
    world.hand.delete()
    Run.objects.filter(pk=world.terminal.pk).update(state=RunState.RUNNING)
    alice, paula = visit(world.alice), visit(world.paula)
    door = f"/sessions/{world.session.pk}/hand"
    alice.post(f"{door}/raise/", {"text": "I am Alice: why no reply?", "watch": "on"})
    alice.post(f"{door}/change/", {"act": "lend"})
    address = f"/classes/{world.classroom.pk}/hands/{HelpRequest.objects.get().pk}/answer/"
    paula.post(address, {"text": "Dear Alice, look at the policy."})
    keyboard.grant_for_keys(world.paula, world.terminal.pk)
    alice.post(f"{door}/change/", {"act": "close"})
    send_statements()


def test_help_is_asked_for_shared_received_and_over(lrs, world, lab, helped):
    (asked,), (shared,), (done,) = (told(lrs, verb) for verb in ("asked", "shared", "completed"))
    (received,) = told(lrs, "http://activitystrea.ms/schema/1.0/receive")

    hand = asked["object"]["id"]
    assert hand.startswith(f"{HOME}/labs/{lab.slug}/hands/") and done["object"]["id"] == hand
    assert shared["object"]["id"] == f"{hand}keyboard/"
    assert received["object"]["id"].startswith(f"{hand}answers/")
    assert received["context"]["contextActivities"]["parent"][0]["id"] == hand
    assert asked["context"]["contextActivities"]["parent"][0]["id"] == f"{HOME}/labs/{lab.slug}/"
    assert done["result"]["completion"] and re.fullmatch(r"PT\d+\.\d\dS", done["result"]["duration"])
    assert len({each["context"]["registration"] for each in (asked, shared, received, done)}) == 1


def test_of_help_nobody_else_is_told_and_not_a_word_of_it(lrs, world, helped):
    assert len(lrs.kept) == 4
    assert len({each["actor"]["account"]["name"] for each in lrs.kept.values()}) == 1
    said = json.dumps(list(lrs.kept.values())).lower()
    assert not any(word in said for word in ("alice", "paula", "reply", "policy"))


def test_a_store_that_is_away_loses_nothing_and_gets_nothing_twice(lrs, store, world, lab, monkeypatch):
    lrs.broken = 2
    pass_all(world.bob, lab)
    send_statements()
    assert lrs.kept == {}
    assert all("HTTP 503" in each.problem for each in Statement.objects.all())
    send_statements()
    assert len(lrs.puts) == 2  # it is not yet time

    Statement.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    asked = []
    monkeypatch.setattr(all_outboxes, "ask_softly", asked.append)
    all_outboxes.ask_for_what_is_due()
    assert asked == [outbox.TASK]
    send_statements()
    send_statements()

    assert len(lrs.kept) == 2 and len(lrs.puts) == 4


def test_what_a_store_refuses_is_given_up_and_sent_again_by_an_administrator(lrs, store, world, lab, visit):
    start_attempt(world.alice, lab)
    Statement.objects.update(body={"id": "odd"})
    for _try in range(outbox.MOST_REFUSALS + 2):
        Statement.objects.filter(next_at__isnull=False).update(next_at=timezone.now())
        send_statements()
    statement = Statement.objects.get()
    assert (statement.tries, statement.next_at) == (outbox.MOST_REFUSALS, None)
    assert "400" in statement.problem
    assert len(lrs.puts) == outbox.MOST_REFUSALS

    Statement.objects.update(
        body={"id": str(statement.pk), "actor": 1, "verb": 1, "object": 1, "timestamp": 1}
    )
    asked = {"action": "send_again", "_selected_action": [str(statement.pk)]}
    visit(world.root).post("/admin/portal/statement/", asked)
    send_statements()

    assert list(lrs.kept) == [str(statement.pk)]


def test_a_store_that_does_not_take_the_secret_is_asked_without_end(lrs, store, world, lab):
    RecordStore.objects.update(secret=seal("wrong", outbox.PURPOSE))
    start_attempt(world.alice, lab)
    for _try in range(outbox.MOST_REFUSALS + 1):
        Statement.objects.update(next_at=timezone.now())
        send_statements()

    assert Statement.objects.get().next_at > timezone.now()


def test_what_was_kept_but_not_acknowledged_is_sent_under_the_same_id(lrs, store, world, lab):
    start_attempt(world.bob, lab)
    send_statements()
    Statement.objects.update(sent_at=None, next_at=timezone.now())  # as if the answer had been lost

    send_statements()

    assert len(lrs.kept) == 1 and len(set(lrs.puts)) == 1
    assert Statement.objects.get().sent_at


def test_what_is_undone_is_not_told(lrs, store, world, lab):
    with transaction.atomic():
        start_attempt(world.bob, lab)
        transaction.set_rollback(True)
    send_statements()

    assert lrs.kept == {} and not Statement.objects.exists()


def test_without_a_store_or_with_one_that_was_put_off_nothing_is_written(store, world, lab):
    RecordStore.objects.update(is_active=False)
    start_attempt(world.bob, lab)

    assert not Statement.objects.exists()


def test_the_secret_is_sealed_and_never_shown(world, visit, lrs):
    root = visit(world.root)
    told = {
        "name": "LRS",
        "endpoint": lrs.url,
        "key": "redes",
        "new_secret": "s3cret",
        "home_page": HOME,
        "is_active": "on",
    }
    root.post("/admin/portal/recordstore/add/", told)
    store = RecordStore.objects.get()
    assert b"s3cret" not in bytes(store.secret)
    assert "s3cret" not in root.get(f"/admin/portal/recordstore/{store.pk}/change/").content.decode()

    root.post(f"/admin/portal/recordstore/{store.pk}/change/", told | {"new_secret": "", "name": "Other"})

    assert RecordStore.objects.get().name == "Other"
    assert bytes(RecordStore.objects.get().secret) == bytes(store.secret)


def test_a_person_takes_along_what_was_told_and_an_erasure_stops_the_rest(
    lrs, store, world, lab, redis_client
):
    start_attempt(world.bob, lab)
    (told,) = data_of(world.bob)["statements"]
    assert told["body"]["verb"]["id"].endswith("attempted")

    erase_person(world.bob)
    send_statements()

    assert lrs.kept == {}
