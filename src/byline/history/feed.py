"""Events in the order in which the history took them: object by object, line by line."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, select

from byline.history import tables
from byline.history.dictionary import Kind
from byline.history.layout import Layout
from byline.history.packing import key_of
from byline.history.rows import HELD_AT_MOST, whole_events
from byline.history.tables import EventKey
from byline.model.query import EventRow, FeedPage, FeedPlace

_E, _O, _C, _N = tables.events, tables.objects, tables.counters, tables.names
_OBJECTS_AT_MOST = 1_000
"""Looked at for one page: many may hold nothing for this reader."""

_SOME = 100

_LINES = (
    select(_E.c.line, _E.c.event_key)
    .select_from(_O.join(_E, _E.c.object_no == _O.c.object_no))
    .where(_O.c.object_no == bindparam("object"), _E.c.line > bindparam("behind"))
    .order_by(_E.c.line)
    .limit(bindparam("room"))
)


def read(
    connection: Connection, layout: Layout, after: FeedPlace, *, limit: int, within: str | None, now: datetime
) -> FeedPage:
    """See :meth:`byline.history.port.Reader.feed`. All of it is one snapshot."""
    counted: dict[str, int] = dict(connection.execute(select(_C.c.name, _C.c.value)).all())
    epoch = counted.get("epoch", 0)
    begun = after == FeedPlace(0, 0, 0)
    # A place that this history has not come to is of another one: a backup was restored, say.
    if not begun and (after.epoch != epoch or after.arrival > counted.get("arrival", 0)):
        return FeedPage([], FeedPlace(epoch, 0, 0), at_end=False)
    wanted = _LINES.where(*layout.inside_object, *_owned(connection, within))
    objects = _objects(connection, after)
    placed: list[tuple[EventKey, FeedPlace]] = []
    end = FeedPlace(epoch, after.arrival, after.line)
    for arrival, object_no in objects:
        behind = after.line if arrival == after.arrival else 0
        room = {"object": object_no, "behind": behind, "room": limit - len(placed)}
        found = connection.execute(wanted, room).all()
        placed += [(key, FeedPlace(epoch, arrival, line)) for line, key in found]
        if len(placed) == limit:
            return _page(connection, placed, placed[-1][1], at_end=False, now=now)
        end = FeedPlace(epoch, arrival, found[-1][0] if found else behind)
    return _page(connection, placed, end, at_end=len(objects) < _OBJECTS_AT_MOST, now=now)


def _objects(connection: Connection, after: FeedPlace) -> list[tuple[int, int]]:
    """Arrival and number of the object that ``after`` is in, and of those behind it."""
    wanted = select(_O.c.arrival, _O.c.object_no).where(_O.c.arrival >= after.arrival)
    found = connection.execute(wanted.order_by(_O.c.arrival).limit(_OBJECTS_AT_MOST))
    return [(arrival, object_no) for arrival, object_no in found]


def _owned(connection: Connection, within: str | None) -> list[ColumnElement[bool]]:
    if within is None:
        return []
    wanted = select(_N.c.name_no).where(_N.c.kind == int(Kind.ACCOUNT), _N.c.name_key == key_of(within)[0])
    number = connection.scalar(wanted)
    return [_E.c.account_no == (-1 if number is None else number)]


def _page(
    connection: Connection, placed: list[tuple[EventKey, FeedPlace]], end: FeedPlace, *, at_end: bool, now: datetime
) -> FeedPage:
    """A page up to ``end``; up to an earlier event where the changes are too many for one page."""
    events: list[EventRow] = []
    held = 0
    for start in range(0, len(placed), _SOME):
        some = placed[start : start + _SOME]
        for _, event in whole_events(connection, [key for key, _ in some], now):
            held += len(event.changes)
            if events and held > HELD_AT_MOST:
                return FeedPage(events, placed[len(events) - 1][1], at_end=False)
            events.append(event)
    return FeedPage(events, end, at_end=at_end)
