"""The pages about netlab lead a stranger to files that are there, and each file says what it is."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NETLAB = ROOT / "netlab"
PAGES = ("netlab.md", "netlab-network.md", "netlab-workloads.md")


def is_there(name: str) -> bool:
    if "/" not in name:  # the folder was named just before
        return bool(list(NETLAB.rglob(name)) or list((ROOT / "tests").rglob(name)))
    return (ROOT / name).exists() or (NETLAB / name).exists()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page):
    named = re.findall(r"`([\w./-]+\.(?:py|yaml))`", (ROOT / "docs" / page).read_text())
    assert named and [name for name in named if not is_there(name)] == []


def test_the_map_has_every_folder():
    folders = {path.parent.relative_to(NETLAB).parts[0] for path in NETLAB.rglob("*/*.py")}
    page = (ROOT / "docs/netlab.md").read_text()
    assert [name for name in sorted(folders) if f"| `{name}/` |" not in page] == []


def test_every_module_begins_with_what_it_is():
    modules = [path for path in NETLAB.rglob("*.py") if path.name != "__main__.py"]
    silent = [path for path in modules if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
