"""Clusters, sessions and the record of every run. Records are read here, not written."""

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from curriculum.course import get_course
from curriculum.enums import Capability
from curriculum.text import Text
from k8s_tasks.asking import ActForm, AsksFirst, asks_first
from k8s_tasks.domain.capabilities import ask_preflight, capability_of, live_sessions
from k8s_tasks.domain.sessions import SessionError, end_session, extend_session, reset_session
from k8s_tasks.domain.spares import why_not_kept
from k8s_tasks.enums import LIVE_SESSION_STATES, OPEN_RUN_STATES, CapabilityState, RunKind
from k8s_tasks.kubeconfigs import KubeconfigRefused, checked, seal, server_of
from k8s_tasks.models import Cluster, ConditionResult, KeptReady, LabSession, Limits, Run, SharedTyping
from k8s_tasks.on_record import record_of
from k8s_tasks.speech import by_language, speaking_to


class Record(admin.ModelAdmin):
    """A model that only the portal itself writes."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class KubeconfigField(forms.CharField):
    """A kubeconfig goes in and is never shown again."""

    widget = forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "autocomplete": "off"})

    def __init__(self):
        told = _(
            "Paste an administrator's kubeconfig with inline certificates or a token. It is kept encrypted."
            " Programs, files, proxies and unverified TLS are refused."
        )
        super().__init__(label=_("kubeconfig"), strip=False, help_text=told)

    def clean(self, value):
        try:
            return checked(super().clean(value))
        except KubeconfigRefused as error:
            raise forms.ValidationError(str(error)) from None


class NewClusterForm(forms.ModelForm):
    upload = KubeconfigField()

    class Meta:
        model = Cluster
        fields = ["name", "is_default", "capacity", "is_exclusive"]

    def save(self, commit=True):
        self.instance.kubeconfig = seal(self.cleaned_data["upload"])
        return super().save(commit)


class KubeconfigForm(ActForm):
    upload = KubeconfigField()


@admin.register(Cluster)
class ClusterAdmin(AsksFirst, admin.ModelAdmin):
    fields = ["name", "is_default", "capacity", "is_exclusive"]
    list_display = [
        "name",
        "is_healthy",
        "health",
        "version",
        "is_default",
        "takes_new",
        "places",
        "checked_at",
    ]
    list_filter = ["is_healthy", "is_default", "takes_new", "is_exclusive"]
    search_fields = ["name", "health", "version"]
    readonly_fields = [
        "takes_new",  # this and the kubeconfig by the actions, which ask
        "kubeconfig_path",
        "uid",
        "version",
        "is_healthy",
        "health",
        "checked_at",
        "can",
        "measured_at",
    ]
    actions = ["measure", "drain", "take_new", "replace_kubeconfig"]

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = self.form if change else NewClusterForm
        return super().get_form(request, obj, change, **{"form": form} | kwargs)

    def get_fields(self, request, obj=None):
        new = () if obj else ("upload",)
        return [*self.fields, *new, *self.readonly_fields]

    @admin.display(description=_("capabilities"))
    def can(self, cluster):
        rows = ((name, *_told(capability_of(cluster, name))) for name in Capability)
        return format_html(
            "<table>{}</table>",
            format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", rows),
        )

    @admin.action(description=_("Measure the capabilities anew"))
    def measure(self, request, clusters):
        try:
            for cluster in clusters:
                ask_preflight(cluster)
        except (OperationalError, RedisError) as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, _("It is being measured; look again in a few seconds."))

    @asks_first(
        description=_("Drain: no new sessions, those that run go on"),
        will=_(
            "No new session begins on these clusters from now on: students get another cluster, or, where no"
            " other has what their lab requires, are told that it cannot start. Sessions that run go on to"
            " their end."
        ),
        button=_("Drain these clusters"),
        only=lambda request, clusters: clusters.filter(takes_new=True),
        left=_("They take no new sessions already."),
    )
    def drain(self, request, cluster):
        return _take_new(cluster, False) and record_of(gettext_noop("Drained: it takes no new sessions."))

    @asks_first(
        description=_("Take new sessions again"),
        will=_("New sessions may begin on these clusters from now on, as long as they are healthy."),
        button=_("Let them take new sessions"),
        only=lambda request, clusters: clusters.filter(takes_new=False),
        left=_("They take new sessions already."),
    )
    def take_new(self, request, cluster):
        return _take_new(cluster, True) and record_of(gettext_noop("It takes new sessions again."))

    @asks_first(
        description=_("Replace the kubeconfig"),
        will=_(
            "From now on the portal reaches the cluster with the kubeconfig you paste here; the one it has is"
            " deleted and nobody can bring it back. If the new one leads to the same cluster, sessions that"
            " run go on. If it leads to another one, they are lost: their students are told and start again,"
            " and their pods stay behind on the cluster of before. What the cluster can do is measured anew."
        ),
        button=_("Replace the kubeconfig of this cluster"),
        only=lambda request, clusters: clusters.filter(slot=None),
        left=_("It is a netlab that the portal starts for one session: it makes its kubeconfig itself."),
        form=KubeconfigForm,
        is_for_one=True,
    )
    def replace_kubeconfig(self, request, cluster, upload):
        # Who knows whether it is the same cluster.
        facts = {"kubeconfig": seal(upload), "uid": "", "measured_uid": ""}
        Cluster.objects.filter(pk=cluster.pk).update(**facts)
        sentence = gettext_noop("The kubeconfig was replaced; it leads to %(server)s.")
        return record_of(sentence, server=server_of(upload))

    def at_stake(self, clusters, act):
        return [(gettext("live sessions"), sum(live_sessions(each) for each in clusters))]

    @admin.display(description=_("live sessions"))
    def places(self, cluster):
        live = live_sessions(cluster)
        return live if cluster.capacity is None else f"{live} / {cluster.capacity}"


@admin.register(Limits)
class LimitsAdmin(admin.ModelAdmin):
    """One row. Its history says who changed which figure from what to what."""

    list_display = ["__str__", "sessions_per_student", "session_minutes", "run_bytes", "changed_at"]
    list_display_links = ["__str__"]
    readonly_fields = ["changed_at"]

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)
        for name, field in form.base_fields.items():
            field.help_text = self._told(name)
        return form

    def _told(self, name: str) -> str:
        least, most = (each.limit_value for each in Limits._meta.get_field(name).validators[:2])
        facts = {"least": least, "most": most, "option": settings.OPTIONS[name.upper()]}
        return _("From %(least)d to %(most)d; empty is %(option)d. It counts from the next one on.") % facts

    def has_add_permission(self, request):
        return super().has_add_permission(request) and not Limits.objects.exists()

    def has_delete_permission(self, request, obj=None):
        return False

    def construct_change_message(self, request, form, formsets, add=False):
        """Django's names the fields only."""
        return "; ".join(
            f"{name}: {_figure(form.initial.get(name))} → {_figure(form.cleaned_data[name])}"
            for name in form.changed_data
        )


class KeptReadyForm(forms.ModelForm):
    class Meta:
        model = KeptReady
        fields = ["lab", "count"]

    def clean_lab(self):
        lab = self.cleaned_data["lab"]
        try:
            why_not = why_not_kept(get_course().lab(lab.slug))
        except KeyError:
            why_not = _("The course has no such lab any more.")
        if why_not:
            raise forms.ValidationError(why_not)
        return lab


@admin.register(KeptReady)
class KeptReadyAdmin(admin.ModelAdmin):
    form = KeptReadyForm
    list_display = ["lab", "count", "ready", "preparing", "failure", "failed_at"]
    list_select_related = ["lab"]
    readonly_fields = ["failure", "failed_at"]

    @admin.display(description=_("ready now"))
    def ready(self, kept):
        return kept.lab.spares.filter(is_ready=True).count()

    @admin.display(description=_("being prepared"))
    def preparing(self, kept):
        return kept.lab.spares.filter(is_ready=False).count()


def _take_new(cluster: Cluster, takes_new: bool) -> bool:
    """False when it is so already."""
    before = Cluster.objects.filter(pk=cluster.pk, takes_new=not takes_new)
    return bool(before.update(takes_new=takes_new))


def _figure(value: int | None) -> str:
    return "-" if value is None else str(value)


def _told(found: dict) -> tuple[str, str]:
    return CapabilityState(found["state"]).label, str(Text(found["reason"]))


def _that_live(request, sessions):
    return sessions.filter(state__in=LIVE_SESSION_STATES)


@admin.register(LabSession)
class LabSessionAdmin(AsksFirst, Record):
    list_display = ["namespace", "look", "student", "lab", "state", "cluster", "created_at", "expires_at"]
    view_on_site = False  # `look` says more
    list_filter = ["state", "cluster", "attempt__lab"]
    search_fields = [
        "namespace",
        "attempt__student__username",
        "attempt__student__first_name",
        "attempt__student__last_name",
    ]
    list_select_related = ["attempt__student", "attempt__lab", "cluster"]
    actions = ["reset", "end", "extend"]
    refusals = (SessionError,)
    exclude = ["cluster_uid", "bindings"]
    date_hierarchy = "created_at"

    @admin.display(description=_("lab page"))
    def look(self, session):
        return format_html('<a href="{}">{}</a>', session.get_absolute_url(), _("Open read-only"))

    def links_of(self, session):
        return [(gettext("Open read-only"), session.get_absolute_url())]

    @admin.display(description=_("student"), ordering="attempt__student__username")
    def student(self, session):
        return session.attempt.student

    @admin.display(description=_("lab"), ordering="attempt__lab")
    def lab(self, session):
        return session.attempt.lab

    @asks_first(
        description=_("Reset: new pods, progress stays"),
        will=_(
            "Running commands and terminals stop, and the pods are removed with all that the students changed"
            " in them. A new session of the same attempt begins at once. What was proven, predicted and"
            " answered stays."
        ),
        button=_("Reset these sessions"),
        only=_that_live,
        left=_("They are over already."),
    )
    def reset(self, request, session):
        fresh = reset_session(session)
        return record_of(gettext_noop("Reset; the new session is %(session)s."), session=str(fresh))

    @asks_first(
        description=_("End"),
        will=_(
            "Running commands and terminals stop, and the pods are removed with all that the students changed"
            " in them. Their pages say that an administrator ended the session; they can start another one."
            " What was proven, predicted and answered stays."
        ),
        button=_("End these sessions"),
        only=_that_live,
        left=_("They are over already."),
    )
    def end(self, request, session):
        with speaking_to(session.attempt.student):
            reason = gettext("An administrator ended it.")
        return end_session(session, reason) and record_of(gettext_noop("Ended."))

    @asks_first(
        description=_("Extend"),
        will=_(
            "Their time begins anew: each of these sessions lasts a whole session's time from now on, and its"
            " place on its cluster stays taken so long. Nothing that runs is touched."
        ),
        button=_("Extend these sessions"),
        only=_that_live,
        left=_("They are over already."),
    )
    def extend(self, request, session):
        extend_session(session)
        until = by_language(lambda _code: localize(localtime(session.expires_at)))
        return record_of(gettext_noop("Extended until %(until)s."), until=until)

    def at_stake(self, sessions, act):
        runs = Run.objects.filter(session__in=sessions, state__in=OPEN_RUN_STATES)
        return [
            (gettext("students"), len({each.attempt.student_id for each in sessions})),
            (gettext("commands and terminals that run"), runs.count()),
        ]

    def line_of(self, session):
        person = session.attempt.student
        return f"{person.get_full_name() or person}: {session.attempt.lab}, {session.namespace}"


@admin.register(Run)
class RunAdmin(Record):
    """The audit: who ran what, where, and what became of it."""

    list_display = [
        "created_at",
        "watch",
        "requested_by",
        "state",
        "kind",
        "command",
        "exit_code",
        "pod",
        "node",
        "session",
    ]
    list_filter = ["state", "kind", "session__cluster", "session__attempt__lab"]
    search_fields = ["id", "requested_by__username", "session__namespace", "argv", "step"]
    list_select_related = ["requested_by", "session"]
    date_hierarchy = "created_at"

    @admin.display(description=_("command"))
    def command(self, run):
        return format_html("<code>{}</code>", " ".join(run.argv)[:120])

    @admin.display(description=_("replay"))
    def watch(self, run):
        if run.kind == RunKind.TERMINAL and run.state in OPEN_RUN_STATES:
            return _("live: its student's alone, unless they let it be watched")
        return format_html('<a href="{}">{}</a>', run.get_absolute_url(), _("Replay"))


@admin.register(SharedTyping)
class SharedTypingAdmin(Record):
    """Who typed in a student's terminal, by the student's leave."""

    list_display = ["began_at", "person", "run"]
    list_select_related = ["person", "run"]
    date_hierarchy = "began_at"


@admin.register(ConditionResult)
class ConditionResultAdmin(Record):
    list_display = ["created_at", "student", "lab", "condition", "verdict", "run"]
    list_filter = ["verdict", "attempt__lab", "condition"]
    search_fields = ["attempt__student__username", "condition"]
    list_select_related = ["attempt__student", "attempt__lab", "run"]
    date_hierarchy = "created_at"

    @admin.display(description=_("student"), ordering="attempt__student__username")
    def student(self, result):
        return result.attempt.student

    @admin.display(description=_("lab"), ordering="attempt__lab")
    def lab(self, result):
        return result.attempt.lab
