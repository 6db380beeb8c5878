"""What is kept of learning platforms, of people and courses that come from them, and of grades to send."""

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lti.addresses import is_safe


def safe_address(value: str) -> None:
    if not is_safe(value):
        raise ValidationError(_("It must be an https address."))


class ToolKey(models.Model):
    """A key pair of the tool. The private half is sealed with a key made of SECRET_KEY."""

    kid = models.CharField(max_length=64, unique=True)
    sealed = models.BinaryField(editable=False)
    public = models.JSONField(editable=False)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]


class LtiPlatform(models.Model):
    """A learning platform that may send people here."""

    name = models.CharField(_("name"), max_length=80)
    issuer = models.CharField(_("issuer (iss)"), max_length=255)
    client_id = models.CharField(_("client id"), max_length=255)
    deployment_ids = models.TextField(
        _("deployment ids"), blank=True, help_text=_("One a line. Launches of other deployments are refused.")
    )
    auth_url = models.CharField(_("authentication URL"), max_length=500, validators=[safe_address])
    token_url = models.CharField(_("token URL"), max_length=500, validators=[safe_address])
    jwks_url = models.CharField(_("key set (JWKS) URL"), max_length=500, validators=[safe_address])
    token_audience = models.CharField(
        _("audience of token requests"),
        max_length=500,
        blank=True,
        help_text=_("Only where the platform asks for another than its token URL."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["issuer", "client_id"], name="one_platform_per_registration")
        ]
        verbose_name = _("learning platform (LTI)")
        verbose_name_plural = _("learning platforms (LTI)")

    def __str__(self):
        return self.name

    def has_deployment(self, deployment_id: str) -> bool:
        return deployment_id in [line.strip() for line in self.deployment_ids.splitlines() if line.strip()]


class LtiLaunch(models.Model):
    """A launch that was accepted. Its nonce is accepted once; `facts` are kept only while the person has not
    yet said which account is theirs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    nonce = models.CharField(max_length=64, unique=True)
    platform = models.ForeignKey(LtiPlatform, models.CASCADE, related_name="+")
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)


class LtiIdentity(models.Model):
    """Somebody as a platform knows them. `is_linked`: the account was there before, and its owner linked it.
    Until `confirmed_at` the account is one that a roster import made, and nobody has entered."""

    platform = models.ForeignKey(
        LtiPlatform, models.CASCADE, related_name="identities", verbose_name=_("platform")
    )
    subject = models.CharField(_("subject (sub)"), max_length=255)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="lti_identities",
        verbose_name=_("person"),
    )
    is_linked = models.BooleanField(_("linked by its owner"), default=False)
    confirmed_at = models.DateTimeField(_("first came"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "subject"], name="one_account_per_lti_subject")
        ]
        verbose_name = _("person of a learning platform")
        verbose_name_plural = _("people of learning platforms")

    def __str__(self):
        return f"{self.user} · {self.platform}"


class LtiContext(models.Model):
    """A course of a platform, and the class that an instructor has bound it to."""

    platform = models.ForeignKey(LtiPlatform, models.CASCADE, related_name="contexts")
    deployment_id = models.CharField(max_length=255)
    context_id = models.CharField(max_length=255)
    title = models.CharField(max_length=255, blank=True)
    classroom = models.ForeignKey(
        "portal.Classroom", models.SET_NULL, null=True, blank=True, related_name="lti_contexts"
    )
    members_url = models.CharField(max_length=1000, blank=True)
    line_items_url = models.CharField(max_length=1000, blank=True)
    scopes = models.JSONField(default=list)
    roster_at = models.DateTimeField(null=True)
    is_stale = models.BooleanField(default=False)  # grades have changed and are not yet reckoned for it

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "deployment_id", "context_id"], name="one_row_per_lti_course"
            )
        ]

    def __str__(self):
        return self.title or self.context_id


class LtiRole(models.TextChoices):
    LEARNER = "learner", _("Learner")
    INSTRUCTOR = "instructor", _("Instructor")


class LtiMember(models.Model):
    """The role that a platform gives somebody in one of its courses; nowhere else does it count."""

    context = models.ForeignKey(LtiContext, models.CASCADE, related_name="members")
    identity = models.ForeignKey(LtiIdentity, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=LtiRole)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["context", "identity"], name="one_role_per_course")]


class LtiLineItem(models.Model):
    """The column of a platform's gradebook that stands for an assignment."""

    context = models.ForeignKey(LtiContext, models.CASCADE, related_name="line_items")
    assignment = models.ForeignKey("portal.Assignment", models.CASCADE, related_name="line_items")
    url = models.CharField(max_length=1000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["context", "assignment"], name="one_line_item_per_assignment")
        ]


class ScoreState(models.TextChoices):
    WAITING = "waiting", _("waits to be sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("given up")


class LtiScore(models.Model):
    """A grade on its way to a platform: what is to be there, and whether it is."""

    context = models.ForeignKey(LtiContext, models.CASCADE, related_name="scores")
    assignment = models.ForeignKey("portal.Assignment", models.CASCADE, related_name="scores")
    identity = models.ForeignKey(LtiIdentity, models.CASCADE, related_name="scores")
    points = models.DecimalField(max_digits=6, decimal_places=2)
    most = models.PositiveSmallIntegerField()
    is_whole = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=ScoreState, default=ScoreState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField()
    next_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["context", "assignment", "identity"], name="one_score_per_person")
        ]
        indexes = [models.Index(fields=["state", "next_at"], name="lti_scores_due")]
