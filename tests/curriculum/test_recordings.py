"""A lab's recording: what is kept of an output, and whether it is still true of the lab."""

import json
import shutil

import pytest
from django.core.management import call_command

from curriculum.casts import plain_text, read_events, shorten, write_cast
from curriculum.course import get_course, load_course
from curriculum.recordings import INDEX, LARGEST, recording_lacks

WARNING = "ping-and-netcat/recorded: the recording is older"


@pytest.fixture
def recorded(folder):
    """The folder's lab with a small recording of it as it is now."""
    shutil.rmtree(folder.path("recorded"), ignore_errors=True)
    lab = lab_in(folder)
    made_on = {"date": "2026-11-26", "cluster": "netlab", "kubernetes": "v1", "kernel": "6", "seed": 1}
    made_of = {"version": lab.version, "made_of": lab.made_of, "parameters": {}, "values": {}}
    index = made_on | made_of | {"steps": [{"key": "send", "command": "nc"}], "conditions": {}}
    folder.path("recorded").mkdir()
    (folder.path("recorded") / INDEX).write_text(json.dumps(index))
    return folder


def lab_in(folder):
    return next(lab for lab in load_course(folder.root).labs if lab.slug == "ping-and-netcat")


def test_a_cast_holds_what_was_printed_and_no_date():
    cast = write_cast([(0.01, "one\r\n"), (0.04, "two\r\n"), (1.26, "three\r\n")], title="ping")
    assert "timestamp" not in cast
    assert read_events(cast) == [(0.0, "one\r\ntwo\r\n"), (1.3, "three\r\n")]


def test_what_is_no_cast_is_refused():
    with pytest.raises(ValueError, match="no asciicast"):
        read_events('{"version": 1}\n')


def test_a_long_output_is_cut_after_a_whole_line_and_says_what_is_left_out():
    events = [(0.0, "first\r\n"), (1.0, "second\r\n" * 100), (2.0, "third\r\n")]
    kept, left_out = shorten(events, most=200)
    text = "".join(data for _, data in kept)
    assert text.startswith("first\r\nsecond\r\n") and text.endswith("second\r\n")
    assert len(text) + left_out == len("".join(data for _, data in events))
    assert len(write_cast(kept, title="")) < 200 + len(write_cast([], title=""))


def test_a_short_output_stays_whole():
    assert shorten([(0.0, "one\r\n")], most=200) == ([(0.0, "one\r\n")], 0)


def test_the_text_of_an_output_can_do_nothing_to_its_reader():
    printed = "\x1b[1;32mana\x1b[0m:/# \x1b]0;title\x07ls\x1b[K\r\n\x1b[?2004l\rred\u202eder\x00\r\n"
    assert plain_text([(0.0, printed)]) == "ana:/# ls\n\nred\ufffdder\ufffd\n"


def test_a_recording_is_no_part_of_the_version(recorded):
    before = lab_in(recorded).version
    (recorded.path("recorded") / "send.cast").write_text('{"version": 2}\n')
    assert lab_in(recorded).version == before


def test_a_recording_stays_true_when_only_words_change(recorded):
    with recorded.path("en.md").open("a") as prose:
        prose.write("\nOne word more.\n")
    lab = lab_in(recorded)
    assert lab.version != lab.recording.version
    assert recording_lacks(lab) == ""


def test_a_lab_without_a_recording_lacks_one(recorded):
    shutil.rmtree(recorded.path("recorded"))
    assert recording_lacks(lab_in(recorded)) == "there is no recording"


def test_another_solution_makes_the_recording_old_and_the_linter_says_so_without_failing(recorded, capsys):
    recorded.change("solution.yaml", "tells: The", "tells: A")
    call_command("labs", "lint", content=recorded.root)
    said = capsys.readouterr().out
    assert WARNING in said and "manage.py labs record ping-and-netcat" in said


def test_a_broken_recording_is_a_mistake_of_the_course(recorded):
    index = recorded.path("recorded") / INDEX
    index.write_text(json.dumps({"date": 3}))
    assert {problem.key for problem in recorded.problems()} >= {"date"}


def test_a_recording_has_a_largest_size(recorded):
    (recorded.path("recorded") / "send.cast").write_text("x" * LARGEST)
    assert "larger than" in recorded.only_problem().mend


@pytest.mark.parametrize("lab", [lab for lab in get_course().labs if lab.recording], ids=lambda lab: lab.slug)
def test_a_recording_that_is_shipped_can_be_read_and_tells_nothing_of_the_machine_it_was_made_on(lab):
    recording = lab.recording
    told = (recording.folder / INDEX).read_text()
    for step in recording.steps:
        assert step.key in told and step.command + step.answer
        told += plain_text(recording.events(step.key))
    assert not any(place in told for place in ("/home/", "/root", "/work", "/tmp/redes", "netlab/kubeconfig"))
