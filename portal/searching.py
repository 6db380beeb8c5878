"""Search over the course, and the way to what it finds."""

import difflib

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from curriculum.course import get_course
from curriculum.glossary import in_order
from curriculum.search import LONGEST_QUERY, find
from curriculum.text import fold
from k8s_tasks.enums import LIVE_SESSION_STATES
from portal.lab_page import lab_or_404, sitting_of, step_or_404
from portal.language import page_language

NEAR = 5


@login_not_required
@require_safe
def search(request):
    """The whole page, or for htmx the list of what was found."""
    query = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    found = find(query, page_language())
    context = {"query": query, "found": found, "near": near_terms(query) if query and not found else []}
    return render(request, "search.html#found" if request.htmx else "search.html", context)


def near_terms(query: str) -> list:
    """Terms of the glossary that are spelled like the query."""
    named = {fold(str(term.name)): term for term in get_course().glossary.values()}
    near = difflib.get_close_matches(fold(query), named, n=NEAR, cutoff=0.6)
    return in_order(named[name] for name in near)


@login_not_required
@require_safe
def step(request, slug, step):
    """To a step where its text can be read: in the student's living session, else in the recording."""
    lab = lab_or_404(slug)
    anchor = f"#step-{step_or_404(lab, step).key}"
    session = sitting_of(request.user, lab).session if request.user.is_authenticated else None
    if session is not None and session.state in LIVE_SESSION_STATES:
        return redirect(reverse("lab", kwargs={"slug": slug}) + anchor)
    if lab.recording:
        return redirect(reverse("recording", kwargs={"slug": slug}) + anchor)
    return redirect("lab", slug=slug)
