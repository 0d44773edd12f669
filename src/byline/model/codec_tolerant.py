r"""The parser for what the fast one refuses: it repairs what a value can do wrong, and says so.

A lone surrogate becomes U+FFFD, in names too; the bare tokens ``NaN``, ``Infinity`` and ``-Infinity`` become strings
of that text; a raw control character inside a string is taken as it stands. A repaired name that would meet another
name of its object keeps its escaped form, the literal text ``\ud800`` (and a number, where that is a name as well).
Of a repeated name the last wins, at the place of the first.
"""

from __future__ import annotations

import re
from collections import Counter
from json import JSONDecodeError, JSONDecoder

from byline.model.event import Json
from byline.model.number import Number

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_DIGITS = 4300
"""Longer integers become a Number, whatever limit this process has set for Python's own conversion."""


def parse(data: bytes) -> tuple[Json, bool]:
    """The value, and whether something had to be repaired.

    Raises ``UnicodeDecodeError`` where the bytes are not UTF-8, and ``json.JSONDecodeError`` where no repair helps.
    Nesting must have been checked before.
    """
    text = data.decode()
    constants: list[str] = []
    try:
        value, lossy = _decoder(constants, strict=True).decode(text), False
    except JSONDecodeError:
        constants.clear()
        value, lossy = _decoder(constants, strict=False).decode(text), True
    if _ESCAPED_SURROGATE.search(data):
        repaired = _Repair()
        value = repaired.value(value)
        lossy = lossy or repaired.lossy
    return value, lossy or bool(constants)


def _decoder(constants: list[str], *, strict: bool) -> JSONDecoder:
    def constant(token: str) -> str:
        constants.append(token)
        return token

    return JSONDecoder(parse_float=Number, parse_int=_integer, parse_constant=constant, strict=strict)


def _integer(token: str) -> int | Number:
    if len(token) > _MAX_DIGITS or token == "-0":  # noqa: S105 - a number's token
        return Number(token)
    try:
        return int(token)
    except ValueError:
        return Number(token)


class _Repair:
    """One pass over a value that may hold lone surrogates."""

    def __init__(self) -> None:
        self.lossy = False

    def value(self, value: Json) -> Json:
        kind = type(value)
        if kind is str:
            return self._string(value)
        if kind is dict:
            return self._object(value)
        if kind is list:
            for place, member in enumerate(value):
                value[place] = self.value(member)
        return value

    def _string(self, text: str) -> str:
        if _SURROGATE.search(text) is None:
            return text
        self.lossy = True
        return _SURROGATE.sub("\ufffd", text)

    def _object(self, members: dict[str, Json]) -> dict[str, Json]:
        broken = [name for name in members if _SURROGATE.search(name)]
        names = _mended(sorted(broken), members.keys() - broken) if broken else {}
        self.lossy = self.lossy or bool(broken)
        result = {}
        for name, member in members.items():
            result[names.get(name, name)] = self.value(member)
        return result


def _mended(broken: list[str], taken: set[str]) -> dict[str, str]:
    """A readable name for each broken one, none of which meets another. Depends on the set of names only."""
    readable = {name: _SURROGATE.sub("\ufffd", name) for name in broken}
    wanted = Counter(readable.values())
    mended = {name: text for name, text in readable.items() if text not in taken and wanted[text] == 1}
    taken = taken | set(mended.values())
    tried: Counter[str] = Counter()
    for name in broken:
        if name not in mended:
            mended[name] = _unmet(_SURROGATE.sub(_escaped, name), taken, tried)
            taken.add(mended[name])
    return mended


def _unmet(text: str, taken: set[str], tried: Counter[str]) -> str:
    """``text``, or where even that is another name, ``text (2)`` and so on; ``tried`` keeps this linear for a hostile
    object."""
    tried[text] += 1
    candidate = text if tried[text] == 1 else f"{text} ({tried[text]})"
    while candidate in taken:
        tried[text] += 1
        candidate = f"{text} ({tried[text]})"
    return candidate


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
