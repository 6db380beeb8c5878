"""What a real API server does that netlab does not, while a session is made."""

import pytest

from k8s_tasks.cluster import labs
from k8s_tasks.cluster.errors import Refused

UNKNOWN = Refused(
    403, "Forbidden", 'pods "ana" is forbidden: status unknown for quota: session, resources: pods'
)
EXCEEDED = Refused(403, "Forbidden", 'pods "ana" is forbidden: exceeded quota: session')


@pytest.fixture
def answers(monkeypatch) -> list:
    """What the API server answers, the next one last."""
    answers = []

    async def apply_manifest(api, manifest, *, namespace):
        if answers:
            raise answers.pop()

    monkeypatch.setattr(labs, "apply_manifest", apply_manifest)
    return answers


async def test_an_object_is_asked_for_again_while_its_quota_is_not_counted_yet(answers):
    answers += [UNKNOWN, UNKNOWN]
    await labs._apply_once_counted(None, {}, "ours")
    assert answers == []


async def test_what_a_quota_forbids_is_told_at_once(answers):
    answers += [UNKNOWN, EXCEEDED]
    with pytest.raises(Refused, match="exceeded quota"):
        await labs._apply_once_counted(None, {}, "ours")
    assert answers == [UNKNOWN]
