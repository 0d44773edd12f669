"""``/entity``: an entity's ruler, its state at a moment, who set each attribute, and how it came about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter
from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import Response

from byline.model.gap import Gap
from byline.model.query import EventRow, Query
from byline.processor.answers import EntityState, entity_state
from byline.processor.blame import blame
from byline.processor.unexplained import gaps_of
from byline.web.caller import Caller, CallerOf
from byline.web.pages.address import address, entity_page
from byline.web.pages.clock import Clock
from byline.web.pages.frame import Foot, Frame, FrameOf
from byline.web.pages.ruler import AT_MOST, Ruler, moment_of, ruler, strips
from byline.web.pages.state import Row, rows
from byline.web.params import ENTITY_AT, read
from byline.web.refusals import NotFound
from byline.web.sentence import Sentence, gap_sentence, sentence
from byline.web.site import Site, SiteOf
from byline.web.templates import page

router = APIRouter(include_in_schema=False)

_BEFORE: Final = 20
_AFTER: Final = 10
"""Events of the timeline before the moment and after it."""
ROWS: Final = 300
"""Attributes of a state that a page shows."""
_TICK: Final = timedelta(microseconds=1)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class Window(Struct, frozen=True, kw_only=True):
    """The events of the ruler, oldest first, and whether there are others on either side."""

    events: list[EventRow]
    more_before: bool
    more_after: bool


class Item(Struct, frozen=True, kw_only=True):
    """One thing of the timeline: an event, what changed unseen, or the moment that is shown."""

    event: EventRow | None = None
    gap: Gap | None = None
    sentence: Sentence = []
    later: bool = False
    """It came after the moment that is shown."""
    moment: bool = False
    """The line that says so."""
    span: str | None = None
    """A new stretch of time begins: ``Earlier in 2026``, ``2025``."""


@router.get("/entity", response_class=Response)
def entity(request: Request, site: SiteOf, caller: CallerOf, frame: FrameOf) -> Response:
    """An entity at a moment."""
    values = read(request.scope["query_string"], ENTITY_AT)
    table_id, entity_id, at = values["table_id"], values["entity_id"], values.get("at")
    window = _window(site, Query(table_id=table_id, entity_id=entity_id, within=caller.within), at)
    if not window.events:
        raise NotFound("No event of this entity is known.")
    gaps = gaps_of(site.reader, site.bucket, table_id, entity_id, within=caller.within)
    shown = moment_of(window.events, _stamp(at))
    return page("entity.html", **_context(site, caller, frame, window, gaps, shown, values))


def _context(
    site: Site, caller: Caller, frame: Frame, window: Window, gaps: list[Gap], shown: int, values: dict[str, Any]
) -> dict[str, Any]:
    clock, events = frame.clock, window.events
    table_id, entity_id, at = values["table_id"], values["entity_id"], values.get("at")
    found = entity_state(site.reader, site.bucket, table_id, entity_id, at=at, within=caller.within)
    drawn = ruler(events, gaps, max(shown, 0), stamp=clock.stamp, date=_date_or_today(clock))
    names = {"table_id": table_id, "entity_id": entity_id}
    here = _stamp(at)
    return {
        "frame": frame,
        "table_id": table_id,
        "entity_id": entity_id,
        "title": _title(found),
        "services": list(dict.fromkeys(event.microservice_name for event in events[-20:])),
        "state": found,
        "there": found.state is not None,
        "rows_at_most": ROWS,
        "rows": _rows(site, caller, found, events, shown, clock),
        "ruler": drawn,
        "shown": events[shown] if shown >= 0 else None,
        "number": _number(window, shown),
        "first": shown < 0,
        "links": _links(drawn, events, shown, table_id, entity_id),
        "items": _items(window, gaps, shown, clock),
        "later": max(0, len(events) - 1 - shown - _AFTER),
        "before": max(0, shown + 1 - _BEFORE),
        "window": window,
        "window_before": entity_page(table_id, entity_id, events[0].occurred_at),
        "as_json": address("/v1/entity", {**names, "at": here}),
        "foot": Foot(as_json=address("/v1/events", names), export=address("/v1/export", names)),
    }


def _window(site: Site, query: Query, at: datetime | None) -> Window:
    """The newest events; or those around a moment, where there are too many for one ruler."""
    newest = site.reader.events(structs.replace(query, limit=AT_MOST))
    if at is None or newest.next is None or (newest.rows and newest.rows[-1].occurred_at <= (_stamp(at) or "")):
        return Window(events=newest.rows[::-1], more_before=newest.next is not None, more_after=False)
    behind = at + _TICK if at < _LAST else None
    older = site.reader.events(structs.replace(query, limit=AT_MOST // 2, to=behind))
    later = site.reader.events(structs.replace(query, limit=AT_MOST // 2, from_=behind, order="oldest"))
    return Window(
        events=older.rows[::-1] + later.rows, more_before=older.next is not None, more_after=later.next is not None
    )


def _stamp(at: datetime | None) -> str | None:
    """A moment as events tell theirs."""
    return None if at is None else at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _title(found: EntityState) -> str | None:
    """What the entity calls itself, where it has a title or a name."""
    for name in ("title", "name", "display_name"):
        value = (found.state or {}).get(name)
        if isinstance(value, str) and value.strip():
            return value
    return None


def _rows(
    site: Site, caller: Caller, found: EntityState, events: Sequence[EventRow], shown: int, clock: Clock
) -> list[Row]:
    told = blame(site.reader, site.bucket, found, within=caller.within)
    by_id = {event.event_id: event for event in events}
    for one in told[:ROWS]:
        # Only the event knows of a job, and of what was seen below the application.
        if one.event_id and one.event_id not in by_id and (event := site.reader.event(one.event_id)):
            by_id[one.event_id] = event
    at_moment = events[shown] if shown >= 0 else None
    return rows(told, by_id, strips(events, shown), at_moment, clock, (found.table_id, found.entity_id))


def _number(window: Window, shown: int) -> str:
    """``event 14 of 17``; of a window, where there are more than a ruler holds."""
    count = len(window.events)
    if shown < 0:
        return "before its first event"
    if window.more_before or window.more_after:
        return f"event {shown + 1} of {count} in view"
    return f"event {shown + 1} of {count}"


def _links(
    drawn: Ruler, events: Sequence[EventRow], shown: int, table_id: str, entity_id: str
) -> dict[str, str | None]:
    later = events[0].occurred_at if shown < 0 else drawn.later
    return {
        "earlier": entity_page(table_id, entity_id, drawn.earlier) if drawn.earlier and shown >= 0 else None,
        "later": entity_page(table_id, entity_id, later) if later else None,
        "newest": entity_page(table_id, entity_id) if shown < len(events) - 1 else None,
    }


def _items(window: Window, gaps: Sequence[Gap], shown: int, clock: Clock) -> list[Item]:
    """The timeline, newest first: the events around the moment, gaps in their places, and where the moment is."""
    by_event = {gap.before_event_id: gap for gap in gaps}
    first, last = max(0, shown + 1 - _BEFORE), min(len(window.events), shown + 1 + _AFTER)
    items: list[Item] = []
    span = ""
    for number in range(last - 1, first - 1, -1):
        event = window.events[number]
        later = number > shown
        if number == shown and number < len(window.events) - 1:
            items.append(Item(moment=True))
        told_in = _span(event, clock)
        items.append(
            Item(
                event=event,
                sentence=sentence(event, about="entity"),
                later=later,
                span=told_in if told_in != span and told_in else None,
            )
        )
        span = told_in
        if gap := by_event.get(event.event_id):
            items.append(Item(gap=gap, sentence=gap_sentence(gap, about="entity"), later=later))
    if shown < 0:
        items.append(Item(moment=True))
    return items


def _date_or_today(clock: Clock) -> Callable[[str], str]:
    return lambda at: "today" if clock.day(at) == clock.today.isoformat() else clock.short(at)


def _span(event: EventRow, clock: Clock) -> str:
    """Nothing for the last month, then the year."""
    told = clock.local(event.occurred_at)
    if (clock.now - told).days < 31:
        return ""
    return f"Earlier in {told.year}" if told.year == clock.today.year else str(told.year)
