"""One browser for all; people who log in; a lab that is ended after its test."""

import re

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.lab_page import LAB, LabPage
from tests.e2e.windows import CHROMIUM, FLAGS, Person
from tests.kubectl import Kubectl


@pytest.fixture(scope="session")
def browser(stack):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def enter(browser, stack):
    """A function: a person of this role, logged in, and their first window. `url` may be a detour."""
    people = []

    def enter(role: str, *, url: str | None = None, **options):
        person = Person(browser, url or stack.url, **options)
        people.append(person)
        return person, person.log_in(stack.accounts[role])

    yield enter
    for person in people:
        person.close()


@pytest.fixture
def start_lab(enter):
    """A function: a student in a fresh attempt at the lab, as (person, lab page)."""
    people = []

    def start(**options) -> tuple[Person, LabPage]:
        person, page = enter("student", **options)
        people.append(person)
        return person, LabPage(page).start(anew=True)

    yield start
    for person in people:
        end_session(person)


def end_session(person: Person, lab: str = LAB) -> None:
    """Ends the session on the lab's page; one that is over already stays so."""
    ask = person.context.request
    here = re.search(r'action="(/sessions/[0-9a-f-]{36}/end/)"', ask.get(lab).text())
    if here:
        token = next(each["value"] for each in person.context.cookies() if each["name"] == "csrftoken")
        assert ask.post(here[1], headers={"X-CSRFToken": token, "Referer": person.url}).ok


@pytest.fixture
def lab(start_lab) -> LabPage:
    return start_lab()[1]


@pytest.fixture(scope="module")
def administrator(browser, stack):
    """A window of the administrator, for tests that only look."""
    person = Person(browser, stack.url)
    yield person.log_in(stack.accounts["admin"])
    person.close()


@pytest.fixture(scope="session")
def kubectl(stack) -> Kubectl:
    return Kubectl(stack)
