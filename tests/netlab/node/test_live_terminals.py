"""exec and attach on a terminal, as a person at kubectl uses them."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration


class Terminal:
    """kubectl on a terminal of ours; `expect` reads until the text has come."""

    def __init__(self, netlab, *args: str, rows: int = 40, columns: int = 100):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        command = [netlab.program, "--kubeconfig", str(netlab.kubeconfig), *args]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, text: str, seconds: float = 10) -> str:
        seen = ""
        while text not in seen:
            assert select.select([self.master], [], [], seconds)[0], f"waited for {text!r}, saw {seen!r}"
            seen += os.read(self.master, 65536).decode(errors="replace")
        return seen

    def close(self) -> int:
        code = self.process.wait(timeout=10)
        os.close(self.master)
        return code


@pytest.fixture
def shell(netlab, namespace):
    netlab.apply(pod("a", namespace))
    netlab.kubectl("wait", "-n", namespace, "pod/a", "--for=condition=Ready", "--timeout=20s")
    terminal = Terminal(netlab, "exec", "-it", "-n", namespace, "a", "--", "bash", "--norc")
    terminal.expect("# ")
    return terminal


def test_a_shell_knows_its_size_and_hears_of_a_change(shell):
    shell.type("stty size\n")
    shell.expect("40 100")
    shell.resize(50, 120)
    os.killpg(shell.process.pid, 28)  # SIGWINCH, which a real terminal sends by itself
    shell.type("until [ \"$(stty size)\" = '50 120' ]; do :; done; echo resi''zed\n")
    shell.expect("resized")
    shell.type("exit 3\n")
    assert shell.close() == 3


def test_control_c_ends_the_program_and_not_the_shell(shell):
    shell.type("sh -c 'echo run''ning; exec yes > /dev/null'\n")
    shell.expect("running")
    shell.type("\x03")
    shell.expect("^C")
    shell.type("echo still he''re\n")
    shell.expect("still here")
    shell.type("exit 5\n")
    assert shell.close() == 5


def test_run_attaches_and_gives_the_exit_code(netlab, namespace):
    word = "echo got $(cat); exit 4"
    args = ["run", "one", "-n", namespace, "-i", "--rm", "--restart=Never", "--image=busybox", "--quiet"]
    done = netlab.kubectl(*args, "--command", "--", "sh", "-c", word, stdin="a word", ok=False)
    assert "got a word" in done.stdout
    assert done.returncode == 4


def test_a_terminal_attached_to_the_main_process_types_into_it(netlab, namespace):
    netlab.apply(pod("a", namespace, "sh", stdin=True, tty=True))
    netlab.kubectl("wait", "-n", namespace, "pod/a", "--for=condition=Ready", "--timeout=20s")
    terminal = Terminal(netlab, "attach", "-it", "-n", namespace, "a")
    terminal.type("echo $((6*7))\n")
    terminal.expect("42")
    terminal.type("exit\n")
    assert terminal.close() == 0
