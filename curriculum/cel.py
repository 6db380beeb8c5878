"""Expressions of the Common Expression Language over objects of the cluster, by Google's library."""

import re
from functools import lru_cache

from cel_expr_python import cel

NAMES = ("object", "objects")
_CONFIG = cel.NewEnvConfigFromYaml(
    "name: redes\nstdlib: {}\nextensions:\n- name: optional\n- name: strings\n- name: lists\n- name: sets"
)
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class CelError(ValueError):
    """An expression that does not compile, or has no value for this object."""


@lru_cache(maxsize=1)
def _environment():
    return cel.NewEnv(config=_CONFIG, variables=dict.fromkeys(NAMES, cel.Type.DYN))


@lru_cache(maxsize=512)
def compile_expression(text: str):
    """Raises CelError with what is wrong about the text."""
    try:
        return _environment().compile(text)
    except RuntimeError as error:
        raise CelError(_plainly(error)) from error


def evaluate(text: str, **values):
    """The value in plain Python. Raises CelError."""
    expression = compile_expression(text)
    try:
        value = expression.eval(_environment().Activation({name: values.get(name) for name in NAMES}))
        failed = value.type().name() == "ERROR"
        plain = str(value.value()) if failed else value.plain_value()
    except (RuntimeError, SystemError, TypeError, ValueError, OverflowError) as error:
        raise CelError(_plainly(error)) from error
    if failed:
        raise CelError(_plainly(plain))
    return plain


def _plainly(error: object) -> str:
    return _STATUS.sub("", str(error).strip())
