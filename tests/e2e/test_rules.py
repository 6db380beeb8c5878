"""The live drawing of kube-proxy's rules, as a student of lab 2.2 uses it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import end_session
from tests.e2e.lab_page import VERIFY_MS
from tests.e2e.test_accessibility import AXE, axe, too_wide
from tests.e2e.windows import Person, choose_language

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
PAGE = "/labs/kube-proxy/"


@pytest.fixture
def page(browser, stack):
    """The lab, begun and ready, in English."""
    person = Person(browser, stack.url, reduced_motion="reduce")
    page = person.log_in(stack.accounts["student"])
    choose_language(page, "en")
    page.goto(PAGE)
    page.locator("form[action$='/start/']").first.get_by_role("button").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "ready", timeout=VERIFY_MS)
    yield page
    end_session(person, PAGE)
    person.close()


def run(page: Page, step: str) -> None:
    page.locator(f"#run-{step}").click()
    expect(page.locator(f"#step-{step}")).to_have_attribute("data-run-state", "succeeded")


def boxes(page: Page, kind: str):
    return page.locator(".rules-drawing .rules-box", has_text=kind)


def test_the_rules_are_drawn_and_their_counters_move(page):
    state = page.locator("[data-rules-state]")
    expect(state).to_contain_text(re.compile(r"worker2, mode iptables.*No Service of yours"))

    run(page, "service")
    expect(boxes(page, "KUBE-SVC-")).to_contain_text("draws among 3")
    expect(boxes(page, "KUBE-SEP-")).to_have_count(3)
    expect(page.locator(".rules-share")).to_have_text(["1/3", "1/2", "1"])

    run(page, "send")
    expect(boxes(page, "KUBE-SVC-")).to_contain_text("counted 1 (+1)")
    expect(boxes(page, "KUBE-SEP-").filter(has_text="counted 1 (+1)")).to_have_count(1)

    # Where nobody has asked, nothing was counted.
    page.locator("#rules-node").select_option("worker1")
    expect(state).to_contain_text(re.compile(r"worker, mode iptables"))
    expect(boxes(page, "KUBE-SVC-")).to_contain_text("counted 0")

    # The same as a list, by the keyboard: a part that is open stays open when the counters are read again.
    page.locator("[data-toggles=rules-list]").press("Enter")
    chain = page.locator(".rules-list summary", has_text="KUBE-SVC-")
    chain.press("Enter")
    rules = page.locator(".rules-list details[open] pre")
    expect(rules).to_contain_text("--probability 0.333")
    page.locator("[data-rules-read]").press("Enter")
    expect(rules).to_contain_text("--probability 0.333")

    page.evaluate(AXE)
    assert [*axe(page, "light"), *axe(page, "dark")] == []
    assert [*too_wide(page, 380), *too_wide(page, 1440)] == []
