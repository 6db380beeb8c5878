"""What is dangerous in the panel asks on a page of its own, and is on record afterwards."""

from pathlib import Path

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from k8s_tasks import asking
from k8s_tasks.domain.sessions import end_session
from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.on_record import told
from portal.models import User
from tests.portal.conftest import make_run, make_session

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

SESSIONS, CLUSTERS = "k8s_tasks/labsession", "k8s_tasks/cluster"


@pytest.fixture
def panel(world, queued, visit):
    return visit(world.root)


def ask(panel, model: str, action: str, *chosen, **fields):
    form = {"action": action, "_selected_action": [str(each.pk) for each in chosen]} | fields
    return panel.post(f"/admin/{model}/", form, follow=True).content.decode()


def confirm(panel, model: str, action: str, *chosen, **fields) -> str:
    return ask(panel, model, action, *chosen, **{asking.CONFIRMED: "yes"} | fields)


def state_of(session: LabSession) -> str:
    return LabSession.objects.get(pk=session.pk).state


def on_record(obj) -> list[tuple]:
    entries = LogEntry.objects.filter(object_id=str(obj.pk)).order_by("action_time")
    return [(entry.user.username, told(entry)) for entry in entries]


@pytest.mark.parametrize("action", ["reset", "end", "extend"])
def test_before_an_act_on_sessions_one_is_asked(world, panel, queued, action):
    make_run(world.session, state=RunState.RUNNING)

    page = ask(panel, SESSIONS, action, world.session)

    assert "What will happen" in page and "Cancel" in page and "csrfmiddlewaretoken" in page
    assert "Alice: " in page and world.session.namespace in page
    assert "commands and terminals that run</dt>" in page
    assert (state_of(world.session), queued, on_record(world.session)) == (SessionState.READY, [], [])


def test_a_session_that_was_confirmed_ends_and_it_is_on_record(world, panel, queued):
    page = confirm(panel, SESSIONS, "end", world.session)

    assert "End: done to 1 of 1, and on record." in page
    assert (state_of(world.session), queued) == (SessionState.ENDED, ["clear_session"])
    assert on_record(world.session) == [("root", "Ended.")]
    assert "Ended." in panel.get(f"/admin/{SESSIONS}/{world.session.pk}/history/").content.decode()
    assert "Ended." in panel.get("/admin/admin/logentry/").content.decode()


def test_the_student_reads_who_ended_it_in_their_own_language(world, panel):
    User.objects.filter(pk=world.alice.pk).update(language="pt-br")

    confirm(panel, SESSIONS, "end", world.session)

    assert LabSession.objects.get(pk=world.session.pk).message == "Um administrador a encerrou."


def test_a_reset_makes_new_pods_and_names_the_new_session_on_record(world, panel, queued):
    confirm(panel, SESSIONS, "reset", world.session)

    newest, oldest = world.attempt.sessions.all()
    assert (newest.state, oldest.state) == (SessionState.PREPARING, SessionState.ENDED)
    assert on_record(oldest) == [("root", f"Reset; the new session is {newest}.")]


def test_an_extension_is_on_record_with_its_end(world, panel):
    confirm(panel, SESSIONS, "extend", world.session)

    assert world.attempt.sessions.get().expires_at > world.session.expires_at
    (entry,) = on_record(world.session)
    assert entry[1].startswith("Extended until ")


def test_what_was_done_is_read_in_the_readers_language(world, panel, visit):
    User.objects.create_superuser("rui", language="pt-br")
    rui = visit(User.objects.get(username="rui"))
    confirm(panel, SESSIONS, "extend", world.session)
    confirm(panel, SESSIONS, "end", world.session)

    for address in (f"/admin/{SESSIONS}/{world.session.pk}/history/", "/admin/admin/logentry/"):
        mine, theirs = (browser.get(address).content.decode() for browser in (panel, rui))
        assert "Extended until " in mine and "Ended." in mine
        assert "Estendida até " in theirs and "Encerrada." in theirs and "Extended until" not in theirs


def test_what_was_kept_as_a_sentence_is_read_as_it_was(world, panel):
    LogEntry.objects.log_actions(
        world.root.pk, [world.session], CHANGE, change_message="{Ended}", single_object=True
    )

    assert "{Ended}" in panel.get(f"/admin/{SESSIONS}/{world.session.pk}/history/").content.decode()


def test_each_of_several_has_its_own_record(world, panel):
    others = [make_session(world.attempt) for _ in range(2)]

    page = confirm(panel, SESSIONS, "end", world.session, *others)

    assert "done to 3 of 3" in page
    assert [len(on_record(each)) for each in (world.session, *others)] == [1, 1, 1]


def test_that_a_session_was_over_by_the_time_it_was_confirmed_is_told(world, panel, queued):
    ask(panel, SESSIONS, "end", world.session)
    end_session(world.session, "by its student")

    page = confirm(panel, SESSIONS, "end", world.session)

    assert "End: nothing was done to 1 of 1. They are over already." in page
    assert (queued, on_record(world.session)) == (["clear_session"], [])


def test_what_is_over_already_is_told_apart_before_one_is_asked(world, panel):
    over = make_session(world.attempt, SessionState.ENDED)

    mixed = ask(panel, SESSIONS, "end", world.session, over)
    nothing = ask(panel, SESSIONS, "end", over)

    assert "Nothing happens to" in mixed and over.namespace in mixed.split("Nothing happens to")[1]
    assert "nothing was done to 1 of 1. They are over already." in nothing
    assert "What will happen" not in nothing


def test_a_refusal_is_told_and_on_record(world, panel):
    world.session.cluster.is_healthy = False
    world.session.cluster.save()

    page = confirm(panel, SESSIONS, "reset", world.session)

    assert "No cluster is well right now" in page and "and on record" not in page
    assert on_record(world.session)[0][1].startswith("Refused: No cluster is well")


def staff_who_may(*names: str) -> Client:
    person = User.objects.create_user("stella", is_staff=True, language="en")
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    browser = Client()
    browser.force_login(person)
    return browser


def test_who_may_only_look_at_sessions_cannot_act_on_them(world, queued):
    browser = staff_who_may("view_labsession")

    for confirmed in ({}, {asking.CONFIRMED: "yes"}):
        ask(browser, SESSIONS, "end", world.session, **confirmed)

    page = browser.get(f"/admin/{SESSIONS}/{world.session.pk}/change/").content.decode()
    assert 'class="act"' not in page
    assert (state_of(world.session), on_record(world.session)) == (SessionState.READY, [])


def test_who_may_change_sessions_acts_on_them(world, queued):
    browser = staff_who_may("view_labsession", "change_labsession")

    confirm(browser, SESSIONS, "end", world.session)

    assert on_record(world.session) == [("stella", "Ended.")]


def test_a_form_of_another_site_ends_no_session(world, queued):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.root)

    ask(browser, SESSIONS, "end", world.session, **{asking.CONFIRMED: "yes"})

    assert state_of(world.session) == SessionState.READY


def test_the_page_of_a_session_offers_what_can_be_done_to_it(world, panel):
    over = make_session(world.attempt, SessionState.ENDED)

    live, ended = (
        panel.get(f"/admin/{SESSIONS}/{each.pk}/change/").content.decode() for each in (world.session, over)
    )

    assert live.count('class="act"') == 3
    assert ended.count('class="act"') == 0


def test_a_cluster_is_drained_and_takes_new_ones_again(world, panel):
    cluster = world.session.cluster
    asked = ask(panel, CLUSTERS, "drain", cluster)
    assert "No new session begins on these clusters" in asked and "live sessions</dt>" in asked

    for action, takes_new in (("drain", False), ("take_new", True)):
        confirm(panel, CLUSTERS, action, cluster)
        cluster.refresh_from_db()
        assert cluster.takes_new == takes_new

    assert [told for _, told in on_record(cluster)] == [
        "Drained: it takes no new sessions.",
        "It takes new sessions again.",
    ]


def test_a_cluster_is_not_drained_by_its_form_which_does_not_ask(world, panel):
    cluster = world.session.cluster

    panel.post(f"/admin/{CLUSTERS}/{cluster.pk}/change/", {"name": "renamed", "upload": ""})

    cluster.refresh_from_db()
    assert (cluster.name, cluster.takes_new) == ("renamed", True)


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: "https://new.school.example:6443"}}]
users: [{name: it, user: {token: t0k3n}}]
"""


def test_a_kubeconfig_is_replaced_by_an_act_that_asks(world, panel):
    cluster = world.session.cluster
    asked = ask(panel, CLUSTERS, "replace_kubeconfig", cluster)
    assert "nobody can bring it back" in asked and "live sessions</dt>" in asked and 'name="upload"' in asked

    confirm(panel, CLUSTERS, "replace_kubeconfig", cluster, upload=KUBECONFIG)

    cluster = Cluster.objects.get(pk=cluster.pk)
    assert "t0k3n" in Path(cluster.kubeconfig_path).read_text() and cluster.uid == ""
    record = "The kubeconfig was replaced; it leads to https://new.school.example:6443."
    assert on_record(cluster) == [("root", record)]


def test_a_kubeconfig_that_is_not_taken_replaces_nothing_and_says_why(world, panel):
    cluster = world.session.cluster
    for upload, why in (("", "This field is required"), ("a: b", "current-context is missing")):
        page = confirm(panel, CLUSTERS, "replace_kubeconfig", cluster, upload=upload)
        assert why in page and "What will happen" in page

    panel.post(f"/admin/{CLUSTERS}/{cluster.pk}/change/", {"name": cluster.name, "upload": KUBECONFIG})
    assert (Cluster.objects.get(pk=cluster.pk).kubeconfig, len(on_record(cluster))) == (None, 1)


def test_no_two_clusters_get_one_kubeconfig(world, panel):
    other = Cluster.objects.create(name="other")

    page = confirm(panel, CLUSTERS, "replace_kubeconfig", world.session.cluster, other, upload=KUBECONFIG)

    assert "one at a time" in page and not Cluster.objects.filter(kubeconfig__isnull=False).exists()


@pytest.mark.parametrize(
    ("model", "action", "who", "record"),
    [
        ("portal/user", "deactivate", "alice", "Deactivated."),
        ("portal/classroom", "archive", "classroom", "Archived."),
    ],
)
def test_people_and_classes_are_asked_about_too(world, panel, model, action, who, record):
    subject = getattr(world, who)

    assert "What will happen" in ask(panel, model, action, subject)
    assert on_record(subject) == []
    confirm(panel, model, action, subject)

    assert on_record(subject) == [("root", record)]


def test_the_record_of_deeds_is_not_written(world, panel):
    confirm(panel, SESSIONS, "end", world.session)
    entry = LogEntry.objects.get()

    assert panel.post(f"/admin/admin/logentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert panel.post(f"/admin/admin/logentry/{entry.pk}/change/", {"object_repr": "x"}).status_code == 403
