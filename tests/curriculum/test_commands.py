"""What authors type, and what they read about it."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from jsonschema import Draft202012Validator

from curriculum.publish import FILE_KINDS, publish_keys

DOCS = Path(settings.BASE_DIR) / "docs"


def test_lint_says_that_all_is_well(capsys):
    call_command("labs", "lint")
    *_warnings, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"6 chapters and \d+ lab\(s\), nothing to mend", last)


def test_lint_fails_with_every_problem(folder):
    folder.change("lab.yaml", "minutes: 20", "minutes: 2")
    folder.change("mutants/wrong-ttl.yaml", "step: predict-ttl", "stp: predict-ttl")
    with pytest.raises(
        CommandError, match=r"lab\.yaml:\d+: minutes: (.|\n)*wrong-ttl\.yaml:\d+: acts\[0\]\.stp"
    ):
        call_command("labs", "lint", content=folder.root)


@pytest.mark.parametrize("file", FILE_KINDS)
def test_the_published_schema_is_the_one_the_loader_uses(file, capsys):
    call_command("labs", "schema", file)
    printed = capsys.readouterr().out
    assert (DOCS / "schema" / file.replace(".yaml", ".json")).read_text() == printed
    Draft202012Validator.check_schema(json.loads(printed))


def test_the_authors_guide_holds_every_key_as_the_code_reads_it():
    begin, end = "<!-- keys: begin -->\n", "<!-- keys: end -->"
    published = (DOCS / "authoring.md").read_text().split(begin)[1].split(end)[0]
    assert published.strip() == publish_keys().strip(), "run `manage.py labs keys` and put its output there"
