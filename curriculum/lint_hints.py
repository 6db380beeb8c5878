"""Whether each hint that waits for a failure can ever be offered."""

from collections.abc import Iterator

from curriculum.documents import Document
from curriculum.hints import Cause
from curriculum.problems import Problem
from curriculum.reasons import reasons_of
from curriculum.specs import LabSpec


def lint_hints(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for index, step in enumerate(lab.steps):
        named = [hint.name for hint in step.hints if hint.name]
        for name in sorted({each for each in named if named.count(each) > 1}):
            yield document.problem(("steps", index), f"the hint {name!r} is there twice; rename one")
        for name in sorted(set(named) - step.when.keys()):
            mend = f"the hint {name!r} waits for no failure; name one in 'when', or take its name away"
            yield document.problem(("steps", index), mend)
        for name, cause in step.when.items():
            keys = ("steps", index, "when", name)
            if name not in named:
                yield document.problem(
                    keys, f"the prose has no '### hint {name}'; write it in both languages"
                )
            yield from _lint_cause(lab, document, keys, cause)


def _lint_cause(lab: LabSpec, document: Document, keys: tuple, cause: Cause) -> Iterator[Problem]:
    try:
        possible = reasons_of(lab.condition(cause.condition))
    except KeyError:
        known = ", ".join(each.key for each in lab.conditions)
        mend = f"there is no condition {cause.condition!r}; known are {known}"
        yield document.problem((*keys, "condition"), mend)
        return
    if cause.reason not in possible:
        mend = f"{cause.condition} never fails with {cause.reason!r}, but with {', '.join(possible)}"
        yield document.problem((*keys, "reason"), mend)
