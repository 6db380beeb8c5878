"""A course of one small lab whose steps are of every kind, for the tests of the steps themselves.

`write_course` makes its folder; the words of a step or condition are its key.
"""

import shutil
from pathlib import Path

import yaml

HERE = Path(__file__).parent
LAB = "workshop"


def write_course(root: Path) -> Path:
    """The folder of the course, to be given as the option COURSE."""
    chapter = root / "01-workshop"
    add_lab(chapter)
    shutil.copy(HERE / "chapter.yaml", chapter)
    return root


def add_lab(chapter: Path) -> None:
    lab = chapter / LAB
    shutil.copytree(HERE / "lab", lab)
    for language in ("pt-br", "en"):
        (lab / f"{language}.md").write_text(_prose(yaml.safe_load((lab / "lab.yaml").read_text())))


def _prose(lab: dict) -> str:
    steps = [f"step {step['key']}: The step {step['key']}" for step in lab["steps"]]
    conditions = [f"condition {each['key']}: {each['key']} holds" for each in lab["conditions"]]
    return "".join(f"## {heading}\n\nWords.\n\n" for heading in ["intro", *steps]) + "".join(
        f"## {heading}\n\n" for heading in [*conditions, "debrief"]
    )
