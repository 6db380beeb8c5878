"""docs/course.md: what each lab holds, and what came of playing it.

What a lab holds stands in its files; its times and the mutants that were caught come out of the files that
`manage.py labs solve --json` writes. Of two results of one play the later file's counts.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from curriculum.kinds import BY_PACKETS
from curriculum.recordings import recording_lacks
from curriculum.specs import Course, LabSpec
from curriculum.text import LANGUAGES

STATIC = (
    "lab",
    "chapter",
    "conditions",
    "by packets",
    "languages",
    "recording",
    "minutes",
    "needs",
)
MEASURED = ("solved in", "mutants caught")
HEAD = """# The labs, and what came of playing them

Written by `manage.py labs table RESULTS.json`, from the labs' files and from what `manage.py labs solve
--all --json RESULTS.json` has measured; a test fails when the files say something else than stands here.

*By packets* are the conditions that are proven by packets on the wire. *Solved in* is how long a program
needs that plays the solution and verifies it, with the lab's start and its end; *minutes* are a
student's. A *mutant* is a wrong way of doing the lab that must fail exactly the conditions it says it
fails. *Needs* are capabilities that a preflight must have measured on the cluster; those in brackets
only some steps and conditions need, which are skipped elsewhere.
"""


class TableError(Exception):
    """The text is a sentence for the author."""


@dataclass(frozen=True)
class Played:
    """The slowest solution in seconds, and of how many mutants how many were caught."""

    seconds: float
    caught: int
    mutants: int


def static_row(lab: LabSpec, chapter: str) -> tuple[str, ...]:
    """The cells of STATIC."""
    by_packets = sum(any(leaf.kind in BY_PACKETS for leaf in each.leaves) for each in lab.conditions)
    return (
        f"{lab.number} {lab.title['en']} (`{lab.slug}`)",
        chapter,
        str(len(lab.conditions)),
        str(by_packets),
        ", ".join(language for language in LANGUAGES if _is_written(lab, language)),
        recording_lacks(lab) or "there",
        str(lab.minutes),
        _needs(lab),
    )


def _is_written(lab: LabSpec, language: str) -> bool:
    """Whether it has a word wherever another language has one."""
    texts = [lab.texts["intro"], lab.texts["debrief"], *(step.text for step in lab.steps)]
    titles = [part.title for part in (*lab.steps, *lab.conditions)]
    return all(text[language] or not any(text.values()) for text in (*texts, *titles))


def _needs(lab: LabSpec) -> str:
    required = [each.value for each in lab.requires]
    parts = {need.value for part in (*lab.steps, *lab.conditions) for need in part.needs}
    whole = ["a whole cluster"] if lab.scope == "exclusive" else []
    all_needs = [*whole, *required, *(f"({each})" for each in sorted(parts.difference(required)))]
    return ", ".join(all_needs) or "nothing"


def measure(lab: LabSpec, results: Sequence[Mapping]) -> Played:
    """Raises TableError where a play is missing among the results, or a solution went wrong."""
    newest = {each["play"]: each for each in results if each["lab"] == lab.slug}
    if missing := _plays_of(lab).difference(newest):
        raise TableError(f"{lab.slug}: no result of {', '.join(sorted(missing))}")
    right = [newest[play.name] for play in lab.right_plays]
    if failed := [each["play"] for each in right if not each["right"]]:
        raise TableError(f"{lab.slug}: did not go right: {', '.join(failed)}")
    mutants = [newest[play.name]["right"] for play in lab.mutants]
    return Played(max(each["seconds"] for each in right), sum(mutants), len(mutants))


def _plays_of(lab: LabSpec) -> set[str]:
    return {play.name for play in (*lab.right_plays, *lab.mutants)}


def measured_row(played: Played) -> tuple[str, str]:
    """The cells of MEASURED."""
    return f"{played.seconds:.0f} s", f"{played.caught} of {played.mutants}"


def table_of_course(course: Course, results: Sequence[Mapping], *, on: datetime.date) -> str:
    """The whole page. Raises TableError with a line for each lab that cannot be in it."""
    rows, wrong = [], []
    for lab, chapter in labs_with_chapters(course):
        try:
            rows.append((*static_row(lab, chapter), *measured_row(measure(lab, results))))
        except TableError as error:
            wrong.append(str(error))
    if wrong:
        raise TableError("\n".join(wrong))
    plays = {(each["lab"], each["play"]) for each in results}
    played = f"{len(plays)} plays, measured on {on:%Y-%m-%d}."
    return "\n".join([HEAD, played, "", *_markdown([(*STATIC, *MEASURED), *rows]), ""])


def labs_with_chapters(course: Course) -> list[tuple[LabSpec, str]]:
    return [
        (lab, f"{chapter.number} {chapter.title['en']}")
        for chapter in course.chapters
        for lab in chapter.labs
    ]


def static_cells(page: str) -> list[tuple[str, ...]]:
    """The cells of STATIC of each lab, read from a page that was written."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]
    return [row[: len(STATIC)] for row in rows]


def _markdown(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    head, *others = (f"| {' | '.join(row)} |" for row in rows)
    return [head, "|" + "---|" * len(rows[0]), *others]
