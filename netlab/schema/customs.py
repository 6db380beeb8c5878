"""Custom kinds: what a CustomResourceDefinition makes of an object - pruned, defaulted, judged.

A version of a definition becomes a `Kind` whose `custom` holds its structural schema. Unlike the built-in
kinds', a value of the wrong type is no error of decoding but a cause among others, in the words that
Kubernetes' validator uses. The judging itself is done by jsonschema, that of rules
(`x-kubernetes-validations`) by CEL.
"""

import json
from collections.abc import Iterator
from functools import cached_property, lru_cache

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError

from netlab import cel
from netlab.store import clone

from .causes import Cause, forbidden, invalid, required, unsupported
from .decode import conform
from .definitions import OBJECT_META
from .formats import FORMATS
from .kinds import STANDARD_VERBS, Kind, Subresource

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_RULES = "x-kubernetes-validations"
_TYPE_META = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}


class CustomSchema:
    """One version of a definition. Equal to nothing but itself: a changed definition is another one."""

    def __init__(self, crd: dict, version: dict):
        self.version = version
        self.singular, self.list_kind = (crd["spec"]["names"][name] for name in ("singular", "listKind"))
        self.storage_version = next(v["name"] for v in crd["spec"]["versions"] if v["storage"])
        self.schema = version.get("schema", {}).get("openAPIV3Schema", {})
        own = {key: value for key, value in self.schema.get("properties", {}).items() if key != "metadata"}
        metadata = {"$ref": f"#/$defs/{OBJECT_META}"}
        self.root = {**self.schema, "properties": {**_TYPE_META, "metadata": metadata, **own}}

    @property
    def columns(self) -> list[dict]:
        return self.version.get("additionalPrinterColumns", [])

    @property
    def scale(self) -> dict:
        return self.version.get("subresources", {}).get("scale", {})

    @property
    def deprecation(self) -> str | None:
        """What users of a deprecated version are told; "" where its definition does not say it."""
        return self.version.get("deprecationWarning", "") if self.version.get("deprecated") else None

    def conform(self, document: dict) -> tuple[dict, list[str]]:
        """Without unknown fields, and which these were. Raises WrongType for bad metadata."""
        problems: list[str] = []
        body = {key: value for key, value in document.items() if key != "metadata"}
        pruned = _prune(body, {**self.root, "properties": {**self.root["properties"]}}, "", problems)
        metadata = document.get("metadata")
        if metadata is not None:
            known = conform(
                {"metadata": metadata},
                {"properties": {"metadata": self.root["properties"]["metadata"]}, "type": "object"},
            )
            problems += known.problems
            pruned["metadata"] = known.object["metadata"]
        return pruned, problems

    def fill(self, obj: dict) -> None:
        """Put the schema's defaults where nothing stands."""
        _fill(obj, self.schema)

    def check(self, obj: dict, old: dict | None = None) -> list[Cause]:
        body, before = _as_judged(obj), old and _as_judged(old)
        causes = [_cause(error) for error in self._validator.iter_errors(body)]
        return causes or list(_broken_rules(body, self.schema, before, ""))

    @cached_property
    def _validator(self) -> Draft4Validator:
        return Draft4Validator(_for_jsonschema(self.schema), format_checker=FORMATS)


def kinds_of(crd: dict) -> list[Kind]:
    """A Kind for each served version."""
    spec, names = crd["spec"], crd["spec"]["names"]
    return [
        Kind(
            names["kind"],
            names["plural"],
            spec["group"],
            version["name"],
            namespaced=spec["scope"] == "Namespaced",
            short=tuple(names.get("shortNames", ())),
            categories=tuple(names.get("categories", ())),
            verbs=STANDARD_VERBS,
            subresources=_subresources(names["kind"], version.get("subresources", {})),
            custom=CustomSchema(crd, version),
        )
        for version in spec["versions"]
        if version["served"]
    ]


def _subresources(kind: str, wanted: dict) -> tuple[Subresource, ...]:
    verbs = ("get", "patch", "update")
    scale = (Subresource("scale", "Scale", verbs, "autoscaling", "v1"),) if "scale" in wanted else ()
    return (*scale, *((Subresource("status", kind, verbs),) if "status" in wanted else ()))


def _prune(value, schema: dict, path: str, problems: list[str]):
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_prune(item, items, f"{path}[{index}]", problems) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    problems += [f'duplicate field "{_at(path, key)}"' for key in getattr(value, "duplicates", ())]
    known = {**schema.get("properties", {}), **(_embedded() if schema.get(_EMBEDDED) else {})}
    others = schema.get("additionalProperties")
    kept = {}
    for key, item in value.items():
        below = known.get(key, others)
        if item is None and not (isinstance(below, dict) and below.get("nullable")):
            continue
        if isinstance(below, dict):
            kept[key] = _prune(item, below, _at(path, key), problems)
        elif below or schema.get(_PRESERVE) or _is_free(schema):
            kept[key] = clone(item)
        else:
            problems.append(f'unknown field "{_at(path, key)}"')
    return kept


def _embedded() -> dict:
    return {**_TYPE_META, "metadata": {"type": "object", _PRESERVE: True}}


def _is_free(schema: dict) -> bool:
    """Without any word of a type the schema says nothing: {} admits everything."""
    return not schema.get("type")


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _fill(value, schema: dict) -> None:
    if isinstance(value, list):
        for item in value:
            _fill(item, schema.get("items", {}))
        return
    if not isinstance(value, dict):
        return
    for key, below in schema.get("properties", {}).items():
        if key not in value and "default" in below:
            value[key] = clone(below["default"])
    for key, item in value.items():
        below = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
        if isinstance(below, dict):
            _fill(item, below)


def _for_jsonschema(schema):
    """The OpenAPI dialect in the words of JSON Schema, draft 4."""
    if isinstance(schema, list):
        return [_for_jsonschema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _below(key, value) for key, value in schema.items() if not key.startswith("x-")}
    plain.pop("default", None)
    if schema.get(_INT_OR_STRING):
        plain.pop("anyOf", None)
        plain["type"] = ["integer", "string"]
    if schema.get("nullable") and "type" in plain:
        plain["type"] = [*([plain["type"]] if isinstance(plain["type"], str) else plain["type"]), "null"]
    return plain


def _below(key: str, value):
    if key in ("properties", "patternProperties") and isinstance(value, dict):
        return {name: _for_jsonschema(schema) for name, schema in value.items()}
    return value if key in ("enum", "required") else _for_jsonschema(value)


def _cause(error: ValidationError) -> Cause:
    field, value = _path(error), error.instance
    wanted, told = error.validator_value, error.validator
    if told == "required":
        missing = error.message.split("'")[1]
        return required(_at(field, missing))
    if told == "enum":
        return unsupported(field, value, [str(one) for one in wanted])
    if told == "type":
        kinds = wanted if isinstance(wanted, str) else ",".join(wanted)
        shown = json.dumps(_type_of(value))
        detail = f"{field} in body must be of type {kinds}: {shown}"
        return invalid(field, _type_of(value), detail)
    if told == "format":
        return invalid(field, value, f"{field} in body must be of type {wanted}: {json.dumps(value)}")
    template = _WORDS.get(told, "{field} in body is invalid: {message}")
    return invalid(field, value, template.format(field=field, wanted=wanted, message=error.message))


def _path(error: ValidationError) -> str:
    text = ""
    for part in error.absolute_path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def _type_of(value) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return names.get(type(value), "null")


_WORDS = {
    "pattern": "{field} in body should match '{wanted}'",
    "minimum": "{field} in body should be greater than or equal to {wanted}",
    "maximum": "{field} in body should be less than or equal to {wanted}",
    "minLength": "{field} in body should be at least {wanted} chars long",
    "maxLength": "{field} in body should be at most {wanted} chars long",
    "minItems": "{field} in body should have at least {wanted} items",
    "maxItems": "{field} in body should have at most {wanted} items",
    "minProperties": "{field} in body should have at least {wanted} properties",
    "maxProperties": "{field} in body should have at most {wanted} properties",
    "multipleOf": "{field} in body should be a multiple of {wanted}",
    "uniqueItems": "{field} in body shouldn't contain duplicates",
    "oneOf": "{field} in body must validate one and only one schema (oneOf)",
    "anyOf": "{field} in body must validate at least one schema (anyOf)",
    "allOf": "{field} in body must validate all the schemas (allOf)",
    "not": "{field} in body must not validate the schema (not)",
}


def _as_judged(obj: dict) -> dict:
    """An object as schema and rules may read it: of the metadata, the names alone."""
    names = {key: obj["metadata"][key] for key in ("name", "generateName") if key in obj["metadata"]}
    return {**obj, "metadata": names}


def _same_item(item, schema: dict, before) -> dict | None:
    """The old form of an item of a list with keys: rules about changes compare by them."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") != "map" or not keys or not isinstance(before, list):
        return None
    wanted = [item.get(key) for key in keys]
    return next((one for one in before if [one.get(key) for key in keys] == wanted), None)


def _broken_rules(value, schema: dict, old, path: str) -> Iterator[Cause]:
    for rule in schema.get(_RULES, ()):
        cause = _judge(rule, value, old, path)
        if cause:
            yield cause
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            before = _same_item(item, schema, old)
            yield from _broken_rules(item, schema["items"], before, f"{path}[{index}]")
    elif isinstance(value, dict):
        known = old if isinstance(old, dict) else {}
        for key, item in value.items():
            below = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
            if isinstance(below, dict) and (path or key != "metadata"):
                yield from _broken_rules(item, below, known.get(key), _at(path, key))


def _judge(rule: dict, value, old, path: str) -> Cause | None:
    if "oldSelf" in rule["rule"] and old is None and not rule.get("optionalOldSelf"):
        return None  # it is about a change, and this is none
    values = {"self": value} if old is None else {"self": value, "oldSelf": old}
    try:
        if _program(rule["rule"], cel.BOOL).run(values) is True:
            return None
        message = rule.get("message", "").strip() or f"failed rule: {rule['rule']}"
        if rule.get("messageExpression"):
            message = str(_program(rule["messageExpression"], cel.STRING).run(values))
    except cel.CelError as error:
        message = f"rule evaluation error: {error}"
    field = path + (rule.get("fieldPath") or "")
    if rule.get("reason") == "FieldValueForbidden":
        return forbidden(field, message)
    if rule.get("reason") == "FieldValueRequired":
        return required(field, message)
    return invalid(field, _type_of(value) if isinstance(value, dict | list) else value, message)


@lru_cache(maxsize=1024)
def _program(text: str, returns: str) -> cel.Program:
    return cel.Scope({"self": cel.ANY, "oldSelf": cel.ANY}).compile(text, returns)


def check_rule(text: str) -> str | None:
    """Why a rule cannot be compiled, or None."""
    try:
        _program(text, cel.BOOL)
    except cel.CelError as error:
        return str(error)
    return None


def wrong_default(schema: dict) -> str | None:
    """Why the default of a schema does not fit the schema itself, or None."""
    plain = _for_jsonschema(schema)
    validator = Draft4Validator(plain, format_checker=FORMATS)
    return next((error.message for error in validator.iter_errors(schema["default"])), None)
