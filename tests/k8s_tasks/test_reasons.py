"""Every failure a check gives carries a word that its kind is said to give."""

import ast
from pathlib import Path

import pytest

from curriculum.enums import ConditionKind
from curriculum.reasons import OF_KIND, Reason
from k8s_tasks.checks import judging

CHECKS = Path(judging.__file__).parent
SHARED = {
    ConditionKind.BALANCE: ("shares",),
    ConditionKind.AFFINITY: ("shares",),
    ConditionKind.REMAP: ("shares",),
    ConditionKind.LOSS: ("shares",),
}
PARTS = {"capture": ("hops", "rewriting", "secrecy", "sizes")}  # what one kind has in modules of their own
SHARED_WORDS = {Reason.WRONG_SHARE, Reason.UNSERVED}


def words_in(module: str) -> set[Reason]:
    """The members of Reason a module names, and what the author's own words are filed under."""
    source = (CHECKS / f"{module}.py").read_text()
    named = {
        Reason[node.attr]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "Reason"
    }
    return named | ({Reason.NOT_SO} if "failed_as_told(" in source else set())


@pytest.mark.parametrize("module", sorted({each.split(".")[0] for each in judging._CHECKS.values()}))
def test_the_module_of_a_kind_names_just_the_reasons_told_to_authors(module):
    kinds = [kind for kind, its in judging._CHECKS.items() if its.split(".")[0] == module]
    told = {reason for kind in kinds for reason in OF_KIND[kind]}
    own = set().union(*map(words_in, (module, *PARTS.get(module, ()))))
    assert own <= told
    assert told - own <= (SHARED_WORDS if any(kind in SHARED for kind in kinds) else set())
