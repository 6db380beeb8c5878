"""An author's portal (COURSE_RELOAD): every page says what is to be mended in the course, and loads itself
again when a file has changed."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from curriculum.course import get_course, live_course
from curriculum.recordings import recording_lacks
from curriculum.scaffold import unwritten
from curriculum.specs import LabSpec


@login_not_required
@require_safe
@never_cache
def stamp(request):
    """Changes with every file of the course. Only an author's portal has it."""
    if not settings.OPTIONS["COURSE_RELOAD"]:
        raise Http404("no author works here")
    get_course()
    return JsonResponse({"stamp": live_course().stamp})


def preview_context() -> dict | None:
    """None on everybody else's portal. `lacks` are by lab: what does not stop it, but should be done."""
    if not settings.OPTIONS["COURSE_RELOAD"]:
        return None
    course, live = get_course(), live_course()
    todo = unwritten(settings.OPTIONS["COURSE"])
    lacks = {lab.slug: _lacks_of(lab, todo) for lab in course.labs}
    return {"stamp": live.stamp, "problems": live.problems, "lacks": lacks}


def _lacks_of(lab: LabSpec, todo: list[str]) -> list[str]:
    left = [f"{place}: TODO" for place in todo if f"/{lab.slug}/" in place]
    return left + [lack for lack in [recording_lacks(lab)] if lack]
