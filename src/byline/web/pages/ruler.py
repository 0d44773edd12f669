"""The ruler of an entity: its events at even distances, the moment that is shown, and what its attributes went
through. Pure.

Places are in percent of the ruler's width, so that the drawing needs no script and no measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from byline.model.gap import Gap
from byline.model.query import EventRow
from byline.web.sentence import plain, subject

AT_MOST: Final = 200
"""Events that a ruler holds."""
_LABELS_APART: Final = 12.0
"""Percent between two labels below the ruler."""
_NEAR: Final = 28.0
_LOWEST, _HIGHEST = 6, 20

Kind = Literal["create", "then", "later"]
Mark = Literal["before", "in_force", "later"]


class Tick(Struct, frozen=True, kw_only=True):
    """An event on the ruler."""

    at: str
    """When it was, RFC 3339."""
    x: str
    height: int
    """Pixels: the more attributes it changed, the higher."""
    kind: Kind
    words: str
    """Number, time and who, for whoever does not see it."""


class Label(Struct, frozen=True):
    """Words below the ruler."""

    x: str
    text: str
    anchor: Literal["start", "middle", "end"]
    near: bool = False
    """On a narrow screen it would meet its neighbours."""


class Stretch(Struct, frozen=True):
    """Between two ticks something changed that nobody recorded."""

    begin: str
    end: str
    middle: str


class Ruler(Struct, frozen=True, kw_only=True):
    """Events, oldest first."""

    ticks: list[Tick]
    labels: list[Label]
    gaps: list[Stretch]
    shown: int
    """Which tick is the moment."""
    x: str
    earlier: str | None
    """The moments before and after, RFC 3339; ``None`` at the end."""
    later: str | None


def ruler(
    events: Sequence[EventRow],
    gaps: Sequence[Gap],
    shown: int,
    *,
    stamp: Callable[[str], str],
    date: Callable[[str], str],
) -> Ruler:
    """The ruler over ``events`` (oldest first, at least one), with the moment at event ``shown``."""
    count = len(events)
    return Ruler(
        ticks=[
            Tick(
                at=event.occurred_at,
                x=place(number, count),
                height=_height(len(event.changes)),
                kind="later" if number > shown else "create" if event.action == "create" else "then",
                words=f"event {number + 1} of {count}, {stamp(event.occurred_at)}, {plain(subject(event)).strip(',')}",
            )
            for number, event in enumerate(events)
        ],
        labels=_labels(events, date),
        gaps=_stretches(events, gaps),
        shown=shown,
        x=place(shown, count),
        earlier=_other(reversed(events[:shown]), events[shown]),
        later=_other(events[shown + 1 :], events[shown]),
    )


def place(number: int, count: int) -> str:
    """Where event ``number`` of ``count`` stands, in percent."""
    return "50%" if count == 1 else f"{100 * number / (count - 1):.3f}%".replace(".000%", "%")


def moment_of(events: Sequence[EventRow], at: str | None) -> int:
    """The event that made the state at ``at`` (RFC 3339 of the same form; ``None``: the newest); -1 where that was
    before all of them."""
    if at is None:
        return len(events) - 1
    return sum(event.occurred_at <= at for event in events) - 1


def _other(events: Iterable[EventRow], shown: EventRow) -> str | None:
    """The nearest event of another moment: events of the same one are one stop."""
    return next((event.occurred_at for event in events if event.occurred_at != shown.occurred_at), None)


def _height(changes: int) -> int:
    return min(_HIGHEST, _LOWEST + 2 * changes)


def _labels(events: Sequence[EventRow], date: Callable[[str], str]) -> list[Label]:
    """The first event's day, each year that begins, and the last event's day; none so near another that they meet."""
    count = len(events)
    last = Label("100%", date(events[-1].occurred_at), "end")
    if count == 1:
        return [Label("50%", last.text, "middle")]
    labels = [Label("0%", date(events[0].occurred_at), "start")]
    taken = 0.0
    for number in range(1, count - 1):
        year = events[number].date[:4]
        x = 100 * number / (count - 1)
        if year != events[number - 1].date[:4] and taken + _LABELS_APART < x < 100 - _LABELS_APART:
            near = x - taken < _NEAR or x > 100 - _NEAR
            labels.append(Label(f"{x:.3f}%", year, "middle", near))
            taken = x
    return [*labels, last]


def _stretches(events: Sequence[EventRow], gaps: Sequence[Gap]) -> list[Stretch]:
    number_of = {event.event_id: number for number, event in enumerate(events)}
    count = len(events)
    found: list[Stretch] = []
    for gap in gaps:
        end = number_of.get(gap.before_event_id)
        if end is None or count == 1:
            continue
        begin = number_of.get(gap.after_event_id or "", end - 1)
        middle = 100 * (max(begin, 0) + end) / 2 / (count - 1)
        found.append(Stretch(place(max(begin, 0), count), place(end, count), f"{middle:.3f}%"))
    return found


class Stroke(Struct, frozen=True):
    """A change of one attribute on its strip."""

    x: str
    kind: Mark


def strips(events: Sequence[EventRow], shown: int) -> Mapping[str, list[Stroke]]:
    """For each attribute its changes on the ruler's scale: the one in force at the moment, those before, and later."""
    places: dict[str, list[int]] = {}
    for number, event in enumerate(events):
        for change in event.changes:
            places.setdefault(change.attribute, []).append(number)
    return {attribute: _strokes(numbers, shown, len(events)) for attribute, numbers in places.items()}


def _strokes(numbers: Sequence[int], shown: int, count: int) -> list[Stroke]:
    in_force = max((number for number in numbers if number <= shown), default=-1)
    return [
        Stroke(place(number, count), "in_force" if number == in_force else "later" if number > shown else "before")
        for number in numbers
    ]
