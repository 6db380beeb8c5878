"""One's own account: name, address, language, password."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import (
    LoginView,
    PasswordChangeView,
    PasswordResetConfirmView,
    PasswordResetView,
)
from django.contrib.messages.views import SuccessMessageMixin
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from portal.limits import address_of, is_too_often, take_back
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
    context = {
        "form": form,
        "has_password": request.user.has_usable_password(),
        "platforms": request.user.lti_identities.select_related("platform"),
    }
    return render(request, "account.html", context, status=422 if form.errors else 200)


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
    """Ten wrong tries in ten minutes for a name from one address, then it waits: a password is not guessed
    here. A try counts before its answer is known, so that many at once count too."""

    redirect_authenticated_user = True

    def get_context_data(self, **context):
        """With the code of the class whose link led here, for those who must make an account first."""
        _, _, rest = self.get_redirect_url().partition("/join/")
        told = {"sign_up": settings.OPTIONS["SIGN_UP"] != "closed", "code": rest.rstrip("/")}
        return super().get_context_data(**context) | told

    def post(self, request, *args, **kwargs):
        if is_too_often("login", self.who_tries(), times=10, seconds=600):
            form = self.get_form_class()(request)
            context = self.get_context_data(form=form, too_often=True)
            return self.render_to_response(context, status=429)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form):
        take_back("login", self.who_tries())
        return super().form_valid(form)

    def who_tries(self) -> str:
        return f"{address_of(self.request)}:{self.request.POST.get('username', '')[:150].lower()}"


class ResetPassword(PasswordResetView):
    """Says the same whether or not the address is known, and writes at most five letters an hour to it."""

    template_name = "password_reset.html"
    email_template_name = "emails/password_reset.txt"
    subject_template_name = "emails/password_reset_subject.txt"
    success_url = reverse_lazy("password_reset_done")

    def form_valid(self, form):
        address = form.cleaned_data["email"].lower()
        if is_too_often("reset", address, times=5, seconds=3600):
            return redirect(self.success_url)
        return super().form_valid(form)


class ChangePassword(SuccessMessageMixin, PasswordChangeView):
    """Asks for the old one; other browsers of this person are logged out by it."""

    template_name = "password.html"
    success_url = reverse_lazy("account")
    success_message = _("Your password is changed.")


class ChoosePassword(PasswordResetConfirmView):
    """From the link of a letter: after a forgotten password, or as a new person of a class list."""

    template_name = "password_choose.html"
    post_reset_login = True
    success_url = reverse_lazy("home")
