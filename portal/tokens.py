"""Tokens for the JSON API: made by a person, shown once, kept as a hash, taken back at any time."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.models import ApiToken, User

PREFIX = "redes_"
LASTS = timedelta(days=365)
NOTED_EVERY = timedelta(minutes=5)  # when a token was used last is written no more often
MOST = 20


def make_token(person: User, name: str) -> str:
    """The only time that it can be read."""
    secret = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        person=person, name=name[:80], digest=digest_of(secret), expires_at=timezone.now() + LASTS
    )
    return secret


def person_of(secret: str) -> User | None:
    """Whose token it is; nobody's where it is unknown, too old, or its person may not log in any more."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("person")
        .filter(digest=digest_of(secret), expires_at__gt=now, person__is_active=True)
        .first()
    )
    if token is None:
        return None
    if token.used_at is None or now - token.used_at > NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)
    return token.person


def digest_of(secret: str) -> str:
    """A random secret of 256 bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@require_safe
def tokens(request):
    return _page(request)


@require_POST
def create(request):
    name = request.POST.get("name", "").strip()
    if not name:
        messages.error(request, _("Give it a name, so that you know it again."))
        return redirect("tokens")
    if request.user.tokens.count() >= MOST:
        messages.error(request, _("You have as many tokens as one may have; take one back first."))
        return redirect("tokens")
    return _page(request, secret=make_token(request.user, name))


@require_POST
def revoke(request, token_id):
    get_object_or_404(request.user.tokens, pk=token_id).delete()
    messages.success(request, _("The token opens nothing any more."))
    return redirect("tokens")


def _page(request, secret: str = ""):
    context = {"tokens": request.user.tokens.all(), "secret": secret, "now": timezone.now()}
    return render(request, "tokens.html", context)
