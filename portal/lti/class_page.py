"""A class and its courses in learning platforms: the roster, the grades on their way, the bond itself."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.lti import people, scores
from portal.lti.calls import CallFailed
from portal.lti.models import LtiContext, ScoreState
from portal.lti.services import SCORE, members_of
from portal.models import Classroom
from portal.taught import taught_or_404


@require_safe
def class_lms(request, class_id):
    classroom = taught_or_404(request, class_id)
    courses = classroom.lti_contexts.select_related("platform").order_by("pk")
    return render(
        request, "class_lms.html", {"classroom": classroom, "courses": [_told(each) for each in courses]}
    )


def _told(context: LtiContext) -> dict:
    rows = context.scores.select_related("identity__user", "assignment")
    # What went wrong is at the top: that is what one looks for.
    order = {ScoreState.FAILED: 0, ScoreState.WAITING: 1, ScoreState.SENT: 2}
    listed = sorted(rows, key=lambda each: (order[each.state], str(each.identity.user), each.assignment.lab))
    return {
        "context": context,
        "members": context.members.count(),
        "has_roster": bool(context.members_url),
        "takes_grades": bool(context.line_items_url) and SCORE in context.scopes,
        "scores": [{"score": each, "title": scores.title_of(each.assignment)} for each in listed],
        "counts": {state: sum(each.state == state for each in listed) for state in ScoreState.values},
    }


@require_POST
def roster(request, class_id, context_id):
    classroom = taught_or_404(request, class_id)
    context = _bound(classroom, context_id)
    if classroom.archived_at:
        messages.error(request, _("An archived class takes nobody in."))
    elif not context.members_url:
        messages.error(request, _("The platform does not offer its roster for this course."))
    else:
        _import(request, context)
    return redirect("class-lms", class_id=classroom.pk)


def _import(request, context: LtiContext) -> None:
    """All of it is read before anybody is seated: half a roster is none."""
    try:
        members = list(members_of(context))
    except CallFailed as failure:
        told = _("The platform did not give its roster: %(problem)s")
        messages.error(request, told % {"problem": str(failure)[:200]})
        return
    made, seen = people.import_roster(context, members)
    messages.success(
        request, _("%(seen)d people in the course, %(made)d accounts made.") % {"seen": seen, "made": made}
    )


@require_POST
def send_scores(request, class_id, context_id):
    classroom = taught_or_404(request, class_id)
    scores.send_again(_bound(classroom, context_id))
    messages.success(request, _("All grades are being sent again."))
    return redirect("class-lms", class_id=classroom.pk)


@require_POST
def unbind(request, class_id, context_id):
    """The class, its people and their work stay; the course can be bound anew by a launch."""
    classroom = taught_or_404(request, class_id)
    LtiContext.objects.filter(pk=_bound(classroom, context_id).pk).update(classroom=None)
    messages.success(request, _("The course is no longer bound to the class."))
    return redirect("classes")


def _bound(classroom: Classroom, context_id: int) -> LtiContext:
    return get_object_or_404(classroom.lti_contexts.select_related("platform", "classroom"), pk=context_id)
