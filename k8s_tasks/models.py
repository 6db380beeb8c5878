"""Clusters, the sessions labs run in, the commands that ran there and what checks found."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from curriculum.enums import Verdict
from curriculum.models import Attempt, Lab
from k8s_tasks.enums import RunKind, RunState, SessionState
from k8s_tasks.kubeconfigs import file_of


class Cluster(models.Model):
    """A Kubernetes API the portal may use. `uid` is the uid of its kube-system namespace: another
    uid behind the same address is another cluster. `capabilities` is what a preflight measured on the
    one with `measured_uid`: {name: {"state", "reason" by language, "at"}}. One with a `slot` is a netlab
    that runs only while a session has it."""

    name = models.SlugField(_("name"), unique=True)
    kubeconfig_path = models.CharField(_("kubeconfig file"), max_length=500, blank=True)
    kubeconfig = models.BinaryField(null=True, editable=False)  # an uploaded one, see `kubeconfigs`
    uid = models.CharField(max_length=64, blank=True, editable=False)
    version = models.CharField(_("version"), max_length=64, blank=True, editable=False)
    is_default = models.BooleanField(_("new sessions start here"), default=False)
    takes_new = models.BooleanField(_("takes new sessions"), default=True)
    capacity = models.PositiveSmallIntegerField(
        _("lab sessions at once"), null=True, blank=True, help_text=_("Empty is without a limit.")
    )
    is_exclusive = models.BooleanField(_("only for labs that need a whole cluster"), default=False)
    slot = models.PositiveSmallIntegerField(null=True, unique=True, editable=False)
    is_healthy = models.BooleanField(_("healthy"), default=False, editable=False)
    health = models.TextField(_("health"), blank=True, editable=False)
    checked_at = models.DateTimeField(_("checked at"), null=True, editable=False)
    silent_since = models.DateTimeField(null=True, editable=False)
    capabilities = models.JSONField(default=dict, editable=False)
    measured_uid = models.CharField(max_length=64, blank=True, editable=False)
    measured_at = models.DateTimeField(_("measured at"), null=True, editable=False)

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")

    def __str__(self):
        return self.name

    @classmethod
    def from_db(cls, db, field_names, values):
        """The path of an uploaded kubeconfig is this process's own."""
        cluster = super().from_db(db, field_names, values)
        if cluster.__dict__.get("kubeconfig"):
            cluster.kubeconfig_path = file_of(cluster.pk, cluster.kubeconfig)
        return cluster


def _between(least: int, most: int) -> list:
    return [MinValueValidator(least), MaxValueValidator(most)]


class Limits(models.Model):
    """An administrator's limits, in one row; what is empty is as the options say. Read by `domain.limits`."""

    sessions_per_student = models.PositiveSmallIntegerField(
        _("lab sessions a student may have at once"), null=True, blank=True, validators=_between(1, 20)
    )
    session_minutes = models.PositiveSmallIntegerField(
        _("minutes until a session must be extended"), null=True, blank=True, validators=_between(10, 480)
    )
    run_bytes = models.PositiveIntegerField(
        _("bytes of output kept of one command"),
        null=True,
        blank=True,
        validators=_between(100_000, 50_000_000),
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("limits")
        verbose_name_plural = _("limits")

    def __str__(self):
        return str(_("limits"))


class LabSession(models.Model):
    """The namespace and pods of one attempt, for an hour. `bindings` holds what only the cluster
    decides: nodes, pod addresses. One that `is_exclusive` is alone on its cluster, and has none while it
    waits for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="sessions", verbose_name=_("attempt"))
    cluster = models.ForeignKey(
        Cluster, models.PROTECT, null=True, related_name="sessions", verbose_name=_("cluster")
    )
    is_exclusive = models.BooleanField(_("has a whole cluster"), default=False)
    cluster_uid = models.CharField(max_length=64, blank=True)
    namespace = models.CharField(_("namespace"), max_length=63, unique=True)
    state = models.CharField(_("state"), max_length=16, choices=SessionState, default=SessionState.PREPARING)
    message = models.TextField(_("message"), blank=True)
    bindings = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    placed_at = models.DateTimeField(_("given a cluster"), null=True, blank=True)
    ready_at = models.DateTimeField(_("ready"), null=True, blank=True)
    expires_at = models.DateTimeField(_("ends at"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("lab session")
        verbose_name_plural = _("lab sessions")

    def __str__(self):
        return self.namespace

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.namespace, *self.bindings.get("namespaces", {}).values())

    def namespace_of(self, pod: str) -> str:
        """The namespace of one of the lab's pods."""
        known = {each["name"]: each.get("namespace") for each in self.bindings.get("pods", [])}
        return known.get(pod) or self.namespace


class KeptReady(models.Model):
    """How many sessions of a lab are kept ready before anybody asks. What went wrong at the last one is told
    to the administrator."""

    lab = models.OneToOneField(Lab, models.CASCADE, verbose_name=_("lab"))
    count = models.PositiveSmallIntegerField(_("sessions kept ready"), validators=_between(1, 50))
    failure = models.TextField(_("last failure"), blank=True, editable=False)
    failed_at = models.DateTimeField(_("failed at"), null=True, editable=False)

    class Meta:
        ordering = ["lab__chapter", "lab__number"]
        verbose_name = _("lab kept ready")
        verbose_name_plural = _("labs kept ready")

    def __str__(self):
        return f"{self.lab}: {self.count}"


class SpareSession(models.Model):
    """Pods of a lab without an owner, prepared for a seed of their own. Who takes it gets a LabSession of the
    same id and namespace, and an attempt with this seed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lab = models.ForeignKey(Lab, models.CASCADE, related_name="spares")
    lab_version = models.CharField(max_length=64)
    seed = models.PositiveBigIntegerField()
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="spares")
    cluster_uid = models.CharField(max_length=64, blank=True)
    namespace = models.CharField(max_length=63, unique=True)
    is_ready = models.BooleanField(default=False)
    bindings = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]


class Run(models.Model):
    """One command, terminal or verification. Its output lives in Redis while it is fresh and as
    an asciicast in `Transcript` afterwards. `node` is where the platform's agent carries it out,
    `text` what is applied or deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(
        LabSession, models.CASCADE, related_name="runs", verbose_name=_("lab session")
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="runs",
        verbose_name=_("requested by"),
    )
    kind = models.CharField(_("kind"), max_length=16, choices=RunKind, default=RunKind.COMMAND)
    step = models.SlugField(_("step"), blank=True)
    pod = models.CharField(_("pod"), max_length=253, blank=True)
    node = models.CharField(_("node"), max_length=253, blank=True)
    argv = models.JSONField(_("command"), default=list)
    text = models.TextField(_("text applied"), blank=True)
    state = models.CharField(_("state"), max_length=16, choices=RunState, default=RunState.QUEUED)
    exit_code = models.IntegerField(_("exit code"), null=True, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    output_bytes = models.PositiveBigIntegerField(_("bytes of output"), default=0)
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "created_at"])]
        verbose_name = _("run")
        verbose_name_plural = _("runs")

    def __str__(self):
        return f"{self.get_kind_display()} {self.id}"


class SharedTyping(models.Model):
    """Somebody else than the student types in this terminal. Written before the first key is passed on: what
    is found in the attempt from then on is not the student's work alone."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="typings", verbose_name=_("run"))
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    began_at = models.DateTimeField(_("begun"), auto_now_add=True)

    class Meta:
        ordering = ["began_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "person"], name="one_typing_per_run_and_person")
        ]
        verbose_name = _("typing in a student's terminal")
        verbose_name_plural = _("typing in students' terminals")

    def __str__(self):
        return f"{self.person}: {self.run}"


class Transcript(models.Model):
    """What an ended run printed, as asciicast v2, gzipped."""

    run = models.OneToOneField(Run, models.CASCADE, related_name="transcript")
    cast = models.BinaryField()


class Capture(models.Model):
    """The packets a run captured, as pcap, gzipped. One that `is_cut` lacks packets that came later."""

    run = models.OneToOneField(Run, models.CASCADE, related_name="capture")
    pcap = models.BinaryField()
    packets = models.PositiveIntegerField()
    is_cut = models.BooleanField(default=False)


class ConditionResult(models.Model):
    """One condition's verdict in one verification run. `reason` is {"pt-br": ..., "en": ...}; `code` is a
    failure's word for it, see `curriculum.reasons`; `statement` is what was signed: see
    `curriculum.evidence`."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="results", verbose_name=_("run"))
    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="results", verbose_name=_("attempt"))
    condition = models.SlugField(_("condition"))
    verdict = models.CharField(_("verdict"), max_length=16, choices=Verdict)
    reason = models.JSONField(_("reason"))
    code = models.CharField(_("word for the reason"), max_length=32, blank=True)
    evidence = models.JSONField(_("evidence"), default=dict)
    statement = models.JSONField(default=dict, editable=False)
    signature = models.CharField(max_length=100, blank=True, editable=False)
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = _("condition result")
        verbose_name_plural = _("condition results")
