"""A step whose manifest is edited: what is written is kept, judged, and handed on."""

import json

import pytest

from curriculum.queries import drafts
from k8s_tasks.domain import editing as domain
from k8s_tasks.domain.runs import RunError
from k8s_tasks.reviewing import Change, Review
from k8s_tasks.texts import Problem

HTMX = {"HX-Request": "true"}
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.fixture
def door(editing):
    return f"/sessions/{editing.pk}/steps/write/edit/"


@pytest.fixture
def reviewed(monkeypatch):
    """What the cluster says: one problem, and one change with hostile text in it."""
    change = Change("configmap/a", "configured", ("@@ -1 +1 @@", "-a: <b>", "+a: <script>"))
    found = Review((Problem(2, "spec.<i>: wrong"),), ("be warned",), (change,))
    monkeypatch.setattr(domain, "review_text", lambda session, step, text: found)


def kept(editing) -> str:
    return drafts(editing.attempt)["write"].text


def test_the_page_holds_the_labs_text_and_later_the_students(world, healthy, editing, visit, door):
    page = visit(world.alice).get("/labs/workshop/").content.decode()
    assert f"The policy of {editing.attempt.parameters['word']}." in page and "dist/js/edit.js" in page
    assert visit(world.alice).post(door, {"text": "mine </textarea>"}).status_code == 204
    assert "mine &lt;/textarea&gt;</textarea>" in visit(world.alice).get("/labs/workshop/").content.decode()


def test_a_check_shows_problems_by_line_and_the_change_escaped(world, healthy, reviewed, visit, door):
    fragment = visit(world.alice).post(door, {"act": "check", "text": GOOD}, headers=HTMX).content.decode()
    assert 'data-line="2"' in fragment and "spec.&lt;i&gt;: wrong" in fragment and "be warned" in fragment
    assert "+a: &lt;script&gt;" in fragment and "<script" not in fragment


def test_without_javascript_the_whole_page_comes_with_the_review(world, healthy, reviewed, visit, door):
    page = visit(world.alice).post(door, {"act": "check", "text": "mine"}).content.decode()
    assert 'data-line="2"' in page and ">\nmine</textarea>" in page


def test_an_apply_is_a_run_of_the_very_text(world, queued, editing, visit, door):
    response = visit(world.alice).post(door, {"act": "apply", "text": GOOD}, headers=HTMX)
    run = editing.runs.get()
    assert json.loads(response["HX-Trigger"])["run-started"] == {
        "run": str(run.pk), "step": "write", "pane": "objects",
    }  # fmt: skip
    assert (run.kind, run.text, run.argv[-1]) == ("apply", GOOD, "allow.yaml")
    assert (run.state, kept(editing)) == ("queued", GOOD)
    assert visit(world.alice).post(door, {"act": "apply", "text": GOOD}).url == "/labs/workshop/"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [", 1), ("kind: A\nkind: B\n", 2), (GOOD.replace("a}", "a, namespace: kube-system}"), 3)],
)
def test_a_text_that_cannot_be_applied_is_no_run_but_is_kept(world, queued, editing, visit, door, text, line):
    response = visit(world.alice).post(door, {"act": "apply", "text": text}, headers=HTMX)
    assert response.status_code == 422
    assert f'data-line="{line}"' in response.content.decode()
    assert (queued, kept(editing)) == ([], text)


def test_a_refusal_loses_nothing(world, healthy, editing, visit, door, monkeypatch):
    def refuse(session, step, text):
        raise RunError("The cluster does not answer.")

    monkeypatch.setattr(domain, "review_text", refuse)
    response = visit(world.alice).post(door, {"act": "check", "text": "my words"})
    assert response.status_code == 409
    assert "my words</textarea>" in response.content.decode()


def test_back_to_the_original_and_forth(world, healthy, editing, visit, door):
    browser = visit(world.alice)
    browser.post(door, {"act": "original", "text": "mine"})
    assert kept(editing) == ""
    browser.post(door, {"act": "mine", "text": "whatever"})
    assert kept(editing) == "mine"


def test_only_edit_steps_are_edited(world, healthy, editing, visit, door):
    assert visit(world.alice).post(door.replace("write", "isolate"), {"text": "x"}).status_code == 422
