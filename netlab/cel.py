"""The Common Expression Language, with the libraries Kubernetes offers in its policies.

Google's own implementation checks and runs the expressions, so types are known before anything runs. It is
imported with the first expression: a cluster without policies carries nothing of it.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

BOOL, STRING = "BOOL", "STRING"
ANY = "DYN"
_LIBRARIES = ("optional", "strings", "lists", "sets", "math", "bindings")
# The library puts a status word around what it has to say.
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_UNKNOWN_VARIABLE = re.compile(r"undeclared reference to 'variables\.(\w+)' \(in container ''\)")
# A selection on a name that is not declared is told under both names, and at the dot.
_UNKNOWN_NAME = re.compile(r"undeclared reference to '(\w+)\.[\w.]+' \(in container ''\)")
_MISSING_KEY = re.compile(r'Key not found in map : "(.*)"')
_MISSING_VALUE = re.compile(r'^No value with name "(.*)" found in Activation$')


class CelError(Exception):
    """An expression that does not compile, or fails when it is run."""


class MissingValue(CelError):
    """A name that was declared, and has no value now."""

    def __init__(self, name: str):
        super().__init__(f"no value for {name}")
        self.name = name


@dataclass(frozen=True)
class Program:
    text: str
    returns: Any  # the type in the library's own terms
    _expression: Any
    _env: Any

    def run(self, values: dict) -> Any:
        """The value in plain Python. Raises CelError."""
        try:
            value = self._expression.eval(self._env.Activation(values))
            failed = value.type().name() == "ERROR"
            plain = str(value.value()) if failed else value.plain_value()
        except (RuntimeError, SystemError, TypeError, ValueError, OverflowError) as error:
            raise CelError(_plainly(str(error))) from error
        if failed:
            raise _failure(_plainly(plain))
        return plain


class Scope:
    """The names that expressions may use, with their types; `ANY` where only running tells."""

    def __init__(self, names: dict[str, Any]):
        self._names = names
        self._env: Any = None  # made when first needed

    def with_name(self, name: str, kind: Any) -> "Scope":
        return Scope({**self._names, name: kind})

    def compile(self, text: str, returns: str = ANY) -> Program:
        """Raises CelError; also when the type is another than `returns`."""
        self._env = self._env or _environment(self._names)
        try:
            expression = self._env.compile(text)
        except RuntimeError as error:
            raise CelError(f"compilation failed: {_plainly(str(error))}") from error
        kind = expression.return_type()
        if returns not in (ANY, kind.name()):
            raise CelError(f"must evaluate to {returns.lower()}")
        return Program(text, kind, expression, self._env)


@cache
def _library() -> tuple[Any, Any]:
    from cel_expr_python import cel

    extensions = "".join(f"\n- name: {name}" for name in _LIBRARIES)
    return cel, cel.NewEnvConfigFromYaml(f"name: kubernetes\nstdlib: {{}}\nextensions:{extensions}")


def _environment(names: dict[str, Any]) -> Any:
    cel, config = _library()
    types = {name: cel.Type.DYN if isinstance(kind, str) else kind for name, kind in names.items()}
    return cel.NewEnv(config=config, variables=types)


def _plainly(text: str) -> str:
    """The message as Kubernetes words it."""
    text = _UNKNOWN_VARIABLE.sub(r"undefined field '\1'", _STATUS.sub("", text.strip()))
    text = _UNKNOWN_NAME.sub(r"undeclared reference to '\1' (in container '')", text)
    return _MISSING_KEY.sub(r"no such key: \1", text)


def _failure(message: str) -> CelError:
    missing = _MISSING_VALUE.match(message)
    return MissingValue(missing[1]) if missing else CelError(message)
