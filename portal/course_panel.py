"""The panel's page about the course: which version is in force where, what the linter says, and the reload.

The linter works in a process of its own: reading a course keeps an interpreter busy for seconds, and this one
has pages to serve. What it found is kept by version, so a page that is opened again costs nothing.
"""

import json
import subprocess
import sys
from contextlib import suppress

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_safe
from redis.exceptions import RedisError

from curriculum.course import get_course, hash_folder, shelf
from curriculum.findings import lacks_of
from curriculum.problems import CourseError
from curriculum.specs import Course
from k8s_tasks.enums import LIVE_SESSION_STATES
from k8s_tasks.following_course import Holder, holders, reload_course
from k8s_tasks.models import LabSession
from k8s_tasks.on_record import record_of
from k8s_tasks.redis_keys import course_findings, redis_client

LINT_SECONDS = 180
FINDINGS_LAST = 24 * 3600


class LintBroken(Exception):
    """The linter could not say anything; the text is its last words."""


@require_safe
def course(request):
    _only_administrators(request)
    context = {**counts_of(get_course()), "holders": _holders(), "version": shelf.held().version}
    return _page(request, "admin/course.html", {**context, **_findings_told()})


@require_http_methods(["GET", "HEAD", "POST"])
def course_reload(request):
    """GET asks, POST does; neither for a course with mistakes, nor for one that is in force everywhere."""
    _only_administrators(request)
    told = _findings_told()
    if why_not := _why_not(told):
        messages.error(request, why_not)
        if request.method == "POST":
            _keep(request.user, record_of(gettext_noop("Reload refused: %(why)s"), why=why_not))
        return redirect("panel-course")
    if request.method == "POST":
        _reload(request)
        return redirect("panel-course")
    live = LabSession.objects.filter(state__in=LIVE_SESSION_STATES).count()
    context = {"version": shelf.held().version, "holders": _holders(), "live": live, **told}
    return _page(request, "admin/course_reload.html", context)


def counts_of(course: Course) -> dict:
    return {
        "chapters": len(course.chapters),
        "labs": len(course.labs),
        "quizzes": sum(1 for chapter in course.chapters if chapter.quiz),
    }


def _reload(request) -> None:
    before = shelf.held().version
    try:
        held = reload_course()
    except CourseError as error:  # the files have changed since they were linted
        messages.error(request, str(error))
        _keep(request.user, record_of(gettext_noop("Reload refused: %(why)s"), why=str(error)))
        return
    facts = {"before": before[:12], "now": held.version[:12]}
    _keep(request.user, record_of(gettext_noop("Reloaded: %(before)s → %(now)s"), **facts))
    told = _("The course is now %(now)s. The other processes take it up within a few seconds.")
    messages.success(request, told % facts)


def _why_not(told: dict) -> str:
    if settings.OPTIONS["COURSE_RELOAD"]:
        return _("This portal reads its course again by itself whenever a file changes (COURSE_RELOAD).")
    if told["broken"]:
        return _("The linter could not do its work: %s") % told["broken"]
    if number := len(told["problems"]):
        problems = ngettext("%d problem", "%d problems", number) % number
        return _("The files have %s: they must be mended first. The course in force stays.") % problems
    return ""


def _findings_told() -> dict:
    try:
        return {"broken": "", **_findings()}
    except LintBroken as error:
        return {"broken": str(error), "problems": [], "warnings": [], "version_of_files": ""}


def _findings() -> dict:
    """{"version_of_files", "problems", "warnings"}; raises LintBroken."""
    root = settings.OPTIONS["COURSE"]
    try:
        version = hash_folder(root)
        if version == shelf.held().version:  # it was loaded, so it is known to be right
            return {"version_of_files": version, **lacks_of(shelf.held().course, root)}
    except OSError as error:
        raise LintBroken(str(error)) from None
    found = _kept_findings(version)
    if found is None:
        found = _lint()
        with suppress(RedisError):
            redis_client().set(course_findings(found["version"]), json.dumps(found), ex=FINDINGS_LAST)
    return {
        "version_of_files": found["version"],
        "problems": found["problems"],
        "warnings": found["warnings"],
    }


def _kept_findings(version: str) -> dict | None:
    with suppress(RedisError):
        if kept := redis_client().get(course_findings(version)):
            return json.loads(kept)
    return None


def _lint() -> dict:
    command = [sys.executable, "-m", "curriculum", str(settings.OPTIONS["COURSE"]), "--findings"]
    try:
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=LINT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise LintBroken(_("It did not come to an end in %d seconds.") % LINT_SECONDS) from None
    if done.returncode:
        last_words = done.stderr.strip().rpartition("\n")[2]
        raise LintBroken(last_words or f"exit {done.returncode}")
    return json.loads(done.stdout)


def _holders() -> list[Holder] | None:
    """None where Redis does not answer."""
    try:
        return holders()
    except RedisError:
        return None


def _keep(person, words: str) -> None:
    LogEntry.objects.create(
        user=person, action_flag=CHANGE, object_repr=gettext_noop("Course content"), change_message=words
    )


def _page(request, template: str, context: dict):
    return render(request, template, {**admin.site.each_context(request), **context})


def _only_administrators(request) -> None:
    if not request.user.is_superuser:
        raise Http404("only administrators have a panel")
