"""The glossary's page, and the terms a page explains where they stand."""

from itertools import groupby

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.http import require_safe

from curriculum.course import get_course
from curriculum.glossary import Term, in_order, terms_in
from curriculum.text import fold


@login_not_required
@require_safe
def glossary(request):
    terms = in_order(get_course().glossary.values())
    letters = [{"letter": letter, "terms": list(group)} for letter, group in groupby(terms, _letter)]
    return render(request, "glossary.html", {"letters": letters, "glossary": get_course().glossary})


def terms_said(*html: str | None) -> list[Term]:
    """The terms marked in these texts of the course, for a page that explains them."""
    return terms_in(get_course().glossary, *(text for text in html if text))


def _letter(term: Term) -> str:
    return fold(str(term.name))[0].upper()
