"""A lab read with its recorded outputs, by somebody who is not logged in."""

import pytest
from playwright.sync_api import expect

from tests.e2e.lab_page import LAB
from tests.e2e.windows import Person

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_recorded_output_is_played_and_is_whole_again_at_its_end(browser, stack):
    person = Person(browser, stack.url)
    page = person.window()
    page.goto(f"{LAB}recording/")
    step = page.locator("#step-ping-near")
    output, play = step.locator("[data-recorded-text]"), step.locator("[data-recorded-play]")
    whole = output.inner_text()

    label = play.inner_text()
    play.click()
    expect(output).not_to_have_text(whole)
    expect(output).to_have_text(whole, timeout=15_000)

    expect(play).not_to_have_text(label)
    person.close()
