"""The course as it was read last: reading it costs seconds, and five processes of a portal want the same.

What is kept is a pickle, named by a hash of all that it was made of: the course's files, this package's
code, the pinned libraries, the Python. So a kept course is never an old one. The first process to ask
reads the course, the others wait for it. A pickle can do whatever its writer likes; it is taken only from
somebody who could have changed our code as well. Where nothing can be kept, the course is read as ever.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from curriculum.specs import Course

logger = logging.getLogger(__name__)
PACKAGE = Path(__file__).resolve().parent
FOLDER = PACKAGE.parent / "var" / "course"
KEPT = 4  # how many stay: those of two or three branches that somebody goes back and forth between
OTHERS_MAY_WRITE = 0o022
# What a pickle raises that was cut off or is none: the language's documentation names no complete list.
DAMAGED = (
    pickle.UnpicklingError,
    OSError,
    EOFError,
    ImportError,
    AttributeError,
    LookupError,
    ValueError,
    TypeError,
)


def kept_course(root: Path, load: Callable[[Path], Course], *, folder: Path = FOLDER) -> Course:
    """The course in `root`, from `folder` where it is kept there, else loaded and kept.
    Raises CourseError as `load` does; a course with mistakes is not kept."""
    file = folder / f"{_hash_of(root)}.pickle"
    course = _take(file)
    if course is not None:
        return course
    with _turn(folder):
        course = _take(file)  # another process has read it meanwhile
        if course is None:
            course = load(root)
            _keep(course, file)
    return course


def _hash_of(root: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    made_of = [*_files(root), *_files(PACKAGE, "*.py"), PACKAGE.parent / "requirements.txt"]
    for path in made_of:
        with contextlib.suppress(FileNotFoundError):  # an editor swaps files
            content = path.read_bytes()
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def _take(file: Path) -> Course | None:
    try:
        with file.open("rb") as kept:
            if not _is_ours(os.fstat(kept.fileno())):
                logger.warning("%s is not used: others can write it", file)
                return None
            course = pickle.load(kept)  # noqa: S301 - it is ours
    except FileNotFoundError:
        return None
    except DAMAGED as error:
        logger.warning("%s cannot be read, the course is read instead: %r", file, error)
        return None
    return course if isinstance(course, Course) else None


def _is_ours(found: os.stat_result) -> bool:
    trusted = {0, os.geteuid(), Path(__file__).stat().st_uid}
    return found.st_uid in trusted and not found.st_mode & OTHERS_MAY_WRITE


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One process after another; all at once where there is no folder to meet in."""
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            door = held.enter_context((folder / "lock").open("w"))
            fcntl.flock(door, fcntl.LOCK_EX)
        except OSError as error:
            logger.debug("no course is kept in %s: %s", folder, error)
        yield


def _keep(course: Course, file: Path) -> None:
    half = file.with_suffix(f".{os.getpid()}")
    try:
        half.write_bytes(pickle.dumps(course, protocol=pickle.HIGHEST_PROTOCOL))
        half.chmod(0o644)  # the portal may run as another user than the one who set it up
        half.replace(file)
        others = sorted(file.parent.glob("*.pickle"), key=lambda path: path.stat().st_mtime)
        for old in others[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.debug("the course is not kept in %s: %s", file.parent, error)
