"""The admin shows students' work and lets nobody rewrite it."""

import pytest
from django.urls import reverse

from curriculum.domain import record_prediction, start_attempt, store_pass
from curriculum.enums import Confidence


@pytest.fixture
def work(ana, lab):
    attempt = start_attempt(ana, lab)
    record_prediction(attempt, lab.step("predict-ttl"), "62", Confidence.SURE)
    store_pass(attempt, "echo-pair", {"en": "<b>seen</b>", "pt-br": "visto"}, {})
    return attempt


@pytest.mark.parametrize("model", ["lab", "attempt", "conditionpass"])
def test_lists_are_shown_but_nothing_can_be_added(admin_client, work, model):
    assert admin_client.get(reverse(f"admin:curriculum_{model}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:curriculum_{model}_add")).status_code == 403


def test_an_attempt_shows_its_proofs_and_answers_escaped_and_read_only(admin_client, work):
    page = admin_client.get(reverse("admin:curriculum_attempt_change", args=[work.pk])).content.decode()
    assert "predict-ttl" in page and "echo-pair" in page
    assert "<b>seen</b>" not in page and 'name="_save"' not in page
    delete = reverse("admin:curriculum_attempt_delete", args=[work.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
