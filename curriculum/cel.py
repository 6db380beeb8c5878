"""Expressions of the Common Expression Language over objects of the cluster, by Google's library."""

import re
from collections.abc import Mapping
from functools import lru_cache

from cel_expr_python import cel

NAMES = ("object", "objects")
GIVEN = ("given",)  # what a quiz's expressions know: the values of their question
_CONFIG = cel.NewEnvConfigFromYaml(
    "name: redes\nstdlib: {}\nextensions:\n"
    "- name: optional\n- name: strings\n- name: lists\n- name: sets\n- name: math"
)
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class CelError(ValueError):
    """An expression that does not compile, or has no value for this object."""


@lru_cache(maxsize=2)
def _environment(names: tuple[str, ...]):
    return cel.NewEnv(config=_CONFIG, variables=dict.fromkeys(names, cel.Type.DYN))


@lru_cache(maxsize=1024)
def compile_expression(text: str, names: tuple[str, ...] = NAMES):
    """Raises CelError with what is wrong about the text."""
    try:
        return _environment(names).compile(text)
    except RuntimeError as error:
        raise CelError(_plainly(error)) from error


def evaluate(text: str, **values):
    """The value in plain Python, of `object` and `objects`. Raises CelError."""
    return _evaluate(text, NAMES, values)


def work_out(text: str, given: Mapping[str, object]):
    """The value in plain Python, of names as `given.NAME`. Raises CelError."""
    return _evaluate(text, GIVEN, {"given": dict(given)})


def _evaluate(text: str, names: tuple[str, ...], values: Mapping[str, object]):
    expression = compile_expression(text, names)
    try:
        value = expression.eval(_environment(names).Activation({name: values.get(name) for name in names}))
        failed = value.type().name() == "ERROR"
        plain = str(value.value()) if failed else value.plain_value()
    except (RuntimeError, SystemError, TypeError, ValueError, OverflowError) as error:
        raise CelError(_plainly(error)) from error
    if failed:
        raise CelError(_plainly(plain))
    return plain


def _plainly(error: object) -> str:
    return _STATUS.sub("", str(error).strip())
