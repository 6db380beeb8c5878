"""The doors that learning platforms send people to.

Forms of other sites are meant here, so Django's token cannot guard them: the state and its cookie, the
signature and the nonce do (`portal.lti.messages`). Lab pages stand in no frame: a launch that begins in one
offers to open a window. Choosing a link works in the frame.
"""

from dataclasses import asdict
from datetime import timedelta
from http.cookies import Morsel
from urllib.parse import urlencode

from csp.constants import SELF
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login as log_in
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from curriculum.course import get_course
from portal import access
from portal.chapters import find_chapter
from portal.lab_page import find_lab
from portal.limits import address_of, is_too_often
from portal.lti import linking, people
from portal.lti.addresses import origin_of
from portal.lti.keys import public_keys
from portal.lti.messages import (
    DEEP_LINK,
    STATE_SECONDS,
    Launch,
    LtiRefused,
    accept,
    begin,
    cookie_name,
    find_platform,
    read_state,
)
from portal.lti.models import LtiContext, LtiIdentity, LtiLaunch, LtiPlatform, LtiRole
from portal.models import Classroom

ASKED = ("iss", "login_hint", "target_link_uri", "client_id", "lti_message_hint", "lti_deployment_id")
BACKEND = "django.contrib.auth.backends.ModelBackend"
WELCOME_MINUTES = 30
# Python knows it from 3.14 on.
Morsel._reserved.setdefault("partitioned", "Partitioned")  # type: ignore[attr-defined]
Morsel._flags.add("partitioned")  # type: ignore[attr-defined]
ANY_SITE = ["https:", *(f"http://{host}:*" for host in ("127.0.0.1", "localhost"))]


@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def login(request):
    """A platform says that somebody wants to come; we send them back to it, to be told who they are."""
    asked = {
        name: value[:4000] for name in ASKED if (value := request.POST.get(name) or request.GET.get(name))
    }
    try:
        if is_too_often("lti", address_of(request), times=600, seconds=600):
            raise LtiRefused(_("Too many tries from here; wait some minutes."))
        platform = find_platform(asked.get("iss", ""), asked.get("client_id", ""))
        if _is_framed(request) and not _is_choice(request, asked.get("target_link_uri", "")):
            return open_window(request, asked)
        address, nonce = begin(platform, asked, tool_address(request, "lti-launch"))
    except LtiRefused as refusal:
        return refused(request, refusal)
    response = redirect(address)
    _set_cookie(request, response, nonce)
    return response


def open_window(request, asked: dict):
    """In a frame browsers give the portal no session, and lab pages want room: the login begins again in a
    window of its own."""
    address = f"{reverse('lti-login')}?{urlencode(asked)}"
    return framed(render(request, "lti/window.html", {"address": address}), *ANY_SITE)


def _is_framed(request) -> bool:
    return request.headers.get("Sec-Fetch-Dest", "") in ("iframe", "frame", "embed", "object")


def _is_choice(request, target: str) -> bool:
    return target.partition("?")[0] == tool_address(request, "lti-deep-link")


def _set_cookie(request, response, nonce: str) -> None:
    """The platform's answer is a form of another site, perhaps in a frame: only SameSite=None comes with it,
    and that wants TLS. On one's own machine another port is the same site."""
    secure = request.is_secure() or settings.SESSION_COOKIE_SECURE
    name = cookie_name(nonce)
    response.set_cookie(
        name,
        nonce,
        max_age=STATE_SECONDS + WELCOME_MINUTES * 60,
        path=reverse("lti-tool"),
        httponly=True,
        secure=secure,
        samesite="None" if secure else "Lax",
    )
    if secure and _is_framed(request):
        response.cookies[name]["partitioned"] = True


@login_not_required
@csrf_exempt
@require_POST
def launch(request):
    try:
        platform, nonce = read_state(request.POST.get("state", ""), request.COOKIES)
        if problem := request.POST.get("error_description") or request.POST.get("error"):
            raise LtiRefused(_("The learning platform says: %(problem)s") % {"problem": problem[:200]})
        found, row = accept(platform, request.POST.get("id_token", ""), nonce)
        with translation.override(people.language_of(found.locale) or request.LANGUAGE_CODE):
            if found.kind == DEEP_LINK:
                return choose(request, found)
            return enter(request, found, row)
    except LtiRefused as refusal:
        return refused(request, refusal)


def enter(request, found: Launch, row: LtiLaunch):
    """Who is known goes on; who comes the first time says which account is theirs."""
    identity = people.identity_of(found)
    if identity is None or identity.confirmed_at is None:
        row.facts = asdict(found)
        row.save(update_fields=["facts"])
        return redirect("lti-welcome", launch_id=row.pk)
    return come_in(request, found, identity)


def come_in(request, found: Launch, identity: LtiIdentity):
    if not people.may_enter(identity.user):
        raise LtiRefused(_("This account cannot be entered from a learning platform."))
    context = people.enter_course(found, identity)
    log_in(request, identity.user, backend=BACKEND)
    if context and not context.classroom:
        if found.role == LtiRole.INSTRUCTOR:
            return redirect("lti-course", context_id=context.pk)
        messages.info(request, _("Your instructor has not yet bound this course to a class."))
    return redirect(page_of(found, context))


def page_of(found: Launch, context: LtiContext | None) -> str:
    """What the link was placed for; a link for nothing, or for what the course has dropped, leads instructors
    to their class and others home."""
    if lab := find_lab(found.lab):
        return reverse("lab", kwargs={"slug": lab.slug})
    if chapter := find_chapter(found.chapter):
        return reverse("chapter", kwargs={"slug": chapter.slug})
    if context and context.classroom and found.role == LtiRole.INSTRUCTOR:
        return reverse("class", kwargs={"class_id": context.classroom.pk})
    return reverse("home")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request, launch_id):
    """The first time: an account of its own, or the one this browser is logged in to. For the browser
    that the launch came to, and once."""
    row = _pending(request, launch_id)
    found = _launch_of(row)
    mine = request.user if request.user.is_authenticated else None
    can_link = mine is not None and people.may_enter(mine)
    if request.method == "POST":
        is_link = request.POST.get("account") == "link"
        if is_link and not can_link:
            raise Http404
        # Pressed twice at once it is answered once.
        if not LtiLaunch.objects.filter(pk=row.pk, ended_at=None).update(facts={}, ended_at=timezone.now()):
            raise Http404
        identity = people.link_to(found, mine) if is_link else people.confirm_own(found)
        try:
            return come_in(request, found, identity)
        except LtiRefused as refusal:
            return refused(request, refusal)
    context = {"launch": found, "platform": row.platform, "mine": mine, "can_link": can_link}
    return render(request, "lti/welcome.html", context)


def _pending(request, launch_id) -> LtiLaunch:
    since = timezone.now() - timedelta(minutes=WELCOME_MINUTES)
    waiting = LtiLaunch.objects.filter(ended_at=None, created_at__gt=since, platform__is_active=True)
    row = get_object_or_404(waiting.select_related("platform"), pk=launch_id)
    if not row.facts or request.COOKIES.get(cookie_name(row.nonce)) != row.nonce:
        raise Http404
    return row


def _launch_of(row: LtiLaunch) -> Launch:
    return Launch(**row.facts | {"scopes": tuple(row.facts["scopes"])})


@require_http_methods(["GET", "HEAD", "POST"])
def course(request, context_id):
    """An instructor of the platform's course says which class it is: a new one, or one they teach."""
    mine = LtiContext.objects.filter(
        members__identity__user=request.user, members__role=LtiRole.INSTRUCTOR, platform__is_active=True
    )
    context = get_object_or_404(mine.select_related("classroom", "platform"), pk=context_id)
    if context.classroom:
        return redirect("class-lms", class_id=context.classroom.pk)
    taught = access.taught_classrooms(request.user).filter(archived_at=None)
    if request.method == "POST":
        wanted = request.POST.get("classroom", "")
        if wanted:
            classroom = get_object_or_404(taught, pk=int(wanted) if wanted.isdecimal() else 0)
        else:
            classroom = Classroom.objects.create(name=str(context)[:120])
        people.bind(context, classroom)
        messages.success(request, _("The course is bound to the class."))
        return redirect("class-lms", class_id=classroom.pk)
    return render(request, "lti/course.html", {"context": context, "taught": taught})


def choose(request, found: Launch):
    if found.role != LtiRole.INSTRUCTOR:
        raise LtiRefused(_("Only instructors of the course place links."))
    context = people.keep_context(found) if found.context_id else None
    return picker(request, linking.seal_place(found, context), linking.ChoiceForm())


def picker(request, sealed: str, form: linking.ChoiceForm, status: int = 200):
    place = linking.read_place(sealed)
    context = {"sealed": sealed, "place": place, "form": form, "chapters": get_course().chapters}
    return framed(render(request, "lti/choose.html", context, status=status), *_frames_of(place.return_url))


@login_not_required
@csrf_exempt
@require_POST
def deep_link(request):
    """The choice goes back by the person's own browser, signed."""
    try:
        place = linking.read_place(request.POST.get("place", ""))
    except LtiRefused as refusal:
        return refused(request, refusal)
    with translation.override(place.language):
        form = linking.ChoiceForm(request.POST)
        if not form.is_valid():
            return picker(request, request.POST["place"], form, status=422)
        return send_back(request, place, form)


def send_back(request, place: linking.Place, form: linking.ChoiceForm):
    message = linking.answer(
        place,
        form.cleaned_data["page"],
        is_graded=form.cleaned_data["is_graded"],
        launch_url=tool_address(request, "lti-launch"),
    )
    response = render(request, "lti/return.html", {"return_url": place.return_url, "message": message})
    framed(response, *_frames_of(place.return_url))
    response._csp_update = {"form-action": [SELF, origin_of(place.return_url)]}
    return response


def _frames_of(return_url: str) -> list[str]:
    return [SELF, origin_of(return_url)]


@login_not_required
@require_safe
def keys(request):
    return JsonResponse(public_keys())


@require_safe
def tool(request):
    """What an administrator pastes into the platform."""
    if not request.user.is_superuser:
        raise Http404
    names = ("lti-login", "lti-launch", "lti-deep-link", "lti-keys")
    addresses = {name.removeprefix("lti-").replace("-", "_"): tool_address(request, name) for name in names}
    context = {"addresses": addresses, "platforms": LtiPlatform.objects.all()}
    return render(request, "lti/tool.html", context)


@require_POST
def unlink(request, identity_id):
    """Only a link to an account that was there before: the others have no other way in."""
    get_object_or_404(request.user.lti_identities.filter(is_linked=True), pk=identity_id).delete()
    messages.success(request, _("The learning platform opens your account no more."))
    return redirect("account")


def refused(request, refusal: LtiRefused):
    return framed(render(request, "lti/refused.html", {"problem": str(refusal)}, status=422), *ANY_SITE)


def framed(response, *origins: str):
    """Let these sites show the page in a frame."""
    response.xframe_options_exempt = True
    response._csp_replace = {"frame-ancestors": list(origins)}
    return response


def tool_address(request, name: str) -> str:
    return request.build_absolute_uri(reverse(name))
