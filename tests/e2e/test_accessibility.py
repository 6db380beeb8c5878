"""Every page, in both languages: axe's rules, and no sideways scrolling at any width. Those of colours, the
dearest by far, are asked once in each theme."""

import re
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from deploy.local.stack import PROJECT
from tests.e2e.conftest import end_session
from tests.e2e.lab_page import LAB, LabPage
from tests.e2e.windows import Person, choose_language

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

AXE = (PROJECT / "node_modules/axe-core/axe.min.js").read_text()
GRAVE = ("serious", "critical")
# Another theme has other colours and nothing else; another language has all but other colours.
COLOURS = ["color-contrast", "link-in-text-block"]
THEMES = {"light": {}, "dark": {"runOnly": {"type": "rule", "values": COLOURS}}}
ALL_BUT_COLOURS = {"rules": {name: {"enabled": False} for name in COLOURS}}
VIOLATIONS = """async (choice) =>
    (await axe.run(document, { resultTypes: ["violations"], ...choice })).violations
    .map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map((node) => node.html.slice(0, 160)) }))"""
# A colour on its way to another one would be judged halfway.
STILL = """() => Promise.all(document.getAnimations()
    .filter((each) => each instanceof CSSTransition).map((each) => each.finished.catch(() => null)))"""
WIDTHS = (380, 768, 1440)
IS_WIDE = "() => document.documentElement.scrollWidth > innerWidth"
OUTSIDE = """() => [...document.querySelectorAll("main *, header *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
    .map((each) => each.outerHTML.slice(0, 120)).slice(0, 3)"""

PROVE = """
from curriculum.course import get_course
from curriculum.domain import start_attempt, store_pass
from portal.models import User
person, chapter = User.objects.get(username="{username}"), get_course().chapters[1]
for lab in chapter.labs:
    attempt = start_attempt(person, lab)
    for condition in lab.conditions:
        store_pass(attempt, condition.key, {{"en": "Seen.", "pt-br": "Visto."}}, {{}})
"""


@dataclass
class Visitor:
    """A window and the pages its person can open."""

    page: Page
    paths: list[str]


@pytest.fixture(scope="module")
def visitors(browser, stack):
    """By role: an anonymous reader, a student in the middle of a lab, a teacher, an administrator."""
    people = {
        role: Person(browser, stack.url, reduced_motion="reduce") for role in ("reader", *stack.accounts)
    }
    pages = {role: people[role].log_in(stack.accounts[role]) for role in stack.accounts}
    pages["reader"] = people["reader"].window()
    paths = paths_of(pages, certificate_of(stack, pages["instructor"]))
    people["reader"].forgive("404")
    # axe tries styles of its own on forms; such a page by itself says nothing.
    people["admin"].forgive("Applying inline style")
    yield {role: Visitor(page, paths[role]) for role, page in pages.items()}
    end_session(people["student"])
    for person in people.values():
        person.close()


def certificate_of(stack, page: Page) -> str:
    """The code of the instructor's certificate, for a chapter that no test has the time to prove by hand."""
    script = PROVE.format(username=stack.accounts["instructor"]["username"])
    manage = [sys.executable, str(PROJECT / "manage.py"), "shell", "-v", "0", "-c", script]
    subprocess.run(manage, env=stack.env, cwd=PROJECT, check=True)
    page.goto("/progress/")
    page.get_by_role("button", name=re.compile("certificad|certificate", re.IGNORECASE)).first.click()
    page.wait_for_url("**/certificates/*/")
    return page.url.split("/")[-2]


def paths_of(pages: dict[str, Page], code: str) -> dict[str, list[str]]:
    pages["reader"].goto("/")
    chapters = pages["reader"].locator("main h3 a").evaluate_all("all => all.map(each => each.pathname)")
    pages["instructor"].goto("/classes/1/")
    join = re.search(r"/join/[\w-]+/", pages["instructor"].content())[0]
    student = pages["instructor"].locator("th[scope=row] a").first.get_attribute("href")
    run, verification, terminal = (f"/runs/{each}/" for each in work_a_little(pages["student"]))
    certificate = f"/certificates/{code}/"
    return {
        "reader": [
            "/",
            *chapters,
            f"{LAB}recording/",
            "/login/",
            "/no-such-page/",
            "/verify/",
            f"/verify/{code}/",
        ],
        "student": [
            "/",
            "/account/",
            "/account/password/",
            "/my-labs/",
            "/progress/",
            "/classes/",
            join,
            LAB,
            run,
            terminal,
        ],
        "instructor": [
            *("/classes/", "/classes/1/", "/classes/1/settings/", student, join, run, verification),
            *("/progress/", certificate),
        ],
        "admin": [
            *("/admin/", "/admin/k8s_tasks/labsession/", "/admin/k8s_tasks/limits/add/", "/admin/course/"),
            *("/admin/admin/logentry/", *group_pages(pages["admin"]), *session_pages(pages["admin"])),
        ],
    }


def group_pages(page: Page) -> list[str]:
    """The list of groups with one in it, its page, and that of a new one."""
    page.goto("/admin/auth/group/add/")
    page.fill("input[name=name]", "Tutors")
    page.click("input[name=_continue]")
    return ["/admin/auth/group/", urlsplit(page.url).path, "/admin/auth/group/add/"]


def session_pages(page: Page) -> list[str]:
    """The newest session in the panel, and as its student sees it."""
    page.goto("/admin/k8s_tasks/labsession/")
    row = page.locator("#result_list tbody tr").first
    return [row.locator(f"{place} a").get_attribute("href") for place in ("th", ".field-look")]


def work_a_little(page: Page) -> tuple[str, str, str]:
    """A lab with output, verdicts and an open shell; the ids of the runs of a command, of the verification
    and of the shell, in whose time conditions failed."""
    lab = LabPage(page).start(anew=True)
    lab.predict("62")
    lab.run("capture", until="listening on eth0")
    lab.run("ping-near", until="4 received")
    lab.open_terminal()
    with page.expect_response("**/verify/") as answer:
        lab.verify()
    verification = re.search(r'"run": "([0-9a-f-]{36})"', answer.value.headers["hx-trigger"])[1]
    return lab.run_of("ping-near"), verification, lab.run_of_terminal()


@pytest.mark.parametrize("language", ["pt-br", "en"])
@pytest.mark.parametrize("role", ["reader", "student", "instructor", "admin"])
def test_pages_are_accessible_and_fit(visitors, role, language):
    visitor = visitors[role]
    choose_language(visitor.page, language)
    problems = [problem for path in visitor.paths for problem in problems_at(visitor.page, path)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("language", ["pt-br", "en"])
def test_the_page_that_asks_before_a_dangerous_act_is_accessible_and_fits(visitors, language):
    page = visitors["admin"].page
    choose_language(page, language)
    page.goto(session_pages(page)[0])
    page.locator("button.act").first.click()
    page.wait_for_selector("input[name=confirmed]")
    problems = problems_of(page, "the page that asks")
    assert not problems, "\n".join(problems)


def test_the_intro_of_a_lab_is_accessible_and_fits(browser, stack):
    teacher = Person(browser, stack.url, reduced_motion="reduce")
    problems = problems_at(teacher.log_in(stack.accounts["instructor"]), LAB)
    teacher.close()
    assert not problems, "\n".join(problems)


def test_the_inspection_finds_what_is_wrong(visitors):
    page = visitors["reader"].page
    page.goto("/")
    page.evaluate(AXE)
    faults = "<img id=faulty width=2000><p id=pale>hardly to be read</p>"
    page.evaluate("(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)", faults)
    page.evaluate("document.querySelector('#pale').style.cssText = 'color: #444; background: #333'")
    assert any("image-alt" in each for each in axe(page, "light"))
    assert any("color-contrast" in each for each in axe(page, "dark"))
    assert "faulty" in "".join(too_wide(page, 1440))


def problems_at(page: Page, path: str) -> list[str]:
    page.goto(path)
    return problems_of(page, path)


def problems_of(page: Page, path: str) -> list[str]:
    page.evaluate(AXE)
    page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
    choices = THEMES if page.locator("html").get_attribute("lang") == "en" else {"light": ALL_BUT_COLOURS}
    broken = [f"{path} {theme}: {found}" for theme in choices for found in axe(page, theme, choices[theme])]
    return [*broken, *(f"{path} at {width}: {found}" for width in WIDTHS for found in too_wide(page, width))]


def axe(page: Page, theme: str, choice: dict | None = None) -> list[str]:
    """With a choice of rules of its own, or the theme's."""
    page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
    page.evaluate(STILL)
    judged = page.evaluate(VIOLATIONS, THEMES[theme] if choice is None else choice)
    return [str(each) for each in judged if each["impact"] in GRAVE]


def too_wide(page: Page, width: int) -> list[str]:
    """What reaches beyond the window; on a small screen a lab's bench is looked at too."""
    page.set_viewport_size({"width": width, "height": 1000})
    views = page.locator("[data-view-of]:visible")
    found = [overflow(page)]
    for number in range(views.count()):
        views.nth(number).click()
        found.append(overflow(page))
    return [each for each in found if each]


def overflow(page: Page) -> str:
    return str(page.evaluate(OUTSIDE)) if page.evaluate(IS_WIDE) else ""
