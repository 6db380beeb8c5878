"""Two people at one terminal: the student lets the instructor watch, then type, and takes it back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.lab_page import LabPage
from tests.e2e.test_accessibility import problems_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def shared(start_lab, enter) -> tuple[LabPage, Page]:
    """A student with a raised hand and an open terminal, and the instructor who watches it."""
    _, lab = start_lab(reduced_motion="reduce")
    lab.page.locator(".hand-ask summary").click()
    lab.page.fill("#hand-text", "Why is there no reply?")
    lab.page.locator("#hand [name=watch]").check()
    lab.page.locator("#hand .hand-ask button").click()
    lab.open_terminal()
    _, teacher = enter("instructor", reduced_motion="reduce")
    teacher.goto("/classes/1/live/")
    teacher.locator("#hands a[href$='/watch/']").click()
    expect(screen_of(teacher)).to_contain_text("# ")
    return lab, teacher


def screen_of(teacher: Page):
    return teacher.locator("[data-watched] .xterm-rows")


def press(teacher: Page, line: str) -> None:
    teacher.locator("[data-watched] .xterm-helper-textarea").focus()
    teacher.keyboard.type(line)
    teacher.keyboard.press("Enter")


def expect_writable(teacher: Page, *, is_writable: bool) -> None:
    # Not `to_have_attribute`: of an attribute that is not there it says nothing.
    watched = teacher.locator("[data-watched][data-writable]")
    expect(watched).to_have_count(1 if is_writable else 0)
    expect(teacher.locator("[data-watched-give-back]")).to_be_visible(visible=is_writable)


def lend(lab: LabPage) -> None:
    lab.page.locator("#hand button[value=lend]").click()
    expect(lab.page.locator("#keyboard #take-back")).to_be_visible()


def test_the_student_lends_the_keyboard_sees_who_types_and_takes_it_back(shared):
    lab, teacher = shared
    own = lab.page.locator("#terminal .xterm-rows")
    expect_writable(teacher, is_writable=False)
    press(teacher, "echo never")

    lend(lab)
    expect_writable(teacher, is_writable=True)
    press(teacher, "echo from-$((40+2))")
    expect(own).to_contain_text("from-42")
    expect(screen_of(teacher)).to_contain_text("from-42")
    expect(lab.page.locator("#keyboard [data-typed]")).to_contain_text("prof")
    assert "never" not in own.inner_text()

    lab.page.locator("#take-back").click()
    expect(lab.page.locator("#take-back")).to_have_count(0)
    expect_writable(teacher, is_writable=False)
    press(teacher, "echo after")
    lab.type("echo mine-$((40+2))")
    expect(own).to_contain_text("mine-42")
    expect(screen_of(teacher)).to_contain_text("mine-42")
    assert "after" not in own.inner_text()
    expect(lab.page.locator(".hand-log li")).to_have_count(6)


def test_a_key_that_is_on_its_way_when_it_is_taken_back_is_refused_by_the_server(shared):
    """Also of a page that has not heard of it, or will not."""
    lab, teacher = shared
    sent, refused = [], []
    teacher.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    teacher.reload()
    expect(screen_of(teacher)).to_contain_text("# ")
    lend(lab)
    expect_writable(teacher, is_writable=True)
    address = teacher.locator("[data-watched]").get_attribute("data-watched")
    lab.page.locator("#take-back").click()
    expect_writable(teacher, is_writable=False)
    refused = teacher.evaluate(
        """(path) => new Promise((resolve) => {
            const socket = new WebSocket(location.origin.replace("http", "ws") + path);
            socket.onopen = () => socket.send(new Uint8Array([0, 120, 120, 120]));
            socket.onmessage = ({ data }) => {
                if (typeof data !== "string" || !JSON.parse(data).isRefused) return;
                socket.close();
                resolve(JSON.parse(data));
            };
        })""",
        address,
    )
    assert refused == {"mayType": False, "typist": "", "isRefused": True}
    lab.type("echo mine-$((40+2))")
    expect(lab.page.locator("#terminal .xterm-rows")).to_contain_text("mine-42")
    assert "xxx" not in lab.page.locator("#terminal .xterm-rows").inner_text()


def test_f8_takes_it_back_from_within_the_terminal_and_the_instructor_may_give_it_back(shared):
    lab, teacher = shared
    lend(lab)
    expect_writable(teacher, is_writable=True)
    lab.page.locator("#terminal .xterm-helper-textarea").focus()
    lab.page.keyboard.press("F8")
    expect(lab.page.locator("#take-back")).to_have_count(0)
    expect_writable(teacher, is_writable=False)
    lab.type("echo still-$((40+2))")
    expect(lab.page.locator("#terminal .xterm-rows")).to_contain_text("still-42")

    lend(lab)
    expect_writable(teacher, is_writable=True)
    teacher.locator("[data-watched-give-back]").click()
    expect_writable(teacher, is_writable=False)
    expect(lab.page.locator("#take-back")).to_have_count(0)


def test_when_the_watching_is_stopped_the_instructor_sees_no_more(shared):
    lab, teacher = shared
    lend(lab)
    lab.page.locator("#hand button[value=withdraw]").click()
    expect(teacher.locator("[data-watched-end]")).not_to_be_empty()
    expect_writable(teacher, is_writable=False)
    lab.type("echo alone-$((40+2))")
    expect(lab.page.locator("#terminal .xterm-rows")).to_contain_text("alone-42")
    assert not re.search("alone", screen_of(teacher).inner_text())


def test_both_sides_are_accessible_and_fit(shared):
    lab, teacher = shared
    lend(lab)
    press(teacher, "echo from-$((40+2))")
    expect(lab.page.locator("#keyboard [data-typed]")).to_be_visible()
    problems = problems_of(teacher, "the watched terminal") + problems_of(lab.page, "the lent terminal")
    assert not problems, "\n".join(problems)


def test_the_replay_tells_at_each_moment_who_types(shared):
    lab, teacher = shared
    own = lab.page.locator("#terminal .xterm-rows")
    run = lab.run_of_terminal()
    lab.type("echo mine-$((40+2))")
    expect(own).to_contain_text("mine-42")
    lend(lab)
    expect_writable(teacher, is_writable=True)
    press(teacher, "echo from-$((40+2))")
    expect(own).to_contain_text("from-42")
    lab.page.locator("#take-back").click()
    lab.type("exit")
    expect(lab.page.locator("#terminal [data-terminal-end]")).not_to_be_empty()

    page = lab.page
    page.goto(f"/runs/{run}/")
    typist, screen = page.locator("[data-replay-turn]"), page.locator("[data-replay-screen] pre")
    expect(typist).to_have_attribute("data-turn", "student")
    page.locator("[data-verdict=instructor] [data-replay-jump]").click()
    expect(typist).to_contain_text("prof")
    expect(screen).to_contain_text("mine-42")
    expect(screen).not_to_contain_text("from-42")
    page.locator("[data-verdict=student] [data-replay-jump]").click()
    expect(screen).to_contain_text("from-42")
    problems = problems_of(page, "the replay of a shared terminal")
    assert not problems, "\n".join(problems)
