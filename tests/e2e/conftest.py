"""One browser for all; people who log in; a lab that is ended after its test."""

import json
import re
import subprocess

import pytest
from playwright.sync_api import sync_playwright

from deploy.local.stack import PROJECT
from tests.e2e.lab_page import LAB, LabPage
from tests.e2e.windows import CHROMIUM, FLAGS, Person


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


def end_session(person: Person) -> None:
    """Ends the session on the lab's page; one that is over already stays so."""
    ask = person.context.request
    here = re.search(r'action="(/sessions/[0-9a-f-]{36}/end/)"', ask.get(LAB).text())
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
def kubectl(stack):
    """A function that runs kubectl as the cluster's administrator and gives what it prints."""

    def run(*words: str, **options) -> str:
        command = [PROJECT / ".venv/bin/kubectl", "--kubeconfig", stack.kubeconfig, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def namespace_of(kubectl):
    """A function: the namespace of a lab session."""

    def namespace(session_id: str) -> str:
        found = json.loads(kubectl("get", "ns", "-l", f"redes.local/session={session_id}", "-o", "json"))
        return found["items"][0]["metadata"]["name"]

    return namespace
