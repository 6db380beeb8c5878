"""A person's data: all of it in one file, none of it after an erasure, and what was printed not for ever."""

import gzip
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.utils import timezone

from curriculum.domain import record_answer, store_pass
from curriculum.models import Attempt, QuizAttempt
from k8s_tasks.models import Capture, LabSession, Run, Transcript
from k8s_tasks.transcripts import forget_old_transcripts
from portal.models import Note, Override, User
from portal.privacy import erase_person

SEEN = {"en": "Seen.", "pt-br": "Visto."}


@pytest.fixture(autouse=True)
def clearing(monkeypatch, redis_client):
    """The namespaces that an erasure gives back."""
    asked = []
    monkeypatch.setattr("k8s_tasks.domain.sessions.enqueue", lambda task, id: asked.append(task))
    return asked


def unpacked(response) -> zipfile.ZipFile:
    assert response["Content-Type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(response.content))


def test_the_file_holds_everything_and_nothing_of_others(world, visit, lab):
    record_answer(world.attempt, next(step for step in lab.steps if step.kind == "answer"), "62")
    store_pass(world.attempt, lab.conditions[0].key, SEEN, {})

    archive = unpacked(visit(world.alice).get("/account/data/"))
    data = json.loads(archive.read("data.json"))

    assert data["account"]["username"] == "alice" and "password" not in data["account"]
    (attempt,) = data["attempts"]
    assert (attempt["lab"], attempt["answers"][0]["value"]) == (lab.slug, "62")
    assert attempt["proven"][0]["condition"] == lab.conditions[0].key
    assert {run["id"] for run in data["runs"]} == {str(world.run.pk), str(world.terminal.pk)}
    assert data["notes"][0]["text"] == world.note.text
    assert data["certificates"][0]["statement"]["name"] == "Alice"
    assert data["quizzes"][0]["chapter"] == "foundations"
    assert b"10.244.1.2" in archive.read(f"runs/{world.run.pk}.cast")
    assert b"redes-k7m2xp" in archive.read(f"runs/{world.run.pk}.pcap")
    assert "alice" not in unpacked(visit(world.bob).get("/account/data/")).read("data.json").decode()


def erase(browser, **changed):
    return browser.post("/account/erase/", {"username": "alice", "password": "alice-secret", **changed})


def test_after_an_erasure_nothing_of_the_person_is_left(
    world, visit, clearing, django_capture_on_commit_callbacks
):
    alice = visit(world.alice)
    with django_capture_on_commit_callbacks(execute=True):
        assert erase(alice).url == "/account/erased/"

    assert not User.objects.filter(username="alice").exists()
    for model in (Attempt, QuizAttempt, LabSession, Run, Transcript, Capture, Note):
        assert not model.objects.exists(), model
    assert clearing == ["clear_session"]
    assert alice.get("/my-labs/").status_code == 302
    assert "alice" not in visit(world.paula).get(f"/classes/{world.classroom.pk}/live/").content.decode()


@pytest.mark.parametrize(
    "wrong", [{"username": "bob"}, {"password": "guess"}, {"username": "", "password": ""}]
)
def test_it_takes_ones_own_name_and_password(world, visit, wrong):
    assert erase(visit(world.alice), **wrong).status_code == 422
    assert User.objects.filter(username="alice").exists()


def test_of_an_instructor_the_students_records_stay_without_a_name(world):
    Override.objects.create(
        assignment=world.assignment, student=world.alice, points=5, comment="x", made_by=world.paula
    )
    erase_person(world.paula)

    nameless = User.objects.get(pk=world.paula.pk)
    assert (nameless.username, nameless.email, nameless.is_active) == (f"erased-{nameless.pk}", "", False)
    assert not nameless.classrooms_taught.exists()
    assert Override.objects.get().points == 5


def test_what_was_printed_is_forgotten_after_its_time_and_the_run_is_not(world, settings):
    Transcript.objects.create(run=world.terminal, cast=gzip.compress(b"{}"))
    now = timezone.now()
    Run.objects.filter(pk=world.run.pk).update(ended_at=now - timedelta(days=366))
    Run.objects.filter(pk=world.terminal.pk).update(ended_at=now - timedelta(days=364))

    assert forget_old_transcripts() == 2  # what it printed and what it captured
    assert [each.run for each in Transcript.objects.all()] == [world.terminal]
    assert not Capture.objects.exists()
    assert Run.objects.filter(pk=world.run.pk).exists()
    settings.OPTIONS = settings.OPTIONS | {"TRANSCRIPT_DAYS": 0}
    Run.objects.update(ended_at=now - timedelta(days=9999))
    assert forget_old_transcripts() == 0
