"""Clusters, the sessions labs run in, the commands that ran there and what checks found."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from curriculum.enums import Verdict
from curriculum.models import Attempt
from k8s_tasks.enums import RunKind, RunState, SessionState


class Cluster(models.Model):
    """A Kubernetes API the portal may use. `uid` is the uid of its kube-system namespace: another
    uid behind the same address is another cluster."""

    name = models.SlugField(_("name"), unique=True)
    kubeconfig_path = models.CharField(_("kubeconfig file"), max_length=500)
    uid = models.CharField(max_length=64, blank=True, editable=False)
    version = models.CharField(_("version"), max_length=64, blank=True, editable=False)
    is_default = models.BooleanField(_("new sessions start here"), default=False)
    is_healthy = models.BooleanField(_("healthy"), default=False, editable=False)
    health = models.TextField(_("health"), blank=True, editable=False)
    checked_at = models.DateTimeField(_("checked at"), null=True, editable=False)

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")

    def __str__(self):
        return self.name


class LabSession(models.Model):
    """The namespace and pods of one attempt, for an hour. `bindings` holds what only the cluster
    decides: nodes, pod addresses."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="sessions")
    cluster = models.ForeignKey(Cluster, models.PROTECT, related_name="sessions")
    cluster_uid = models.CharField(max_length=64, blank=True)
    namespace = models.CharField(max_length=63, unique=True)
    state = models.CharField(max_length=16, choices=SessionState, default=SessionState.PREPARING)
    message = models.TextField(blank=True)
    bindings = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("lab session")
        verbose_name_plural = _("lab sessions")

    def __str__(self):
        return self.namespace


class Run(models.Model):
    """One command, terminal or verification. Its output lives in Redis while it is fresh and as
    an asciicast in `Transcript` afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(LabSession, models.CASCADE, related_name="runs")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="runs")
    kind = models.CharField(max_length=16, choices=RunKind, default=RunKind.COMMAND)
    step = models.SlugField(blank=True)
    pod = models.CharField(max_length=253, blank=True)
    argv = models.JSONField(default=list)
    state = models.CharField(max_length=16, choices=RunState, default=RunState.QUEUED)
    exit_code = models.IntegerField(null=True, blank=True)
    reason = models.TextField(blank=True)
    output_bytes = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "created_at"])]
        verbose_name = _("run")
        verbose_name_plural = _("runs")

    def __str__(self):
        return f"{self.get_kind_display()} {self.id}"


class Transcript(models.Model):
    """What an ended run printed, as asciicast v2, gzipped."""

    run = models.OneToOneField(Run, models.CASCADE, related_name="transcript")
    cast = models.BinaryField()


class ConditionResult(models.Model):
    """One condition's verdict in one verification run. `reason` is {"pt-br": ..., "en": ...}."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="results")
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="results")
    condition = models.SlugField()
    verdict = models.CharField(max_length=16, choices=Verdict)
    reason = models.JSONField()
    evidence = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = _("condition result")
        verbose_name_plural = _("condition results")
