"""The administrator's panel for classes, help and what was done in the panel."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from k8s_tasks.admin import Record
from k8s_tasks.asking import AsksFirst, asks_first
from k8s_tasks.on_record import record_of, told
from portal import panel_people as _people  # noqa: F401 - it registers people and groups
from portal.lti import admin as _lti  # noqa: F401 - it registers what is of learning platforms
from portal.models import Classroom, HelpLog, User
from portal.xapi import admin as _xapi  # noqa: F401 - it registers the record stores

admin.site.site_header = _("Redes no Kubernetes: administration")
admin.site.site_title = _("Redes no Kubernetes")
admin.site.index_title = _("People, classes, clusters and labs")


@admin.register(Classroom)
class ClassroomAdmin(AsksFirst, admin.ModelAdmin):
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

    @asks_first(
        description=_("Archive: nobody joins any more, the work stays"),
        will=_(
            "Nobody can join these classes any more, by link, code or learning platform, and their students"
            " see them no longer among theirs. Their instructors still read them, and you can restore them."
        ),
        button=_("Archive these classes"),
        only=lambda request, classrooms: classrooms.filter(archived_at=None),
        left=_("They are archived already."),
    )
    def archive(self, request, classroom):
        open_ones = Classroom.objects.filter(pk=classroom.pk, archived_at=None)
        return open_ones.update(archived_at=timezone.now()) and record_of(gettext_noop("Archived."))

    @asks_first(
        description=_("Restore"),
        will=_("People can join these classes again by the links and codes they had."),
        button=_("Restore these classes"),
        only=lambda request, classrooms: classrooms.exclude(archived_at=None),
        left=_("They are not archived."),
    )
    def restore(self, request, classroom):
        archived = Classroom.objects.filter(pk=classroom.pk).exclude(archived_at=None)
        return archived.update(archived_at=None) and record_of(gettext_noop("Restored."))

    def at_stake(self, classrooms, act):
        students = User.objects.filter(classrooms__in=classrooms).distinct()
        return [(gettext("students"), students.count())]


@admin.register(HelpLog)
class HelpLogAdmin(Record):
    """Who raised a hand, who allowed watching and typing, who watched and typed: read here, not written."""

    list_display = ["at", "person", "deed", "request"]
    list_filter = ["deed"]
    list_select_related = ["person", "request__student"]
    date_hierarchy = "at"


@admin.register(LogEntry)
class DeedAdmin(Record):
    """What was done in the panel, by whom, to what."""

    list_display = ["action_time", "user", "content_type", "subject", "deed"]
    list_display_links = None
    list_filter = [("content_type", admin.RelatedOnlyFieldListFilter), "action_flag"]
    search_fields = ["object_repr", "change_message", "user__username"]
    list_select_related = ["user", "content_type"]
    date_hierarchy = "action_time"

    @admin.display(description=_("object"), ordering="object_repr")
    def subject(self, entry):
        if entry.content_type is None:  # of the course as a whole
            return gettext(entry.object_repr)
        address = None if entry.is_deletion() else entry.get_admin_url()
        return (
            format_html('<a href="{}">{}</a>', address, entry.object_repr) if address else entry.object_repr
        )

    @admin.display(description=_("what was done"))
    def deed(self, entry):
        return told(entry) or entry.get_action_flag_display()
