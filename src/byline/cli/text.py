"""Stored text on a terminal: it may neither move the cursor nor hide, so what does not show is written as an escape.

The backslash stays as it is: an audit trail is full of Windows paths, and --json is there for those who want no
doubt.
"""

from __future__ import annotations

import re

from byline.model.hidden import HIDDEN

_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BEYOND_ASCII = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """``text`` on one line, with everything odd in it as an escape."""
    return text if text.isascii() and text.isprintable() else HIDDEN.sub(_escaped, text)


def visible_lines(text: str) -> str:
    """The same, but line ends stay."""
    return "\n".join(visible(line) for line in text.split("\n"))


def shortened(text: str, limit: int) -> str:
    """At most ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def safe_json(text: str) -> str:
    """JSON text with the characters escaped that JSON allows bare and a terminal may obey. It stays the same JSON."""
    return text if text.isascii() and "\x7f" not in text else _BEYOND_ASCII.sub(_json_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return _NAMED.get(character) or (f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}")


def _json_escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
