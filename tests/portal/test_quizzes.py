"""A student at a quiz, and the instructor who reads what the class answered."""

import pytest
from django.urls import reverse

from curriculum import quiz_domain, quiz_queries
from curriculum.course import get_course
from curriculum.models import QuizAnswer
from curriculum.quizzes import lettered
from k8s_tasks import quiz_facts
from k8s_tasks.quiz_facts import Look
from tests.curriculum.test_quizzes import answer_all
from tests.portal.conftest import make_student

START = "/chapters/foundations/quiz/start/"


@pytest.fixture
def chapter():
    return get_course().chapter("foundations")


@pytest.fixture
def look(monkeypatch):
    """What the cluster says: no session, until a test puts something else here."""
    said = [Look(why="no-session")]
    monkeypatch.setattr(quiz_facts, "look", lambda student, live: said[-1])
    return said


@pytest.fixture
def browser(world, visit, healthy, look):
    return visit(world.alice)


def attempt_of(user):
    return user.quiz_attempts.first()


def page_of(user, key: str) -> str:
    return reverse("quiz-question", kwargs={"attempt_id": attempt_of(user).pk, "question": key})


def ask(browser, user, key: str):
    return browser.post(page_of(user, key) + "ask/")


def letter_of(user, spec, choice: str) -> str:
    return next(letter for letter, key in lettered(spec, attempt_of(user).seed).items() if key == choice)


def give(browser, user, key: str, *values: str):
    asked = quiz_queries.asked_last(attempt_of(user))[key]
    return browser.post(page_of(user, key), {"value": values, "asked": asked.pk})


def test_beginning_leads_to_the_first_question(world, chapter, browser):
    response = browser.post(START)

    assert response.url == page_of(world.alice, chapter.quiz.questions[0].key)
    assert browser.get(response.url).status_code == 200


def test_nothing_of_the_answer_is_in_the_page_before_it_is_given(world, chapter, browser):
    browser.post(START)
    for spec in chapter.quiz.questions:
        ask(browser, world.alice, spec.key)
        page = browser.get(page_of(world.alice, spec.key)).content.decode()
        told = [text[language] for text in (spec.why, *spec.told_of.values()) for language in ("pt-br", "en")]
        assert not [each for each in told if each and each[3:40] in page], spec.key
        assert not [key for key in spec.choices if f'value="{key}"' in page], spec.key


def test_an_answer_is_told_at_once_with_the_idea_behind_it(world, chapter, browser):
    browser.post(START)
    ask(browser, world.alice, "cable")
    wrong = letter_of(world.alice, chapter.quiz.question("cable"), "kube-proxy")

    response = give(browser, world.alice, "cable", wrong)

    page = browser.get(response.url).content.decode()
    assert "It writes rules for <em>Services</em>" in page
    assert "CNI_COMMAND=ADD" in page
    assert quiz_queries.quiz_answers(attempt_of(world.alice))["cable"].mistake == "kube-proxy"


def test_a_value_that_is_no_answer_comes_back_with_a_sentence(world, browser):
    browser.post(START)
    ask(browser, world.alice, "routers")

    response = give(browser, world.alice, "routers", "two")

    assert response.status_code == 422
    assert 'value="two"' in response.content.decode()
    assert not QuizAnswer.objects.exists()


def test_a_live_question_without_a_session_says_so_and_offers_the_lab(world, browser):
    browser.post(START)
    ask(browser, world.alice, "largest-ping")

    page = browser.get(page_of(world.alice, "largest-ping")).content.decode()

    assert "made-up numbers" in page and "No lab of yours is running" in page
    assert 'href="/labs/mtu/"' in page


def test_a_live_question_is_asked_with_what_the_cluster_says_now(world, browser, look):
    browser.post(START)
    ask(browser, world.alice, "largest-ping")
    look.append(Look({"mtu": "1450"}, lab="mtu"))
    ask(browser, world.alice, "largest-ping")

    assert "from your cluster, just now" in browser.get(page_of(world.alice, "largest-ping")).content.decode()
    give(browser, world.alice, "largest-ping", "1422")
    assert quiz_queries.quiz_answers(attempt_of(world.alice))["largest-ping"].is_right


def test_an_order_is_moved_without_script_and_then_answered(world, chapter, browser):
    browser.post(START)
    ask(browser, world.alice, "way")
    spec = chapter.quiz.question("way")
    right = [letter_of(world.alice, spec, choice) for choice in spec.choices]
    swapped = [right[1], right[0], *right[2:]]

    moved = browser.post(page_of(world.alice, "way"), {"value": swapped, "move": f"{right[1]} down"})

    assert [letter for letter, _words in moved.context["order"]] == right
    give(browser, world.alice, "way", *right)
    assert quiz_queries.quiz_answers(attempt_of(world.alice))["way"].is_right


def test_the_result_says_what_to_read_again(world, chapter, browser):
    answer_all(quiz_domain.start_quiz(world.alice, chapter), chapter, wrong=2)

    context = browser.get(f"/quizzes/{attempt_of(world.alice).pk}/").context

    assert context["is_finished"] and context["right"] == len(chapter.quiz.questions) - 2
    assert [place["id"] for place in context["read_again"]] == [
        "network-namespaces-several-stacks-in-one-kernel",
        "cni-who-pulls-the-cable",
    ]
    assert {lab.slug for place in context["read_again"] for lab in place["labs"]} == {"network-namespaces"}


def test_the_quiz_counts_in_the_progress_of_chapter_and_course(world, chapter, browser):
    answer_all(quiz_domain.start_quiz(world.alice, chapter), chapter, wrong=1)

    assert (
        browser.get("/chapters/foundations/").context["quiz"]["best"].right == len(chapter.quiz.questions) - 1
    )
    assert browser.get("/").context["quizzes"]["foundations"]["attempts"] == 1
    assert len(browser.get("/my-labs/").context["quiz_attempts"]) == 1


def test_the_class_page_shows_the_share_and_the_wrong_ideas(world, chapter, visit, healthy, look):
    carol = make_student("carol")
    world.classroom.students.add(carol)
    for student, said in ((world.alice, "kubelet"), (carol, "plugin")):
        attempt = quiz_domain.start_quiz(student, chapter)
        spec = chapter.quiz.question("cable")
        asked = quiz_domain.ask(attempt, spec)
        quiz_domain.answer(attempt, spec, said, asked_id=str(asked.pk))

    page = visit(world.paula).get(f"/classes/{world.classroom.pk}/quizzes/")

    told = next(each for each in page.context["questions"] if each["spec"].key == "cable")
    assert (told["percent"], told["right"], told["total"]) == (50, 1, 2)
    assert [(idea["words"], idea["count"]) for idea in told["wrong"]] == [
        ("the kubelet, which creates the pod", 1)
    ]


def test_a_wrong_order_is_told_in_words(world, chapter, visit, healthy):
    attempt = quiz_domain.start_quiz(world.alice, chapter)
    spec = chapter.quiz.question("way")
    asked = quiz_domain.ask(attempt, spec)
    quiz_domain.answer(attempt, spec, ",".join(reversed(spec.choices)), asked_id=str(asked.pk))

    page = visit(world.paula).get(f"/classes/{world.classroom.pk}/quizzes/").content.decode()

    assert "transport layer → redes-worker2 finds" in page
    assert "<code>ana</code> looks into her table" in page


def test_the_first_answer_of_a_student_counts_in_the_class(world, chapter):
    first = quiz_domain.start_quiz(world.alice, chapter)
    answer_all(first, chapter, wrong=1)
    answer_all(quiz_domain.start_quiz(world.alice, chapter), chapter)

    counted = quiz_queries.first_answers([world.alice], "foundations")

    assert {each.attempt_id for each in counted} == {first.pk}


def test_the_class_page_asks_as_often_for_three_students_as_for_one(
    world, chapter, visit, healthy, django_assert_max_num_queries
):
    answer_all(quiz_domain.start_quiz(world.alice, chapter), chapter)
    paula = visit(world.paula)
    address = f"/classes/{world.classroom.pk}/quizzes/"
    with django_assert_max_num_queries(12) as before:
        paula.get(address)
    for name in ("carol", "dave"):
        student = make_student(name)
        world.classroom.students.add(student)
        answer_all(quiz_domain.start_quiz(student, chapter), chapter, wrong=3)
    with django_assert_max_num_queries(len(before)):
        paula.get(address)


def test_an_instructor_reads_a_students_result_and_answers_nothing(world, chapter, visit, healthy, look):
    answer_all(quiz_domain.start_quiz(world.alice, chapter), chapter, wrong=1)
    attempt = attempt_of(world.alice)

    assert visit(world.paula).get(f"/quizzes/{attempt.pk}/").status_code == 200
    assert visit(world.paula).get(page_of(world.alice, "cable")).status_code == 404
    assert visit(world.bob).get(f"/quizzes/{attempt.pk}/").status_code == 404
