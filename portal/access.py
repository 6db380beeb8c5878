"""Who may see and who may drive what.

Seeing: a student sees their own work, an instructor also that of the students of their classes,
a superuser everything; a live terminal both see only while its student allows it. Driving (starting,
stopping, resetting, verifying) and typing in a terminal: one's own; in one of a student they teach,
instructors type while its student lends them the keyboard. What an administrator does to others' sessions
they do in the panel, which asks first and keeps who did it.

Every view and socket fetches through these querysets, so that what somebody may not touch does
not exist for them: they get a 404 and learn nothing.
"""

from django.db.models import Q, QuerySet

from curriculum.models import Attempt, QuizAttempt
from k8s_tasks.enums import OPEN_RUN_STATES, USABLE_SESSION_STATES, RunKind
from k8s_tasks.models import LabSession, Run
from portal.lti.models import LtiMember, LtiRole
from portal.models import Classroom, HelpRequest, User


def visible_students(user: User) -> QuerySet[User]:
    """The people whose work `user` may look at, themselves included."""
    if user.is_superuser:
        return User.objects.all()
    return User.objects.filter(Q(pk=user.pk) | Q(pk__in=_taught_by(user)))


def visible_runs(user: User) -> QuerySet[Run]:
    """A live terminal is its student's alone, unless they let others watch it."""
    runs = Run.objects.filter(session__attempt__student__in=visible_students(user)).select_related(
        "session__attempt__lab", "session__attempt__student"
    )
    may_see = Q(session__attempt__student=user) | Q(session__in=_watched_sessions())
    return runs.filter(may_see | ~Q(kind=RunKind.TERMINAL, state__in=OPEN_RUN_STATES))


def visible_attempts(user: User) -> QuerySet[Attempt]:
    return Attempt.objects.filter(student__in=visible_students(user)).select_related("lab", "student")


def visible_quiz_attempts(user: User) -> QuerySet[QuizAttempt]:
    return QuizAttempt.objects.filter(student__in=visible_students(user)).select_related("student")


def own_quiz_attempts(user: User) -> QuerySet[QuizAttempt]:
    return QuizAttempt.objects.filter(student=user)


def visible_sessions(user: User) -> QuerySet[LabSession]:
    return _sessions().filter(attempt__student__in=visible_students(user))


def inspected_sessions(user: User) -> QuerySet[LabSession]:
    """Those whose lab page `user` may open as their student sees it, to look only."""
    return _sessions() if user.is_superuser else _sessions().none()


def own_runs(user: User) -> QuerySet[Run]:
    return visible_runs(user).filter(session__attempt__student=user)


def own_sessions(user: User) -> QuerySet[LabSession]:
    return _sessions().filter(attempt__student=user)


def own_terminals(user: User) -> QuerySet[Run]:
    return Run.objects.filter(session__attempt__student=user, kind=RunKind.TERMINAL)


def watched_terminals(user: User) -> QuerySet[Run]:
    """Others' terminals that `user` may watch; of one that has ended the socket still brings the end."""
    watched = Run.objects.filter(kind=RunKind.TERMINAL, session__in=_watched_sessions())
    mine = Q(session__attempt__student=user)
    return watched.filter(session__attempt__student__in=visible_students(user)).exclude(mine)


def lent_keyboards(user: User) -> QuerySet[HelpRequest]:
    """The raised hands by which `user` may type in a terminal at this moment. An administrator who does not
    teach the student is no instructor of theirs: the student has not lent it to them."""
    teaching = Classroom.objects.filter(pk__in=taught_classrooms(user), instructors=user, archived_at=None)
    students = User.objects.filter(classrooms__in=teaching, is_active=True).exclude(pk=user.pk)
    return HelpRequest.objects.filter(
        closed_at=None,
        watch_given_at__isnull=False,
        type_given_at__isnull=False,
        student__in=students.values("pk"),
        session__state__in=USABLE_SESSION_STATES,
        type_run__state__in=OPEN_RUN_STATES,
    )


def taught_classrooms(user: User) -> QuerySet[Classroom]:
    """The classes `user` teaches. Being named in a class counts only while one is an instructor: in the
    portal, or, for that class alone, in the learning platform's course that it is bound to."""
    if user.is_superuser:
        return Classroom.objects.all()
    named = Classroom.objects.filter(instructors=user)
    if user.is_instructor:
        return named
    roles = LtiMember.objects.filter(
        identity__user=user, role=LtiRole.INSTRUCTOR, context__platform__is_active=True
    )
    return named.filter(pk__in=roles.values("context__classroom"))


def _sessions() -> QuerySet[LabSession]:
    return LabSession.objects.select_related("attempt__lab", "attempt__student", "cluster")


def _watched_sessions() -> QuerySet:
    return HelpRequest.objects.filter(closed_at=None, watch_given_at__isnull=False).values("session")


def _taught_by(user: User) -> QuerySet[User]:
    return User.objects.filter(classrooms__in=taught_classrooms(user)).values("pk")
