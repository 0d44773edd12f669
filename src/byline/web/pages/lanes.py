"""A request as lanes: a row for each service, its events as numbered dots at their true time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from msgspec import Struct

from byline.model.query import EventRow
from byline.web.sentence import duration

AT_MOST: Final = 24
"""Dots that can be told apart on one line."""
ROW: Final = 30
"""Pixels from one lane to the next."""
_LEFT, _RIGHT = 5.0, 95.0
_APART: Final = 3.6
"""Percent that two dots are at least apart, whatever their times: less would hide one behind the other."""
_LABELS_APART: Final = 10.0


class Dot(Struct, frozen=True):
    """An event: its number, and where it stands."""

    number: int
    x: str
    y: int


class Mark(Struct, frozen=True):
    """A time below the lanes."""

    x: str
    text: str


class Lanes(Struct, frozen=True, kw_only=True):
    """Services from top to bottom, in the order in which they come in."""

    services: list[str]
    dots: list[Dot]
    links: list[tuple[Dot, Dot]]
    marks: list[Mark]
    height: int


def lanes(events: Sequence[EventRow], began: str) -> Lanes | None:
    """The lanes of a request's events, oldest first; ``None`` where they would say nothing, or be too many to tell
    apart. ``began``: the first event's time in words."""
    if not 2 <= len(events) <= AT_MOST:
        return None
    services = list(dict.fromkeys(event.microservice_name for event in events))
    moments = [datetime.fromisoformat(event.occurred_at) for event in events]
    offsets = [(moment - moments[0]).total_seconds() for moment in moments]
    dots = [
        Dot(number, f"{x:.3f}%", ROW * services.index(event.microservice_name) + ROW // 2)
        for number, (event, x) in enumerate(zip(events, _places(offsets), strict=True), 1)
    ]
    return Lanes(
        services=services,
        dots=dots,
        links=list(pairwise(dots)),
        marks=_marks(max(offsets), began),
        height=ROW * len(services),
    )


def _places(offsets: Sequence[float]) -> list[float]:
    """True time, pushed apart where it must be: first to the right, then back from the end."""
    longest = max(offsets) or 1.0
    places = [_at(offset, longest) for offset in offsets]
    for number in range(1, len(places)):
        places[number] = max(places[number], places[number - 1] + _APART)
    limit = _RIGHT + _APART
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], limit)
        limit = places[number] - _APART
    return places


def _at(offset: float, longest: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * offset / longest


def _marks(longest: float, began: str) -> list[Mark]:
    """When it began, round seconds since, and when it ended."""
    marks = [Mark(f"{_LEFT}%", began)]
    if longest <= 0:
        return marks
    step = _step(longest)
    number = 1
    while step * number < longest:
        x = _at(step * number, longest)
        if _LEFT + _LABELS_APART < x < _RIGHT - _LABELS_APART:
            marks.append(Mark(f"{x:.3f}%", f"+{duration(step * number)}"))
        number += 1
    end = f"+{longest:.3f} s" if longest < 60 else f"+{duration(longest)}"
    return [*marks, Mark(f"{_RIGHT}%", end)]


def _step(longest: float) -> float:
    """A round part of the whole: at most four fit."""
    step = 0.001
    while True:
        for times in (1, 2, 5):
            if longest / (step * times) <= 4:
                return step * times
        step *= 10
