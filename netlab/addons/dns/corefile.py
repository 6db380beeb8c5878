"""Read a Corefile: server blocks of directives, each with arguments and perhaps a block of its own."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]\S*)')


class CorefileError(Exception):
    """The text cannot be served; the message names file and line as CoreDNS does."""


@dataclass
class Directive:
    name: str
    args: list[str]
    where: str  # file:line
    block: list["Directive"] = field(default_factory=list)

    def error(self, reason: str) -> CorefileError:
        return CorefileError(f"{self.where} - Error during parsing: {reason}")

    def unknown(self, item: "Directive") -> CorefileError:
        return item.error(f"plugin/{self.name}: unknown property '{item.name}'")

    def count(self, low: int, high: int | None = None) -> None:
        """Raises CorefileError unless there are `low` to `high` arguments (`high` None: or more)."""
        if len(self.args) < low or (high is not None and len(self.args) > high):
            raise self.error(f"Wrong argument count or unexpected line ending after '{self.name}'")


@dataclass
class ServerBlock:
    zones: list[str]  # lower case, with the final dot
    port: int
    directives: list[Directive]


def parse(text: str, path: str) -> list[ServerBlock]:
    """Raises CorefileError."""
    lines = [(f"{path}:{n}", words) for n, line in enumerate(text.splitlines(), 1) if (words := _words(line))]
    lines.reverse()  # popped from the end
    blocks = []
    while lines:
        blocks += _server_blocks(_directive(lines))
    if not blocks:
        raise CorefileError(f"{path} - Error during parsing: no server block")
    return blocks


def _words(line: str) -> list[str]:
    words = []
    for quoted, plain in _TOKEN.findall(line):
        if plain.startswith("#"):
            break
        words.append(plain or quoted.replace('\\"', '"'))
    return words


def _directive(lines: list) -> Directive:
    where, words = lines.pop()
    if words[0] in ("{", "}"):
        raise CorefileError(f"{where} - Error during parsing: Unexpected '{words[0]}', expecting a directive")
    opens = words[-1] == "{"
    found = Directive(words[0], words[1:-1] if opens else words[1:], where)
    if not opens:
        return found
    while lines:
        if lines[-1][1] == ["}"]:
            lines.pop()
            return found
        found.block.append(_directive(lines))
    raise CorefileError(f"{where} - Error during parsing: Unexpected EOF, expecting '}}'")


def _server_blocks(item: Directive) -> list[ServerBlock]:
    """One for each port the keys of the block name: `.:53 example.org:1053 { ... }`."""
    by_port: dict[int, list[str]] = {}
    for key in [item.name, *item.args]:
        zone, _, port = key.removeprefix("dns://").rstrip(",").partition(":")
        if port and not port.isdigit():
            raise item.error(f"invalid port in '{key}'")
        by_port.setdefault(int(port or 53), []).append(zone_name(zone))
    return [ServerBlock(zones, port, item.block) for port, zones in by_port.items()]


def zone_name(text: str) -> str:
    return text.lower().rstrip(".") + "."


def is_below(name: str, zone: str) -> bool:
    """Whether a name (with its final dot, lower case) is the zone or in it."""
    return zone == "." or name == zone or name.endswith("." + zone)


def longest_match(name: str, zones: list[str]) -> str | None:
    return max((zone for zone in zones if is_below(name, zone)), key=len, default=None)


def seconds(item: Directive, text: str) -> float:
    """A duration of Go, `5s` or `1m30s`, or a bare number. Raises CorefileError."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    if text.isdigit():
        return int(text)
    if not re.fullmatch(r"(\d+(ms|s|m|h))+", text):
        raise item.error(f"invalid duration '{text}'")
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h)", text))


def integer(item: Directive, text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise item.error(f"'{text}' must be a number in [{low}, {high}]")
    return int(text)
