"""The set-up: what it asks of a machine, and that it does nothing twice."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import help as chores
from deploy.local import host, setup, stamps

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("system", "name"), [("Darwin", "macOS"), ("Windows", "Windows")])
def test_elsewhere_than_on_linux_it_says_what_to_use_instead(system, name):
    with pytest.raises(host.HostProblem, match=f"this is {name}(.|\n)*CLUSTER=kind(.|\n)*virtual machine"):
        host.require_linux("netlab", system)


def test_elsewhere_than_on_linux_another_cluster_will_do():
    host.require_linux("kind", "Darwin")


def test_without_rights_it_names_the_packages_and_the_command(monkeypatch):
    monkeypatch.setattr(host, "_root_prefix", lambda: None)
    with pytest.raises(host.HostProblem) as problem:
        host.install(["crun", "uidmap"])
    assert "missing: crun uidmap" in str(problem.value)
    assert "sudo apt-get install -y --no-install-recommends crun uidmap" in str(problem.value)


def test_a_package_that_is_not_there_is_missing():
    assert host.is_installed("libc6")
    assert not host.is_installed("no-such-package-here")


@pytest.mark.parametrize(("in_apt", "chromium"), [(True, ["chromium"]), (False, [])])
def test_packages_for_tests_come_only_with_tests(monkeypatch, in_apt, chromium):
    monkeypatch.setattr(host, "is_installed", lambda package: False)
    monkeypatch.setattr(host, "find_browser", lambda: None)
    monkeypatch.setattr(host, "apt_has", lambda package: in_apt)
    assert host.missing_packages(netlab=True, tests=False) == list(host.FOR_NETLAB)
    assert host.missing_packages(netlab=False, tests=False) == []
    assert host.missing_packages(netlab=False, tests=True) == ["git", *chromium]


def test_a_browser_playwright_fetched_will_do(monkeypatch, tmp_path):
    chrome = tmp_path / "chromium-1255" / "chrome-linux64" / "chrome"
    chrome.parent.mkdir(parents=True)
    chrome.touch()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert host.find_browser() == chrome


def test_what_apt_does_not_have_is_known():
    assert host.apt_has("coreutils")
    assert not host.apt_has("no-such-package-here")


def test_no_package_brings_a_daemon():
    daemons = {"redis-server", "nginx", "docker.io", "prometheus", "openssh-server"}
    assert not daemons & {*host.FOR_NETLAB, *host.FOR_TESTS}


def test_a_digest_changes_with_content_name_and_words(tmp_path):
    file = tmp_path / "a"
    file.write_text("one")
    first = stamps.digest([tmp_path])
    assert stamps.digest([tmp_path]) == first
    assert stamps.digest([tmp_path], "word") != first
    file.write_text("two")
    second = stamps.digest([tmp_path])
    file.rename(tmp_path / "b")
    assert len({first, second, stamps.digest([tmp_path])}) == 3


def test_byte_code_changes_no_digest(tmp_path):
    first = stamps.digest([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.cpython-311.pyc").touch()
    assert stamps.digest([tmp_path]) == first


def test_a_step_with_nothing_to_do_is_silent(capsys):
    setup.take("nothing", lambda: None)
    assert capsys.readouterr().out == ""


def test_a_step_says_when_it_begins_and_how_long_it_took(capsys):
    setup.take("something", lambda: lambda: None)
    assert re.fullmatch(r"something \.\.\.\nsomething: done in 0\.0 s\n", capsys.readouterr().out)


def test_what_fails_is_shown():
    with pytest.raises(host.HostProblem, match="it broke:\nlast words"):
        setup.run(["sh", "-c", "echo last words; exit 3"], "it broke")


def test_an_old_python_gets_a_sentence(tmp_path):
    """The file must still parse on it, so only the version is forged."""
    forged = (
        "import sys, runpy; sys.version_info = (3, 9, 2); sys.version = '3.9.2'; runpy.run_path(sys.argv[1])"
    )
    done = subprocess.run([sys.executable, "-c", forged, setup.__file__], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed, this is 3.9.2" in done.stderr


def test_help_names_every_chore_and_option():
    told = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert all(word in told for word in ("run", "test", "distclean", "STATE_DIR", "NETLAB_PORT", "8000"))


def test_help_needs_nothing_installed():
    """`make` must speak before the set-up has run, so a Python without our packages has to do."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", chores.__file__, "Makefile"],
        cwd=PROJECT, env=os.environ, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "make run NAME=value" in done.stdout


def test_chores_without_words_are_left_out(tmp_path):
    makefile = tmp_path / "Makefile"
    makefile.write_text("hidden:\n\ttrue\n\nshown: hidden ## does it\n")
    assert chores.chores(makefile) == [("shown", "does it")]
