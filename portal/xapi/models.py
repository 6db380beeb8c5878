"""The stores that are told, and the statements on their way."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lti.models import safe_address


class RecordStore(models.Model):
    """A Learning Record Store. `namespace` is the secret that makes pseudonyms and statement ids: with it
    they stay the same, and without it nobody works out whose they are."""

    name = models.CharField(_("name"), max_length=80)
    endpoint = models.CharField(
        _("endpoint"),
        max_length=500,
        validators=[safe_address],
        help_text=_("What stands before /statements, such as https://lrs.example/xapi."),
    )
    key = models.CharField(_("key (user name)"), max_length=255)
    secret = models.BinaryField(editable=False)
    home_page = models.CharField(
        _("address of this portal"),
        max_length=255,
        validators=[safe_address],
        help_text=_("It stands in accounts and activities: once statements are sent, leave it as it is."),
    )
    is_pseudonymous = models.BooleanField(
        _("pseudonyms"),
        default=True,
        help_text=_("Otherwise the store is told usernames. Names and e-mail addresses are never sent."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    namespace = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = _("record store (xAPI)")
        verbose_name_plural = _("record stores (xAPI)")

    def __str__(self):
        return self.name


class Statement(models.Model):
    """A statement for a store, as it is sent; written in the same transaction as the work it tells of."""

    id = models.UUIDField(primary_key=True, editable=False)
    store = models.ForeignKey(
        RecordStore, models.CASCADE, related_name="statements", verbose_name=_("record store (xAPI)")
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    body = models.JSONField(_("statement"))
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    next_at = models.DateTimeField(_("next try"), null=True)
    sent_at = models.DateTimeField(_("sent on"), null=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["sent_at", "next_at"], name="xapi_statements_due")]
        verbose_name = _("statement (xAPI)")
        verbose_name_plural = _("statements (xAPI)")
