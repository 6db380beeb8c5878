"""What can be done to a pod's link, as a value: read from words, checked against bounds, written as words."""

from dataclasses import dataclass, fields
from ipaddress import AddressValueError, IPv4Address

DIRECTIONS = ("to-pod", "from-pod")
_BOUNDS = {  # in the units of the words
    "loss": (0.0, 100.0),
    "delay": (0.0, 10_000.0),
    "jitter": (0.0, 10_000.0),
    "reorder": (0.0, 100.0),
    "duplicate": (0.0, 100.0),
    "rate": (8.0, 10_000_000.0),
}


class Misuse(Exception):
    """The words mean nothing here; the message is a sentence for whoever wrote them."""


@dataclass(frozen=True)
class Effects:
    """Percent of packets, milliseconds, kbit/s; 0 is none."""

    loss: float = 0
    delay: float = 0
    jitter: float = 0
    reorder: float = 0
    duplicate: float = 0
    rate: float = 0

    @property
    def given(self) -> dict[str, float]:
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}

    def words(self) -> list[str]:
        return [f"{name}={value:g}" for name, value in self.given.items()]


def read_effects(words: list[str]) -> Effects:
    """`loss=30 delay=50 ...` Raises Misuse."""
    values: dict[str, float] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name in values:
            raise Misuse(f"{name} is given twice")
        values[name] = _number(name, text)
    effects = Effects(**values)
    if not effects.given:
        raise Misuse(f"nothing to do: give at least one of {', '.join(_BOUNDS)}")
    if effects.jitter > effects.delay:
        raise Misuse("jitter cannot be greater than delay: no packet arrives before it was sent")
    if effects.reorder and not effects.delay:
        raise Misuse("reorder needs a delay: the packets that overtake are those that do not wait")
    return effects


def _number(name: str, text: str) -> float:
    if name not in _BOUNDS:
        raise Misuse(f"{name!r} is none of {', '.join(_BOUNDS)}")
    low, high = _BOUNDS[name]
    try:
        value = float(text)
    except ValueError:
        raise Misuse(f"{name} must be a number, not {text!r}") from None
    if not low <= value <= high:  # false for nan too
        raise Misuse(f"{name} must be {low:g} to {high:g}")
    return value


def read_direction(word: str) -> str:
    if word not in DIRECTIONS:
        raise Misuse(f"the direction must be {' or '.join(DIRECTIONS)}, not {word!r}")
    return word


def read_address(word: str) -> str:
    try:
        return str(IPv4Address(word))
    except AddressValueError:
        raise Misuse(f"{word!r} is no IPv4 address") from None


def read_mtu(word: str) -> int:
    if not word.isdecimal() or not 68 <= int(word) <= 9000:
        raise Misuse("the MTU must be 68 to 9000")
    return int(word)
