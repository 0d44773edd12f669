"""Events told together: those of one request are one story, and stories are told by day. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from msgspec import Struct

from byline.model.gap import Gap
from byline.model.query import EventRow
from byline.web.sentence import (
    About,
    Piece,
    Sentence,
    by_others,
    one_attribute,
    predicate,
    request_sentence,
    sentence,
    subject,
)

TOLD = 4
"""Events that a story shows of its request."""
TOLD_IN_ROWS = 3
"""Entities that a story shows where all its events changed the same attribute."""


class Told(Struct, frozen=True):
    """An event with its sentence."""

    event: EventRow
    sentence: Sentence


class Story(Struct, frozen=True, kw_only=True):
    """One event, or the events of one request. ``lead`` stands for all of them: the first by time, where there are
    several."""

    lead: EventRow
    sentence: Sentence
    events: list[Told]
    """Those that are shown beneath, oldest first; empty where the story is the lead alone."""
    rows: list[EventRow]
    """The same for events of one attribute, which are shown a row an entity."""
    more: int = 0
    """Events of the request that are not shown."""
    at_least: bool = False
    """There may be more than ``more``."""
    gaps: list[Gap]
    """What changed unseen before these events, in the order of the page."""

    @property
    def several(self) -> bool:
        return bool(self.events or self.rows)


class Day(Struct, frozen=True):
    """A day (``YYYY-MM-DD``, in the reader's zone) and its stories, newest first."""

    date: str
    stories: list[Story]


class Whole(Struct, frozen=True):
    """All events of a request, oldest first; ``complete`` says that these are really all."""

    events: list[EventRow]
    complete: bool


class Telling(Struct, frozen=True, kw_only=True):
    """How a page wants its events told."""

    about: About | None = None
    naming: Collection[str] = ()
    """Attributes that the reader asked for."""
    filtered: bool = False
    """Only events that match are in hand: a story counts its whole request, and shows those."""
    requests: Mapping[str, Whole] = {}
    gaps: Mapping[str, Gap] = {}
    """By the id of the event that found them."""


def days(events: Sequence[EventRow], day_of: Callable[[str], str], telling: Telling) -> list[Day]:
    """A page's events as stories, by day. Events of one request on one day are one story, in the place of the first of
    them."""
    by_day = groupby(events, key=lambda event: day_of(event.occurred_at))
    return [Day(date, [story(told, telling) for told in _by_request(list(group))]) for date, group in by_day]


def requests_of(events: Sequence[EventRow]) -> list[str]:
    """The requests that several of these events belong to."""
    seen: dict[str, int] = {}
    for event in events:
        if event.request_id:
            seen[event.request_id] = seen.get(event.request_id, 0) + 1
    return [request_id for request_id, times in seen.items() if times > 1]


def _by_request(events: Sequence[EventRow]) -> list[list[EventRow]]:
    told: dict[str, list[EventRow]] = {}
    for event in events:
        told.setdefault(f"r{event.request_id}" if event.request_id else f"e{event.event_id}", []).append(event)
    return list(told.values())


def story(found: Sequence[EventRow], telling: Telling) -> Story:
    """Events of one request, newest first, as a story."""
    gaps = [telling.gaps[event.event_id] for event in found if event.event_id in telling.gaps]
    if len(found) == 1:
        [event] = found
        said = sentence(event, about=telling.about, naming=telling.naming)
        return Story(lead=event, sentence=said, events=[], rows=[], gaps=gaps)
    whole = telling.requests.get(found[0].request_id or "")
    events = whole.events if whole and whole.complete else list(reversed(found))
    shown = list(reversed(found)) if telling.filtered else events
    lead = events[0]
    in_rows, named = one_attribute(events) is not None, by_others(events)
    told = shown[: TOLD_IN_ROWS if in_rows else TOLD]
    return Story(
        lead=lead,
        sentence=request_sentence(
            events, whole=bool(whole and whole.complete), about=telling.about, seconds=lasted(events)
        ),
        events=[] if in_rows else [Told(event, _nested(event, telling, named=named)) for event in told],
        rows=told if in_rows else [],
        more=len(events) - len(told),
        at_least=not whole or not whole.complete,
        gaps=gaps,
    )


def _nested(event: EventRow, telling: Telling, *, named: bool) -> Sentence:
    """It begins with its verb, unless the story's sentence leaves open who did it; a part of that sentence, it has no
    full stop."""
    said = predicate(event, naming=telling.naming)[:-1]
    return [*subject(event), Piece(" "), *said] if named else said


def lasted(events: Sequence[EventRow]) -> float | None:
    """Seconds from the first of these events to the last."""
    moments = [datetime.fromisoformat(event.occurred_at) for event in events]
    seconds = (max(moments) - min(moments)).total_seconds()
    return seconds or None
