"""A terminal, both ways, for the student whose pod it is. Others watch it: see `watching`.

To the browser: a frame per entry: 8 + 8 bytes (the two halves of the stream id, big-endian), 1 byte
source, and the bytes (the pump makes no entry above 32 KiB). From the browser: binary `\\0` and
keys, or the texts {"ack": bytes painted} and {"resize": [columns, rows]}. What was painted is told
to the pump, which stops reading the pod while too much is not: that is why Ctrl-C answers under a
flood.
"""

import json
import struct

from k8s_tasks import terminal_input
from k8s_tasks.streams import Entry, follow_run
from portal import access
from portal.sockets.following import BAD_MESSAGE, BadMessage, FollowingConsumer

HEADER = struct.Struct(">QQB")
SOURCES = {"stdout": 1, "stderr": 1, "event": 2, "end": 3}
KEYS_BYTES = 64 * 1024
KEYS = 0
CONTROL_LETTERS = 100
LARGEST_SIDE = 1000
LARGEST_ACK = 1 << 32


class TerminalConsumer(FollowingConsumer):
    def allowed(self, user):
        return access.own_terminals(user)

    async def follow(self, last_id):
        # What the lost connection still had to acknowledge nobody tells; a page that begins again
        # shows and acknowledges all of it.
        if last_id != self.begins_at:
            await terminal_input.aacknowledge(self.subject_id, LARGEST_ACK)
        async for entries in follow_run(self.subject_id, last_id):
            for entry in entries:
                await self.send(bytes_data=frame(entry))

    async def receive(self, text_data=None, bytes_data=None):
        if self.following is None:
            return
        try:
            await (self.press(bytes_data) if bytes_data is not None else self.control(text_data))
        except BadMessage:
            await self.close(BAD_MESSAGE)

    async def press(self, message: bytes):
        if not message or message[0] != KEYS or len(message) > KEYS_BYTES:
            raise BadMessage
        await terminal_input.asend_keys(self.subject_id, message[1:])

    async def control(self, message: str):
        match read_control(message):
            case "ack", count:
                await terminal_input.aacknowledge(self.subject_id, count)
            case "resize", (columns, rows):
                await terminal_input.aresize(self.subject_id, columns, rows)


def frame(entry: Entry) -> bytes:
    """One entry, one frame: a half of one could not be asked for again."""
    milliseconds, _, sequence = entry.id.partition("-")
    return HEADER.pack(int(milliseconds), int(sequence or 0), SOURCES[entry.source]) + entry.data


def read_control(message: str) -> tuple:
    """("ack", bytes) or ("resize", (columns, rows)); raises BadMessage."""
    if len(message) > CONTROL_LETTERS:
        raise BadMessage
    try:
        told = json.loads(message)
    except ValueError:
        raise BadMessage from None
    match told:
        case {"ack": count} if is_between(count, 0, LARGEST_ACK):
            return "ack", count
        case {"resize": [columns, rows]} if is_side(columns) and is_side(rows):
            return "resize", (columns, rows)
    raise BadMessage


def is_between(value, least: int, most: int) -> bool:
    """JSON's true is an int to Python, and no number to us."""
    return type(value) is int and least <= value <= most


def is_side(value) -> bool:
    return is_between(value, 1, LARGEST_SIDE)
