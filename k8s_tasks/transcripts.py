"""What an ended run printed, kept as asciicast v2.

The text is the pod's, so it is filtered before it is kept: strings a terminal would act upon
(titles, the clipboard of OSC 52, device control) are taken out, colours and cursor moves stay.
"""

import codecs
import gzip
import json
import re
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from k8s_tasks.entries import Entry, read_entries
from k8s_tasks.enums import RunKind
from k8s_tasks.models import Capture, Run, Transcript

# OSC, DCS, SOS, PM and APC strings up to BEL or ST, in their 7-bit and 8-bit forms.
_STRING = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|(?=\x1b[^\\]))"
)
_OPEN_STRING = re.compile(r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*\x1b?\Z|\x1b\Z")
USUAL_SIZE = (80, 24)  # columns and rows of what has no terminal
_TURN = re.compile(r"the (student|instructor) types")
_HELD = 4096  # a string longer than this is no title: it is dropped as it comes


class TextFilter:
    """Bytes in, text without hostile strings out; a string cut between two chunks is still found."""

    def __init__(self):
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""

    def __call__(self, data: bytes, *, final: bool = False) -> str:
        text = _STRING.sub("", self._held + self._decode(data, final))
        cut = _OPEN_STRING.search(text)
        if not cut:
            self._held = ""
            return text
        self._held = "" if final else text[cut.start() :][:2] + text[cut.start() + 2 :][-_HELD:]
        return text[: cut.start()]


def make_cast(run: Run, entries: list[Entry]) -> str:
    """The asciicast of these entries. stdout and stderr of a command share the screen, as on a terminal."""
    columns, rows = next((size for entry in entries if (size := _size_told(entry))), USUAL_SIZE)
    header = {
        "version": 2,
        "width": columns,
        "height": rows,
        "timestamp": int(run.created_at.timestamp()),
    }
    if run.typings.exists():
        header["shared"] = True
    lines = [json.dumps({**header, "title": run.step or run.get_kind_display()})]
    filters = {"stdout": TextFilter(), "stderr": TextFilter()}
    for entry in entries:
        lines += _cast_lines(run, entry, filters)
    return "\n".join(lines) + "\n"


def _cast_lines(run: Run, entry: Entry, filters: dict[str, TextFilter]) -> list[str]:
    seconds = round(entry.ms / 1000, 3)
    if entry.source in filters:
        text = filters[entry.source](entry.data)
        return [json.dumps([seconds, "o", _on_screen(run, text)])] if text else []
    if entry.is_end:
        return [json.dumps([seconds, "m", "end"])]
    if size := _size_told(entry):
        return [json.dumps([seconds, "r", "{}x{}".format(*size)])]
    mark = _mark_of(json.loads(entry.data))
    return [json.dumps([seconds, "m", mark])] if mark else []


def _mark_of(told: dict) -> str:
    match told:
        case {"event": "truncated", "bytes": count}:
            return f"truncated, {count} bytes"
        case {"event": "turn", "who": who}:
            return f"the {who} types"
    return ""


def _size_told(entry: Entry) -> tuple[int, int] | None:
    """Columns and rows, where the entry says that the terminal has got them."""
    told = json.loads(entry.data) if entry.source == "event" else {}
    return (told["columns"], told["rows"]) if told.get("event") == "resize" else None


def _on_screen(run: Run, text: str) -> str:
    """Without a terminal nothing has put the carriage returns in."""
    return text if run.kind == RunKind.TERMINAL else re.sub(r"(?<!\r)\n", "\r\n", text)


def save_transcript(run: Run) -> None:
    """Keep what is in Redis; nothing there (a Redis that lost its data) leaves an older one alone."""
    entries = read_entries(run.id)
    if entries:
        cast = gzip.compress(make_cast(run, entries).encode())
        Transcript.objects.update_or_create(run=run, defaults={"cast": cast})


def as_cast(run: Run) -> str:
    """The run as asciicast v2: what is kept of an ended one, what there is so far of a live one."""
    kept = Transcript.objects.filter(run=run).first()
    return gzip.decompress(kept.cast).decode() if kept else make_cast(run, read_entries(run.id))


def turns_in(cast: str) -> list[tuple[float, str]]:
    """Where an asciicast of ours says that from there on the student or the instructor types."""
    marks = [(at, text) for at, kind, text in map(json.loads, cast.splitlines()[1:]) if kind == "m"]
    return [(at, turn[1]) for at, text in marks if (turn := _TURN.fullmatch(text))]


def end_data(run: Run) -> bytes:
    """What the `end` entry of a run says."""
    return json.dumps({"state": run.state, "exit_code": run.exit_code, "reason": run.reason}).encode()


@sync_to_async
def replay_entries(run_id) -> list[Entry]:
    """An ended run from its transcript, with ids of their own; empty for a run that goes on."""
    run = Run.objects.filter(pk=run_id, ended_at__isnull=False).first()
    if run is None:
        return []
    kept = Transcript.objects.filter(run=run).first()
    cast = gzip.decompress(kept.cast).decode().splitlines()[1:] if kept else []
    told = [json.loads(line) for line in cast]
    printed = [(int(at * 1000), "stdout", text.encode()) for at, kind, text in told if kind == "o"]
    parts = [(0, "event", b'{"event": "replayed"}'), *printed, (_length_ms(run), "end", end_data(run))]
    return [Entry(f"0-{number}", *part) for number, part in enumerate(parts, 1)]


def _length_ms(run: Run) -> int:
    return int((run.ended_at - run.created_at).total_seconds() * 1000)


def forget_old_transcripts() -> int:
    """Delete what was printed or captured longer ago than TRANSCRIPT_DAYS; the runs and their verdicts stay.
    How many."""
    days = settings.OPTIONS["TRANSCRIPT_DAYS"]
    if not days:
        return 0
    before = timezone.now() - timedelta(days=days)
    return sum(model.objects.filter(run__ended_at__lt=before).delete()[0] for model in (Transcript, Capture))
