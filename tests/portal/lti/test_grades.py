"""Grades go to the platform: once, again after a failure, and again when they change."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import F
from django.utils import timezone

from curriculum.course import get_course
from curriculum.domain import store_pass
from portal import outbox
from portal.lti import scores
from portal.lti.models import LtiContext, LtiScore, ScoreState
from portal.models import Assignment, Classroom, Override, User
from portal.tasks import send_scores
from tests.portal.lti.lms import DEPLOYMENT, SCOPES, SEEN, Browser, log_in, person, prove


def test_a_grade_goes_to_a_column_of_its_own(lms, bound, lab, asked_tasks):
    wanted = [each.key for each in lab.conditions]
    prove(person("u-ana"), lab, *wanted)
    assert scores.TASK in asked_tasks

    send_scores()

    (item,) = lms.line_items.values()
    assert (item["scoreMaximum"], item["resourceId"]) == (8, lab.slug)
    ((column, score),) = lms.scores
    assert column == lab.slug
    assert (score["userId"], score["scoreGiven"], score["scoreMaximum"]) == ("u-ana", 8.0, 8)
    assert (score["activityProgress"], score["gradingProgress"]) == ("Completed", "FullyGraded")
    assert LtiScore.objects.get().state == ScoreState.SENT


def test_what_was_sent_is_not_sent_twice_and_what_changes_is(lms, bound, lab, world):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    send_scores()
    send_scores()
    LtiContext.objects.update(is_stale=True)
    send_scores()
    assert len(lms.scores) == 1

    assignment = Assignment.objects.get(classroom=bound.classroom)
    Override.objects.create(
        assignment=assignment,
        student=person("u-ana"),
        points=Decimal("7.5"),
        comment="Oral",
        made_by=world.paula,
    )
    send_scores()

    given = [score["scoreGiven"] for _column, score in lms.scores]
    assert given[-1] == 7.5 and len(given) == 2
    assert lms.scores[0][1]["timestamp"] < lms.scores[1][1]["timestamp"]
    assert len(lms.line_items) == 1


def test_a_platform_that_is_away_gets_the_grade_later(lms, bound, lab, asked_tasks):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    lms.broken = True
    send_scores()
    score = LtiScore.objects.get()
    assert (score.state, score.tries) == (ScoreState.WAITING, 1)
    assert "503" in score.problem and score.next_at > timezone.now()

    lms.broken = False
    send_scores()
    assert lms.scores == []  # it is not yet time

    LtiScore.objects.update(next_at=F("next_at") - timedelta(minutes=5))
    asked_tasks.clear()
    outbox.ask_for_what_is_due()
    assert asked_tasks == [scores.TASK]
    send_scores()

    assert len(lms.scores) == 1
    assert LtiScore.objects.get().state == ScoreState.SENT


def test_waiting_grows_and_ends_in_a_word_to_the_instructor(lms, bound, lab, world, visit):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    lms.broken = True
    waits = []
    for _try in range(scores.MOST_TRIES):
        LtiScore.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        before = timezone.now()
        send_scores()
        waits.append(round((LtiScore.objects.get().next_at - before).total_seconds()))
    assert waits == sorted(waits) and waits[0] <= 31 and waits[-1] // 3600 == 6
    assert LtiScore.objects.get().state == ScoreState.FAILED
    bound.classroom.instructors.add(world.paula)
    page = visit(world.paula).get(f"/classes/{bound.classroom_id}/lms/").content.decode()
    assert "given up" in page and "503" in page

    lms.broken = False
    visit(world.paula).post(f"/classes/{bound.classroom_id}/lms/{bound.pk}/scores/")
    send_scores()

    assert len(lms.scores) == 1


def test_why_a_grade_cannot_go_is_told_in_the_readers_language(lms, bound, lab, world, visit):
    LtiContext.objects.update(scopes=[scores.SCORE])
    prove(person("u-ana"), lab, lab.conditions[0].key)
    send_scores()
    bound.classroom.instructors.add(world.paula)
    User.objects.filter(pk=world.paula.pk).update(language="pt-br")

    page = visit(world.paula).get(f"/classes/{bound.classroom_id}/lms/").content.decode()

    assert "A plataforma não deixa a ferramenta" in page


def test_a_column_that_was_deleted_is_made_again(lms, bound, lab):
    attempt = prove(person("u-ana"), lab, lab.conditions[0].key)
    send_scores()
    lms.line_items.clear()
    store_pass(attempt, lab.conditions[1].key, SEEN, {})
    send_scores()
    LtiScore.objects.update(next_at=timezone.now())

    send_scores()

    assert len(lms.line_items) == 1
    assert len(lms.scores) == 2


def test_a_graded_link_brings_its_column_and_makes_the_assignment(lms, bound, lab):
    other = next(each for each in get_course().labs if each.slug != lab.slug)
    _status, item = lms.make_line_item({"scoreMaximum": 10, "label": "x", "resourceId": "their-own"})
    ags = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
    claims = {"lineitem": item["id"], "lineitems": f"{lms.url}/lineitems"}
    lms.claims = {ags: claims | {"scope": SCOPES}}
    Browser(lms, "u-ana").launch(custom={"lab": other.slug})

    prove(person("u-ana"), other, other.conditions[0].key)
    send_scores()

    assert [column for column, _score in lms.scores] == ["their-own"]


def test_who_comes_with_work_of_before_brings_its_grade(lms, bound, lab, world):
    prove(world.alice, lab, lab.conditions[0].key)
    send_scores()
    davi = Browser(lms, "u-davi")
    log_in(davi, world.alice)

    davi.press(davi.launch().headers["location"], account="link")
    send_scores()

    assert [score["userId"] for _column, score in lms.scores] == ["u-davi"]


def test_a_course_whose_grades_break_is_reckoned_again_and_holds_up_no_other(lms, bound, lab, monkeypatch):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    broken = LtiContext.objects.create(
        platform=bound.platform,
        deployment_id=DEPLOYMENT,
        context_id="a-first",
        classroom=Classroom.objects.create(name="Broken"),
        line_items_url=f"{lms.url}/lineitems",
        scopes=SCOPES,
        is_stale=True,
    )
    reckon = scores.grades_of

    def grades_of(classroom, *rest):
        if classroom == broken.classroom:
            raise RuntimeError
        return reckon(classroom, *rest)

    monkeypatch.setattr(scores, "grades_of", grades_of)
    send_scores()

    assert [score["userId"] for _column, score in lms.scores] == ["u-ana"]
    assert list(LtiContext.objects.filter(is_stale=True)) == [broken]


def test_nothing_is_sent_of_people_who_did_nothing_or_who_left(lms, bound, lab):
    Browser(lms, "u-davi").arrive()
    prove(person("u-davi"), lab, lab.conditions[0].key)
    bound.classroom.students.remove(person("u-davi"))

    send_scores()

    assert lms.scores == []


def test_a_grade_that_changes_while_it_is_sent_is_sent_again(lms, bound, lab, monkeypatch):
    attempt = prove(person("u-ana"), lab, lab.conditions[0].key)
    really_send = scores.send_score

    def send_and_change(score, item):
        really_send(score, item)
        monkeypatch.setattr(scores, "send_score", really_send)
        store_pass(attempt, lab.conditions[1].key, SEEN, {})
        scores.reckon(bound)

    monkeypatch.setattr(scores, "send_score", send_and_change)
    send_scores()
    send_scores()

    assert len(lms.scores) == 2
    assert lms.scores[0][1]["scoreGiven"] < lms.scores[1][1]["scoreGiven"]


def test_an_unbound_course_sends_no_grades(lms, bound, lab, world, visit):
    bound.classroom.instructors.add(world.paula)
    visit(world.paula).post(f"/classes/{bound.classroom_id}/lms/{bound.pk}/unbind/")
    prove(person("u-ana"), lab, lab.conditions[0].key)

    send_scores()

    assert lms.scores == []
    rita = Browser(lms, "u-rita")
    rita.launch()
    assert rita.pages.get(f"/classes/{bound.classroom_id}/lms/").status_code == 404
