"""Values drawn from a seed: the same for ever."""

import random
from dataclasses import dataclass

from curriculum.enums import ParameterKind
from curriculum.schema import told

# No look-alikes: a student types these words by hand.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A value drawn for each attempt from its seed: a number, or a word with random letters."""

    kind: ParameterKind = told("number or word")
    lowest: int = told("smallest number drawn", default=0, minimum=0)
    highest: int = told("largest number drawn", default=0, minimum=0)
    prefix: str = told("what a word begins with", default="", pattern="^[a-z0-9-]*$")
    length: int = told("how many random letters follow the prefix", default=6, minimum=4, maximum=32)


def draw_value(parameter: Parameter, seed: str) -> str | int:
    """One value; each parameter has a seed, and so a random stream, of its own."""
    source = random.Random(seed)
    if parameter.kind == ParameterKind.NUMBER:
        return source.randint(parameter.lowest, parameter.highest)
    return parameter.prefix + "".join(source.choices(LETTERS, k=parameter.length))
