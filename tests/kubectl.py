"""kubectl as the administrator of a running portal's cluster."""

import json
import subprocess

from deploy.local.stack import PROJECT, Stack


class Kubectl:
    def __init__(self, stack: Stack):
        self._command = [str(PROJECT / ".venv/bin/kubectl"), "--kubeconfig", str(stack.kubeconfig)]

    def __call__(self, *words: str, text: str | None = None) -> str:
        """What it prints, given `text` to read; a failure fails the test with its reason."""
        done = subprocess.run(
            [*self._command, *words], capture_output=True, text=True, input=text, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def namespace_of(self, session_id: str) -> str:
        found = json.loads(self("get", "ns", "-l", f"redes.local/session={session_id}", "-o", "json"))
        return found["items"][0]["metadata"]["name"]

    def processes(self, session_id: str, pod: str) -> str:
        """The command lines of all processes in a lab's pod."""
        return self("exec", "-n", self.namespace_of(session_id), pod, "--", "ps", "-eo", "args")
