import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    # The steps that made these tables one by one, until 2026-11-27: a database that has them has this.
    replaces = [
        ("k8s_tasks", "0001_initial"),
        ("k8s_tasks", "0002_initial"),
        ("k8s_tasks", "0003_field_names"),
        ("k8s_tasks", "0004_capabilities"),
        ("k8s_tasks", "0005_acts_of_steps"),
        ("k8s_tasks", "0006_text_of_runs"),
        ("k8s_tasks", "0007_signed_results"),
        ("k8s_tasks", "0008_reason_codes"),
        ("k8s_tasks", "0009_exclusive"),
        ("k8s_tasks", "0010_many_clusters"),
        ("k8s_tasks", "0011_uploaded_kubeconfigs"),
        ("k8s_tasks", "0012_captures"),
        ("k8s_tasks", "0013_what_addons_say"),
        ("k8s_tasks", "0014_mode_of_kube_proxy"),
        ("k8s_tasks", "0015_limits"),
        ("k8s_tasks", "0016_kept_ready"),
    ]

    dependencies = [
        ("curriculum", "0001_tables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Cluster",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(unique=True, verbose_name="name")),
                (
                    "kubeconfig_path",
                    models.CharField(blank=True, max_length=500, verbose_name="kubeconfig file"),
                ),
                ("kubeconfig", models.BinaryField(null=True)),
                ("uid", models.CharField(blank=True, editable=False, max_length=64)),
                (
                    "version",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="version"),
                ),
                ("is_default", models.BooleanField(default=False, verbose_name="new sessions start here")),
                ("takes_new", models.BooleanField(default=True, verbose_name="takes new sessions")),
                (
                    "capacity",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Empty is without a limit.",
                        null=True,
                        verbose_name="lab sessions at once",
                    ),
                ),
                (
                    "is_exclusive",
                    models.BooleanField(
                        default=False, verbose_name="only for labs that need a whole cluster"
                    ),
                ),
                ("slot", models.PositiveSmallIntegerField(editable=False, null=True, unique=True)),
                ("is_healthy", models.BooleanField(default=False, editable=False, verbose_name="healthy")),
                ("health", models.TextField(blank=True, editable=False, verbose_name="health")),
                ("checked_at", models.DateTimeField(editable=False, null=True, verbose_name="checked at")),
                ("silent_since", models.DateTimeField(editable=False, null=True)),
                ("capabilities", models.JSONField(default=dict, editable=False)),
                ("measured_uid", models.CharField(blank=True, editable=False, max_length=64)),
                ("measured_at", models.DateTimeField(editable=False, null=True, verbose_name="measured at")),
            ],
            options={
                "verbose_name": "cluster",
                "verbose_name_plural": "clusters",
            },
        ),
        migrations.CreateModel(
            name="Limits",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "sessions_per_student",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                        verbose_name="lab sessions a student may have at once",
                    ),
                ),
                (
                    "session_minutes",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(10),
                            django.core.validators.MaxValueValidator(480),
                        ],
                        verbose_name="minutes until a session must be extended",
                    ),
                ),
                (
                    "run_bytes",
                    models.PositiveIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(100000),
                            django.core.validators.MaxValueValidator(50000000),
                        ],
                        verbose_name="bytes of output kept of one command",
                    ),
                ),
                ("changed_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
            ],
            options={
                "verbose_name": "limits",
                "verbose_name_plural": "limits",
            },
        ),
        migrations.CreateModel(
            name="KeptReady",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "count",
                    models.PositiveSmallIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(50),
                        ],
                        verbose_name="sessions kept ready",
                    ),
                ),
                ("failure", models.TextField(blank=True, editable=False, verbose_name="last failure")),
                ("failed_at", models.DateTimeField(editable=False, null=True, verbose_name="failed at")),
                (
                    "lab",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, to="curriculum.lab", verbose_name="lab"
                    ),
                ),
            ],
            options={
                "verbose_name": "lab kept ready",
                "verbose_name_plural": "labs kept ready",
                "ordering": ["lab__chapter", "lab__number"],
            },
        ),
        migrations.CreateModel(
            name="LabSession",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("is_exclusive", models.BooleanField(default=False, verbose_name="has a whole cluster")),
                ("cluster_uid", models.CharField(blank=True, max_length=64)),
                ("namespace", models.CharField(max_length=63, unique=True, verbose_name="namespace")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "In the queue"),
                            ("preparing", "Preparing"),
                            ("ready", "Ready"),
                            ("expiring", "Expiring"),
                            ("ended", "Ended"),
                            ("failed", "Failed"),
                            ("gone", "Cluster gone"),
                        ],
                        default="preparing",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("message", models.TextField(blank=True, verbose_name="message")),
                ("bindings", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                ("placed_at", models.DateTimeField(blank=True, null=True, verbose_name="given a cluster")),
                ("ready_at", models.DateTimeField(blank=True, null=True, verbose_name="ready")),
                ("expires_at", models.DateTimeField(verbose_name="ends at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="curriculum.attempt",
                        verbose_name="attempt",
                    ),
                ),
                (
                    "cluster",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to="k8s_tasks.cluster",
                        verbose_name="cluster",
                    ),
                ),
            ],
            options={
                "verbose_name": "lab session",
                "verbose_name_plural": "lab sessions",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("command", "Command"),
                            ("apply", "Manifest"),
                            ("node", "Command on a node"),
                            ("addon", "What an add-on says"),
                            ("capture", "Live capture"),
                            ("impair", "Impairment"),
                            ("proxy", "Mode of kube-proxy"),
                            ("terminal", "Terminal"),
                            ("verify", "Verification"),
                        ],
                        default="command",
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("step", models.SlugField(blank=True, verbose_name="step")),
                ("pod", models.CharField(blank=True, max_length=253, verbose_name="pod")),
                ("node", models.CharField(blank=True, max_length=253, verbose_name="node")),
                ("argv", models.JSONField(default=list, verbose_name="command")),
                ("text", models.TextField(blank=True, verbose_name="text applied")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("starting", "Starting"),
                            ("running", "Running"),
                            ("succeeded", "Finished"),
                            ("failed", "Could not run"),
                            ("cancelled", "Stopped"),
                            ("timed_out", "Out of time"),
                            ("lost", "Lost"),
                        ],
                        default="queued",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("exit_code", models.IntegerField(blank=True, null=True, verbose_name="exit code")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("output_bytes", models.PositiveBigIntegerField(default=0, verbose_name="bytes of output")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="k8s_tasks.labsession",
                        verbose_name="lab session",
                    ),
                ),
            ],
            options={
                "verbose_name": "run",
                "verbose_name_plural": "runs",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="ConditionResult",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("condition", models.SlugField(verbose_name="condition")),
                (
                    "verdict",
                    models.CharField(
                        choices=[("pass", "Proven"), ("fail", "Not yet"), ("undecided", "Undecided")],
                        max_length=16,
                        verbose_name="verdict",
                    ),
                ),
                ("reason", models.JSONField(verbose_name="reason")),
                ("code", models.CharField(blank=True, max_length=32, verbose_name="word for the reason")),
                ("evidence", models.JSONField(default=dict, verbose_name="evidence")),
                ("statement", models.JSONField(default=dict, editable=False)),
                ("signature", models.CharField(blank=True, editable=False, max_length=100)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="results",
                        to="curriculum.attempt",
                        verbose_name="attempt",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="results",
                        to="k8s_tasks.run",
                        verbose_name="run",
                    ),
                ),
            ],
            options={
                "verbose_name": "condition result",
                "verbose_name_plural": "condition results",
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Capture",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("pcap", models.BinaryField()),
                ("packets", models.PositiveIntegerField()),
                ("is_cut", models.BooleanField(default=False)),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="capture",
                        to="k8s_tasks.run",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SpareSession",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("lab_version", models.CharField(max_length=64)),
                ("seed", models.PositiveBigIntegerField()),
                ("cluster_uid", models.CharField(blank=True, max_length=64)),
                ("namespace", models.CharField(max_length=63, unique=True)),
                ("is_ready", models.BooleanField(default=False)),
                ("bindings", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "cluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="spares",
                        to="k8s_tasks.cluster",
                    ),
                ),
                (
                    "lab",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="spares",
                        to="curriculum.lab",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at"],
            },
        ),
        migrations.CreateModel(
            name="Transcript",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("cast", models.BinaryField()),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="transcript",
                        to="k8s_tasks.run",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["state", "created_at"], name="k8s_tasks_r_state_a598cb_idx"),
        ),
    ]
