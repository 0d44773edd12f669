"""How a stored value is shown: exactly, with the words marked that differ, and folded where it is long. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter
from typing import Final, Literal

from msgspec import Struct

from byline.model.query import ChangeItem
from byline.web.folding import SHOWN, Run, fold, mark_spaces, whole_text

ONE_LINE: Final = 40
"""Characters that two values may have together to share a line; 60 with no word in common."""
ONE_LINE_APART: Final = 60
COMPARED: Final = 2_000
"""Characters of a text whose words are compared."""
COMPARED_WORDS: Final = 400
"""Comparing words costs the square of their number, and a stored text may be of any size."""

Note = Literal["null", "not set", "not told", "empty text", "[encrypted]"]

_TYPES: Final = {"string": "text", "array": "list", "boolean": "true or false"}


class Side(Struct, frozen=True):
    """One side of a change: a note in Byline's voice, or the runs of its text."""

    runs: list[Run]
    note: Note | None = None
    type: str | None = None
    """Its type, where the two sides have different ones."""
    whole: list[Run] | None = None
    """All of its text (to a limit), where ``runs`` leave some of it out."""
    length: int = 0
    """Of the text, in characters."""


class Difference(Struct, frozen=True):
    """Both sides of a change, and whether they share a line."""

    attribute: str
    was: Side
    now: Side
    one_line: bool


def difference(change: ChangeItem, *, one_sided: bool = False) -> Difference:
    """A change as it is shown. ``one_sided``: its event came without one of its two sides, so that what is absent there
    was not told, rather than not set."""
    old, new = change.previous_value or "", change.current_value or ""
    was_note, now_note = _note(change.previous_type, old, one_sided), _note(change.current_type, new, one_sided)
    typed = change.previous_type != change.current_type and not was_note and not now_note
    plain = bool(was_note or now_note or old == new)
    was_runs, now_runs, alike = (whole_text(old), whole_text(new), False) if plain else _mark(old, new)
    return Difference(
        attribute=change.attribute,
        was=_side(old, was_runs, was_note, _type(change.previous_type) if typed else None),
        now=_side(new, now_runs, now_note, _type(change.current_type) if typed else None),
        one_line="\n" not in old + new and _width(old, was_note) + _width(new, now_note) <= _room(alike),
    )


def one_side(text: str | None, kind: str, shown: int = SHOWN, *, one_sided: bool = False) -> Side:
    """A value that stands alone: of a create, a delete, or a state. ``shown``: characters before the rest is folded."""
    return _side(text or "", whole_text(text or ""), _note(kind, text or "", one_sided), None, shown)


def _room(alike: bool) -> int:
    return ONE_LINE if alike else ONE_LINE_APART


def _width(text: str, note: Note | None) -> int:
    return len(note or text)


def _note(kind: str, text: str, one_sided: bool = False) -> Note | None:
    match kind:
        case "absent":
            return "not told" if one_sided else "not set"
        case "null":
            return "null"
        case "encrypted":
            return "[encrypted]"
        case _:
            return "empty text" if kind == "string" and not text else None


def _type(kind: str) -> str:
    return _TYPES.get(kind, kind)


def _side(text: str, runs: list[Run], note: Note | None, kind: str | None, room: int = SHOWN) -> Side:
    if note:
        return Side([], note)
    shown, whole = fold(mark_spaces(runs), room)
    return Side(shown, None, kind, whole, len(text))


Step = tuple[str, int, int, int, int]
"""What :class:`difflib.SequenceMatcher` says of a stretch: its tag, and where it lies in both texts."""

_WORDS = re.compile(r"\s+|[^\s]+")
_FIRST_WORD, _LAST_WORD = re.compile(r"\S*"), re.compile(r"\S*\Z")
_NEAR: Final = 100
"""Characters in which the end of a word is looked for."""


def _mark(old: str, new: str) -> tuple[list[Run], list[Run], bool]:
    """Both texts with the differing words marked, and whether any word is in both. Where fewer than a third agree,
    nothing is marked."""
    was, now = _words(old), _words(new)
    if was is None or now is None:
        return _mark_long(old, new)
    steps = SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    agreeing = sum(not word.isspace() for tag, a, b, _, _ in steps if tag == "equal" for word in was[a:b])
    words = max(sum(not word.isspace() for word in was), sum(not word.isspace() for word in now))
    if agreeing * 3 < words or not agreeing:
        return whole_text(old), whole_text(new), bool(agreeing)
    was_runs: list[Run] = []
    now_runs: list[Run] = []
    for differs, group in groupby(_differing(steps, was), key=itemgetter(0)):
        spans = [span for _, span in group]
        was_runs += _runs(was[spans[0][0] : spans[-1][1]], differs)
        now_runs += _runs(now[spans[0][2] : spans[-1][3]], differs)
    return was_runs, now_runs, True


def _words(text: str) -> list[str] | None:
    """Its words and what is between them; ``None`` where they are too many to be compared."""
    words = _WORDS.findall(text) if len(text) <= COMPARED else []
    return words if len(text) <= COMPARED and len(words) <= COMPARED_WORDS else None


def _mark_long(old: str, new: str) -> tuple[list[Run], list[Run], bool]:
    """Long texts are compared from both ends; what is between is marked, unless the ends are less than a third."""
    ahead, behind = _alike(old, new)
    if (ahead + behind) * 3 < max(len(old), len(new)):
        return whole_text(old), whole_text(new), False
    sides = [(text, text[ahead : len(text) - behind]) for text in (old, new)]
    was, now = (_runs([inner], marked=True) for _, inner in sides)
    if all(_words(inner) for _, inner in sides):
        was_inner, now_inner, alike = _mark(sides[0][1], sides[1][1])
        if alike and any(run.marked for run in was_inner + now_inner):
            was, now = was_inner, now_inner
    first, last = old[:ahead], old[len(old) - behind :] if behind else ""
    return _between(first, was, last), _between(first, now, last), True


def _between(first: str, runs: list[Run], last: str) -> list[Run]:
    """What differs, with what is alike before and behind it: a stretch that is alike is one run."""
    if runs and not runs[0].marked:
        first, runs = first + runs[0].text, runs[1:]
    if runs and not runs[-1].marked:
        last, runs = runs[-1].text + last, runs[:-1]
    return [*whole_text(first), *runs, *whole_text(last)] if runs else whole_text(first + last)


def _alike(old: str, new: str) -> tuple[int, int]:
    """How many characters are the same at the beginning of both texts, and at their ends: whole words, where a word has
    an end near by."""
    ahead = _common(old, new, min(len(old), len(new)))
    if any(text[ahead : ahead + 1].strip() for text in (old, new)):
        ahead -= len(_LAST_WORD.search(old[max(0, ahead - _NEAR) : ahead])[0]) % _NEAR  # type: ignore[index]
    room = min(len(old), len(new)) - ahead
    behind = _common(old[::-1], new[::-1], room)
    if behind < room and any(text[len(text) - behind - 1].strip() for text in (old, new)):
        behind -= len(_FIRST_WORD.match(old[len(old) - behind :][:_NEAR])[0]) % _NEAR  # type: ignore[index]
    return ahead, behind


def _common(old: str, new: str, most: int) -> int:
    """Characters that both begin with, found by halves: a text may be of any size."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if old[least:middle] == new[least:middle] else (least, middle - 1)
    return least


def _differing(steps: Sequence[Step], was: list[str]) -> Iterator[tuple[bool, tuple[int, int, int, int]]]:
    """Each step's span, and whether it differs. White space alone between two steps that differ goes with them."""
    for at, (tag, a, b, c, d) in enumerate(steps):
        between = 0 < at < len(steps) - 1 and all(word.isspace() for word in was[a:b])
        yield tag != "equal" or between, (a, b, c, d)


def _runs(words: list[str], marked: bool) -> list[Run]:
    """White space stays outside the mark at either end."""
    text = "".join(words)
    inner = text.strip()
    if not marked or not inner:
        return whole_text(text)
    start = text.index(inner)
    parts = [Run(text[:start]), Run(inner, marked=True), Run(text[start + len(inner) :])]
    return [run for run in parts if run.text]
