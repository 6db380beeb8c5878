"""The administrator's panel for people and classes."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.models import Classroom, User

admin.site.site_header = _("Redes no Kubernetes: administration")
admin.site.site_title = _("Redes no Kubernetes")
admin.site.index_title = _("People, classes, clusters and labs")


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = [
        "username",
        "get_full_name",
        "role",
        "language",
        "is_superuser",
        "is_active",
        "last_login",
    ]
    list_filter = ["role", "is_superuser", "is_active", "classrooms"]
    fieldsets = (*UserAdmin.fieldsets, (_("In the portal"), {"fields": ["role", "language"]}))
    add_fieldsets = (*UserAdmin.add_fieldsets, (_("In the portal"), {"fields": ["role"]}))


@admin.register(Classroom)
class ClassroomAdmin(admin.ModelAdmin):
    list_display = ["name", "join_code", "student_count", "created_at"]
    search_fields = ["name", "join_code"]
    filter_horizontal = ["instructors", "students"]
    readonly_fields = ["join_link", "created_at"]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(student_total=Count("students"))

    @admin.display(description=_("students"), ordering="student_total")
    def student_count(self, classroom):
        return classroom.student_total

    @admin.display(description=_("join link"))
    def join_link(self, classroom):
        return reverse("join", kwargs={"code": classroom.join_code}) if classroom.pk else ""
