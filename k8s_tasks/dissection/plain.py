"""Text from packets as it may stand on a page: what would act on a screen or turn a line round is shown."""

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
# Where a screen would ring, jump or erase: the symbols for control characters.
_VISIBLE = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: 0x2421}
# C1 controls, and what changes the direction of the line that it stands in.
_REPLACED = dict.fromkeys([*range(0x80, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F)], 0xFFFD)
_REPLACED |= dict.fromkeys([*range(0x2066, 0x206A), 0xFEFF, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)], 0xFFFD)
_PLAIN = _VISIBLE | _REPLACED


def plain(text: str) -> str:
    return text.translate(_PLAIN)


def plain_bytes(data: bytes) -> str:
    """As UTF-8 where it is; a line ends at CR LF too."""
    return plain(data.decode("utf-8", "replace").replace("\r\n", "\n"))
