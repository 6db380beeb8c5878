"""The administrator's panel for people and classes."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.lti import admin as _lti  # noqa: F401 - it registers what is of learning platforms
from portal.models import Classroom, HelpLog, User
from portal.xapi import admin as _xapi  # noqa: F401 - it registers the record stores

admin.site.site_header = _("Redes no Kubernetes: administration")
admin.site.site_title = _("Redes no Kubernetes")
admin.site.unregister(Group)  # what one may do follows from the role and the classes, not from groups
admin.site.index_title = _("People, classes, clusters and labs")


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Who has done lab work cannot be deleted (the work is protected): they are deactivated."""

    list_display = ["username", "full_name", "role", "is_superuser", "is_active", "last_login"]
    list_filter = ["role", "is_superuser", "is_active", "classrooms"]
    fieldsets = (*UserAdmin.fieldsets, (_("In the portal"), {"fields": ["role", "language"]}))
    add_fieldsets = (*UserAdmin.add_fieldsets, (_("In the portal"), {"fields": ["role"]}))
    actions = ["deactivate", "activate"]

    @admin.display(description=_("full name"), ordering="first_name")
    def full_name(self, person):
        return person.get_full_name()

    @admin.action(description=_("Deactivate: no login any more, the work stays"))
    def deactivate(self, request, people):
        if people.filter(pk=request.user.pk).exists():
            self.message_user(request, _("You cannot deactivate yourself."), messages.ERROR)
            return
        self._set_active(request, people, False)

    @admin.action(description=_("Activate"))
    def activate(self, request, people):
        self._set_active(request, people, True)

    def _set_active(self, request, people, is_active: bool):
        count = people.update(is_active=is_active)
        self.message_user(request, ngettext("%d person changed.", "%d people changed.", count) % count)


@admin.register(Classroom)
class ClassroomAdmin(admin.ModelAdmin):
    list_display = ["name", "teachers", "student_count", "join_code", "created_at", "archived_at"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter), "instructors"]
    search_fields = ["name", "join_code", "instructors__username", "students__username"]
    filter_horizontal = ["instructors", "students"]
    readonly_fields = ["join_link", "created_at", "archived_at"]
    actions = ["archive", "restore"]

    def get_queryset(self, request):
        classrooms = super().get_queryset(request).prefetch_related("instructors")
        return classrooms.annotate(student_total=Count("students", distinct=True))

    @admin.display(description=_("students"), ordering="student_total")
    def student_count(self, classroom):
        return classroom.student_total

    @admin.display(description=_("instructors"))
    def teachers(self, classroom):
        return ", ".join(str(each) for each in classroom.instructors.all())

    @admin.display(description=_("join link"))
    def join_link(self, classroom):
        return reverse("join", kwargs={"code": classroom.join_code}) if classroom.pk else ""

    @admin.action(description=_("Archive: nobody joins any more, the work stays"))
    def archive(self, request, classrooms):
        classrooms.filter(archived_at=None).update(archived_at=timezone.now())

    @admin.action(description=_("Restore"))
    def restore(self, request, classrooms):
        classrooms.update(archived_at=None)


@admin.register(HelpLog)
class HelpLogAdmin(admin.ModelAdmin):
    """Who raised a hand, who allowed watching and who watched: read here, not written."""

    list_display = ["at", "person", "deed", "request"]
    list_filter = ["deed"]
    list_select_related = ["person", "request__student"]
    date_hierarchy = "at"

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
