"""What a student shows to others of their work: genuine, checked when opened, taken back at will."""

import re
from urllib.parse import quote

import pytest
from django.test import Client

from curriculum.course import get_course
from curriculum.domain import start_attempt, store_pass
from curriculum.enums import Verdict
from k8s_tasks import signing
from k8s_tasks.checks.finding import Finding
from k8s_tasks.enums import RunKind
from k8s_tasks.models import ConditionResult
from portal.models import Certificate
from tests.portal.conftest import make_run, make_session

SEEN = {"en": "Seen.", "pt-br": "Visto."}
CHAPTER = "addressing"


def prove(student, lab) -> None:
    """Every condition of the lab, with evidence that is signed as a verification signs it."""
    attempt = start_attempt(student, lab)
    session = make_session(attempt)
    run = make_run(session, kind=RunKind.VERIFY, step="")
    for condition in lab.conditions:
        finding = Finding(Verdict.PASS, SEEN, {"packets": 4})
        facts = {
            "condition": condition.key,
            "verdict": Verdict.PASS,
            "reason": SEEN,
            "evidence": {"packets": 4},
        }
        signed = signing.signed(session, condition.key, finding)
        ConditionResult.objects.create(run=run, attempt=attempt, **facts, **signed)
        store_pass(attempt, condition.key, SEEN, {"packets": 4})


@pytest.fixture
def chapter():
    return next(each for each in get_course().chapters if each.number == 2)


@pytest.fixture
def proven(world, chapter):
    for lab in chapter.labs:
        prove(world.alice, lab)


@pytest.fixture
def issue(world, visit, chapter, proven):
    def post(**fields) -> Certificate:
        visit(world.alice).post("/certificates/issue/", {"chapter": chapter.slug, **fields})
        return world.alice.certificates.get(chapter=chapter.slug, withdrawn_at=None)

    return post


def check(certificate):
    return Client(headers={"Accept-Language": "en"}).get(f"/verify/{certificate.code}/")


def test_of_half_a_chapter_there_is_none(world, visit, chapter):
    prove(world.alice, chapter.labs[0])

    visit(world.alice).post("/certificates/issue/", {"chapter": chapter.slug})

    assert not world.alice.certificates.filter(chapter=chapter.slug).exists()


def test_what_an_instructor_typed_for_is_not_certified_until_it_is_proven_alone(
    world, visit, chapter, proven
):
    helped = world.alice.attempts.get(lab__slug=chapter.labs[0].slug)
    helped.passes.filter(condition=chapter.labs[0].conditions[0].key).update(is_helped=True)
    alice = visit(world.alice)

    alice.post("/certificates/issue/", {"chapter": chapter.slug})
    assert not world.alice.certificates.filter(chapter=chapter.slug).exists()
    assert "an instructor had typed" in alice.get("/progress/").content.decode()

    prove(world.alice, chapter.labs[0])
    alice.post("/certificates/issue/", {"chapter": chapter.slug})
    named = {each["attempt"] for each in world.alice.certificates.get(chapter=chapter.slug).statement["labs"]}
    assert len(named) == len(chapter.labs) and str(helped.pk) not in named


def test_a_chapter_does_not_make_the_course(world, visit, proven):
    visit(world.alice).post("/certificates/issue/", {"chapter": ""})

    assert not world.alice.certificates.filter(chapter="").exists()


def test_everybody_finds_the_labs_and_that_their_evidence_holds(issue, chapter):
    page = check(issue(with_name="on"))

    assert page.status_code == 200
    assert page.context["is_whole"]
    labs = [(lab.number, lab.held, lab.conditions) for lab in page.context["labs"]]
    assert labs == [(lab.number, len(lab.conditions), len(lab.conditions)) for lab in chapter.labs]
    assert "Genuine, and all of its evidence holds" in page.content.decode()


def test_the_name_is_shown_to_others_only_if_the_student_wished(issue, world):
    assert "Alice" in check(issue(with_name="on")).content.decode()

    world.alice.certificates.all().delete()
    unnamed = check(issue()).content.decode()
    assert "Alice" not in unnamed and "alice" not in unnamed


def test_evidence_that_was_changed_is_told(issue, world):
    certificate = issue()
    result = ConditionResult.objects.filter(attempt__student=world.alice).last()
    ConditionResult.objects.filter(pk=result.pk).update(evidence={"packets": 5})

    page = check(certificate)

    assert not page.context["is_whole"]
    assert "was changed after it was signed" in page.content.decode()


def test_evidence_that_is_not_there_is_told(issue, world):
    certificate = issue()
    ConditionResult.objects.filter(attempt__student=world.alice).last().delete()

    assert "not all of its evidence could be checked" in check(certificate).content.decode()


def test_a_certificate_that_was_written_by_hand_is_not_ours(issue):
    certificate = issue()
    certificate.statement["name"] = "Mallory"
    Certificate.objects.filter(pk=certificate.pk).update(statement=certificate.statement)

    page = check(certificate).content.decode()
    assert "Not genuine" in page and "Mallory" not in page


def test_a_withdrawn_one_says_only_that(issue, world, visit):
    certificate = issue(with_name="on")
    visit(world.alice).post(f"/certificates/{certificate.code}/withdraw/")

    page = check(certificate)

    assert page.status_code == 410
    assert "Alice" not in page.content.decode() and "2.1" not in page.content.decode()
    certificate.refresh_from_db()
    assert (certificate.statement, certificate.signature) == ({}, "")
    assert visit(world.alice).get(f"/certificates/{certificate.code}/").status_code == 404


def test_after_a_withdrawal_another_is_made_with_another_code(issue, world, visit):
    first = issue()
    assert issue() == first
    visit(world.alice).post(f"/certificates/{first.code}/withdraw/")

    assert issue().code != first.code


def test_on_paper_it_has_the_address_and_a_square_for_phones(issue, world, visit):
    certificate = issue()
    page = visit(world.alice).get(f"/certificates/{certificate.code}/").content.decode()

    assert f"http://testserver/verify/{certificate.code}/" in page
    assert "style=" not in page
    square = re.search(r"<svg[^>]*class=\"qr\"[^>]*>", page)[0]
    assert "viewBox" in square and "height=" not in square, "a page that gives it a size would cut it"


AS_TYPED = [
    str.upper,
    str.title,
    lambda code: code.replace("-", " "),
    lambda code: code.replace("-", ""),
    lambda code: code.replace("-", " \N{EN DASH} "),
    lambda code: f" {code} ",
]


@pytest.mark.parametrize("typed", AS_TYPED)
def test_a_code_is_found_however_it_was_typed(issue, typed):
    certificate = issue()
    code, here = typed(certificate.code), f"/verify/{certificate.code}/"

    assert Client().get("/verify/", {"code": code}).url == here
    assert Client().get(f"/verify/{quote(code)}/").url == here


@pytest.mark.parametrize("typed", ["bbbb-bbbb-bbbb", "certificate", "--"])
def test_an_unknown_code_is_told(db, typed):
    browser = Client(headers={"Accept-Language": "en"})
    for page in (browser.get("/verify/", {"code": typed}), browser.get(f"/verify/{typed}/")):
        assert page.status_code == 404
        assert "No certificate has this code" in page.content.decode()
