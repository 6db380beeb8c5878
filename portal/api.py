"""The JSON API: read-only, for scripts of instructors and schools. What somebody may not see on a page does
not exist for their token either."""

from datetime import datetime

from django.shortcuts import get_object_or_404
from ninja import NinjaAPI, Schema
from ninja.security import HttpBearer

from curriculum import queries as work
from curriculum.course import get_course
from portal import access, tokens
from portal.assignments import in_course_order
from portal.grading import grades_of
from portal.hands import hands_with_times
from portal.models import Classroom
from portal.overview import cells_of, labs_of, students_of


class Token(HttpBearer):
    def authenticate(self, request, token: str):
        person = tokens.person_of(token)
        if person is None:
            return None
        request.user = person
        return person


api = NinjaAPI(
    title="Redes no Kubernetes",
    version="1",
    description="Read-only. A token of your account page goes into the header Authorization: Bearer.",
    auth=Token(),
    docs_url=None,  # its page asks others for scripts; ours is /api/
    urls_namespace="api",
)


class LabOut(Schema):
    """A lab of the course; titles by language."""

    slug: str
    number: str
    title: dict[str, str]
    conditions: int
    minutes: int | None


class ProgressOut(Schema):
    lab: str
    proven: int
    total: int
    is_passed: bool


class MeOut(Schema):
    username: str
    name: str
    role: str


class ClassOut(Schema):
    id: int
    name: str
    students: int
    starts_on: str | None
    ends_on: str | None
    is_archived: bool


class StudentOut(Schema):
    username: str
    name: str
    email: str


class StandingOut(Schema):
    """`state` is none, working, stuck, undecided or proven; `reason` that of the newest check that failed."""

    student: str
    lab: str
    state: str
    proven: int
    total: int
    attempts: int
    active_at: datetime | None
    reason: str


class GradeOut(Schema):
    """Points of hundredths; `reckoned` by the class's rules, `points` what counts. `helped` of the conditions
    that count were proven after an instructor had typed in the student's terminal."""

    student: str
    lab: str
    points: float
    reckoned: float
    most: int
    days_late: int
    is_changed: bool
    helped: int


class HandOut(Schema):
    """A raised hand, without what was asked and answered. `answered_at` is of the first answer, `lent_at` of
    the first time that the student lent their terminal's keyboard, `typed_at` of an instructor's first key
    in it, and `lowered_at` is null while the hand is up."""

    student: str
    lab: str
    raised_at: datetime
    answered_at: datetime | None
    answers: int
    lent_at: datetime | None
    typed_at: datetime | None
    lowered_at: datetime | None


@api.get("/me", response=MeOut, summary="Whose token this is")
def me(request):
    person = request.user
    role = "administrator" if person.is_superuser else person.role
    return {"username": person.get_username(), "name": person.get_full_name(), "role": role}


@api.get("/labs", response=list[LabOut], summary="The labs of the course")
def labs(request):
    return [
        {
            "slug": lab.slug,
            "number": lab.number,
            "title": dict(lab.title),
            "conditions": len(lab.conditions),
            "minutes": lab.minutes,
        }
        for lab in get_course().labs
    ]


@api.get("/progress", response=list[ProgressOut], summary="Your own progress, by lab")
def progress(request):
    return [
        {"lab": slug, "proven": each["passed"], "total": each["total"], "is_passed": each["is_passed"]}
        for slug, each in work.progress(request.user).items()
    ]


@api.get("/classes", response=list[ClassOut], summary="The classes you teach")
def classes(request):
    return [_class(each) for each in access.taught_classrooms(request.user)]


@api.get("/classes/{class_id}", response=ClassOut, summary="One class")
def one_class(request, class_id: int):
    return _class(_taught(request, class_id))


@api.get("/classes/{class_id}/students", response=list[StudentOut], summary="The students of a class")
def students(request, class_id: int):
    return [
        {"username": each.get_username(), "name": each.get_full_name(), "email": each.email}
        for each in students_of(_taught(request, class_id))
    ]


@api.get(
    "/classes/{class_id}/standing", response=list[StandingOut], summary="Where each student stands, by lab"
)
def standing(request, class_id: int):
    classroom = _taught(request, class_id)
    people = students_of(classroom)
    cells = cells_of(people, labs_of(classroom))
    return [
        {
            "student": student.get_username(),
            "lab": cell.lab.slug,
            "state": cell.state,
            "proven": cell.proven,
            "total": cell.total,
            "attempts": cell.attempts,
            "active_at": cell.active_at,
            "reason": cell.reason,
        }
        for student in people
        for cell in cells[student.pk]
    ]


@api.get("/classes/{class_id}/grades", response=list[GradeOut], summary="The gradebook of a class")
def grades(request, class_id: int):
    classroom = _taught(request, class_id)
    people = students_of(classroom)
    found = grades_of(classroom, people, in_course_order(classroom.assignments.all()))
    return [
        {
            "student": student.get_username(),
            "lab": grade.assignment.lab,
            "points": float(grade.points),
            "reckoned": float(grade.reckoned),
            "most": grade.assignment.points,
            "days_late": grade.days_late,
            "is_changed": grade.override is not None,
            "helped": grade.work.helped if grade.work else 0,
        }
        for student in people
        for grade in found[student.pk]
    ]


@api.get(
    "/classes/{class_id}/hands",
    response=list[HandOut],
    summary="The hands that students of a class raised, newest first",
)
def hands(request, class_id: int):
    return [
        {
            "student": each.student.get_username(),
            "lab": each.session.attempt.lab.slug,
            "raised_at": each.created_at,
            "answered_at": each.answered_at,
            "answers": each.answers,
            "lent_at": each.lent_at,
            "typed_at": each.typed_at,
            "lowered_at": each.closed_at,
        }
        for each in hands_with_times(_taught(request, class_id))
    ]


def _taught(request, class_id: int) -> Classroom:
    return get_object_or_404(access.taught_classrooms(request.user), pk=class_id)


def _class(classroom: Classroom) -> dict:
    return {
        "id": classroom.pk,
        "name": classroom.name,
        "students": classroom.students.count(),
        "starts_on": classroom.starts_on and classroom.starts_on.isoformat(),
        "ends_on": classroom.ends_on and classroom.ends_on.isoformat(),
        "is_archived": classroom.archived_at is not None,
    }


def open_doors() -> tuple:
    """The API's addresses for the URLconf. A token is the login here: the middleware that leads people to a
    page must not answer scripts."""
    urls = api.urls
    for pattern in urls[0]:
        pattern.callback.login_required = False
    return urls
