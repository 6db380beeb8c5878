"""Build the root filesystems from the packages of this machine's own distribution.

mmdebstrap unpacks and configures them in a directory, as root of a user namespace: nothing is installed on
the host, no daemon starts, and an ordinary user can do it. The network is the host's, for apt alone.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from netlab import images, linux, sandbox
from netlab.images import recipe, rootfs

_PROC_FLAGS = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
_UNWANTED = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
)


class BuildError(Exception):
    """The image could not be built; the message ends with the builder's own words."""


def build(image: images.Image, images_dir: Path) -> Path:
    """Make the archive unless it is there, and return its path. Takes some 30 s. Raises BuildError."""
    target = rootfs.archive(images_dir, image)
    if target.exists():
        return target
    for program in ("mmdebstrap", "apt-config"):
        if not shutil.which(program):
            raise BuildError(f"{program} is not installed: sudo apt-get install mmdebstrap")
    images_dir.mkdir(parents=True, exist_ok=True)
    idmap = sandbox.choose_idmap()
    with tempfile.TemporaryDirectory(dir=images_dir, prefix="build-") as work:
        _give(Path(work), idmap)
        _in_sandbox(image, Path(work), idmap)
        built = Path(work) / "image.tar"
        if built.is_symlink():  # the build is not trusted with our rights
            raise BuildError(f"building {image.reference} left no archive")
        os.replace(built, target)
    _own(target)
    for old in images_dir.glob(f"{image.name}-*.tar"):
        if old != target:
            old.unlink()
    return target


def _give(work: Path, idmap: sandbox.IdMap) -> None:
    work.chmod(0o755)
    if os.getuid() == 0:
        os.chown(work, idmap.root_uid, idmap.root_gid)


def _own(target: Path) -> None:
    if os.getuid() == 0:
        os.chown(target, 0, 0)
    target.chmod(0o644)


def _in_sandbox(image: images.Image, work: Path, idmap: sandbox.IdMap) -> None:
    keeper = sandbox.start(
        lambda: _build_inside(image, work),
        idmap,
        namespaces=linux.CLONE_NEWPID,
        needs=[work, Path(recipe.__file__).parents[2], Path(sys.prefix), Path(sys.base_prefix)],
    )
    _, status = os.waitpid(keeper, 0)
    if status:
        raise BuildError(f"building {image.reference} failed: {_last_words(work / 'log')}")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    errors = [line for line in lines if line.startswith(("E:", "W:"))] or lines
    return " ".join(errors[-3:]) or "no reason was given"


def _build_inside(image: images.Image, work: Path) -> int:
    linux.mount("proc", "/proc", "proc", _PROC_FLAGS)
    root = work / "root"
    with (work / "log").open("w") as log:
        try:
            _logged(_bootstrap(image, root, work), log, work)
            _FINISH[image.name](root)
            _logged(_pack(root, work / "image.tar"), log, work)
        except subprocess.CalledProcessError:
            return 1  # the log tells why
        finally:
            # Its files belong to ids that only exist in here: outside nobody could remove them.
            shutil.rmtree(root, ignore_errors=True)
    return 0


def _logged(command: list[str], log, work: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(work), "LC_ALL": "C.UTF-8"}
    subprocess.run(command, stdout=log, stderr=log, check=True, env=environment)


def _pack(root: Path, archive: Path) -> list[str]:
    empty = [f"--exclude=./{name}/*" for name in ("dev", "proc", "sys", "run")]
    return [
        "tar",
        "--create",
        "--numeric-owner",
        *empty,
        "--file",
        str(archive),
        "--directory",
        str(root),
        ".",
    ]


def _bootstrap(image: images.Image, root: Path, work: Path) -> list[str]:
    variant = "essential" if image.name == "toolbox" else "extract"
    return [
        "mmdebstrap",
        "--mode=root",
        f"--variant={variant}",
        "--format=directory",
        f"--include={','.join(recipe.packages(image.name))}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNWANTED),
        # apt changes to the user _apt for downloads, which the build directory does not admit.
        '--aptopt=APT::Sandbox::User "root"',
        *_proxies(),
        *(_own_devices() if variant == "essential" else []),
        recipe.release()["VERSION_CODENAME"],
        str(root),
        *_sources(work),
    ]


def _own_devices() -> list[str]:
    """mmdebstrap's own /dev wants the group tty, which a user namespace with a single id has not."""
    if sandbox.count_ids_inside() > 1:
        return []
    names = "null zero full random urandom"
    bind = f'cd "$1"; mkdir -p dev; for f in {names}; do touch dev/$f; mount --bind /dev/$f dev/$f; done'
    release = f'for f in {names}; do umount "$1/dev/$f"; done'
    return ["--skip=chroot/mount/dev", f"--setup-hook={bind}", f"--customize-hook={release}"]


def _proxies() -> list[str]:
    """The proxy settings of the host's apt, which mmdebstrap does not read itself."""
    settings = subprocess.run(
        ["apt-config", "dump"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [f"--aptopt={line.rstrip(';')}" for line in settings if re.match(r"Acquire::https?::Proxy ", line)]


def _sources(work: Path) -> list[str]:
    """The host's own package sources of this release, as files for mmdebstrap."""
    codename = recipe.release()["VERSION_CODENAME"]
    apt = Path("/etc/apt")
    found = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        chosen = _of_release(path, codename) if path.is_file() else ""
        if chosen:
            copy = work / path.name
            copy.write_text(chosen)
            found.append(str(copy))
    if not found:
        raise BuildError(f"no package source for {codename} in /etc/apt")
    return found


def _of_release(path: Path, codename: str) -> str:
    text = path.read_text(errors="replace")
    if path.suffix == ".sources":
        stanzas = re.split(r"\n\s*\n", text)
        wanted = rf"(?mi)^Suites:.*\b{codename}(-|\b)"
        return "\n\n".join(one for one in stanzas if re.search(wanted, one) and "Enabled: no" not in one)
    if path.suffix != ".list":
        return ""
    wanted = rf"deb\s+(\[[^]]*\]\s+)?(?!cdrom)\S+\s+{codename}(-\S+)?\s"
    return "\n".join(line for line in text.splitlines() if re.match(wanted, line.strip()))


def _finish_toolbox(root: Path) -> None:
    programs = root / "usr/local/bin"
    for script in recipe.scripts():
        _copy(script, programs / script.name, 0o755)
    agent = root / "usr/local/share/redes_agent"
    for module in recipe.agent_modules():
        _copy(module, agent / module.name, 0o644)
    compiling = ["/usr/bin/python3", "-m", "compileall", "-q", "/usr/local/share/redes_agent"]
    subprocess.run(["chroot", str(root), *compiling], check=True)
    _copy(recipe.kubectl(), programs / "kubectl", 0o755)
    # Ubuntu confines /usr/bin/tcpdump by its path, in containers too: it could neither write the captures nor
    # speak to a terminal there.
    _copy(root / "usr/bin/tcpdump", programs / "tcpdump", 0o755)
    for place in ("etc/bash.bashrc", "root/.bashrc"):
        _copy(recipe.FILES / "bashrc", root / place, 0o644)
    (root / "root/.profile").unlink(missing_ok=True)
    for leftover in ("var/cache/apt", "var/lib/apt/lists", "var/log", "var/cache/debconf"):
        shutil.rmtree(root / leftover, ignore_errors=True)
        (root / leftover).mkdir(parents=True)


def _link_applets(root: Path) -> None:
    program = root / "bin/busybox"
    applets = subprocess.run([str(program), "--list-full"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        link = root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to("/bin/busybox")


def _finish_busybox(root: Path) -> None:
    _link_applets(root)
    for directory in ("etc", "root", "tmp", "var", "home"):
        (root / directory).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    _write_users(root, home="/home")
    shutil.rmtree(root / "usr/share", ignore_errors=True)
    shutil.rmtree(root / "var/lib", ignore_errors=True)


_PROGRAM = """#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "/usr/share")
from netlab.addons.{package} import main

sys.exit(main())
"""


def _finish_coredns(root: Path) -> None:
    """Nothing but Python and the program: like the original's, this image has no shell."""
    _install_program(root, "coredns", "dns.server")
    shutil.rmtree(root / "var/lib", ignore_errors=True)


def _finish_nginx_ingress(root: Path) -> None:
    """Debian's nginx, not started by anything but the program; busybox to look around with."""
    _link_applets(root)
    _install_program(root, "nginx-ingress", "ingress.controller")
    for unwanted in ("var/lib/dpkg", "var/lib/apt", "etc/nginx/sites-enabled", "etc/nginx/modules-enabled"):
        shutil.rmtree(root / unwanted, ignore_errors=True)
    for directory in (
        "etc/nginx/stream-conf.d",
        "etc/nginx/secrets",
        "var/lib/nginx",
        "var/log/nginx",
        "tmp",
    ):
        (root / directory).mkdir(parents=True, exist_ok=True)
    _write_users(root)


def _finish_prometheus(root: Path) -> None:
    """The server with its pages. Of its packages' 360 MB most are time zones and a Perl that nobody runs."""
    (root / "usr/bin/promtool").unlink(missing_ok=True)
    zones, perl = "usr/share/javascript/moment-timezone", "usr/lib/*/perl*"
    unwanted = [
        root / place for place in (zones, "usr/share/perl", "var/lib/dpkg", "var/lib/apt", "usr/share/fonts")
    ]
    for place in (*unwanted, *root.glob(perl)):
        shutil.rmtree(place, ignore_errors=True)
    for program in (root / "usr/bin").glob("perl*"):
        program.unlink()
    for directory in ("prometheus", "tmp", "etc/prometheus"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    _write_users(root)


def _write_users(root: Path, home: str = "/") -> None:
    nobody = f"nobody:x:65534:65534:nobody:{home}:/bin/false"
    (root / "etc/passwd").write_text(f"root:x:0:0:root:/root:/bin/sh\n{nobody}\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")


def _install_program(root: Path, name: str, package: str) -> None:
    """A program of netlab/addons/ as the executable `/name`."""
    for module in recipe.modules(name):
        _copy(module, root / "usr/share/netlab" / module.relative_to(recipe.PACKAGE), 0o644)
    (root / name).write_text(_PROGRAM.format(package=package))
    (root / name).chmod(0o755)
    # The file system will be read-only, and compiling at each start would take a second.
    compile_all = ["/usr/bin/python3", "-m", "compileall", "-q", "/usr/lib/python3", "/usr/share/netlab"]
    library = next((root / "usr/lib").glob("python3.*"))
    subprocess.run(["chroot", str(root), *compile_all, f"/usr/lib/{library.name}"], check=True)


def _copy(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


_FINISH = {
    "toolbox": _finish_toolbox,
    "busybox": _finish_busybox,
    "coredns": _finish_coredns,
    "nginx-ingress": _finish_nginx_ingress,
    "prometheus": _finish_prometheus,
}
