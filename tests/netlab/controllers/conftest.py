import pytest

from .worlds import World


@pytest.fixture
def world():
    return World()
