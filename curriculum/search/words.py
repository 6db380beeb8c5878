"""Words as they are indexed and looked for."""

import re

from curriculum.text import fold

WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """`kube-proxy's Cadeia` is kube, proxy, s, cadeia."""
    return WORD.findall(fold(text))


def indexed(text: str) -> str:
    return " ".join(words_of(text))
