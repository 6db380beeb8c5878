import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.lti.models
import portal.models


class Migration(migrations.Migration):
    # The steps that made these tables one by one, until 2026-11-27: a database that has them has this.
    replaces = [("portal", "0010_xapi")]

    dependencies = [
        ("k8s_tasks", "0001_tables"),
        ("portal", "0001_user"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecordStore",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "endpoint",
                    models.CharField(
                        help_text="What stands before /statements, such as https://lrs.example/xapi.",
                        max_length=500,
                        validators=[portal.lti.models.safe_address],
                        verbose_name="endpoint",
                    ),
                ),
                ("key", models.CharField(max_length=255, verbose_name="key (user name)")),
                ("secret", models.BinaryField()),
                (
                    "home_page",
                    models.CharField(
                        help_text="It stands in accounts and activities: once statements are sent, leave it as it is.",
                        max_length=255,
                        validators=[portal.lti.models.safe_address],
                        verbose_name="address of this portal",
                    ),
                ),
                (
                    "is_pseudonymous",
                    models.BooleanField(
                        default=True,
                        help_text="Otherwise the store is told usernames. Names and e-mail addresses are never sent.",
                        verbose_name="pseudonyms",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("namespace", models.UUIDField(default=uuid.uuid4, editable=False)),
            ],
            options={
                "verbose_name": "record store (xAPI)",
                "verbose_name_plural": "record stores (xAPI)",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ToolKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kid", models.CharField(max_length=64, unique=True)),
                ("sealed", models.BinaryField()),
                ("public", models.JSONField(editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                ("expires_at", models.DateTimeField(verbose_name="ends at")),
                ("used_at", models.DateTimeField(editable=False, null=True, verbose_name="last used")),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "token",
                "verbose_name_plural": "tokens",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Classroom",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "join_code",
                    models.CharField(
                        default=portal.models.make_join_code,
                        max_length=16,
                        unique=True,
                        verbose_name="join code",
                    ),
                ),
                ("starts_on", models.DateField(blank=True, null=True, verbose_name="begins on")),
                ("ends_on", models.DateField(blank=True, null=True, verbose_name="ends on")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="archived on"),
                ),
                (
                    "instructors",
                    models.ManyToManyField(
                        related_name="classrooms_taught",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="instructors",
                    ),
                ),
                (
                    "students",
                    models.ManyToManyField(
                        blank=True,
                        related_name="classrooms",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="students",
                    ),
                ),
            ],
            options={
                "verbose_name": "class",
                "verbose_name_plural": "classes",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lab", models.SlugField(verbose_name="lab")),
                ("due_at", models.DateTimeField(blank=True, null=True, verbose_name="due")),
                ("points", models.PositiveSmallIntegerField(default=10, verbose_name="points")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                (
                    "classroom",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="portal.classroom",
                        verbose_name="class",
                    ),
                ),
            ],
            options={
                "verbose_name": "assignment",
                "verbose_name_plural": "assignments",
            },
        ),
        migrations.CreateModel(
            name="GradingRules",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "credit",
                    models.CharField(
                        choices=[
                            ("share", "for each proven condition its share"),
                            ("whole", "only for a lab proven whole"),
                        ],
                        default="share",
                        max_length=8,
                        verbose_name="points",
                    ),
                ),
                (
                    "hint_cost",
                    models.PositiveSmallIntegerField(
                        default=0,
                        validators=[django.core.validators.MaxValueValidator(100)],
                        verbose_name="a hint costs (%)",
                    ),
                ),
                (
                    "late_cost",
                    models.PositiveSmallIntegerField(
                        default=0,
                        validators=[django.core.validators.MaxValueValidator(100)],
                        verbose_name="a day late costs (%)",
                    ),
                ),
                (
                    "late_floor",
                    models.PositiveSmallIntegerField(
                        default=0,
                        validators=[django.core.validators.MaxValueValidator(100)],
                        verbose_name="late work keeps at least (%)",
                    ),
                ),
                (
                    "classroom",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grading",
                        to="portal.classroom",
                        verbose_name="class",
                    ),
                ),
            ],
            options={
                "verbose_name": "grading rules",
                "verbose_name_plural": "grading rules",
            },
        ),
        migrations.CreateModel(
            name="HelpRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(blank=True, max_length=1000, verbose_name="text")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
                (
                    "watch_given_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="may be watched since"),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="k8s_tasks.run",
                        verbose_name="run",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hands",
                        to="k8s_tasks.labsession",
                        verbose_name="lab session",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hands",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="student",
                    ),
                ),
            ],
            options={
                "verbose_name": "raised hand",
                "verbose_name_plural": "raised hands",
                "ordering": ["created_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="HelpLog",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "deed",
                    models.CharField(
                        choices=[
                            ("raised", "raised the hand"),
                            ("allowed", "allowed watching"),
                            ("withdrew", "withdrew the permission to watch"),
                            ("watched", "opened the terminal to watch"),
                            ("answered", "answered"),
                            ("closed", "lowered the hand"),
                        ],
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="when")),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="log",
                        to="portal.helprequest",
                    ),
                ),
            ],
            options={
                "verbose_name": "entry about a raised hand",
                "verbose_name_plural": "log of raised hands",
                "ordering": ["at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="LtiContext",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("deployment_id", models.CharField(max_length=255)),
                ("context_id", models.CharField(max_length=255)),
                ("title", models.CharField(blank=True, max_length=255)),
                ("members_url", models.CharField(blank=True, max_length=1000)),
                ("line_items_url", models.CharField(blank=True, max_length=1000)),
                ("scopes", models.JSONField(default=list)),
                ("roster_at", models.DateTimeField(null=True)),
                ("is_stale", models.BooleanField(default=False)),
                (
                    "classroom",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="lti_contexts",
                        to="portal.classroom",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LtiIdentity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.CharField(max_length=255, verbose_name="subject (sub)")),
                ("is_linked", models.BooleanField(default=False, verbose_name="linked by its owner")),
                ("confirmed_at", models.DateTimeField(null=True, verbose_name="first came")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lti_identities",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "person of a learning platform",
                "verbose_name_plural": "people of learning platforms",
            },
        ),
        migrations.CreateModel(
            name="LtiLineItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("url", models.CharField(max_length=1000)),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="line_items",
                        to="portal.assignment",
                    ),
                ),
                (
                    "context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="line_items",
                        to="portal.lticontext",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LtiMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("learner", "Learner"), ("instructor", "Instructor")], max_length=16
                    ),
                ),
                (
                    "context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="portal.lticontext",
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="portal.ltiidentity",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LtiPlatform",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("issuer", models.CharField(max_length=255, verbose_name="issuer (iss)")),
                ("client_id", models.CharField(max_length=255, verbose_name="client id")),
                (
                    "deployment_ids",
                    models.TextField(
                        blank=True,
                        help_text="One a line. Launches of other deployments are refused.",
                        verbose_name="deployment ids",
                    ),
                ),
                (
                    "auth_url",
                    models.CharField(
                        max_length=500,
                        validators=[portal.lti.models.safe_address],
                        verbose_name="authentication URL",
                    ),
                ),
                (
                    "token_url",
                    models.CharField(
                        max_length=500, validators=[portal.lti.models.safe_address], verbose_name="token URL"
                    ),
                ),
                (
                    "jwks_url",
                    models.CharField(
                        max_length=500,
                        validators=[portal.lti.models.safe_address],
                        verbose_name="key set (JWKS) URL",
                    ),
                ),
                (
                    "token_audience",
                    models.CharField(
                        blank=True,
                        help_text="Only where the platform asks for another than its token URL.",
                        max_length=500,
                        verbose_name="audience of token requests",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "learning platform (LTI)",
                "verbose_name_plural": "learning platforms (LTI)",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("issuer", "client_id"), name="one_platform_per_registration"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LtiLaunch",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("nonce", models.CharField(max_length=64, unique=True)),
                ("facts", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "platform",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="portal.ltiplatform"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="ltiidentity",
            name="platform",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="identities",
                to="portal.ltiplatform",
                verbose_name="platform",
            ),
        ),
        migrations.AddField(
            model_name="lticontext",
            name="platform",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="contexts", to="portal.ltiplatform"
            ),
        ),
        migrations.CreateModel(
            name="LtiScore",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("points", models.DecimalField(decimal_places=2, max_digits=6)),
                ("most", models.PositiveSmallIntegerField()),
                ("is_whole", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waits to be sent"), ("sent", "sent"), ("failed", "given up")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("problem", models.CharField(blank=True, max_length=300)),
                ("changed_at", models.DateTimeField()),
                ("next_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scores",
                        to="portal.assignment",
                    ),
                ),
                (
                    "context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scores",
                        to="portal.lticontext",
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scores",
                        to="portal.ltiidentity",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lab", models.SlugField(verbose_name="lab")),
                ("text", models.CharField(max_length=1000, verbose_name="text")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="put away")),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "classroom",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notes",
                        to="portal.classroom",
                        verbose_name="class",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notes",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="student",
                    ),
                ),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
                "ordering": ["created_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Override",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "points",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=6, null=True, verbose_name="points"
                    ),
                ),
                ("comment", models.CharField(max_length=500, verbose_name="comment")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="overrides",
                        to="portal.assignment",
                        verbose_name="assignment",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="overrides",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="student",
                    ),
                ),
            ],
            options={
                "verbose_name": "changed grade",
                "verbose_name_plural": "changed grades",
                "ordering": ["created_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("body", models.JSONField(verbose_name="statement")),
                ("tries", models.PositiveSmallIntegerField(default=0, verbose_name="tries")),
                ("problem", models.CharField(blank=True, max_length=300, verbose_name="problem")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                ("next_at", models.DateTimeField(null=True, verbose_name="next try")),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent on")),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="statements",
                        to="portal.recordstore",
                        verbose_name="record store (xAPI)",
                    ),
                ),
            ],
            options={
                "verbose_name": "statement (xAPI)",
                "verbose_name_plural": "statements (xAPI)",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Certificate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(editable=False, max_length=20, unique=True, verbose_name="code")),
                ("chapter", models.SlugField(blank=True, editable=False, verbose_name="chapter")),
                ("statement", models.JSONField(default=dict, editable=False)),
                ("signature", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made on")),
                (
                    "withdrawn_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="withdrawn"),
                ),
                (
                    "student",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="certificates",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="student",
                    ),
                ),
            ],
            options={
                "verbose_name": "certificate",
                "verbose_name_plural": "certificates",
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at", None)),
                        fields=("student", "chapter"),
                        name="one_certificate_per_chapter",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                fields=("classroom", "lab"), name="one_assignment_per_lab_and_class"
            ),
        ),
        migrations.AddConstraint(
            model_name="helprequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at", None)), fields=("session",), name="one_hand_per_session"
            ),
        ),
        migrations.AddConstraint(
            model_name="ltilineitem",
            constraint=models.UniqueConstraint(
                fields=("context", "assignment"), name="one_line_item_per_assignment"
            ),
        ),
        migrations.AddConstraint(
            model_name="ltimember",
            constraint=models.UniqueConstraint(fields=("context", "identity"), name="one_role_per_course"),
        ),
        migrations.AddConstraint(
            model_name="ltiidentity",
            constraint=models.UniqueConstraint(
                fields=("platform", "subject"), name="one_account_per_lti_subject"
            ),
        ),
        migrations.AddConstraint(
            model_name="lticontext",
            constraint=models.UniqueConstraint(
                fields=("platform", "deployment_id", "context_id"), name="one_row_per_lti_course"
            ),
        ),
        migrations.AddIndex(
            model_name="ltiscore",
            index=models.Index(fields=["state", "next_at"], name="lti_scores_due"),
        ),
        migrations.AddConstraint(
            model_name="ltiscore",
            constraint=models.UniqueConstraint(
                fields=("context", "assignment", "identity"), name="one_score_per_person"
            ),
        ),
        migrations.AddIndex(
            model_name="statement",
            index=models.Index(fields=["sent_at", "next_at"], name="xapi_statements_due"),
        ),
    ]
