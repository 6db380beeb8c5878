"""The course as it is read: its chapters, open to everybody."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

from curriculum import queries as work_queries
from curriculum import quiz_queries
from curriculum.course import get_course
from curriculum.specs import Chapter
from k8s_tasks import queries
from portal.glossary import terms_said
from portal.language import page_language
from portal.resuming import next_place


@login_not_required
@require_safe
def home(request):
    progress = progress_of(request.user)
    context = {
        "course": get_course(),
        "progress": progress,
        "place": next_place(request.user, progress),
        "quizzes": quizzes_of(request.user),
        "health": queries.service_health(),
    }
    return render(request, "home.html", context)


@login_not_required
@require_safe
def chapter(request, slug):
    chapter = chapter_or_404(slug)
    theory = chapter.theory(page_language())
    progress = progress_of(request.user)
    context = {
        "chapter": chapter,
        "theory": theory,
        "terms": terms_said(theory),
        "sections": chapter.sections(page_language()),
        "progress": progress,
        "place": next_place(request.user, progress),
        **neighbours_of(chapter),
        "quiz": quizzes_of(request.user).get(chapter.slug),
    }
    return render(request, "chapter.html", context)


def neighbours_of(chapter: Chapter) -> dict[str, Chapter | None]:
    """The chapters before and after this one."""
    chapters = get_course().chapters
    at = chapters.index(chapter)
    return {
        "previous": chapters[at - 1] if at else None,
        "next": chapters[at + 1] if at + 1 < len(chapters) else None,
    }


def chapter_or_404(slug: str) -> Chapter:
    if found := find_chapter(slug):
        return found
    raise Http404(f"no chapter {slug}")


def find_chapter(slug: str) -> Chapter | None:
    try:
        return get_course().chapter(slug)
    except KeyError:
        return None


def progress_of(user) -> dict:
    return work_queries.progress(user) if user.is_authenticated else {}


def quizzes_of(user) -> dict:
    return quiz_queries.quiz_progress(user) if user.is_authenticated else {}
