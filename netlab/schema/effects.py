"""What becomes of every field of every kind: it is refused, warned of, or has its effect.

The answers are asked of `fields.examine` itself, one field at a time: each is set in a small object that is
well otherwise. What passes without a word must have its effect, and `effective.yaml` names the test that
shows it. Fields are named after the definition they stand in (`Container.image`), for one definition serves
many kinds.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby, pairwise

import yaml

from . import fields
from .defaults import apply_defaults
from .definitions import resolve, type_of
from .kinds import KINDS, Kind

_HEAD = """# Every field of every kind

Made from the code by `python -m netlab fields`; a test holds it against the code. Metadata and status are
left out, and so is what stands in CustomResourceDefinitions, whose objects are served as their schema says.

- **effective**: it does what it does on any cluster; the test that shows it is named.
- **warned**: it is kept without effect, and the answer carries this `Warning`, which kubectl prints.
- **refused**: an object that sets it is not taken, for the reason given."""
_SYSTEMS_OWN = ("apiVersion", "kind", "metadata", "status")  # of the object itself
_TEMPLATE = {"metadata": {}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
_SMALL: dict[str, dict] = {
    "CronJob": {"spec": {"jobTemplate": {"spec": {"template": _TEMPLATE}}}},
    "PersistentVolume": {"spec": {"hostPath": {"path": "/a"}}},
    "PersistentVolumeClaim": {"spec": {}},
    "HorizontalPodAutoscaler": {"spec": {}},
    "StorageClass": {},
    "Pod": {"spec": _TEMPLATE["spec"]},
    "Service": {"spec": {"ports": [{"port": 80}]}},
    "ValidatingAdmissionPolicy": {
        "spec": {"matchConstraints": {"resourceRules": [_RULE]}, "validations": [{"expression": "true"}]}
    },
    "ValidatingAdmissionPolicyBinding": {"spec": {"validationActions": ["Deny"]}},
}


@dataclass(frozen=True)
class Effect:
    field: str  # Definition.field
    path: str  # where it was tried: Kind.spec...
    verdict: str  # "effective", "warned" or "refused"
    reason: str  # the Warning, the refusal, or the test that shows the effect; "" where nobody names one
    above: bool = False  # not the field itself is refused, but what it stands in


@cache
def all_effects() -> list[Effect]:
    """One for each field that a user can set, sorted by its name."""
    found: dict[str, Effect] = {}
    for kind in (kind for kind in KINDS if kind.writable):
        for name, path, value in _leaves(kind):
            effect = _effect(kind, name, path, value)
            if name not in found or _news(effect) > _news(found[name]):
                found[name] = effect
    return [found[name] for name in sorted(found)]


def _news(effect: Effect) -> int:
    """What is refused or warned of in one place is the news; that it stands in something refused is none."""
    return 0 if effect.above else 1 if effect.verdict == "effective" else 2


@cache
def shown_by() -> dict[str, str]:
    """Definition.field, or Definition.* for all of it -> the test that shows the effect."""
    text = (files(__package__) / "effective.yaml").read_text()
    listed: dict[str, str] = {}
    for test, names in yaml.safe_load(text).items():
        for name in names:
            listed[name] = test
    return listed


def _effect(kind: Kind, name: str, path: tuple, value) -> Effect:
    where = f"{kind.name}.{'.'.join(word for word in path if word != 0)}"
    before, after = _of_small(kind), _examined(kind, path, value)
    refused = [cause for cause in after.refused if cause not in before.refused]
    if refused:
        places = [re.sub(r"\[\d+\]", "", cause.field) for cause in refused]
        above = all(where.startswith(f"{kind.name}.{place}.") for place in places)
        return Effect(name, where, "refused", refused[0].message.removeprefix("Forbidden: "), above)
    warned = [text for text in after.warnings if text not in before.warnings]
    if warned:
        return Effect(name, where, "warned", warned[0])
    test = shown_by().get(name) or shown_by().get(f"{name.partition('.')[0]}.*", "")
    return Effect(name, where, "effective", test)


@cache
def _of_small(kind: Kind) -> fields.Verdict:
    return _examined(kind, (), None)


def _examined(kind: Kind, path: tuple, value) -> fields.Verdict:
    has_template = kind.group in ("apps", "batch") or kind.name == "ReplicationController"
    template: dict = {"spec": {"template": _TEMPLATE} if has_template else {}}
    obj: dict = deepcopy(_SMALL.get(kind.name, template))
    obj |= {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "x"}}
    if path:
        _put(obj, path, value)
    apply_defaults(obj)
    return fields.examine(kind, obj)


def _put(target, path: tuple, value) -> None:
    for word, following in pairwise(path):
        empty: list | dict = [] if following == 0 else {}
        if isinstance(target, list):
            if not target:
                target.append(empty)
            target = target[0]
        else:
            target = target.setdefault(word, empty)
    if isinstance(target, list):
        target[:] = [value]
    else:
        target[path[-1]] = value


def _leaves(kind: Kind) -> Iterator[tuple[str, tuple, object]]:
    """(Definition.field, path, a value of its type) of every field a user may set."""
    _, schema = resolve(kind.root)
    for name, below in schema.get("properties", {}).items():
        if name not in _SYSTEMS_OWN:
            yield from _walk(below, (name,), kind.name, frozenset())


def _walk(schema: dict, path: tuple, owner: str, seen: frozenset) -> Iterator[tuple[str, tuple, object]]:
    name, body = resolve(schema)
    if name in seen:
        return
    if type_of(body) == "array":
        yield from _walk(body["items"], (*path, 0), owner, seen)
    elif body.get("properties") and not name.endswith("meta.v1.ObjectMeta"):
        owner = name.rpartition(".")[2] if name else owner
        for key, below in body["properties"].items():
            yield from _walk(below, (*path, key), owner, seen | {name})
    else:
        last = next(word for word in reversed(path) if word != 0)
        yield f"{owner}.{last}", path, _sample(body)


def _sample(schema: dict):
    return {"boolean": True, "integer": 7, "number": 7, "object": {"a": "b"}}.get(type_of(schema) or "", "x")


def as_page() -> str:
    """The page `docs/netlab-fields.md`."""
    lines = [_HEAD]
    for definition, members in groupby(all_effects(), key=lambda effect: effect.field.partition(".")[0]):
        lines += ["", f"## {definition}", "", "| field | is | why, or what shows it |", "|-|-|-|"]
        by_answer: dict[tuple[str, str], list[str]] = {}
        for effect in members:
            by_answer.setdefault((effect.verdict, effect.reason), []).append(effect.field.partition(".")[2])
        for (verdict, reason), names in by_answer.items():
            told = reason.replace("|", "\\|")
            lines.append(f"| {', '.join(f'`{name}`' for name in names)} | {verdict} | {told} |")
    return "\n".join(lines) + "\n"
