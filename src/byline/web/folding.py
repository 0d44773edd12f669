"""What a page leaves out of a long text, and says so. Pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

SHOWN: Final = 240
"""Characters of a text that are shown before the rest is folded."""
AROUND: Final = 40
"""Characters that stay on each side of every difference."""
AT_MOST: Final = 4_000
"""Characters that an unfolded text may have on a page; the event's own bytes hold the rest."""


class Run(Struct, frozen=True):
    """Some text of a value, or a number of characters that are left out there."""

    text: str
    marked: bool = False
    """The other side does not have it."""
    space: bool = False
    """Blanks at either end of the value, which would not show."""
    left_out: int = 0
    """Characters that stand here and are not shown; ``text`` is empty then."""
    more: bool = False
    """Of what is left out: it is the rest of the value, rather than a stretch that is the same on both sides."""


def whole_text(text: str) -> list[Run]:
    """A text as one run."""
    return [Run(text)] if text else []


def mark_spaces(runs: list[Run]) -> list[Run]:
    """Blanks at the value's ends as runs of their own."""
    if not runs:
        return runs
    first = runs[0]
    ahead = len(first.text) - len(first.text.lstrip(" \xa0"))
    if ahead:
        runs = [Run(first.text[:ahead], space=True), *_rest_of(first, first.text[ahead:]), *runs[1:]]
    last = runs[-1]
    behind = 0 if last.space else len(last.text) - len(last.text.rstrip(" \xa0"))
    if behind:
        runs = [*runs[:-1], *_rest_of(last, last.text[:-behind]), Run(last.text[-behind:], space=True)]
    return runs


def _rest_of(run: Run, text: str) -> list[Run]:
    return [Run(text, run.marked)] if text else []


def fold(runs: list[Run], room: int = SHOWN) -> tuple[list[Run], list[Run] | None]:
    """What is shown of a text, and all of it where that is more (up to :data:`AT_MOST` characters)."""
    if sum(len(run.text) for run in runs) <= room:
        return runs, None
    whole = _cut(runs, AT_MOST)
    if not any(run.marked for run in runs):
        return _cut(runs, room), whole
    last = len(runs) - 1
    parts = [part for at, run in enumerate(runs) for part in _around(run, at == last)]
    # Many differences, each with its surroundings, may be long again.
    return _cut(parts, room * 2), whole


def _around(run: Run, last: bool) -> list[Run]:
    """An equal stretch by its two ends; all of a difference, unless it is long itself."""
    if run.marked:
        return _cut([run], SHOWN)
    if len(run.text) <= 2 * AROUND + len("… 00 characters unchanged …"):
        return [run]
    head = run.text[:AROUND]
    tail = "" if last else run.text[-AROUND:]
    left_out = len(run.text) - len(head) - len(tail)
    return [Run(head), Run("", left_out=left_out), *whole_text(tail)]


def _cut(runs: list[Run], room: int) -> list[Run]:
    shown: list[Run] = []
    left_out = 0
    for run in runs:
        taken = run.text[: max(room, 0)]
        if taken or (run.left_out and room > 0):
            shown.append(Run(taken, run.marked, run.space, run.left_out))
            left_out -= run.left_out
        room -= len(run.text)
        left_out += len(run.text) - len(taken) + run.left_out
    return [*shown, Run("", left_out=left_out, more=True)] if left_out else shown
