"""Whose account somebody from a platform uses, and what they may do in the class of their course.

An account is found by platform and subject alone. An e-mail address that a platform tells finds nobody: who
has an account here already is logged in when they link it.
"""

import secrets
from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from portal.lti.messages import Launch, role_of
from portal.lti.models import LtiContext, LtiIdentity, LtiLineItem, LtiMember, LtiPlatform, LtiRole
from portal.models import CODE_LETTERS, Assignment, Classroom, User


def identity_of(launch: Launch) -> LtiIdentity | None:
    identities = LtiIdentity.objects.select_related("user", "platform")
    return identities.filter(platform=launch.platform, subject=launch.subject).first()


def may_enter(person: User) -> bool:
    """What a platform says opens no administrator's account, and none that was shut."""
    return person.is_active and not person.is_staff and not person.is_superuser


def make_identity(
    platform: LtiPlatform, subject: str, *, given_name: str, family_name: str, email: str, language: str
) -> LtiIdentity:
    """An account of its own, without a password; again, or twice at once, is no change."""
    mine = LtiIdentity.objects.filter(platform=platform, subject=subject)
    if found := mine.first():
        return found
    person = User(
        username=_free_username(f"{given_name} {family_name}"),
        first_name=given_name[:150],
        last_name=family_name[:150],
        email=_own_address(email),
        language=language,
    )
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save()
            return LtiIdentity.objects.create(platform=platform, subject=subject, user=person)
    except IntegrityError:
        return mine.get()


def _free_username(name: str) -> str:
    base = slugify(name)[:40] or "lms"
    while True:
        letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(5))
        if not User.objects.filter(username=f"{base}-{letters}").exists():
            return f"{base}-{letters}"


def _own_address(email: str) -> str:
    """An address that an account here has already stays that account's alone."""
    is_taken = not email or "@" not in email or User.objects.filter(email__iexact=email).exists()
    return "" if is_taken else email


def language_of(locale: str) -> str:
    if not locale:
        return ""
    return "pt-br" if locale.lower().startswith("pt") else "en"


def confirm_own(launch: Launch) -> LtiIdentity:
    """The person takes the account that is theirs by the platform's word."""
    identity = make_identity(
        LtiPlatform.objects.get(pk=launch.platform),
        launch.subject,
        given_name=launch.given_name,
        family_name=launch.family_name,
        email=launch.email,
        language=language_of(launch.locale),
    )
    LtiIdentity.objects.filter(pk=identity.pk, confirmed_at=None).update(confirmed_at=timezone.now())
    return identity


def link_to(launch: Launch, person: User) -> LtiIdentity:
    """From now on the platform's word opens `person`'s account. One that a roster import had made, and nobody
    has entered, is given up for it."""
    with transaction.atomic():
        facts = {"user": person, "is_linked": True, "confirmed_at": timezone.now()}
        old = LtiIdentity.objects.select_for_update().filter(
            platform=launch.platform, subject=launch.subject, confirmed_at=None
        )
        unused = old.first()
        identity, _made = LtiIdentity.objects.update_or_create(
            platform_id=launch.platform, subject=launch.subject, defaults=facts
        )
        if unused and not unused.is_linked and unused.user.last_login is None:
            unused.user.delete()
        return identity


def enter_course(launch: Launch, identity: LtiIdentity) -> LtiContext | None:
    """Keep the role and what the platform offers for the course; in its class the role counts at once. None
    where the launch is from no course."""
    if not launch.context_id:
        return None
    context = keep_context(launch)
    keep_role(context, identity, launch.role)
    if context.classroom and launch.line_item_url and launch.lab:
        keep_graded_link(context, launch)
    return context


def keep_context(launch: Launch) -> LtiContext:
    facts = {"title": launch.context_title}
    if launch.members_url:
        facts["members_url"] = launch.members_url
    if launch.line_items_url:
        facts |= {"line_items_url": launch.line_items_url, "scopes": list(launch.scopes)}
    return LtiContext.objects.update_or_create(
        platform_id=launch.platform,
        deployment_id=launch.deployment_id,
        context_id=launch.context_id,
        defaults=facts,
    )[0]


def keep_role(context: LtiContext, identity: LtiIdentity, role: str) -> None:
    """A role that has gone is gone here, too; the student's place in the class and all work stay. Who comes
    with work of before has grades to send."""
    members = LtiMember.objects.filter(context=context, identity=identity)
    if not role:
        members.delete()
    elif not members.filter(role=role).exists():
        LtiMember.objects.update_or_create(context=context, identity=identity, defaults={"role": role})
        LtiContext.objects.filter(pk=context.pk).update(is_stale=True)
    if context.classroom:
        _seat(context.classroom, identity.user, role)


def _seat(classroom: Classroom, person: User, role: str) -> None:
    """Who teaches in the platform teaches the class; a role given here by hand is not taken away."""
    if role == LtiRole.INSTRUCTOR:
        classroom.instructors.add(person)
    elif not person.is_instructor and classroom.instructors.count() > 1:
        classroom.instructors.remove(person)
    if role == LtiRole.LEARNER and not classroom.archived_at:
        classroom.students.add(person)


def keep_graded_link(context: LtiContext, launch: Launch) -> None:
    """The link has a column of its own: its lab is an assignment of the class."""
    assignment, _made = Assignment.objects.get_or_create(classroom=context.classroom, lab=launch.lab)
    LtiLineItem.objects.update_or_create(
        context=context, assignment=assignment, defaults={"url": launch.line_item_url}
    )


def bind(context: LtiContext, classroom: Classroom) -> None:
    """Everybody who has come from the course is in the class from now on."""
    context.classroom, context.is_stale = classroom, True
    context.save(update_fields=["classroom", "is_stale"])
    for member in context.members.select_related("identity__user"):
        _seat(classroom, member.identity.user, member.role)


def import_roster(context: LtiContext, members: Iterable[dict]) -> tuple[int, int]:
    """Seat who the platform lists; returns how many accounts were made and how many people are in the course.

    People who have an account of before are not put into a class behind their back: they are in it when they
    come from the course.
    """
    made = seen = 0
    for told in members:
        subject, role = told.get("user_id"), role_of(told.get("roles"))
        if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not role:
            continue
        if told.get("status", "Active") != "Active":
            continue
        seen += 1
        known = LtiIdentity.objects.filter(platform=context.platform, subject=subject).first()
        identity = known or _from_roster(context.platform, subject, told)
        made += known is None
        if not identity.is_linked or context.members.filter(identity=identity).exists():
            keep_role(context, identity, role)
    context.roster_at, context.is_stale = timezone.now(), True
    context.save(update_fields=["roster_at", "is_stale"])
    return made, seen


def _from_roster(platform: LtiPlatform, subject: str, told: dict) -> LtiIdentity:
    def text(name: str) -> str:
        return told[name] if isinstance(told.get(name), str) else ""

    return make_identity(
        platform,
        subject,
        given_name=text("given_name") or text("name"),
        family_name=text("family_name") if text("given_name") else "",
        email=text("email"),
        language=language_of(text("locale")),
    )
