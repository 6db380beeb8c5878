"""What `docs/` tells authors of every key of every file, out of the classes that read them."""

import dataclasses
import json
import typing

from curriculum.enums import ConditionKind
from curriculum.glossary import Term
from curriculum.hints import Cause
from curriculum.kinds import CONDITION_SETTINGS
from curriculum.plots import Plot
from curriculum.predictions import Prediction
from curriculum.quizzes import Fact, Live, Question, Quiz
from curriculum.reasons import MEANINGS, OF_KIND
from curriculum.schema import definition_of, fields_in_file, schema_of
from curriculum.specs import (
    Act,
    Card,
    Chapter,
    Condition,
    Effects,
    LabSpec,
    Parameter,
    Planned,
    Play,
    PodSpec,
    RulesDrawing,
    Step,
    Traffic,
)


def _spell_kinds(settings: type) -> str:
    kinds = [f"`{kind.value}`" for kind in ConditionKind if CONDITION_SETTINGS[kind] is settings]
    return " and ".join(kinds)


FILE_KINDS = {
    "chapter.yaml": Chapter,
    "glossary.yaml": dict[str, Term],
    "lab.yaml": LabSpec,
    "quiz.yaml": Quiz,
    "solution.yaml": Play,
}
TABLES = {
    "`chapter.yaml`": Chapter,
    "`planned[]` of a chapter": Planned,
    "`KEY` of `glossary/*.yaml`": Term,
    "`lab.yaml`": LabSpec,
    "`pods[]`": PodSpec,
    "`background[]`": Traffic,
    "`parameters.NAME`": Parameter,
    "`deck.NAME`": Card,
    "`steps[]`": Step,
    "`effects` of an `impair` step": Effects,
    "`prediction` of a `predict` step": Prediction,
    "`when.NAME` of a step": Cause,
    "`plots.KEY`": Plot,
    "`rules`": RulesDrawing,
    "`conditions[]`": Condition,
    **{
        f"`settings` of {kinds}": settings
        for settings in dict.fromkeys(CONDITION_SETTINGS.values())
        if (kinds := _spell_kinds(settings))
    },
    "`solution.yaml`, `solutions/*.yaml` and `mutants/*.yaml`": Play,
    "`acts[]`": Act,
    "`quiz.yaml`": Quiz,
    "`questions[]`": Question,
    "`live` of a question": Live,
    "`facts.NAME` of `live`": Fact,
}


def publish_schema(file: str) -> str:
    """The JSON Schema of a file, as docs/schema holds it for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": file}
    return json.dumps(head | schema_of(FILE_KINDS[file]), indent=2) + "\n"


def publish_keys() -> str:
    """Markdown tables of all keys, as docs/authoring.md holds them."""
    tables = [f"#### {title}\n\n{_table(kind)}" for title, kind in TABLES.items()]
    return "\n".join([*tables, f"#### Reasons of failures\n\n{_reasons()}"])


def _reasons() -> str:
    """Which kinds of conditions fail with which reason, and what it means."""
    kinds = {
        reason: ", ".join(f"`{kind}`" for kind in ConditionKind if reason in OF_KIND[kind])
        for reason in MEANINGS
    }
    rows = [f"| `{reason}` | {kinds[reason]} | {told} |\n" for reason, told in MEANINGS.items()]
    return "| reason | of | meaning |\n|---|---|---|\n" + "".join(rows)


def _table(kind: type) -> str:
    required = definition_of(kind)["required"]
    rows = [_row(kind, field, field.name in required) for field in fields_in_file(kind)]
    return "| key | value | meaning |\n|---|---|---|\n" + "".join(rows)


def _row(kind: type, field: dataclasses.Field, is_required: bool) -> str:
    limits = field.metadata["schema"]
    value = _spell_value(schema_of(typing.get_type_hints(kind)[field.name]) | limits)
    star = " *" if is_required else ""
    return f"| `{field.name}`{star} | {value} | {limits['description']} |\n"


def _spell_value(schema: dict) -> str:
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "$ref" in schema:
        return "mapping with `kind` and `settings`"
    if schema["type"] == "array":
        return f"list of {_spell_value(schema['items'])}"
    if schema["type"] in ("integer", "number"):
        return _spell_number(schema)
    if schema["type"] == "boolean":
        return "`true` or `false`"
    if schema["type"] == "object":
        return "text in both languages" if "pt-br" in schema.get("properties", {}) else "mapping"
    return "text"


def _spell_number(schema: dict) -> str:
    bounds = [str(schema[bound]) if bound in schema else "" for bound in ("minimum", "maximum")]
    return f"number {bounds[0]} to {bounds[1]}" if all(bounds) else "number"
