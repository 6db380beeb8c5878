"""A portal of its own to break, so that no other test finds it broken."""

import os
import select
import signal

import pytest

from deploy.local.stack import Stack
from tests.kubectl import Kubectl
from tests.portal.live import Person, Sitting


@pytest.fixture(scope="module")
def breakable(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("breakable")) as running:
        yield running


@pytest.fixture
def kill(breakable):
    """A function that shoots one of the portal's processes dead; it is started again by itself."""

    def kill(name: str) -> int:
        pid = breakable.pids()[name]
        watched = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        assert select.select([watched], [], [], 10)[0], f"{name} lives on"
        os.close(watched)
        return pid

    return kill


@pytest.fixture
def aluna(breakable) -> Person:
    return Person(breakable.url, breakable.accounts["student"])


@pytest.fixture
async def sitting(aluna) -> Sitting:
    """A session of the lab in an attempt of its own, ended afterwards."""
    sitting = await aluna.begin(again="1")
    yield sitting
    aluna.post(sitting.door("end"))


@pytest.fixture
def kubectl(breakable) -> Kubectl:
    return Kubectl(breakable)
