"""docker and kind as programs that write down how they were called and answer from a folder of notes.

Notes: `cluster` (the cluster is there), `stopped` (its nodes do not run), `no-daemon`, `no-build`,
`old-docker`, `has-NAME` for each image that docker has, `node-has-NAME` for each that the nodes have,
`kubeconfig` (what kind tells).
"""

import json
import os
import sys
from pathlib import Path

import pytest

PROGRAM = """#!{python}
import json, sys
from pathlib import Path
notes, argv = Path({notes!r}), sys.argv[1:]
name = Path(sys.argv[0]).name
stdin = sys.stdin.read() if "-" in argv else ""
with (notes / "calls").open("a") as calls:
    calls.write(json.dumps([name, *argv]) + "\\n")
has = lambda note: (notes / note).exists()
image = lambda text: "has-" + text.replace("/", "_")
end = lambda code, said="": (print(said, file=sys.stderr), sys.exit(code))
match [name, *argv]:
    case ["docker", "version", *_] if has("no-daemon"):
        end(1, "permission denied while trying to connect")
    case ["docker", "version", *rest] if "{{{{.Server.Os}}}}" in rest[-1]:
        print("linux/amd64")
    case ["docker", "save", *_, "--platform", _, _] if has("old-docker"):
        end(125, "unknown flag: --platform")
    case ["docker", "build", *_] if has("no-build"):
        end(1, "no route to host")
    case ["docker", "build", *rest]:
        (notes / image(rest[rest.index("--tag") + 1])).touch()
    case ["docker", "image", "inspect", wanted]:
        sys.exit(not has(image(wanted)))
    case ["docker", "import", *rest] | ["docker", "tag", *rest] | ["docker", "pull", *rest]:
        (notes / image(rest[-1])).touch()
    case ["docker", "save", "--output", target, *_]:
        Path(target).write_bytes(b"saved")
    case ["docker", "exec", _node, "crictl", "inspecti", wanted]:
        print('{{"status": {{"id": "sha256:1"}}}}') if has("node-" + image(wanted)) else end(1)
    case ["docker", "inspect", *_]:
        print("kindest/node:v1.36.1@sha256:00") if has("cluster") else end(1, "no such container")
    case ["docker", "network", "inspect", "kind", *_]:
        print('[{{"Subnet": "fc00:f853:ccd:e793::/64"}}, {{"Subnet": "172.18.0.0/16"}}]')
    case ["docker", "ps", *_]:
        print("redes-control-plane", "exited" if has("stopped") else "running")
    case ["kind", "get", "clusters"]:
        print("redes") if has("cluster") else end(0, "No kind clusters found.")
    case ["kind", "get", "nodes", *_]:
        print("redes-control-plane redes-worker redes-worker2")
    case ["kind", "get", "kubeconfig", *_]:
        print((notes / "kubeconfig").read_text()) if has("cluster") else end(1, "ERROR: could not locate any")
    case ["kind", "create", "cluster", *_]:
        (notes / "config").write_text(stdin)
        (notes / "cluster").touch()
    case ["kind", "delete", "cluster", *_]:
        (notes / "cluster").unlink(missing_ok=True)
"""


class Fakes:
    def __init__(self, folder: Path):
        self.notes, self.bin = folder / "notes", folder / "bin"
        self.notes.mkdir()
        self.bin.mkdir()
        for name in ("docker", "kind"):
            program = self.bin / name
            program.write_text(PROGRAM.format(python=sys.executable, notes=str(self.notes)))
            program.chmod(0o755)

    def note(self, *names: str) -> None:
        for name in names:
            (self.notes / name.replace("/", "_")).touch()

    def calls(self, *begin: str) -> list[list[str]]:
        """The calls that begin with these words, in their order."""
        path = self.notes / "calls"
        listed = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [call for call in listed if call[: len(begin)] == list(begin)]


@pytest.fixture
def fakes(tmp_path, monkeypatch) -> Fakes:
    made = Fakes(tmp_path)
    monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
    return made
