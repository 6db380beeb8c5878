"""The nginx process: files are tried in a copy, then written, then read by a reload that drops no connection.

nginx names the file it stumbles over. That file falls back to its last good text, or is left out; its object
is told, and the others go on.
"""

import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .drafts import SECRETS, Plan, Ref
from .http import VERSION_SOCKET, config_version

_PROGRAM = "/usr/sbin/nginx"
_TAKES_SECONDS = 10
_MAIN = "nginx.conf"


class Nginx:
    def __init__(self, log: Callable[[str, str], None], root: Path = Path("/etc/nginx")):
        self._log, self._root, self._stage = log, root, Path("/tmp/nginx-test")  # noqa: S108 - the pod's own
        self._good: dict[str, str] = {}
        self._secrets: dict[str, bytes] = {}
        self._version = 0
        self.process: subprocess.Popen | None = None

    def apply(self, plan: Plan, plain_main: str) -> dict[Ref, str]:
        """Bring the plan into force; for what could not be, the object and nginx' reason."""
        self._write_secrets(plan.secrets)
        changed = plan.files != self._good or self._secrets != plan.secrets
        self._secrets = dict(plan.secrets)
        if not changed and self.process:
            return {}
        files, errors = self._try(plan, plain_main)
        self._version += 1
        self._write(self._root, files)
        self._good = files
        self._load(errors, plan)
        return errors

    def stop(self) -> None:
        """Finish the requests under way, then end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def _try(self, plan: Plan, plain_main: str) -> tuple[dict[str, str], dict[Ref, str]]:
        files, errors = dict(plan.files), {}
        for _ in range(2 * len(plan.files)):
            reason = self._test(files)
            if not reason:
                return files, errors
            path = self._culprit(reason)
            if path not in files:
                break
            errors.setdefault(plan.owners[path], reason)
            last = plain_main if path == _MAIN else ""
            better = self._good.get(path) or last
            if better and better != files[path]:
                files[path] = better
            elif path == _MAIN and files[path] != plain_main:
                files[path] = plain_main
            else:
                del files[path]
        else:
            reason = "no configuration is good"
        for path, owner in plan.owners.items():
            if plan.files[path] != self._good.get(path):
                errors.setdefault(owner, reason)
        return self._good or {_MAIN: plain_main}, errors

    def _test(self, files: dict[str, str]) -> str:
        """What nginx says against these files, or nothing."""
        self._write(self._stage, files)
        conf = self._stage / _MAIN
        conf.write_text(conf.read_text().replace("include /etc/nginx/", f"include {self._stage}/"))
        shutil.copy(self._root / "mime.types", self._stage)
        done = subprocess.run(
            [_PROGRAM, "-t", "-q", "-c", str(conf)], capture_output=True, text=True, errors="replace"
        )
        lines = [line.partition("[emerg] ")[2] for line in done.stderr.splitlines() if "[emerg]" in line]
        return "" if done.returncode == 0 else (lines or [done.stderr.strip() or "nginx -t failed"])[-1]

    def _culprit(self, reason: str) -> str:
        match = re.search(rf"in {re.escape(str(self._stage))}/(\S+):\d+$", reason)
        return match[1] if match else ""

    def _write(self, root: Path, files: dict[str, str]) -> None:
        wanted = {**files, "config-version.conf": config_version(self._version)}
        for folder in ("conf.d", "stream-conf.d"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            for path in (root / folder).iterdir():
                if f"{folder}/{path.name}" not in wanted:
                    path.unlink()
        for name, text in wanted.items():
            path = root / name
            if not path.exists() or path.read_text() != text:
                path.write_text(text)

    def _write_secrets(self, secrets: dict[str, bytes]) -> None:
        folder = Path(SECRETS)
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.name not in secrets:
                path.unlink()
        for name, content in secrets.items():
            path = folder / name
            is_key = b"PRIVATE KEY" in content
            path.touch(mode=0o600 if is_key else 0o644)  # passwords are read by the workers
            if path.read_bytes() != content:
                path.write_bytes(content)

    def _load(self, errors: dict[Ref, str], plan: Plan) -> None:
        began = time.monotonic()
        if self.process is None:
            for left in Path(VERSION_SOCKET).parent.glob("*.sock"):  # by one that was killed
                left.unlink()
            self.process = subprocess.Popen([_PROGRAM])
        else:
            self.process.send_signal(signal.SIGHUP)
        while self._running_version() != str(self._version):
            if time.monotonic() - began > _TAKES_SECONDS or self.process.poll() is not None:
                for owner in plan.owners.values():
                    errors.setdefault(owner, "nginx did not take the configuration: see its log")
                return
            time.sleep(0.01)
        self._log("I", f"NGINX runs configuration {self._version} after {time.monotonic() - began:.3f} s")

    def _running_version(self) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(VERSION_SOCKET)
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b""
                while part := connection.recv(4096):
                    answer += part
            return answer.rpartition(b"\r\n")[2].decode()
        except OSError:
            return ""
