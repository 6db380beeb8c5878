"""A manifest changed in the page: errors on their lines, the diff, and the apply."""

import pytest
from playwright.sync_api import expect

from deploy.local.stack import Stack
from tests import workshop
from tests.e2e.lab_page import VERIFY_MS
from tests.e2e.windows import Person

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.timeout(240)]
PAGE = "/labs/workshop/"


@pytest.fixture(scope="module")
def workshop_stack(tmp_path_factory):
    course = workshop.write_course(tmp_path_factory.mktemp("course"))
    with Stack(tmp_path_factory.mktemp("workshop"), COURSE=course) as running:
        yield running


def begin(browser, stack, **options):
    person = Person(browser, stack.url, **options)
    page = person.log_in(stack.accounts["student"])
    page.goto(PAGE)
    start = page.locator("form[action$='/start/']")
    if start.count():
        start.first.get_by_role("button").click()
    return person, page


def test_a_policy_is_written_in_the_page(browser, workshop_stack):
    person, page = begin(browser, workshop_stack)
    expect(page.locator("#status")).to_have_attribute("data-state", "ready", timeout=VERIFY_MS)
    editor, review = page.locator("#edit-write .cm-content"), page.locator("#review-write")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("  ingres: []")
    expect(review.locator("[data-line='12']")).to_contain_text("spec.ingres")
    expect(page.locator("#edit-write .cm-lint-marker-error")).to_have_count(1)
    for _ in "ingres: []":
        page.keyboard.press("Backspace")
    expect(review.locator("[data-verdict=pass]")).to_be_visible()
    expect(review.locator(".diff")).to_contain_text("+  name: allow")
    page.locator("#run-write").click()
    expect(page.locator("#pane-objects [data-pane-text]")).to_contain_text("allow created")
    expect(review.locator(".review-change")).not_to_contain_text("+")
    person.close()


def test_without_javascript_the_same_buttons_do_the_same(browser, workshop_stack):
    person, page = begin(browser, workshop_stack, java_script_enabled=False)
    area = page.locator("#text-write")
    while not area.count():
        page.reload()
    area.fill("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n  nam: x\n")
    page.locator("#check-write").click()
    expect(page.locator("#review-write [data-line='5']")).to_contain_text("metadata.nam")
    assert "nam: x" in page.locator("#text-write").input_value()
    page.locator("#text-write").fill("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n")
    page.locator("#run-write").click()
    expect(page.locator("#step-write .chip")).to_be_visible()
    person.close()
