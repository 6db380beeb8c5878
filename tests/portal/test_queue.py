"""What a student sees who waits for a whole cluster."""

import pytest

from k8s_tasks.enums import SessionState
from k8s_tasks.models import LabSession

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(world, visit):
    """The status on the page of a session in this state."""

    def page(**facts) -> str:
        LabSession.objects.filter(pk=world.session.pk).update(**facts)
        return visit(world.alice).get(f"/sessions/{world.session.pk}/status/").content.decode()

    return page


def test_the_place_is_told_and_looked_at_again(page):
    told = page(state=SessionState.QUEUED, cluster=None, is_exclusive=True)
    assert "Place in the queue: 1." in told or "Lugar na fila: 1." in told
    assert "every 3s" in told
    assert "data-countdown" not in told
    assert 'id="extend"' not in told


def test_a_session_that_has_its_cluster_tells_its_time(page):
    assert "data-countdown" in page(state=SessionState.READY)
