"""The order of the long files."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_what_is_said_to_be_long_is_there_and_named_once():
    listed = (PROJECT / "tests/longest.txt").read_text().splitlines()
    assert [name for name in listed if not (PROJECT / name).exists()] == []
    assert len(set(listed)) == len(listed)
