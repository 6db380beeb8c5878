"""What a student sees when something dies under them, or a pod prints what it should not."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from tests.e2e.lab_page import LabPage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

LONG_MS = 60_000  # a megabyte is much to draw for a browser without a graphics card
HOSTILE = rb"""#!/bin/sh
echo seen-before
echo '<img src=x onerror="document.title=1"><script>document.title=1</script>'
printf '\033]52;c;c3RvbGVu\a\033]0;stolen title\a'
printf '\377\376 not UTF-8 \303\n'
head -c 1000000 /dev/zero | tr '\0' x
echo
printf '\342\200\256right to left'
echo; echo seen-after
"""


def test_a_killed_worker_is_said_on_the_page_and_the_step_runs_again(lab, stack):
    lab.run("capture", until="listening on eth0")
    os.kill(stack.pids()["worker-streams"], signal.SIGKILL)
    lab.expect_run("capture", "lost", timeout=15_000)
    expect(lab.page.locator("#pane-capture [data-pane-end]")).not_to_be_empty()
    expect(lab.page.locator("#pane-capture [data-pane-state]")).to_have_attribute("data-state", "lost")
    lab.page.locator("#pane-capture [data-pane-again]").click()
    expect(lab.page.locator("#pane-capture")).to_have_attribute("data-run-state", "running")
    expect(lab.pane("capture")).to_contain_text("listening on eth0")


def test_a_killed_web_server_costs_no_line(start_lab, stack):
    _, lab = start_lab()
    lab.predict("62")
    pane = lab.run("ping-across", until="icmp_seq=2")
    os.kill(stack.pids()["web"], signal.SIGKILL)
    expect(pane).to_contain_text("icmp_seq=7")
    numbers = [int(number) for number in re.findall(r"icmp_seq=(\d+)", pane.inner_text())]
    assert numbers == list(range(1, len(numbers) + 1))
    stack.wait_until(stack.is_healthy)
    lab.stop("ping")


def test_a_click_while_the_web_server_is_started_again_is_answered(lab, stack):
    os.kill(stack.pids()["web"], signal.SIGKILL)
    lab.run("ping-near")
    lab.expect_run("ping-near", "succeeded")


@pytest.fixture
def hostile_lab(start_lab, kubectl) -> LabPage:
    """A lab in which `ping` of pod ana prints what it should not."""
    _, lab = start_lab(permissions=["clipboard-read", "clipboard-write"])
    script = ["sh", "-c", 'cat > "$(command -v ping)"']
    namespace = kubectl.namespace_of(lab.session_id)
    kubectl("exec", "-i", "-n", namespace, "ana", "--", *script, text=HOSTILE.decode("latin-1"))
    return lab


def test_hostile_output_is_text(hostile_lab):
    lab, page = hostile_lab, hostile_lab.page
    page.evaluate("navigator.clipboard.writeText('mine')")
    title = page.title()
    pane = lab.run("ping-near")
    lab.expect_run("ping-near", "succeeded", timeout=LONG_MS)
    expect(pane).to_contain_text("seen-after", timeout=LONG_MS)
    expect(pane).to_contain_text("<script>document.title=1</script>")
    expect(pane).to_contain_text("\ufffd\ufffd not UTF-8 \ufffd")
    expect(pane).to_contain_text("<U+202E>right to left")
    assert sum(map(len, re.findall("x{100,}", pane.inner_text()))) == 1_000_000
    assert pane.locator("img, script").count() == 0
    assert page.title() == title
    assert page.evaluate("navigator.clipboard.readText()") == "mine"


def test_hostile_output_is_text_in_a_terminal_and_in_its_replay(hostile_lab):
    lab, page = hostile_lab, hostile_lab.page
    page.evaluate("navigator.clipboard.writeText('mine')")
    title = page.title()
    screen = lab.open_terminal("ana")
    lab.type("ping; exit")
    expect(page.locator("#terminal [data-terminal-end]")).not_to_be_empty(timeout=LONG_MS)
    expect(screen).to_contain_text("seen-after")
    assert page.title() == title
    assert page.evaluate("navigator.clipboard.readText()") == "mine"

    lab.run("ping-near")
    lab.expect_run("ping-near", "succeeded", timeout=LONG_MS)
    page.goto(f"/runs/{lab.run_of('ping-near')}/")
    expect(page.locator("[data-replay-screen] pre")).to_contain_text("seen-after", timeout=LONG_MS)
    assert page.evaluate("navigator.clipboard.readText()") == "mine"
    assert "stolen" not in page.title()
