"""Asks tshark and says what went wrong, in the reader's language.

Every answer is XML or text made from hostile packets, so nothing of it is trusted: no document type is let
in, which is what XML's bombs are made with, and characters XML does not know are replaced.
"""

import re
import sys
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from django.utils.translation import gettext as _

from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.execs import Completed
from k8s_tasks.dissection.plain import UNKNOWN, plain

SECONDS = 15  # of clock and of processor for one question
LONGEST_FILTER = 500
_FILTER_REFUSED = (2, 4)  # tshark up to 4.0, and since
_OUT_OF_TIME = (124, 137, 152)  # timeout's TERM and KILL, the processor's limit
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBERED = re.compile(r"&#(?:x(?P<hex>[0-9a-fA-F]{1,9})|(?P<decimal>[0-9]{1,9}));")
_ROOT_NOTE = re.compile(r"^(Running as user.*\n|tshark: )", re.MULTILINE)

Ask = Callable[[Sequence[str], int, int], Completed]  # arguments, limit of bytes, seconds


class DissectionError(Exception):
    """The text is a sentence for the reader, in their language."""


class FilterRefused(DissectionError):
    """The text is tshark's own."""


def told(ask: Ask, arguments: Sequence[str], *, limit: int, may_be_cut: bool = False) -> tuple[str, bool]:
    """What tshark said, and whether there was more than `limit` bytes of it.

    Raises DissectionError; also for too much, unless it `may_be_cut`.
    """
    try:
        done = ask(arguments, limit, SECONDS)
    except ClusterError as error:
        raise DissectionError(
            _("The packets cannot be taken apart now (%(why)s). Download them, or try again in a moment.")
            % {"why": error}
        ) from error
    is_cut = len(done.stdout) >= limit
    if is_cut and not may_be_cut:
        raise DissectionError(_("There is more in this capture than a page can show."))
    if not is_cut:
        _check_ended_well(done, has_filter="-Y" in arguments)
    return done.stdout.decode("utf-8", "replace"), is_cut


def _check_ended_well(done: Completed, *, has_filter: bool) -> None:
    if done.exit_code in _OUT_OF_TIME:
        raise DissectionError(
            _("tshark did not finish with these packets within %d s, or needed too much memory.") % SECONDS
        )
    if done.exit_code > 128:
        raise DissectionError(
            _("tshark broke on these packets; they may be malformed. The capture itself can be downloaded.")
        )
    if done.exit_code and not done.stdout:
        words = plain(_ROOT_NOTE.sub("", done.stderr.decode(errors="replace")).strip())[:2000]
        if has_filter and done.exit_code in _FILTER_REFUSED:
            raise FilterRefused(words)
        raise DissectionError(_("tshark cannot read this capture: %(why)s") % {"why": words})


def parsed(xml: str) -> ElementTree.Element:
    """Raises DissectionError."""
    try:
        if "<!DOCTYPE" in xml:
            raise ValueError
        return ElementTree.fromstring(_as_xml(xml))  # noqa: S314 - no document type
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise DissectionError(_("What tshark says of these packets cannot be read.")) from error


def _as_xml(text: str) -> str:
    """Without the characters that XML cannot hold, written out or by their number."""
    return _NUMBERED.sub(_numbered, _NOT_XML.sub(UNKNOWN, text))


def _numbered(found: re.Match[str]) -> str:
    number = int(found["hex"], 16) if found["hex"] else int(found["decimal"])
    return UNKNOWN if number > sys.maxunicode or _NOT_XML.match(chr(number)) else found[0]


def checked_filter(words: str) -> str:
    """A display filter as it is handed to tshark, which judges it. Raises FilterRefused."""
    words = words.strip()
    if len(words) > LONGEST_FILTER:
        raise FilterRefused(_("A filter may have %d characters.") % LONGEST_FILTER)
    if not words.isprintable():
        raise FilterRefused(_("A filter is one line of printable characters."))
    return words
