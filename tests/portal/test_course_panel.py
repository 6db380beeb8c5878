"""The panel's page about the course, and its reload in all processes of the portal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry

from curriculum.course import get_course, shelf
from curriculum.models import Lab
from k8s_tasks.following_course import Follower, holders
from k8s_tasks.on_record import told
from k8s_tasks.redis_keys import course_wanted
from tests.curriculum.conftest import Folder

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
PAGE, RELOAD = "/admin/course/", "/admin/course/reload/"
PROJECT = Path(__file__).parents[2]
# Another process of the portal, that looks whenever it is asked to.
OTHER = """
import sys, django
django.setup()
from k8s_tasks.following_course import Follower
follower = Follower("other")
for line in sys.stdin:
    follower.look()
    print(follower.version, flush=True)
"""


@pytest.fixture
def course(tmp_path, settings):
    folder = Folder(tmp_path / "course")
    settings.OPTIONS = settings.OPTIONS | {"COURSE": folder.root}
    get_course.cache_clear()
    yield folder
    get_course.cache_clear()


@pytest.fixture
def panel(course, redis_client, world, visit, healthy):
    return visit(world.root)


@pytest.fixture
def other(course, redis_url, tmp_path):
    """ask(): the version another process holds, after it has looked."""
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "COURSE": str(course.root),
        "REDIS_URL": redis_url,
        "STATE_DIR": str(tmp_path / "state"),
    }
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", OTHER], env=env, cwd=PROJECT, **piped) as process:

        def ask() -> str:
            process.stdin.write("look\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield ask
        process.stdin.close()


def read(panel, address: str = PAGE) -> str:
    return panel.get(address).content.decode()


def minutes() -> int:
    return get_course().lab("ping-and-netcat").minutes


def records() -> list[str]:
    return [told(entry) for entry in LogEntry.objects.order_by("action_time")]


def test_the_page_tells_version_counts_and_who_holds_it(panel):
    Follower("watcher").look()

    page = read(panel)

    assert "Chapters: 1." in page and "Nothing to mend." in page and "the same" in page
    assert page.count(shelf.held().version[:12]) == 3
    assert "watcher " in page and "✓ in force" in page


def test_before_the_course_is_reloaded_one_is_asked(panel, course):
    before = shelf.held().version
    course.change("lab.yaml", "minutes: 20", "minutes: 25")

    assert "changed since it was loaded" in read(panel)
    asked = read(panel, RELOAD)

    assert "What will happen" in asked and "Cancel" in asked and "csrfmiddlewaretoken" in asked
    assert (shelf.held().version, minutes(), records()) == (before, 20, [])


def test_all_processes_and_the_database_take_it_up_and_it_is_on_record(panel, course, other):
    before = shelf.held().version
    assert other() == before
    course.change("lab.yaml", "minutes: 20", "minutes: 25")
    assert other() == before

    page = panel.post(RELOAD, follow=True).content.decode()

    now = shelf.held().version
    assert (minutes(), other()) == (25, now)
    assert Lab.objects.get(slug="ping-and-netcat").version == get_course().lab("ping-and-netcat").version
    assert "The course is now" in page
    assert records() == [f"Reloaded: {before[:12]} → {now[:12]}"]
    assert [each.version for each in holders()] == [now]


def test_a_course_with_mistakes_is_told_and_not_reloaded(panel, course, redis_client):
    before = shelf.held().version
    line = course.change("lab.yaml", "minutes: 20", "minutes: 2")

    page = read(panel)
    answer = panel.post(RELOAD, follow=True).content.decode()

    assert "ping-and-netcat/lab.yaml" in page and f"<td>{line}</td>" in page and "the least is 5" in page
    assert "The files have 1 problem" in answer
    assert (shelf.held().version, redis_client.get(course_wanted())) == (before, None)
    assert records()[0].startswith("Reload refused: The files have 1 problem")


def test_a_process_whose_files_are_wrong_keeps_what_it_holds_and_says_why(panel, course, redis_client):
    before = shelf.held().version
    course.change("lab.yaml", "minutes: 20", "minutes: 2")
    redis_client.set(course_wanted(), "another")

    Follower("watcher").look()

    (holder,) = holders()
    assert holder.version == before and "ping-and-netcat/lab.yaml" in holder.problem


def test_a_linter_that_breaks_is_told_and_nothing_is_reloaded(panel, course, monkeypatch):
    course.change("lab.yaml", "minutes: 20", "minutes: 25")
    monkeypatch.setattr("portal.course_panel.sys.executable", "/bin/false")

    assert "The linter could not do its work" in read(panel)
    assert "The linter could not do its work" in panel.post(RELOAD, follow=True).content.decode()


def test_where_an_author_works_nothing_is_to_be_reloaded(panel, settings):
    settings.OPTIONS = settings.OPTIONS | {"COURSE_RELOAD": True}

    assert "by itself whenever a file changes" in panel.get(RELOAD, follow=True).content.decode()


def test_the_start_page_leads_there(panel):
    assert f'href="{PAGE}"' in read(panel, "/admin/")
