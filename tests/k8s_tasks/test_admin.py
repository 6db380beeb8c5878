"""The administrator's tables: readable, and the record not written."""

import pytest
from django.contrib.auth import get_user_model

from k8s_tasks.domain.runs import start_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(client):
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("model", ["cluster", "labsession", "run", "conditionresult"])
def test_tables_open(admin, session, lab, student, model):
    start_run(session, lab.step("addresses"), user=student)
    assert admin.get(f"/admin/k8s_tasks/{model}/").status_code == 200


def test_a_command_is_shown_as_text(admin, session, lab, student):
    run = start_run(session, lab.step("addresses"), user=student)
    run.argv = ["<script>alert(1)</script>"]
    run.save()
    assert b"<script>alert" not in admin.get("/admin/k8s_tasks/run/").content


def test_the_record_of_runs_is_not_written(admin, session, lab, student):
    run = start_run(session, lab.step("addresses"), user=student)
    assert admin.post(f"/admin/k8s_tasks/run/{run.pk}/change/", {"state": "lost"}).status_code == 403
    assert admin.post(f"/admin/k8s_tasks/run/{run.pk}/delete/", {"post": "yes"}).status_code == 403
