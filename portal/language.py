"""The reader's language: a cookie for everybody, and the account for those who have one.

Django's LocaleMiddleware has already chosen by cookie and browser when the person is known; the
language kept on the account is then preferred, so that it follows a student to another machine.
"""

from collections.abc import Mapping

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.utils import translation
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as set_language_cookie

from curriculum.text import choose_language


def page_language() -> str:
    """The course's code for the language of the page that is being made."""
    return choose_language(translation.get_language())


def spoken(words: Mapping[str, str] | None) -> str:
    """A stored {"pt-br": ..., "en": ...} in the page's language, or in the one it has."""
    if not words:
        return ""
    return words.get(page_language()) or next(iter(words.values()))


def is_offered(language: str) -> bool:
    return language in dict(settings.LANGUAGES)


def language_of_socket(scope: Mapping) -> str:
    """Of the page that opened it: chosen as for a request, by account, cookie and browser. Whatever a thread
    had active before is somebody else's."""
    language = getattr(scope.get("user"), "language", "")
    if is_offered(language):
        return language
    request = HttpRequest()
    request.COOKIES.update(scope.get("cookies", {}))
    request.META["HTTP_ACCEPT_LANGUAGE"] = (
        dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    )
    return translation.get_language_from_request(request)


def remember_language(user, language: str) -> None:
    if user.is_authenticated and is_offered(language):
        user.language = language
        user.save(update_fields=["language"])


@login_not_required
@require_POST
def set_language(request):
    remember_language(request.user, request.POST.get("language", ""))
    return set_language_cookie(request)


class RememberedLanguage:
    """Middleware, after authentication: prefers the language kept on the account."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        language = getattr(request.user, "language", "")
        if is_offered(language):
            translation.activate(language)
            request.LANGUAGE_CODE = language
        return self.get_response(request)
