"""Judge a cluster, whatever it is: `verify_cluster.py`, told by the environment.

KUBECONFIG names the cluster, which may be none: then an own netlab is judged. A portal of our own is started
on it, in a folder that goes in the end. Four parts follow each other, `PARTS` chooses among them:

    preflight    what the cluster can do
    conformance  what Kubernetes promises, by tests/conformance
    escapes      that a student does not get out of a session, by tests/escapes
    labs         every solution and mutant of the course; `LAB` names some

The answer is a table. "lacks" means that the cluster has not what is needed, so nothing was tried; "broken"
that it was tried and is not as it must be. The exit code is 0 when nothing is broken.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.lifeline import tie  # noqa: E402
from deploy.local.stack import Stack, StackError  # noqa: E402

OK, LACKS, BROKEN = "ok", "lacks", "broken"
NEEDS = {"networkpolicy": "networkpolicy"}  # folder of tests/conformance: the capability it is about


@dataclass(frozen=True)
class Row:
    part: str
    what: str
    result: str
    detail: str = ""


class Verification:
    def __init__(self, stack: Stack, folder: Path, kubeconfig: Path, labs: list[str]):
        self.folder, self.kubeconfig, self.labs = folder, kubeconfig, labs
        self.environment = {
            **stack.env,
            "KUBECONFIG": str(kubeconfig),
            "CONFORMANCE": "whole",
            "VERIFYING": "1",
        }
        self.capabilities: dict[str, dict] = {}

    def preflight(self) -> Iterator[Row]:
        asked = self._run("manage.py", "preflight", "--json", captured=True)
        if asked.returncode:
            yield Row("preflight", "the cluster", BROKEN, asked.stderr.strip())
            return
        self.capabilities = json.loads(asked.stdout)
        words = {"present": OK, "absent": LACKS, "unknown": BROKEN}
        for name, told in sorted(self.capabilities.items()):
            yield Row("preflight", name, words[told["state"]], told["reason"]["en"])

    def conformance(self) -> Iterator[Row]:
        folders = sorted(path for path in (PROJECT / "tests/conformance").iterdir() if _holds_tests(path))
        lacking = {path.name: why for path in folders if (why := self._lacked(NEEDS.get(path.name)))}
        yield from (Row("conformance", name, LACKS, why) for name, why in lacking.items())
        wanted = [path for path in folders if path.name not in lacking]
        yield from self._tests("conformance", wanted, lambda classname: classname.split(".")[2])

    def _lacked(self, capability: str | None) -> str:
        told = self.capabilities.get(capability or "")
        return told["reason"]["en"] if told and told["state"] == "absent" else ""

    def escapes(self) -> Iterator[Row]:
        folder = PROJECT / "tests/escapes"
        yield from self._tests("escapes", [folder], lambda classname: classname.rpartition("_")[2])

    def _tests(self, part: str, paths: list[Path], group: Callable[[str], str]) -> Iterator[Row]:
        """Run tests with pytest, one row for each group of them."""
        report = self.folder / f"{part}.xml"
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *map(str, paths)]
        ended = self._run(*words).returncode
        if not report.exists():
            yield Row(part, "pytest", BROKEN, f"it ended with {ended} and reported nothing")
            return
        found = read_report(report, group)
        yield from (Row(part, name, *verdict) for name, verdict in sorted(found.items()))
        if ended not in (0, 1) or not found:
            yield Row(part, "pytest", BROKEN, f"it ended with {ended}")

    def labs_of_the_course(self) -> Iterator[Row]:
        report = self.folder / "labs.json"
        words = self.labs or ["--all"]
        ended = self._run("manage.py", "labs", "solve", *words, "--json", str(report)).returncode
        if not report.exists():
            yield Row("labs", " ".join(words), BROKEN, "they could not be played; the reason is above")
            return
        for lab, outcomes in by_lab(json.loads(report.read_text())).items():
            yield Row("labs", lab, *judge_lab(outcomes))
        if ended not in (0, 1, 2):
            yield Row("labs", "labs solve", BROKEN, f"it ended with {ended}")

    def _run(self, *words: str, captured: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        return subprocess.run(
            command,
            cwd=PROJECT,
            env=self.environment,
            text=True,
            capture_output=captured,
            check=False,
            preexec_fn=tie,
        )


PARTS: dict[str, Callable[[Verification], Iterator[Row]]] = {
    "preflight": Verification.preflight,
    "conformance": Verification.conformance,
    "escapes": Verification.escapes,
    "labs": Verification.labs_of_the_course,
}


def _holds_tests(path: Path) -> bool:
    return path.is_dir() and any(path.glob("test_*.py"))


def read_report(report: Path, group: Callable[[str], str]) -> dict[str, tuple[str, str]]:
    """{group: (result, detail)} of a JUnit report."""
    tests: dict[str, list[str | None]] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest's own, of just now
        broken = any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
        tests.setdefault(group(case.get("classname", "")), []).append(case.get("name") if broken else None)
    return {name: _count(found) for name, found in tests.items()}


def _count(found: list[str | None]) -> tuple[str, str]:
    broken = [name for name in found if name]
    if not broken:
        return OK, f"{len(found)} tests"
    more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
    return BROKEN, f"{len(broken)} of {len(found)} tests: {', '.join(broken[:3])}{more}"


def by_lab(outcomes: list[dict]) -> dict[str, list[dict]]:
    return {
        lab: [one for one in outcomes if one["lab"] == lab] for lab in {one["lab"]: None for one in outcomes}
    }


def judge_lab(outcomes: list[dict]) -> tuple[str, str]:
    if lacks := outcomes[0]["lacks"]:
        return LACKS, lacks
    wrong = [
        f"{one['play']}: {' '.join(one['wrong']) or one['broke']}" for one in outcomes if not one["right"]
    ]
    return (BROKEN, "; ".join(wrong)) if wrong else (OK, f"{len(outcomes)} plays")


def table(rows: list[Row]) -> str:
    lines = [(row.part, row.what, row.result, " ".join(row.detail.split())[:300]) for row in rows]
    lines.insert(0, ("part", "what", "result", "detail"))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    told = [
        "| " + " | ".join([*(line[column].ljust(widths[column]) for column in range(3)), line[3]]) + " |"
        for line in lines
    ]
    return "\n".join([told[0], "|-|-|-|-|", *told[1:]])


def conclusion(rows: list[Row]) -> str:
    broken = [f"{row.part} {row.what}" for row in rows if row.result == BROKEN]
    lacking = [row.what for row in rows if row.result == LACKS and row.part == "preflight"]
    said = f"BROKEN: {', '.join(broken)}." if broken else "Nothing is broken."
    return f"{said} The cluster lacks: {', '.join(lacking) or 'nothing that the course asks for'}."


def verify(parts: list[str], labs: list[str], kubeconfig: Path | None) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="redes-verify-") as name:
        folder = Path(name)
        with Stack(folder / "state", CLUSTER=kubeconfig or "netlab") as stack:
            verification = Verification(stack, folder, kubeconfig or stack.kubeconfig, labs)
            rows: list[Row] = []
            for part in parts:
                print(f"\n== {part}", flush=True)
                rows += PARTS[part](verification)
                if part == "preflight" and not verification.capabilities:
                    break  # nothing can be said of a cluster that does not answer
            return rows


def main(environment: os._Environ[str] = os.environ) -> int:
    parts = (
        re.split(r"[,\s]+", environment.get("PARTS", "").strip()) if environment.get("PARTS") else [*PARTS]
    )
    if unknown := set(parts) - PARTS.keys():
        sys.exit(f"error: PARTS={' '.join(unknown)}: there are {', '.join(PARTS)}")
    named = environment.get("KUBECONFIG", "")
    kubeconfig = Path(named).expanduser().resolve() if named else None
    if kubeconfig and not kubeconfig.is_file():
        sys.exit(f"error: KUBECONFIG={named}: there is no such file")
    try:
        rows = verify(parts, environment.get("LAB", "").split(), kubeconfig)
    except StackError as error:
        sys.exit(f"error: the portal did not start:\n{error}")
    print(f"\n{table(rows)}\n\n{conclusion(rows)}")
    return int(any(row.result == BROKEN for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
