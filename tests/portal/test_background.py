"""What a page tells of the traffic in the background."""

import pytest
from django.utils import translation

from curriculum.course import get_course
from portal.lab_page import Sitting, background_context

pytestmark = pytest.mark.django_db


def test_it_is_told_by_the_names_people_know():
    with translation.override("en"):
        (told,) = background_context(Sitting(get_course().lab("block-namespaces")))
    assert told == "buyer sends HTTP to web.shop.svc.cluster.local, port 8080, every 2 s."


def test_most_labs_have_none():
    assert background_context(Sitting(get_course().lab("ping-and-netcat"))) == []
