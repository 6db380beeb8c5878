"""The formats that schemas of custom kinds may ask of a value; one that is not listed admits everything."""

import base64
import ipaddress
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime

from jsonschema import FormatChecker

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"[-+]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w))+)")


def _within(bits: int) -> Callable[[object], bool]:
    bound = 2 ** (bits - 1)
    return lambda value: not isinstance(value, int) or -bound <= value < bound


def _text(read: Callable[[str], object]) -> Callable[[object], bool]:
    """A check of strings by a function that raises ValueError for, or makes None of, what does not fit."""
    return lambda value: not isinstance(value, str) or read(value) is not None


def _date_time(text: str) -> datetime | None:
    if not _DATE_TIME.fullmatch(text):
        return None
    return datetime.fromisoformat(f"{text[:19]}{text[19:].lstrip('.0123456789')}".upper())


def _cidr(text: str) -> object:
    return ipaddress.ip_interface(text) if "/" in text else None


_CHECKS = {
    "int32": _within(32),
    "int64": _within(64),
    "date-time": _text(_date_time),
    "datetime": _text(_date_time),
    "date": _text(date.fromisoformat),
    "duration": _text(_DURATION.fullmatch),
    "ipv4": _text(ipaddress.IPv4Address),
    "ipv6": _text(ipaddress.IPv6Address),
    "cidr": _text(_cidr),
    "uuid": _text(uuid.UUID),
    "byte": _text(lambda text: base64.b64decode(text, validate=True)),
}
FORMATS = FormatChecker(formats=())
for _name, _check in _CHECKS.items():
    FORMATS.checkers[_name] = (_check, ValueError)
