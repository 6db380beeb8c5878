"""exec as kubectl before 1.31 does it: over SPDY. Newer ones do too when they are told to."""

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration


@pytest.fixture
def box(netlab, namespace, monkeypatch):
    monkeypatch.setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false")
    netlab.apply(pod("box", namespace, "cat", stdin=True))
    netlab.kubectl("-n", namespace, "wait", "pod/box", "--for=condition=Ready", "--timeout=20s")

    def run(*args: str, stdin: str = "", ok: bool = True):
        flags = ["-i"] if stdin else []
        return netlab.kubectl("-n", namespace, "-v=6", "exec", *flags, "box", "--", *args, stdin=stdin, ok=ok)

    return run


def test_output_errors_and_the_exit_code_come_over_spdy(box):
    done = box("sh", "-c", "echo out; echo err >&2; exit 7", ok=False)
    assert (done.stdout, done.returncode) == ("out\n", 7)
    assert "err\n" in done.stderr and 'verb="POST"' in done.stderr


def test_stdin_reaches_its_end_over_spdy(box):
    assert box("sh", "-c", "wc -c", stdin="x" * 300_000).stdout.strip() == "300000"


def test_much_output_arrives_whole_over_spdy(box):
    assert len(box("head", "-c", "3000000", "/dev/zero").stdout) == 3_000_000


def test_a_program_that_is_not_there_is_named_over_spdy(box):
    assert "executable file" in box("nosuch", ok=False).stderr
