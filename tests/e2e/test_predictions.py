"""An order changed by the keyboard alone, and shown beside the truth when its run is over."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

LAB = "/labs/tcp-and-udp/"
READY_MS = 30_000


@pytest.fixture
def page(enter):
    """A student in a fresh attempt at lab 3.1, whose session ends with the test."""
    person, page = enter("student")
    page.goto(LAB)
    page.locator("form[action$='/start/']").first.get_by_role("button").click()
    expect(page.locator("#argv-send-tcp")).to_contain_text("10.244.", timeout=READY_MS)
    yield page
    end = re.search(r'action="(/sessions/[0-9a-f-]{36}/end/)"', person.context.request.get(LAB).text())
    token = next(each["value"] for each in person.context.cookies() if each["name"] == "csrftoken")
    person.context.request.post(end[1], headers={"X-CSRFToken": token, "Referer": person.url})


def order_of(page: Page) -> list[str]:
    items = page.locator("#order-predict-order input[name=value]")
    return [item.get_attribute("value") for item in items.all()]


def test_what_was_chosen_stays_when_the_page_renews_its_step(page):
    step = page.locator("#step-predict-order")
    step.locator("input[name=confidence][value='95'] + span").click()
    page.evaluate(
        """() => {
            document.getElementById("step-predict-order").dataset.old = "";
            htmx.trigger("#step-predict-order", "refresh");
        }"""
    )
    expect(page.locator("#step-predict-order:not([data-old])")).to_be_visible()
    expect(step.locator("input[name=confidence][value='95']")).to_be_checked()


def test_an_order_is_changed_by_keyboard_and_shown_beside_the_truth(page):
    expect(page.locator("#run-send-tcp")).to_be_disabled()
    first, second, third, *_others = order_of(page)
    page.locator(f"#up-predict-order-{third}").focus()
    for place in (1, 0):
        page.keyboard.press("Enter")
        expect(page.locator("#order-predict-order input[name=value]").nth(place)).to_have_value(third)
        expect(page.locator(f"#up-predict-order-{third}")).to_be_focused()
    assert order_of(page)[:3] == [third, first, second]

    step = page.locator("#step-predict-order")
    step.locator("input[name=confidence][value='95']").focus()
    page.keyboard.press("Space")
    page.locator("#answer-predict-order").focus()
    page.keyboard.press("Enter")
    expect(step.locator(".committed mark")).to_have_count(5)
    expect(step.locator("[data-right]")).to_have_count(0)

    page.locator("#run-send-tcp").click()

    expect(step.locator("[data-right]")).to_be_visible(timeout=READY_MS)
