"""Stores are named here; what was sent is read."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from k8s_tasks import sealing
from portal.xapi.models import RecordStore, Statement
from portal.xapi.outbox import PURPOSE, send_again


class RecordStoreForm(forms.ModelForm):
    """The secret goes in and is never shown again; an empty field leaves the one there is."""

    new_secret = forms.CharField(
        label=_("secret (password)"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("It is kept encrypted and not shown again; empty leaves the one there is."),
    )

    class Meta:
        model = RecordStore
        fields = ["name", "endpoint", "key", "new_secret", "home_page", "is_pseudonymous", "is_active"]

    def clean_new_secret(self):
        if not self.cleaned_data["new_secret"] and self.instance.pk is None:
            raise forms.ValidationError(_("A new store needs its secret."))
        return self.cleaned_data["new_secret"]

    def save(self, commit=True):
        if secret := self.cleaned_data["new_secret"]:
            self.instance.secret = sealing.seal(secret, PURPOSE)
        return super().save(commit)


@admin.register(RecordStore)
class RecordStoreAdmin(admin.ModelAdmin):
    form = RecordStoreForm
    list_display = ["name", "endpoint", "is_active", "is_pseudonymous", "waiting"]

    @admin.display(description=_("waiting"))
    def waiting(self, store):
        return store.statements.filter(sent_at=None).count()


@admin.register(Statement)
class StatementAdmin(admin.ModelAdmin):
    list_display = ["created_at", "store", "person", "sent_at", "tries", "problem"]
    list_filter = ["store", ("sent_at", admin.EmptyFieldListFilter)]
    list_select_related = ["store", "person"]
    date_hierarchy = "created_at"
    actions = ["send_again"]

    @admin.action(description=_("Send again what was not sent"), permissions=["view"])
    def send_again(self, request, statements):
        count = send_again(statements)
        told = ngettext("%(count)d statement is due.", "%(count)d statements are due.", count)
        self.message_user(request, told % {"count": count})

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
