"""Do a step only when its inputs changed: the digest of what it was made from lies beside what it made."""

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def digest(paths: Iterable[Path], *words: str) -> str:
    """One digest of files, of all files in folders (byte code apart), of words and of the Python version."""
    total = hashlib.sha256(repr((sys.version_info[:3], words)).encode())
    for path in sorted(_files(paths)):
        total.update(f"{os.path.relpath(path, PROJECT)}\0".encode())  # the project may move
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        found = path.rglob("*") if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and file.suffix != ".pyc")


def is_fresh(stamp: Path, value: str) -> bool:
    return stamp.exists() and stamp.read_text() == value


def write(stamp: Path, value: str) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(value)
