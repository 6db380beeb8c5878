"""Windows of a real browser, and what their console said.

Whatever a page logs as an error - an exception, a script or style the security policy refused, a
file that is not there - is kept and fails the test, unless the test expects it.
"""

from playwright.sync_api import Browser, BrowserContext, Page, expect

from deploy.local.host import find_browser

CHROMIUM = find_browser()
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


class Person:
    """Somebody at a browser of their own: its windows share cookies, as tabs do."""

    def __init__(self, browser: Browser, url: str, **options):
        self.url = url
        self.context: BrowserContext = browser.new_context(
            base_url=url, locale="pt-BR", viewport={"width": 1440, "height": 1000}, **options
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.troubles: list[str] = []
        self._forgiven: list[str] = []

    def window(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._hear)
        return page

    def log_in(self, account: dict[str, str]) -> Page:
        page = self.window()
        page.goto("/login/")
        page.fill("#id_username", account["username"])
        page.fill("#id_password", account["password"])
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "/login/" not in url)
        return page

    def forgive(self, words: str) -> None:
        """Errors with these words are what the test is about."""
        self._forgiven.append(words)

    def close(self) -> None:
        """Raises AssertionError when a page was in trouble."""
        self.context.close()
        unexpected = [each for each in self.troubles if not any(words in each for words in self._forgiven)]
        assert not unexpected, unexpected

    def _hear(self, message) -> None:
        if message.type == "error":
            self.troubles.append(f"{message.text} ({message.location.get('url')})")


def choose_language(page: Page, language: str) -> None:
    """By the button in the header, which offers the other language only."""
    page.goto("/")
    button = page.locator(f"button[name=language][value={language}]")
    if button.count():
        button.click()
    expect(page.locator("html")).to_have_attribute("lang", language)
