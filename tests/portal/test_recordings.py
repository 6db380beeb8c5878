"""A lab read with its recorded outputs."""

from dataclasses import replace

import pytest
from django.test import Client

from curriculum.course import get_course
from curriculum.models import Attempt
from curriculum.recordings import RecordedStep, Recording
from curriculum.text import Text
from portal import labs, recordings

PAGE = "/labs/ping-and-netcat/recording/"


@pytest.fixture
def recorded(lab, tmp_path, monkeypatch):
    """Lab 1.2 with a small recording, made of the lab as it is now."""
    steps = (
        RecordedStep(key="predict-ttl", answer="62"),
        RecordedStep(key="capture", command="tcpdump -n", place="carla", state="running", left_out=99),
        RecordedStep(
            key="send", command="nc -nvN 10.244.2.9 9001", place="ana", state="succeeded", exit_code=0
        ),
    )
    (tmp_path / "send.cast").write_text('{"version": 2}\n[0.1, "o", "\\u001b[1m<b>sent</b>\\r\\n"]\n')
    made_on = {"date": "2026-11-26", "cluster": "netlab", "kubernetes": "v1.36", "kernel": "6.1"}
    recording = Recording(
        **made_on,
        version="",
        made_of=lab.made_of,
        seed=1,
        parameters={"port": 9001, "nonce": "redes-abc"},
        values={"carla": {"ip": "10.244.2.9", "node": "w2"}},
        steps=steps,
        conditions={"handshake": Text({"pt-br": "veio", "en": "it came"})},
        folder=tmp_path,
    )
    lab = replace(lab, recording=recording)
    monkeypatch.setattr(recordings, "lab_or_404", lambda slug: lab)
    monkeypatch.setattr(labs, "lab_or_404", lambda slug: lab)
    return lab


def read():
    return Client(headers={"accept-language": "en"}).get(PAGE).content.decode()


def test_anybody_may_read_where_and_when_it_was_made_and_that_it_proves_nothing(recorded, db):
    page = read()
    assert "2026-11-26 on the cluster netlab (Kubernetes v1.36, Linux 6.1)" in page
    assert (
        "nothing is verified" in page
        and "<form" not in page.partition('id="main"')[2].partition("</main>")[0]
    )
    assert not Attempt.objects.exists()


def test_each_step_shows_its_recorded_output_without_a_script_and_as_text(recorded, db):
    page = read()
    assert "&lt;b&gt;sent&lt;/b&gt;" in page and "\x1b" not in page
    assert "10.244.2.9 9001" in page


def test_what_is_not_kept_or_not_recorded_is_said(recorded, db):
    page = read()
    assert "99 more bytes were not kept" in page and "It went on to the end of the recording" in page
    assert "This step was not recorded." in page.split('id="step-routes"')[1].split('id="step-')[0]


def test_a_lab_that_was_changed_since_says_so(recorded, db, monkeypatch):
    changed = "The lab has been changed since"
    assert changed not in read()
    newer = replace(recorded, made_of="another")
    monkeypatch.setattr(recordings, "lab_or_404", lambda slug: newer)
    assert changed in read()


def test_it_is_read_in_portuguese_too(recorded, db):
    page = Client(headers={"accept-language": "pt-br"}).get(PAGE).content.decode()
    assert "Você está lendo uma gravação" in page and "veio" in page


def test_a_cast_is_a_file_to_be_saved_and_no_page(recorded, db):
    answer = Client().get(PAGE + "send/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert b'"version": 2' in answer.getvalue()
    assert Client().get(PAGE + "capture/").status_code == 404


def test_a_lab_without_a_recording_has_no_such_page(recorded, db, monkeypatch):
    monkeypatch.setattr(recordings, "lab_or_404", lambda slug: replace(recorded, recording=None))
    assert Client().get(PAGE).status_code == 404


def test_where_no_cluster_can_be_had_the_lab_leads_to_its_recording(recorded, world, asked, visit, healthy):
    healthy["cluster:netlab"] = {"ok": False, "detail": "user namespaces are barred"}
    page = visit(world.bob).get("/labs/ping-and-netcat/").content.decode()
    assert "Read the recorded lab" in page and PAGE in page and "Start the lab" not in page


def test_where_a_cluster_is_there_the_recording_is_offered_beside_it(recorded, world, asked, visit):
    page = visit(world.bob).get("/labs/ping-and-netcat/").content.decode()
    assert "Start the lab" in page and "See the recording" in page


def test_every_recording_that_is_shipped_can_be_read(db):
    for lab in get_course().labs:
        if lab.recording:
            assert Client().get(f"/labs/{lab.slug}/recording/").status_code == 200
