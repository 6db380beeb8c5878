"""The page of lab 1.2 as a student uses it: by what is on the screen."""

import re

from playwright.sync_api import Locator, Page, expect

LAB = "/labs/ping-and-netcat/"
VERIFY_MS = 30_000
ALL_PROVEN = ["pass"] * 5


class LabPage:
    def __init__(self, page: Page):
        self.page = page

    def start(self, *, anew: bool = False) -> "LabPage":
        """Come to the lab and begin; until its commands have their addresses."""
        self.page.goto(LAB)
        again = self.page.locator("form:has(input[name=again])")
        begin = again if anew and again.count() else self.page.locator("form[action$='/start/']").first
        begin.get_by_role("button").click()
        self.expect_ready()
        return self

    def expect_ready(self) -> None:
        expect(self.page.locator("#status")).to_have_attribute("data-state", "ready", timeout=VERIFY_MS)
        expect(self.page.locator("#argv-ping-across")).to_contain_text("10.244.")

    @property
    def session_id(self) -> str:
        return self.page.locator("#lab").get_attribute("data-session-socket").split("/")[3]

    def step(self, key: str) -> Locator:
        return self.page.locator(f"#step-{key}")

    def run(self, key: str, *, until: str | re.Pattern = "") -> Locator:
        """Press the step's button; the pane it prints to, when the text is there."""
        self.page.locator(f"#run-{key}").click()
        name = self.step(key).get_attribute("data-pane")
        if until:
            expect(self.pane(name)).to_contain_text(until)
        return self.pane(name)

    def pane(self, name: str) -> Locator:
        return self.page.locator(f"#pane-{name} [data-pane-text]")

    def stop(self, pane: str) -> None:
        self.page.locator(f"#pane-{pane} [data-pane-stop]").click()
        expect(self.page.locator(f"#pane-{pane}")).to_have_attribute("data-run-state", "cancelled")

    def run_of(self, key: str) -> str:
        return self.step(key).get_attribute("data-run")

    def expect_run(self, key: str, state: str, *, timeout: int = 20_000) -> None:
        expect(self.step(key)).to_have_attribute("data-run-state", state, timeout=timeout)

    def run_of_terminal(self) -> str:
        """The page remembers it for its next visit."""
        kept = "Object.entries(sessionStorage).filter(([key]) => key.startsWith('terminal'))"
        return self.page.evaluate(f"() => JSON.parse({kept}[0][1]).run")

    def predict(self, value: str) -> None:
        self.step("predict-ttl").locator("label", has_text=value).click()
        self.step("predict-ttl").locator("input[name=confidence][value='75'] + span").click()
        self.page.locator("#answer-predict-ttl").click()
        expect(self.step("predict-ttl").locator(".committed mark")).to_have_text(value)

    def answer_ttl(self, value: str) -> None:
        self.page.fill("#value-answer-ttl", value)
        self.page.locator("#answer-answer-ttl").click()
        expect(self.step("answer-ttl").locator(".ask .label")).to_contain_text(value)

    def parameter(self, pattern: str) -> str:
        return re.search(pattern, self.page.locator("#argv-send").inner_text())[0]

    def open_terminal(self, pod: str = "ana") -> Locator:
        """The terminal's screen, when the shell has written its prompt."""
        self.page.locator("#terminal-pod").select_option(pod)
        self.page.locator("[data-terminal-new]").click()
        screen = self.page.locator("#terminal .xterm-rows")
        expect(screen).to_contain_text("# ")
        return screen

    def type(self, line: str) -> None:
        self.page.locator("#terminal .xterm-helper-textarea").focus()
        self.page.keyboard.type(line)
        self.page.keyboard.press("Enter")

    def verify(self) -> list[str]:
        """The verdicts of all conditions, in the order of the page, after a verification."""
        # The answer puts a fresh button in place; where nothing is left to prove it is enabled at once.
        self.page.locator("#verify").evaluate("button => { button.dataset.pressed = '' }")
        self.page.locator("#verify").click()
        ready = self.page.locator("#verify:not([data-pressed]):not([aria-disabled])")
        expect(ready).to_be_visible(timeout=VERIFY_MS)
        return self.verdicts()

    def verdicts(self) -> list[str]:
        return self.page.locator(".condition").evaluate_all("all => all.map(each => each.dataset.verdict)")

    def condition(self, number: int) -> Locator:
        return self.page.locator(".condition").nth(number)

    def choose(self, act: str) -> None:
        """An act of the session's menu: `reset` or `end`; its question is answered with yes."""
        self.page.once("dialog", lambda dialog: dialog.accept())
        self.page.locator("#status details > summary").click()
        self.page.locator(f"form[action$='/{act}/'] button").click()

    def end(self) -> None:
        self.choose("end")
        expect(self.page.locator(".lab-start")).to_be_visible()
