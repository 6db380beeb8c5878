"""Quizzes: what is drawn, how it is marked, what is kept, and what the linter says of a broken one."""

import pytest

from curriculum import quiz_domain, quiz_queries
from curriculum.course import CONTENT, get_course
from curriculum.domain import AnswerError
from curriculum.enums import QuestionKind
from curriculum.marking import mark, read_said
from curriculum.models import QuizAttempt
from curriculum.quizzes import draw, lettered, live_questions, shown_choices
from curriculum.text import LANGUAGES

QUIZ = "01-foundations/quiz"


@pytest.fixture
def chapter():
    return get_course().chapter("foundations")


@pytest.fixture
def attempt(ana, chapter):
    return quiz_domain.start_quiz(ana, chapter)


def question(key: str):
    return get_course().chapter("foundations").quiz.question(key)


def marked(key: str, said: str, *, seed: int = 1, live=None):
    spec = question(key)
    drawn = draw(spec, seed, live)
    return mark(spec, read_said(spec, said), truth=drawn.truth, mistakes=drawn.mistakes)


def answer(attempt, key: str, value: str):
    asked = quiz_domain.ask(attempt, question(key))
    return quiz_domain.answer(attempt, question(key), value, asked_id=str(asked.pk))


def answer_all(attempt, chapter, *, wrong: int = 0):
    """All questions, the first `wrong` ones without being right."""
    for number, spec in enumerate(chapter.quiz.questions):
        asked = quiz_domain.ask(attempt, spec)
        value = wrong_answer(spec) if number < wrong else asked.truth
        quiz_domain.answer(attempt, spec, value, asked_id=str(asked.pk))


def wrong_answer(spec) -> str:
    if spec.kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE):
        return next(choice for choice in spec.choices if choice not in spec.right)
    return {"number": "999999", "order": ",".join(reversed(spec.choices))}.get(spec.kind, "203.0.113.9")


def test_a_seed_always_draws_the_same_and_another_draws_other_numbers():
    spec = question("routers")
    assert draw(spec, 7) == draw(spec, 7)
    assert len({draw(spec, seed).truth for seed in range(20)}) > 3


def test_what_is_read_live_takes_the_place_of_what_is_worked_out():
    drawn = draw(question("largest-ping"), 1, {"mtu": "1450"})
    assert drawn.given["mtu"] == 1450
    assert drawn.truth == "1422"
    assert drawn.mistakes["no-header"] == "1450"


def test_a_wrong_number_is_known_by_the_mistake_that_gives_it():
    live = {"mtu": 1500}
    assert marked("largest-ping", "1472", live=live).is_right
    assert marked("largest-ping", "1480", live=live).mistake == "ip-only"
    assert marked("largest-ping", "77", live=live).mistake == ""


def test_a_network_with_host_bits_is_told_apart_from_another_network():
    live = {"carla": "10.244.2.5", "range": "10.244.2.0/24"}
    assert marked("route-that-wins", " 10.244.2.0/24", live=live).is_right
    assert marked("route-that-wins", "10.244.2.5/24", live=live).mistake == "host-bits"
    assert marked("route-that-wins", "10.244.2.5/32", live=live).mistake == "one-pod"
    assert marked("route-that-wins", "10.244.3.0/24", live=live).mistake == ""


def test_several_choices_are_right_only_together():
    assert marked("shared", "ports,address").is_right
    assert not marked("shared", "address").is_right
    assert not marked("shared", "address,ports,files").is_right


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shared", ""),
        ("shared", "address,address"),
        ("shared", "memory"),
        ("cable", "plugin,kubelet"),
        ("routers", "two"),
        ("way", "wire,target"),
        ("whom-arp-asks", "10.244.1"),
        ("route-that-wins", "10.244.2.0"),
    ],
)
def test_what_is_no_answer_is_refused(attempt, key, value):
    with pytest.raises(AnswerError):
        answer(attempt, key, value)
    assert not attempt.answers.exists()


def test_an_answer_is_given_once(attempt):
    answer(attempt, "cable", "kubelet")
    asked = quiz_queries.asked_last(attempt)["cable"]
    with pytest.raises(AnswerError):
        quiz_domain.answer(attempt, question("cable"), "plugin", asked_id=str(asked.pk))
    assert quiz_queries.quiz_answers(attempt)["cable"].mistake == "kubelet"


def test_what_is_written_is_never_changed(attempt):
    given = answer(attempt, "cable", "kubelet")
    given.is_right = True
    for row in (given, given.asked, attempt):
        with pytest.raises(TypeError, match="written once"):
            row.save()


def test_an_answer_to_an_earlier_asking_is_refused(attempt):
    first = quiz_domain.ask(attempt, question("largest-ping"))
    quiz_domain.ask(attempt, question("largest-ping"), live={"mtu": 1450}, lab="mtu")
    with pytest.raises(AnswerError):
        quiz_domain.answer(attempt, question("largest-ping"), first.truth, asked_id=str(first.pk))


def test_a_cluster_that_says_something_unfit_leaves_the_drawn_numbers(attempt):
    asked = quiz_domain.ask(attempt, question("largest-ping"), live={"mtu": "lo"}, lab="mtu")
    assert (asked.lab, asked.why_drawn) == ("", "not-there")
    assert asked.truth == draw(question("largest-ping"), attempt.seed).truth


def test_a_question_is_not_asked_without_end(attempt):
    for _ in range(quiz_domain.ASKED_AGAIN):
        quiz_domain.ask(attempt, question("routers"))
    with pytest.raises(AnswerError):
        quiz_domain.ask(attempt, question("routers"))


def test_a_quiz_that_is_not_finished_goes_on(ana, chapter, attempt):
    answer(attempt, "cable", "plugin")
    assert quiz_domain.start_quiz(ana, chapter) == attempt
    assert quiz_queries.quiz_progress(ana) == {}


def test_best_and_last_count_once_they_are_finished(ana, chapter, attempt):
    total = len(chapter.quiz.questions)
    answer_all(attempt, chapter, wrong=1)
    again = quiz_domain.start_quiz(ana, chapter)
    assert again != attempt and again.seed != attempt.seed
    answer_all(again, chapter, wrong=3)

    told = quiz_queries.quiz_progress(ana)["foundations"]
    assert (told["best"].right, told["last"].right, told["attempts"]) == (total - 1, total - 3, 2)


def test_an_attempt_at_another_version_is_over(ana, chapter):
    old = QuizAttempt.objects.create(student=ana, chapter=chapter.slug, quiz_version="older", seed=1, total=3)
    assert quiz_domain.start_quiz(ana, chapter) != old


def test_an_order_is_never_shown_right_and_letters_hide_the_keys():
    spec = question("way")
    for seed in range(30):
        assert shown_choices(spec, seed) != list(spec.choices)
        assert sorted(lettered(spec, seed).values()) == sorted(spec.choices)
        assert set(lettered(spec, seed)) == set("abcde")


@pytest.mark.parametrize(
    "chapter", [each for each in get_course().chapters if each.quiz], ids=lambda c: c.slug
)
def test_every_quiz_of_the_course_has_its_words_and_its_live_questions(chapter):
    assert len(chapter.quiz.questions) >= 8
    assert len(list(live_questions(chapter.quiz))) >= 2
    for spec in chapter.quiz.questions:
        for language in LANGUAGES:
            assert spec.text[language] and spec.why[language]
            told = {key: spec.told_of[key][language] for key in spec.wrong_models if key not in spec.right}
            assert all(told.values()), (spec.key, language)


@pytest.mark.parametrize(
    ("file", "old", "new", "line_of", "key", "mend"),
    [
        (
            "quiz.yaml",
            "right: [plugin]",
            "right: [plug]",
            "right: [plug]",
            "questions[1].right",
            "no choice 'plug'",
        ),
        (
            "quiz.yaml",
            "read: cni-quem",
            "read: cni-onde",
            "read: cni-onde",
            "questions[1].read",
            "no section",
        ),
        ("quiz.yaml", "given.hops + 1", "given.hop + 1", "routers", "questions[4]", "cannot be worked out"),
        (
            "quiz.yaml",
            "2 * given.hops",
            "given.hops",
            "both-ways",
            "questions[4].mistakes.both-ways",
            "is right",
        ),
        (
            "quiz.yaml",
            "answer: given.gateway",
            "answer: given.(",
            "answer: given.(",
            "questions[2].answer",
            "no CEL",
        ),
        (
            "quiz.yaml",
            "labs: [ping-and-netcat,",
            "labs: [ping,",
            "labs: [ping,",
            "questions[2].live.labs",
            "no lab",
        ),
        (
            "quiz.yaml",
            "${ana.ip}",
            "${eva.ip}",
            "ana: {reads",
            "questions[2].live.facts.ana",
            "${eva.ip} has no value",
        ),
        (
            "quiz.yaml",
            "    unit: {pt-br: r",
            "    units: {pt-br: r",
            "units:",
            "questions[4].units",
            "did you mean 'unit'",
        ),
        (
            "en.md",
            "### choice kubelet: ",
            "### choice kubelt: ",
            "question cable",
            "cable",
            "kubelet: ...' is missing",
        ),
        ("en.md", "### why\n", "### wy\n", "### wy", "shared", "is no part of a question"),
        (
            "en.md",
            "## question way: ",
            "## question away: ",
            "question away",
            "away",
            "has no question 'away'",
        ),
        (
            "pt-br.md",
            "`ttl=${seen}`",
            "`ttl=${ttl}`",
            None,
            "questions[4]",
            "${ttl} in its words has no value",
        ),
    ],
)
def test_the_linter_names_file_line_key_and_mend(folder, file, old, new, line_of, key, mend):
    path = folder.root / QUIZ / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))

    found = [each for each in folder.problems() if each.key == key and mend in each.mend]

    assert found, [str(each) for each in folder.problems()]
    assert found[0].file.name == ("quiz.yaml" if line_of is None else file)
    if line_of:
        assert line_of in path.read_text().splitlines()[found[0].line - 1]


def test_a_quiz_needs_live_questions(folder):
    path = folder.root / QUIZ / "quiz.yaml"
    lines = path.read_text().split("    live:\n")
    kept = [part.split("  - key:", 1)[-1] if number else part for number, part in enumerate(lines)]
    path.write_text("  - key:".join(kept))
    assert any("0 questions are live" in each.mend for each in folder.problems())


def test_every_chapter_of_the_course_has_a_quiz():
    assert [each.slug for each in get_course().chapters if each.quiz is None] == []


def test_the_folder_of_a_quiz_is_no_lab():
    assert (CONTENT / QUIZ).is_dir()
    assert "quiz" not in [lab.slug for lab in get_course().labs]
