"""One's own account: name, address, language, password."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from portal.models import User


class AccountForm(forms.ModelForm):
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "language"]


@require_http_methods(["GET", "HEAD", "POST"])
def account(request):
    form = AccountForm(request.POST or None, instance=request.user, initial=language_now(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        return saved(request)
    return render(request, "account.html", {"form": form}, status=422 if form.errors else 200)


def language_now(request) -> dict:
    return {"language": request.user.language or request.LANGUAGE_CODE}


def saved(request):
    """Says so in the language just chosen, and keeps that for the time after a logout."""
    translation.activate(request.user.language)
    messages.success(request, str(_("Your account is saved.")))
    response = redirect("account")
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        request.user.language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
    return response


class Login(LoginView):
    redirect_authenticated_user = True


class ChangePassword(SuccessMessageMixin, PasswordChangeView):
    """Asks for the old one; other browsers of this person are logged out by it."""

    template_name = "password.html"
    success_url = reverse_lazy("account")
    success_message = _("Your password is changed.")
