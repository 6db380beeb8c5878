"""Making an account oneself, where SIGN_UP lets people: with the code of a class, or openly."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import BaseUserCreationForm
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from portal.limits import address_of, is_too_often
from portal.models import Classroom, User

CLOSED, WITH_CODE, OPEN = "closed", "code", "open"
TRIES, WITHIN = 20, 3600  # a class may sit behind one address


class SignUpForm(BaseUserCreationForm):
    """`classroom` is what the code opens, None where none was asked for and none given."""

    code = forms.CharField(
        label=_("Class code"), max_length=16, help_text=_("Your instructor gives it to you.")
    )
    classroom: Classroom | None = None

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ["code", "username", "first_name", "last_name", "email"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].required = settings.OPTIONS["SIGN_UP"] == WITH_CODE
        self.fields["first_name"].required = True
        self.fields["email"].required = True  # a forgotten password is mended through it

    def clean_code(self):
        code = self.cleaned_data["code"].strip().lower()
        if not code:
            return ""
        self.classroom = Classroom.objects.filter(join_code=code, archived_at=None).first()
        if self.classroom is None:
            raise forms.ValidationError(_("No open class has this code."))
        return code


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request):
    if settings.OPTIONS["SIGN_UP"] == CLOSED:
        raise Http404
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None, initial={"code": request.GET.get("code", "")})
    if request.method == "POST":
        if is_too_often("sign-up", address_of(request), times=TRIES, seconds=WITHIN):
            form.add_error(None, _("Too many tries from here; wait an hour or ask your instructor."))
            return render(request, "sign_up.html", {"form": form}, status=429)
        if form.is_valid():
            return _make(request, form)
    return render(request, "sign_up.html", {"form": form}, status=422 if form.errors else 200)


def _make(request, form: SignUpForm):
    with transaction.atomic():
        person = form.save(commit=False)
        person.language = request.LANGUAGE_CODE
        person.save()
        if form.classroom:
            form.classroom.students.add(person)
    login(request, person)
    messages.success(request, _("Welcome. Your account is made."))
    return redirect("home")
