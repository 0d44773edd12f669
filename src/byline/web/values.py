"""How a stored value is shown: exactly, with its oddities made visible, and the words marked that differ. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter
from typing import Literal

from msgspec import Struct

from byline.model.query import ChangeItem

ONE_LINE = 40
"""Characters that two values may have together to share a line; 60 with no word in common."""
ONE_LINE_APART = 60
SHOWN = 240
"""Characters of a text that are shown before the rest is folded."""
COMPARED_WORDS = 400
"""Comparing words costs the square of their number, and a stored text may be of any size."""

Note = Literal["null", "not set", "empty text"]

# Control, zero-width, filler, direction, line-separating and tag characters, and halves of surrogate pairs: they hide,
# or lie about the order.
ODD = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)


class Run(Struct, frozen=True):
    """Some text of a value; ``marked`` where the other side does not have it."""

    text: str
    marked: bool = False


class Side(Struct, frozen=True):
    """One side of a change: a note in Byline's voice, or the runs of its text, of which ``folded`` characters are
    left out."""

    runs: list[Run]
    note: Note | None = None
    type: str | None = None
    """Its type, where the two sides look the same but are not."""
    folded: int = 0


class Difference(Struct, frozen=True):
    """Both sides of a change, and whether they share a line."""

    attribute: str
    was: Side
    now: Side
    one_line: bool


def difference(change: ChangeItem) -> Difference:
    """A change as it is shown."""
    old, new = change.previous_value or "", change.current_value or ""
    typed = old == new
    was_note, now_note = _note(change.previous_type, old), _note(change.current_type, new)
    was_runs, now_runs, alike = (_whole(old), _whole(new), False) if was_note or now_note or typed else _mark(old, new)
    return Difference(
        attribute=change.attribute,
        was=_side(was_runs, was_note, change.previous_type if typed else None),
        now=_side(now_runs, now_note, change.current_type if typed else None),
        one_line=len(old) + len(new) <= (ONE_LINE if alike else ONE_LINE_APART),
    )


def _note(kind: str, text: str) -> Note | None:
    if kind == "absent":
        return "not set"
    if kind == "null":
        return "null"
    return "empty text" if kind == "string" and not text else None


def _side(runs: list[Run], note: Note | None, kind: str | None) -> Side:
    if note:
        return Side([], note)
    shown: list[Run] = []
    room = SHOWN
    for run in runs:
        if room > 0:
            shown.append(Run(run.text[:room], run.marked))
        room -= len(run.text)
    return Side(shown, None, "text" if kind == "string" else kind, max(0, -room))


def _whole(text: str) -> list[Run]:
    return [Run(text)] if text else []


Step = tuple[str, int, int, int, int]
"""What :class:`difflib.SequenceMatcher` says of a stretch: its tag, and where it lies in both texts."""

_WORDS = re.compile(r"\s+|[^\s]+")


def _mark(old: str, new: str) -> tuple[list[Run], list[Run], bool]:
    """Both texts with the differing words marked, and whether any word is in both. Where fewer than a third agree,
    nothing is marked."""
    was, now = _WORDS.findall(old[: SHOWN * 8]), _WORDS.findall(new[: SHOWN * 8])
    if len(was) > COMPARED_WORDS or len(now) > COMPARED_WORDS:
        return _whole(old), _whole(new), False
    steps = SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    agreeing = sum(not word.isspace() for tag, a, b, _, _ in steps if tag == "equal" for word in was[a:b])
    words = max(sum(not word.isspace() for word in was), sum(not word.isspace() for word in now))
    if agreeing * 3 < words or not agreeing:
        return _whole(old), _whole(new), bool(agreeing)
    was_runs: list[Run] = []
    now_runs: list[Run] = []
    for differs, group in groupby(_differing(steps, was), key=itemgetter(0)):
        spans = [span for _, span in group]
        was_runs += _runs(was[spans[0][0] : spans[-1][1]], differs)
        now_runs += _runs(now[spans[0][2] : spans[-1][3]], differs)
    return _with_rest(was_runs, old), _with_rest(now_runs, new), True


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
        return _whole(text)
    start = text.index(inner)
    parts = [Run(text[:start]), Run(inner, marked=True), Run(text[start + len(inner) :])]
    return [run for run in parts if run.text]


def _with_rest(runs: list[Run], text: str) -> list[Run]:
    """What was too long to be compared still counts among the folded characters."""
    return runs + _whole(text[SHOWN * 8 :])
