"""How a refusal is told: a sentence for the person, never a stack trace, and nothing typed is lost.

The domain refuses with SessionError, RunError or AnswerError, whose text is meant for people. A
Redis that does not answer is told in the same way.
To htmx the sentence is a fragment for the page's notices, so that forms stay as they are; without
JavaScript the lab page comes back with the sentence and with what was typed.
"""

import functools
import logging

from django.contrib import messages
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django_htmx.http import reswap, retarget
from redis.exceptions import RedisError

from curriculum.domain import AnswerError
from k8s_tasks.domain.runs import RunError
from k8s_tasks.domain.sessions import SessionError, TooManySessions
from portal import access
from portal.lab_page import lab_or_404, lab_page, sitting_in, sitting_of

logger = logging.getLogger(__name__)

STATUSES = {SessionError: 409, RunError: 409, AnswerError: 422, RedisError: 503}
REFUSALS = tuple(STATUSES)


def tells_refusals(view):
    """Decorator for the views that act on a lab, a session or a run (named in their URL)."""

    @functools.wraps(view)
    def told(request, **kwargs):
        try:
            return view(request, **kwargs)
        except REFUSALS as refusal:
            tell = notice if request.htmx else page_again
            return tell(request, sentence_of(refusal), status_of(refusal))

    return told


def status_of(refusal: Exception) -> int:
    return next(status for kind, status in STATUSES.items() if isinstance(refusal, kind))


def sentence_of(refusal: Exception) -> str:
    """The domain's own words, with the way to where they can be followed; a broken Redis's are logged."""
    if isinstance(refusal, TooManySessions):
        return format_html('{} <a href="{}">{}</a>', str(refusal), reverse("my-work"), _("My labs"))
    if not isinstance(refusal, RedisError):
        return str(refusal)
    logger.error("Redis does not answer", exc_info=refusal)
    return _("The live part of the portal does not answer right now. Try again in a moment.")


def notice(request, text: str, status: int):
    """A sentence for the notices of the page, wherever the request wanted to put its answer."""
    response = render(request, "messages.html#notice", {"level": "error", "text": text}, status=status)
    return reswap(retarget(response, "#notices"), "innerHTML")


def page_again(request, text: str, status: int):
    messages.error(request, text)
    kwargs = request.resolver_match.kwargs
    value = request.POST.get("text", request.POST.get("value", ""))
    typed = {kwargs["step"]: value} if "step" in kwargs else None
    return lab_page(request, _sitting(request.user, kwargs), status=status, typed=typed)


def _sitting(user, kwargs: dict):
    if "slug" in kwargs:
        return sitting_of(user, lab_or_404(kwargs["slug"]))
    if "run_id" in kwargs:
        return sitting_in(get_object_or_404(access.own_runs(user), pk=kwargs["run_id"]).session)
    return sitting_in(get_object_or_404(access.own_sessions(user), pk=kwargs["session_id"]))
