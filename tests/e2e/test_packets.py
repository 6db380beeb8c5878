"""The capture workshop in a real browser: a live list, a packet's layers and bytes, a filter, a ladder."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import end_session
from tests.e2e.lab_page import VERIFY_MS
from tests.e2e.test_accessibility import AXE, GRAVE, IS_WIDE, VIOLATIONS
from tests.e2e.windows import Person

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
LAB = "/labs/tcp-and-udp/"


@pytest.fixture
def lab(enter) -> Page:
    person, page = enter("student")
    page.goto(LAB)
    page.locator("form[action$='/start/']").first.get_by_role("button").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "ready", timeout=VERIFY_MS)
    expect(page.locator("#argv-knock-tcp")).to_contain_text("10.244.")
    yield page
    end_session(person, LAB)


def run(page: Page, step: str, pane: str, text: str) -> None:
    page.locator(f"#run-{step}").click()
    expect(page.locator(f"#pane-{pane} [data-pane-text]")).to_contain_text(text)


def packets_of(page: Page) -> str:
    link = page.locator("#step-watch a[href$='/packets/']")
    expect(link).to_be_visible()
    return link.get_attribute("href")


def rows(page: Page):
    return page.locator("#listing tbody tr")


def test_a_capture_is_read_while_it_goes_on_and_afterwards(lab):
    run(lab, "watch", "capture", "listening on")
    run(lab, "knock-tcp", "ana", "refused")
    workshop = lab.context.new_page()
    workshop.goto(packets_of(lab))
    expect(rows(workshop)).to_have_count(2)
    run(lab, "knock-udp", "ana", "")
    expect(rows(workshop).nth(3)).to_be_visible()  # without a reload

    lab.locator("#pane-capture [data-pane-stop]").click()
    expect(workshop.locator("[data-live-note]")).to_have_count(0)
    expect(rows(workshop).filter(has_text="RST").locator(".mark[data-mark=reset]")).to_be_visible()

    rows(workshop).first.click()
    expect(workshop.locator("#packet-title")).to_contain_text("1")
    workshop.keyboard.press("Enter")
    walk_to(workshop, "Transmission Control Protocol")
    workshop.keyboard.press("ArrowRight")
    walk_to(workshop, "Destination Port")
    expect(workshop.locator(".hex b.lit")).to_have_count(2)
    expect(workshop.locator("[data-packet-status]")).to_contain_text("tcp.dstport")
    workshop.keyboard.press("Enter")
    workshop.keyboard.press("ArrowLeft")  # the byte before: the source port's
    expect(workshop.locator("[data-packet-status]")).to_contain_text("tcp.srcport")

    workshop.fill("#filter", "tcp.flags.reset == 1")
    workshop.keyboard.press("Enter")
    expect(rows(workshop)).to_have_count(1)
    workshop.fill("#filter", "no such field")
    workshop.keyboard.press("Enter")
    expect(workshop.locator("#filter-refusal")).to_be_visible()
    workshop.locator("[data-filter-clear]").click()
    expect(rows(workshop).nth(3)).to_be_visible()

    choose_while_the_list_is_on_its_way(workshop)
    workshop.locator("[data-follow]").first.click()
    expect(workshop.locator(".ladder-step")).to_have_count(2)
    for width in (380, 1440):
        workshop.set_viewport_size({"width": width, "height": 900})
        assert not workshop.evaluate(IS_WIDE), width
    workshop.evaluate(AXE)
    assert [each for each in workshop.evaluate(VIOLATIONS) if each["impact"] in GRAVE] == []
    with workshop.expect_download() as download:
        workshop.get_by_role("link", name=re.compile(r"\.pcap")).click()
    assert download.value.suggested_filename.endswith(".pcap")


def choose_while_the_list_is_on_its_way(page: Page) -> None:
    """A packet that is chosen while a fresh list comes is shown, and keeps the keyboard."""
    held = []
    page.route("**/*filter=tcp*", lambda route: held.append(route))
    with page.expect_request("**/*filter=tcp*"):
        page.fill("#filter", "tcp")
        page.keyboard.press("Enter")
    second = rows(page).nth(1)
    number = second.get_attribute("data-number")
    second.click()
    held[0].continue_()
    page.unroute("**/*filter=tcp*")
    expect(page.locator("#listing[aria-busy]")).to_have_count(0)
    expect(rows(page)).to_have_count(2)
    expect(page.locator(f"#listing tr[data-number='{number}']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#packet [role=treeitem]").first).to_be_focused()
    page.locator("[data-filter-clear]").click()
    expect(rows(page).nth(3)).to_be_visible()


def walk_to(page: Page, words: str) -> None:
    """Down the tree with the arrow key until a field with these words is looked at."""
    chosen = page.locator('#packet [aria-selected="true"] > .node-words')
    for _ in range(40):
        if words in chosen.inner_text():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"no field {words}")


def test_without_javascript_the_packets_can_be_read(lab, browser):
    run(lab, "watch", "capture", "listening on")
    run(lab, "knock-tcp", "ana", "refused")
    lab.locator("#pane-capture [data-pane-stop]").click()
    expect(lab.locator("#pane-capture")).to_have_attribute("data-run-state", "cancelled")
    origin = re.match(r"https?://[^/]+", lab.url)[0]
    plain = Person(browser, origin, java_script_enabled=False, storage_state=lab.context.storage_state())
    page = plain.window()
    page.goto(packets_of(lab))
    rows(page).first.get_by_role("link").click()
    expect(page.locator(".layer-tree")).to_contain_text("Destination Port")
    expect(page.locator(".hex-line").first).to_contain_text("0000")
    page.fill("#filter", "tcp.flags.reset == 1")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    plain.close()
