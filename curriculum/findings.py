"""What the linter says of a folder, for those who are not at its command line."""

from pathlib import Path

from curriculum.course import hash_folder, load_course
from curriculum.kept import kept_course
from curriculum.problems import CourseError, Problem
from curriculum.recordings import FOLDER, recording_lacks
from curriculum.scaffold import unwritten
from curriculum.specs import Course


def findings_of(root: Path) -> dict:
    """{"version", "problems": [{"file", "line", "key", "mend"}], "warnings": [str]}, as JSON takes it. Takes
    seconds for a course that was not read before; one without problems is kept for the next who asks."""
    version = hash_folder(root)
    try:
        course = kept_course(root, load_course)
    except CourseError as error:
        return {"version": version, "problems": [_told(each) for each in error.problems], "warnings": []}
    return {"version": version, **lacks_of(course, root)}


def lacks_of(course: Course, root: Path) -> dict:
    """The same of a course that could be loaded; takes no time."""
    return {"problems": [_left(place) for place in unwritten(root)], "warnings": _warnings(course, root)}


def _told(problem: Problem) -> dict:
    return {"file": str(problem.file), "line": problem.line, "key": problem.key, "mend": problem.mend}


def _left(place: str) -> dict:
    file, _, line = place.rpartition(":")
    return {"file": file, "line": int(line), "key": "", "mend": "TODO is left here"}


def _warnings(course: Course, root: Path) -> list[str]:
    lacks = ((lab, recording_lacks(lab)) for lab in course.labs)
    return [f"{(lab.folder / FOLDER).relative_to(root)}: {lack}" for lab, lack in lacks if lack]
