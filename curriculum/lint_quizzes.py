"""Whether a quiz can be asked: its expressions have values for every seed, each answer is one, no mistake
is right, and what is read live can be read in the labs it names."""

import re
from collections.abc import Iterable, Iterator

from curriculum.cel import GIVEN, CelError, compile_expression
from curriculum.documents import Document
from curriculum.enums import ParameterKind, QuestionKind
from curriculum.kinds import NODE_PLACE
from curriculum.lint_names import known_names
from curriculum.marking import mark, read_said
from curriculum.parameters import SubstitutionError, fill_prose, names_in, names_in_prose
from curriculum.problems import Problem
from curriculum.quizzes import CHOSEN, LETTERS, TYPED, Draw, Fact, Live, Question, draw, live_questions
from curriculum.specs import Chapter, LabSpec
from curriculum.text import FIRST_LANGUAGE, LANGUAGES

SEEDS = range(25)  # draws that are tried
LIVE_WANTED = 2
FEWEST = 3
READS = {
    QuestionKind.SINGLE: ("choices", "right", "shuffled"),
    QuestionKind.MULTIPLE: ("choices", "right", "shuffled"),
    QuestionKind.ORDER: ("choices",),
    QuestionKind.NUMBER: ("answer", "tolerance", "unit", "mistakes"),
    QuestionKind.TEXT: ("answer", "accepts", "mistakes"),
}
SOME_READ = {key for keys in READS.values() for key in keys}
FACT_NEEDS = {
    "object": ("api", "resource", "expression"),
    "command": ("pod", "argv", "matches"),
    "service-range": (),
    "value": ("value",),
}


def lint_quiz(chapter: Chapter, document: Document) -> Iterator[Problem]:
    """What does not fit in a chapter's quiz; the schema and the prose are checked before."""
    quiz = chapter.quiz
    assert quiz is not None
    seen: set[str] = set()
    for index, question in enumerate(quiz.questions):
        keys = ("questions", index)
        if question.key in seen:
            yield document.problem((*keys, "key"), "this key is here twice; give each question its own")
        seen.add(question.key)
        yield from _lint_question(chapter, question, document, keys)
    if (found := len(list(live_questions(quiz)))) < LIVE_WANTED:
        mend = f"{found} questions are live; let at least {LIVE_WANTED} read the student's cluster"
        yield document.problem(("questions",), mend)


def _lint_question(
    chapter: Chapter, question: Question, document: Document, keys: tuple
) -> Iterator[Problem]:
    labs = {lab.slug: lab for lab in chapter.labs}
    sections = [key for key, _title in chapter.sections(FIRST_LANGUAGE)]
    yield from _one_of(document, (*keys, "read"), question.read, sections, "section")
    if question.lab:
        yield from _one_of(document, (*keys, "lab"), question.lab, labs, "lab in this chapter")
    for key in sorted(SOME_READ & document.at(keys).keys() - set(READS[question.kind])):
        yield document.problem((*keys, key), f"a {question.kind} question has no {key!r}; remove it")
    yield from _lint_choices(question, document, keys)
    yield from _lint_names(question, document, keys)
    wrong = list(_lint_expressions(question, document, keys))
    yield from wrong or _lint_draws(question, document, keys)
    if question.live:
        yield from _lint_live(question, question.live, labs, document, (*keys, "live"))


def _lint_choices(question: Question, document: Document, keys: tuple) -> Iterator[Problem]:
    if question.kind in TYPED:
        if not question.answer:
            yield document.problem(keys, "'answer' is missing; add it (the right answer, in CEL)")
        return
    if not FEWEST <= len(set(question.choices)) == len(question.choices) <= len(LETTERS):
        mend = f"give {FEWEST} to {len(LETTERS)} choices, each once"
        yield document.problem((*keys, "choices"), mend)
    for choice in question.right:
        yield from _one_of(document, (*keys, "right"), choice, question.choices, "choice")
    wanted = {QuestionKind.SINGLE: "one choice", QuestionKind.MULTIPLE: "one or more choices"}
    fits = len(question.right) == 1 if question.kind == QuestionKind.SINGLE else len(question.right) >= 1
    if question.kind in CHOSEN and not fits:
        yield document.problem((*keys, "right"), f"say which is right: {wanted[question.kind]}")


def _lint_names(question: Question, document: Document, keys: tuple) -> Iterator[Problem]:
    for name, parameter in question.parameters.items():
        if parameter.kind == ParameterKind.NUMBER and parameter.lowest >= parameter.highest:
            mend = "lowest must be below highest, or nothing is drawn"
            yield document.problem((*keys, "parameters", name), mend)
        if name in question.values:
            yield document.problem((*keys, "values", name), "a parameter has this name; choose another")
    for name in sorted(set().union(*map(names_in_prose, _prose_of(question))) - question.names):
        known = ", ".join(sorted(question.names)) or "none"
        yield document.problem(keys, f"${{{name}}} in its words has no value; known are {known}")


def _prose_of(question: Question) -> list[str]:
    texts = [question.title, question.text, question.why, question.if_live, question.if_drawn]
    texts += [*question.words.values(), *question.told_of.values()]
    return [str(text[language]) for text in texts if text for language in LANGUAGES]


def _lint_expressions(question: Question, document: Document, keys: tuple) -> Iterator[Problem]:
    written = {("answer",): question.answer} if question.answer else {}
    written |= {("values", name): text for name, text in question.values.items()}
    written |= {("mistakes", name): text for name, text in question.mistakes.items()}
    for below, text in written.items():
        try:
            compile_expression(text, GIVEN)
        except CelError as error:
            yield document.problem((*keys, *below), f"this is no CEL expression: {error}")


def _lint_draws(question: Question, document: Document, keys: tuple) -> Iterator[Problem]:
    """The first seed that breaks the question is told."""
    for seed in SEEDS:
        try:
            drawn = draw(question, seed)
        except CelError as error:
            yield document.problem(keys, f"its numbers cannot be worked out (seed {seed}): {error}")
            return
        if found := list(_lint_draw(question, drawn, document, keys)):
            yield from found
            return


def _lint_draw(question: Question, drawn: Draw, document: Document, keys: tuple) -> Iterator[Problem]:
    if question.kind in TYPED and read_said(question, drawn.truth) is None:
        yield document.problem((*keys, "answer"), f"{drawn.truth!r} cannot be answered; mend the expression")
        return
    for key, value in drawn.mistakes.items():
        said = read_said(question, value)
        if said is None:
            mend = f"{value!r} is no answer that somebody could give; mend the expression"
            yield document.problem((*keys, "mistakes", key), mend)
        elif mark(question, said, truth=drawn.truth, mistakes={}).is_right:
            mend = f"for some draws ({drawn.given}) this is right; draw other values"
            yield document.problem((*keys, "mistakes", key), mend)
    for language in LANGUAGES:
        words = [
            fill_prose(question.words[key][language], drawn.given)
            for key in question.choices
            if key in question.words
        ]
        if len(set(words)) < len(words):
            mend = f"two choices read the same for some draws ({drawn.given}); draw other values"
            yield document.problem((*keys, "choices"), mend)


def _lint_live(
    question: Question, live: Live, labs: dict[str, LabSpec], document: Document, keys: tuple
) -> Iterator[Problem]:
    for slug in live.labs:
        yield from _one_of(document, (*keys, "labs"), slug, labs, "lab in this chapter")
    asked = [labs[slug] for slug in live.labs if slug in labs]
    for name, fact in live.facts.items():
        below = (*keys, "facts", name)
        yield from _one_of(
            document, below, name, sorted(question.names), "value or parameter of the question"
        )
        for key in FACT_NEEDS[fact.reads]:
            if not getattr(fact, key):
                yield document.problem(below, f"a fact that reads {fact.reads!r} needs {key!r}; add it")
        yield from _lint_fact(fact, asked, document, below)


def _lint_fact(fact: Fact, labs: Iterable[LabSpec], document: Document, keys: tuple) -> Iterator[Problem]:
    templates = [fact.name, fact.expression, fact.matches, fact.value, *fact.argv]
    for lab in labs:
        known = known_names(lab)
        try:
            unknown = set().union(*map(names_in, templates)) - known
        except SubstitutionError as error:
            yield document.problem(keys, str(error))
            return
        for name in sorted(unknown):
            mend = f"${{{name}}} has no value in {lab.slug}; known are {', '.join(sorted(known))}"
            yield document.problem(keys, mend)
        if fact.pod and not fact.pod.startswith(NODE_PLACE) and fact.pod not in lab.all_pods:
            yield document.problem((*keys, "pod"), f"there is no pod {fact.pod!r} in {lab.slug}")
        if fact.namespace and fact.namespace not in lab.all_namespaces:
            yield document.problem(
                (*keys, "namespace"), f"there is no namespace {fact.namespace!r} in {lab.slug}"
            )
    try:
        if fact.expression and not names_in(fact.expression):
            compile_expression(fact.expression)
    except CelError as error:
        yield document.problem((*keys, "expression"), f"this is no CEL expression: {error}")
    try:
        if fact.matches and re.compile(fact.matches.replace("$$", "$")).groups < 1:
            yield document.problem((*keys, "matches"), "put what is the value in brackets")
    except re.error as error:
        yield document.problem((*keys, "matches"), f"this is no regular expression: {error}")


def _one_of(document: Document, keys: tuple, name: str, known: Iterable[str], what: str) -> Iterator[Problem]:
    if name not in known:
        yield document.problem(keys, f"there is no {what} {name!r}; known are {', '.join(known) or 'none'}")
