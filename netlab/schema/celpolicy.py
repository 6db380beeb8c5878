"""ValidatingAdmissionPolicies: compiled once for all requests, and what makes one invalid.

A variable of a policy is declared under its full name, `variables.containers`, with the type of its
expression; so a later expression that misuses it is refused with the policy, not with a pod.
"""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache

from netlab.cel import ANY, BOOL, STRING, CelError, Program, Scope

from .causes import Cause, forbidden, invalid, one_of, required
from .policyrules import check_selector

_NAMES = ("object", "oldObject", "request", "namespaceObject")
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]
_REASONS = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"]
_ACTIONS = ["Audit", "Deny", "Warn"]
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API"
    " response and headers serves no purpose)"
)
_NO_PARAMETERS = (
    "parameters of admission policies are not available in netlab: write the values in the policy"
)


@dataclass(frozen=True)
class Validation:
    rule: Program
    message: str
    message_rule: Program | None
    reason: str


@dataclass
class Compiled:
    """`variables` in their order; `problems` are the causes for which the policy is invalid."""

    conditions: list[Program] = field(default_factory=list)
    variables: dict[str, Program] = field(default_factory=dict)
    validations: list[Validation] = field(default_factory=list)
    problems: list[Cause] = field(default_factory=list)

    def compile(self, scope: Scope, text: str, where: str, returns: str) -> Program | None:
        if not text.strip():
            self.problems.append(required(where, "expression is not specified"))
            return None
        try:
            return scope.compile(text, returns)
        except CelError as error:
            self.problems.append(invalid(where, text, str(error)))
            return None


def compile_policy(spec: dict) -> Compiled:
    return _compile(json.dumps(spec, sort_keys=True))


@lru_cache(maxsize=64)
def _compile(text: str) -> Compiled:
    spec, compiled = json.loads(text), Compiled()
    scope = Scope(dict.fromkeys(_NAMES, ANY))
    _compile_conditions(compiled, scope, spec)
    scope = _compile_variables(compiled, scope, spec)
    for index, one in enumerate(spec.get("validations", [])):
        _compile_validation(compiled, scope, one, f"spec.validations[{index}]")
    for index, one in enumerate(spec.get("auditAnnotations", [])):
        where = f"spec.auditAnnotations[{index}].valueExpression"
        compiled.compile(scope, one.get("valueExpression", ""), where, ANY)
    return compiled


def _compile_conditions(compiled: Compiled, scope: Scope, spec: dict) -> None:
    for index, one in enumerate(spec.get("matchConditions", [])):
        where = f"spec.matchConditions[{index}].expression"
        program = compiled.compile(scope, one.get("expression", ""), where, BOOL)
        compiled.conditions += [program] if program else []


def _compile_variables(compiled: Compiled, scope: Scope, spec: dict) -> Scope:
    for index, one in enumerate(spec.get("variables", [])):
        where, name = f"spec.variables[{index}]", one.get("name", "")
        if not _IDENTIFIER.fullmatch(name):
            compiled.problems.append(invalid(f"{where}.name", name, "name is not a valid CEL identifier"))
            continue
        program = compiled.compile(scope, one.get("expression", ""), f"{where}.expression", ANY)
        if program:
            compiled.variables[name] = program
        scope = scope.with_name(f"variables.{name}", program.returns if program else ANY)
    return scope


def _compile_validation(compiled: Compiled, scope: Scope, one: dict, where: str) -> None:
    text, message = one.get("expression", ""), one.get("message", "")
    rule = compiled.compile(scope, text, f"{where}.expression", BOOL)
    message_rule = None
    if one.get("messageExpression"):
        told = f"{where}.messageExpression"
        message_rule = compiled.compile(scope, one["messageExpression"], told, STRING)
    if "\n" in message.strip():
        compiled.problems.append(invalid(f"{where}.message", message, "message must not contain line breaks"))
    if "\n" in text.strip() and not message:
        why = "message must be specified if expression contains line breaks"
        compiled.problems.append(required(f"{where}.message", why))
    reason = one.get("reason", "Invalid")
    compiled.problems += one_of(f"{where}.reason", reason, _REASONS)
    if rule:
        compiled.validations.append(Validation(rule, message.strip(), message_rule, reason))


def check_validating_policy(policy: dict) -> list[Cause]:
    spec = policy.get("spec", {})
    if spec.get("paramKind"):
        return [forbidden("spec.paramKind", _NO_PARAMETERS)]
    found = []
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        found.append(required("spec.validations", "validations or auditAnnotations must be set"))
    found += one_of("spec.failurePolicy", spec.get("failurePolicy"), ["Fail", "Ignore"])
    if "matchConstraints" not in spec:
        found.append(required("spec.matchConstraints"))
    elif not spec["matchConstraints"].get("resourceRules"):
        found.append(required("spec.matchConstraints.resourceRules"))
    found += _check_matching(spec.get("matchConstraints", {}), "spec.matchConstraints")
    return found + compile_policy(spec).problems


def check_policy_binding(binding: dict) -> list[Cause]:
    spec = binding.get("spec", {})
    if spec.get("paramRef"):
        return [forbidden("spec.paramRef", _NO_PARAMETERS)]
    actions = spec.get("validationActions", [])
    found = [] if spec.get("policyName") else [required("spec.policyName")]
    found += [] if actions else [required("spec.validationActions")]
    for index, action in enumerate(actions):
        found += one_of(f"spec.validationActions[{index}]", action, _ACTIONS)
    if {"Deny", "Warn"} <= set(actions):
        found.append(invalid("spec.validationActions", actions, _BOTH))
    return found + _check_matching(spec.get("matchResources", {}), "spec.matchResources")


def _check_matching(wanted: dict, where: str) -> list[Cause]:
    found = []
    for name in ("namespaceSelector", "objectSelector"):
        found += check_selector(wanted.get(name, {}), f"{where}.{name}")
    found += one_of(f"{where}.matchPolicy", wanted.get("matchPolicy", "Equivalent"), ["Equivalent", "Exact"])
    for rules in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(wanted.get(rules, [])):
            found += _check_rule(rule, f"{where}.{rules}[{index}]")
    return found


def _check_rule(rule: dict, where: str) -> list[Cause]:
    lists = ("operations", "apiGroups", "apiVersions", "resources")
    found = [required(f"{where}.{name}") for name in lists if not rule.get(name)]
    for index, operation in enumerate(rule.get("operations", [])):
        found += one_of(f"{where}.operations[{index}]", operation, _OPERATIONS)
    return found + one_of(f"{where}.scope", rule.get("scope", "*"), ["*", "Cluster", "Namespaced"])
