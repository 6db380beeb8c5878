"""The admin's view of students' work. What happened is read, not edited."""

from django.contrib import admin

from curriculum.models import Answer, Attempt, ConditionPass, Lab, QuizAnswer, QuizAttempt


class ReadOnly:
    """Shown whole, never added to, changed or deleted."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class AnswerInline(ReadOnly, admin.TabularInline):
    model = Answer
    extra = 0


class ConditionPassInline(ReadOnly, admin.TabularInline):
    model = ConditionPass
    extra = 0


@admin.register(Lab)
class LabAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["number", "slug", "chapter", "is_active", "version"]
    list_filter = ["chapter", "is_active"]


@admin.register(Attempt)
class AttemptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["student", "lab", "started_at", "passed_at"]
    list_filter = ["lab", ("passed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["student", "lab"]
    search_fields = ["student__username", "student__first_name", "student__last_name"]
    date_hierarchy = "started_at"
    inlines = [ConditionPassInline, AnswerInline]


@admin.register(ConditionPass)
class ConditionPassAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["condition", "attempt", "is_helped", "passed_at"]
    list_filter = ["condition", "attempt__lab", "is_helped"]
    list_select_related = ["attempt__student", "attempt__lab"]
    search_fields = ["attempt__student__username"]


class QuizAnswerInline(ReadOnly, admin.TabularInline):
    model = QuizAnswer
    exclude = ["asked"]
    extra = 0


@admin.register(QuizAttempt)
class QuizAttemptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["student", "chapter", "total", "started_at"]
    list_filter = ["chapter"]
    list_select_related = ["student"]
    search_fields = ["student__username", "student__first_name", "student__last_name"]
    date_hierarchy = "started_at"
    inlines = [QuizAnswerInline]
