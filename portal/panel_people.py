"""People and groups in the panel. Rights are given and taken by acts, which ask, by administrators alone;
what groups mean stands in `panel_rights`."""

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from k8s_tasks.asking import ActForm, AsksFirst, asks_first
from k8s_tasks.enums import LIVE_SESSION_STATES
from k8s_tasks.models import LabSession
from k8s_tasks.on_record import record_of
from k8s_tasks.speech import by_language
from portal import panel_rights
from portal.models import User

admin.site.unregister(Group)  # Django's page of groups asks nobody


class GroupForm(ActForm):
    group = forms.ModelChoiceField(Group.objects.all(), label=_("group"), widget=forms.RadioSelect)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["group"].empty_label = None
        self.fields["group"].label_from_instance = _group_told


class GroupOfTheirsForm(GroupForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["group"].queryset = Group.objects.filter(user__in=self.objects).distinct()


def _group_told(group: Group) -> str:
    may = panel_rights.labels_of(group.permissions.select_related("content_type"))
    return f"{group}: {'; '.join(may) or gettext('Nothing yet.')}"


def _named(person: User) -> str:
    return f"{person.get_full_name()} ({person})" if person.get_full_name() else str(person)


def _lines(lines) -> str:
    return format_html("<ul class='told-list'>{}</ul>", format_html_join("", "<li>{}</li>", lines))


@admin.register(User)
class PersonAdmin(AsksFirst, UserAdmin):
    """Who has done lab work cannot be deleted (the work is protected): they are deactivated."""

    list_display = ["username", "full_name", "role", "is_superuser", "is_staff", "is_active", "last_login"]
    list_filter = ["role", "is_superuser", "is_staff", "is_active", "groups", "classrooms"]
    fieldsets = (
        *UserAdmin.fieldsets[:2],
        (_("In the portal"), {"fields": ["role", "language"]}),
        (_("In the panel"), {"fields": ["is_active", "is_superuser", "is_staff", "groups", "may"]}),
        UserAdmin.fieldsets[-1],
    )
    add_fieldsets = (*UserAdmin.add_fieldsets, (_("In the portal"), {"fields": ["role"]}))
    filter_horizontal = ()
    readonly_fields = ["is_active", "is_superuser", "is_staff", "groups", "may", "last_login", "date_joined"]
    actions = [
        "deactivate",
        "activate",
        "let_in",
        "shut_out",
        "put_into_group",
        "take_out_of_group",
        "make_administrator",
        "unmake_administrator",
    ]

    def get_form(self, request, obj=None, change=False, **kwargs):
        """Django's words for these speak of boxes to tick."""
        labels = {"is_superuser": _("administrator"), "is_staff": _("may enter the panel")}
        help_texts = {
            "is_active": _("Deactivate and Activate change it: work and classes stay."),
            "is_superuser": _("An administrator may do everything."),
            "is_staff": _("It is empty without a group that allows something."),
            "groups": _("They count in the panel alone."),
        }
        return super().get_form(request, obj, change=change, labels=labels, help_texts=help_texts, **kwargs)

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and _in_reach(request, obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and _in_reach(request, obj)

    def has_give_rights_permission(self, request) -> bool:
        return request.user.is_superuser

    @admin.display(description=_("may do in the panel"))
    def may(self, person):
        if person.is_superuser:
            return _("Everything: an administrator.")
        if not person.is_staff:
            return _("Nothing: the panel does not open for this person.")
        labels = panel_rights.labels_of(panel_rights.rights_of(person))
        return _lines((each,) for each in labels) if labels else _("Nothing yet: no group allows anything.")

    @admin.display(description=_("full name"), ordering="first_name")
    def full_name(self, person):
        return person.get_full_name()

    @asks_first(
        description=_("Deactivate: no login any more, the work stays"),
        will=_(
            "These people are logged out everywhere at once and cannot log in again, neither with a password"
            " nor from a learning platform; their API tokens open nothing. Lab sessions they have run to"
            " their end. Their work and their classes stay, and you can activate them again."
        ),
        button=_("Deactivate these people"),
        only=lambda request, people: _those_in_reach(request, people.filter(is_active=True)),
        left=_(
            "They are inactive already, or it is you: you cannot deactivate yourself. Who may enter the panel"
            " is an administrator's to deactivate."
        ),
    )
    def deactivate(self, request, person):
        return _set_active(person, False) and record_of(gettext_noop("Deactivated."))

    @asks_first(
        description=_("Activate"),
        will=_("These people can log in again, with the password, the classes and the work they had."),
        button=_("Activate these people"),
        only=lambda request, people: _those_in_reach(request, people.filter(is_active=False)),
        left=_("They are active already, or may enter the panel: that is an administrator's to give back."),
    )
    def activate(self, request, person):
        return _set_active(person, True) and record_of(gettext_noop("Activated."))

    @asks_first(
        description=_("Let into the panel"),
        will=_(
            "The panel opens for these people, with what their groups allow in it: without a group, nothing."
            " In the rest of the portal they see no more than before. From then on they log in with a"
            " password: a learning platform opens no account that may enter the panel."
        ),
        button=_("Let these people into the panel"),
        only=lambda request, people: people.filter(is_active=True, is_staff=False),
        left=_("They may enter already, or are not active."),
        may="give_rights",
    )
    def let_in(self, request, person):
        is_done = User.objects.filter(pk=person.pk, is_staff=False).update(is_staff=True)
        return is_done and record_of(gettext_noop("Let into the panel."))

    @asks_first(
        description=_("Shut out of the panel"),
        will=_(
            "The panel shuts for these people at their next click. They stay in their groups, which give them"
            " nothing while they are shut out. What they did there stays on record."
        ),
        button=_("Shut these people out of the panel"),
        only=lambda request, people: people.filter(is_staff=True, is_superuser=False),
        left=_("They may not enter, or are administrators: take that from them first."),
        may="give_rights",
    )
    def shut_out(self, request, person):
        is_done = User.objects.filter(pk=person.pk, is_staff=True).update(is_staff=False)
        return is_done and record_of(gettext_noop("Shut out of the panel."))

    @asks_first(
        description=_("Put into a group"),
        will=_(
            "In the panel these people may do what the group allows, from their next click on; who has not"
            " been let into the panel, once they are. In the rest of the portal nothing changes."
        ),
        button=_("Put these people into the group"),
        only=lambda request, people: people.filter(is_superuser=False),
        left=_("Administrators may do everything already."),
        form=GroupForm,
        may="give_rights",
    )
    def put_into_group(self, request, person, group):
        if person.groups.filter(pk=group.pk).exists():
            return None
        person.groups.add(group)
        return record_of(gettext_noop("Put into the group %(group)s."), group=str(group))

    @asks_first(
        description=_("Take out of a group"),
        will=_("In the panel these people may no longer do what this group alone allows them."),
        button=_("Take these people out of the group"),
        only=lambda request, people: people.filter(groups__isnull=False).distinct(),
        left=_("They are in no group."),
        form=GroupOfTheirsForm,
        may="give_rights",
    )
    def take_out_of_group(self, request, person, group):
        if not person.groups.filter(pk=group.pk).exists():
            return None
        person.groups.remove(group)
        return record_of(gettext_noop("Taken out of the group %(group)s."), group=str(group))

    @asks_first(
        description=_("Make administrator: may do everything"),
        will=_(
            "From their next click on these people may do everything: see the work of all students, end and"
            " reset their sessions, change and delete whatever the panel holds, and make others"
            " administrators or take that from them, from you too. A learning platform opens their accounts"
            " no more: they log in with a password."
        ),
        button=_("Make these people administrators"),
        only=lambda request, people: people.filter(is_active=True, is_superuser=False),
        left=_("They are administrators already, or not active."),
        may="give_rights",
    )
    def make_administrator(self, request, person):
        plain = User.objects.filter(pk=person.pk, is_superuser=False)
        is_done = plain.update(is_superuser=True, is_staff=True)
        return is_done and record_of(gettext_noop("Made an administrator."))

    @asks_first(
        description=_("Administrator no more"),
        will=_(
            "At their next click the panel shuts for these people, and of others' work they see only that of"
            " the classes they teach. Their own work, and what they did in the panel, stays."
        ),
        button=_("Take administration from these people"),
        only=lambda request, people: people.filter(is_superuser=True).exclude(pk=request.user.pk),
        left=_("They are no administrators, or it is you: you cannot take it from yourself."),
        may="give_rights",
    )
    def unmake_administrator(self, request, person):
        administrators = User.objects.filter(pk=person.pk, is_superuser=True)
        is_done = administrators.update(is_superuser=False, is_staff=False)
        return is_done and record_of(gettext_noop("Administrator no more."))

    def at_stake(self, people, act):
        """Rights touch no lab session, and a group nothing but the panel."""
        if act == "deactivate":
            live = LabSession.objects.filter(attempt__student__in=people, state__in=LIVE_SESSION_STATES)
            return [(gettext("live sessions"), live.count())]
        if act in ("put_into_group", "take_out_of_group"):
            let_in = sum(each.is_staff and each.is_active for each in people)
            return [(gettext("of them let into the panel"), let_in)]
        return []

    def line_of(self, person):
        return _named(person)


def _in_reach(request, person: User | None) -> bool:
    """Who may enter the panel is changed by administrators alone: whoever sets a password has the account."""
    return person is None or request.user.is_superuser or not (person.is_staff or person.is_superuser)


def _those_in_reach(request, people):
    others = people.exclude(pk=request.user.pk)
    return others if request.user.is_superuser else others.filter(is_staff=False, is_superuser=False)


def _set_active(person: User, is_active: bool) -> bool:
    """False when it is so already."""
    return bool(User.objects.filter(pk=person.pk, is_active=not is_active).update(is_active=is_active))


class RightsForm(ActForm):
    rights = forms.MultipleChoiceField(
        label=_("May do in the panel"),
        required=False,
        widget=FilteredSelectMultiple(_("rights"), is_stacked=False),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        held = [each for group in self.objects for each in group.permissions.select_related("content_type")]
        known = {each.pk: panel_rights.label_of(each) for each in [*panel_rights.offered(), *held]}
        self.fields["rights"].choices = sorted(known.items(), key=lambda each: each[1])
        self.fields["rights"].initial = [each.pk for each in held]


@admin.register(Group)
class GroupPanelAdmin(AsksFirst, admin.ModelAdmin):
    list_display = ["name", "member_count", "may"]
    search_fields = ["name", "user__username"]
    ordering = ["name"]
    fields = ["name", "meaning", "may", "members"]
    readonly_fields = ["meaning", "may", "members"]
    actions = ["allow"]

    def get_queryset(self, request):
        groups = super().get_queryset(request).prefetch_related("permissions__content_type", "user_set")
        return groups.annotate(member_total=Count("user", distinct=True))

    def has_add_permission(self, request):
        return request.user.is_superuser

    def has_change_permission(self, request, obj=None):
        return request.user.is_superuser

    def has_delete_permission(self, request, obj=None):
        return request.user.is_superuser

    def has_give_rights_permission(self, request) -> bool:
        return request.user.is_superuser

    @admin.display(description=_("people"), ordering="member_total")
    def member_count(self, group):
        return group.member_total

    @admin.display(description=_("what groups are"))
    def meaning(self, group):
        return _(
            "A group allows its members something in this panel, once they have been let into it. In the"
            " rest of the portal it changes nothing: there the role, the classes and whether one is an"
            " administrator decide."
        )

    @admin.display(description=_("may do in the panel"))
    def may(self, group):
        labels = panel_rights.labels_of(group.permissions.all()) if group.pk else []
        return _lines((each,) for each in labels) if labels else _("Nothing yet.")

    @admin.display(description=_("members"))
    def members(self, group):
        people = group.user_set.order_by("username") if group.pk else []
        if not people:
            return _("Nobody yet: choose people in their list, and “Put into a group”.")
        return _lines(
            (
                format_html(
                    '<a href="{}">{}</a>{}',
                    reverse("admin:portal_user_change", args=[each.pk]),
                    _named(each),
                    "" if each.is_staff else format_html(" - {}", _("not let into the panel")),
                ),
            )
            for each in people
        )

    @asks_first(
        description=_("Change what they may do"),
        will=_(
            "In the panel all members of the group may do what you choose here, from their next click on, and"
            " no longer what you leave out, unless another group of theirs allows it. Who may change people"
            " changes nobody who may enter the panel: that stays the administrators' own."
        ),
        button=_("Change what this group may do"),
        only=lambda request, groups: groups,
        left="",
        form=RightsForm,
        is_for_one=True,
        may="give_rights",
    )
    def allow(self, request, group, rights):
        before = set(group.permissions.select_related("content_type"))
        now = set(Permission.objects.filter(pk__in=rights).select_related("content_type"))
        if before == now:
            return None
        group.permissions.set(now)
        gained, lost = (
            by_language(lambda _code, some=some: "; ".join(panel_rights.labels_of(some)) or "-")
            for some in (now - before, before - now)
        )
        return record_of(gettext_noop("Gained: %(gained)s. Lost: %(lost)s."), gained=gained, lost=lost)

    def at_stake(self, groups, act):
        people = User.objects.filter(groups__in=groups).distinct()
        let_in = people.filter(is_staff=True, is_active=True)
        return [(gettext("people"), people.count()), (gettext("of them let into the panel"), let_in.count())]
