"""Platforms are registered here; people of platforms are read, and let go."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from portal.lti.models import LtiIdentity, LtiPlatform


@admin.register(LtiPlatform)
class LtiPlatformAdmin(admin.ModelAdmin):
    list_display = ["name", "issuer", "client_id", "is_active", "people"]
    list_filter = ["is_active"]
    search_fields = ["name", "issuer", "client_id"]
    readonly_fields = ["tool"]

    @admin.display(description=_("people"))
    def people(self, platform):
        return platform.identities.count()

    @admin.display(description=_("addresses of this tool"))
    def tool(self, platform):
        told = _("To paste in the learning platform")
        return format_html('<a href="{}">{}</a>', reverse("lti-tool"), told)


@admin.register(LtiIdentity)
class LtiIdentityAdmin(admin.ModelAdmin):
    """Without its row somebody comes as a new person: so a wrong link is undone."""

    list_display = ["user", "platform", "subject", "is_linked", "confirmed_at"]
    list_filter = ["platform", "is_linked"]
    search_fields = ["user__username", "subject"]
    list_select_related = ["user", "platform"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False
