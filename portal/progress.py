"""A student's own page: where they stand in the course, and what they may show of it."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from curriculum import queries as work_queries
from portal.certificates import offers
from portal.class_work import student_work
from portal.standing import PAUSE, course_map, minutes_at_work, strengths


@require_safe
def progress(request):
    done = work_queries.progress(request.user)
    minutes = minutes_at_work(request.user)
    work = student_work(request.user)
    hours, rest = divmod(sum(minutes.values()), 60)
    context = {
        "map": course_map(done, minutes, {each["attempt"].lab.slug for each in work}),
        "passed": sum(each["is_passed"] for each in done.values()),
        "total": len(done),
        "hours": hours,
        "minutes": rest,
        "pause": PAUSE.seconds // 60,
        "strengths": strengths(request.user, done, work),
        "offers": offers(request.user, done),
        "my_name": request.user.get_full_name() or request.user.get_username(),
    }
    return render(request, "progress.html", context)
