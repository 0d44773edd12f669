"""Which events of a batch are new, which are there already, and which only claim an id that is another's.

Of events with one id and different bytes the one that was written first is the event, and the others are dead letters:
first by the bucket's clock, then by key and line. So the history stays a function of the bucket, whichever object the
processor hears of first; and whoever writes later can take nobody's place, since that clock is not the writer's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field
from sqlalchemy import Connection, delete, func, select, update

from byline.history import activity, tables
from byline.history.engine import Overtaken
from byline.history.layout import Layout
from byline.history.packing import time_of, value_mark
from byline.history.port import DeadLetter, Entry, ObjectPart, dead_letter_id
from byline.history.tables import EventKey

_EVENTS = tables.events
_OBJECTS = tables.objects

_Place = tuple[datetime, str, int]
"""When the object was written, its key, and the line."""


class Sifted(Struct):
    """What a batch came to."""

    new: dict[bytes, tuple[ObjectPart, Entry]] = field(default_factory=dict)
    """By event id, in the order in which they were written."""
    conflicts: list[DeadLetter] = field(default_factory=list)
    duplicates: int = 0
    moved: set[str] = field(default_factory=set)
    """Keys of objects to which an event was moved that was there already."""
    removed: activity.Tally = field(default_factory=Counter)
    """What has to be taken off the daily counts."""


class _Known(Struct):
    """An event that has its id already."""

    sha256: bytes
    place: _Place
    event_key: EventKey | None = None
    """``None`` where it is of this very batch."""


def sift(connection: Connection, layout: Layout, parts: Sequence[ObjectPart]) -> Sifted:
    """Sort the entries out. An event that has to give way to one that was written before it is removed here; one of
    which an earlier copy comes is from now on the event at that place."""
    sifted = Sifted()
    known = _known(connection, layout.chunk, [entry.event.event_id.bytes for part in parts for entry in part.entries])
    for part in sorted(parts, key=lambda part: (part.received_at, part.key)):
        for entry in part.entries:
            event_id = entry.event.event_id.bytes
            place = (part.received_at, part.key, entry.line)
            there = known.get(event_id)
            if there is None:
                known[event_id] = _Known(entry.sha256, place)
                sifted.new[event_id] = (part, entry)
            elif there.sha256 == entry.sha256:
                sifted.duplicates += 1
                if there.event_key is not None and place < there.place:
                    _hold(connection, there)
                    _move(connection, layout, there.event_key, part.key, entry.line)
                    sifted.moved.add(part.key)
                    there.place = place
            elif there.event_key is not None and place < there.place:
                _hold(connection, there)
                sifted.removed.update(activity.removed(connection, there.event_key))
                _remove(connection, there.event_key)
                sifted.conflicts.append(_conflict(entry, there.place))
                known[event_id] = _Known(entry.sha256, place)
                sifted.new[event_id] = (part, entry)
            else:
                sifted.conflicts.append(_conflict(entry, place, offset=entry.offset, size=entry.size))
    return sifted


def _known(connection: Connection, chunk: int, ids: Sequence[bytes]) -> dict[bytes, _Known]:
    """Read in two steps. Of a join, a planner with stale statistics begins with the objects, and reads every event."""
    events = select(tables.event_id, _EVENTS.c.sha256, _EVENTS.c.event_key, _EVENTS.c.object_no, _EVENTS.c.line)
    objects = select(_OBJECTS.c.object_no, _OBJECTS.c.written_at, _OBJECTS.c.object_key)
    known: dict[bytes, _Known] = {}
    # Ids are in order of time, and most batches are newer than all that is there: then one look is enough.
    between = tables.event_id.between(min(ids, default=b""), max(ids, default=b""))
    if connection.scalar(select(tables.event_id).select_from(_EVENTS).where(between).limit(1)) is None:
        return known
    for start in range(0, len(ids), chunk):
        rows = connection.execute(events.where(tables.event_id.in_(ids[start : start + chunk]))).all()
        if rows:
            wanted = objects.where(_OBJECTS.c.object_no.in_({row.object_no for row in rows}))
            of = {no: (time_of(written_at), key) for no, written_at, key in connection.execute(wanted)}
            known.update((id, _Known(sha256, (*of[no], line), event_key)) for id, sha256, event_key, no, line in rows)
    return known


def _hold(connection: Connection, there: _Known) -> None:
    """Keep other writers from this event until the end. Raises :class:`Overtaken` where one of them was quicker."""
    _, key, line = there.place
    still = (
        select(_EVENTS.c.sha256, _OBJECTS.c.object_key, _EVENTS.c.line)
        .select_from(_EVENTS.join(_OBJECTS, _OBJECTS.c.object_no == _EVENTS.c.object_no))
        .where(_EVENTS.c.event_key == there.event_key)
        .with_for_update()
    )
    found = connection.execute(still).first()
    if found is None or tuple(found) != (there.sha256, key, line):
        raise Overtaken("another writer changed the same event")


def _move(connection: Connection, layout: Layout, event_key: EventKey, key: str, line: int) -> None:
    """The event's first copy is this one: whoever writes other bytes under its id later than that comes too late."""
    object_no = connection.scalars(select(_OBJECTS.c.object_no).where(_OBJECTS.c.object_key == key)).one()
    connection.execute(update(_EVENTS).where(_EVENTS.c.event_key == event_key).values(object_no=object_no, line=line))
    layout.note_move(connection, object_no, event_key)


def _remove(connection: Connection, event_key: EventKey) -> None:
    names, changes = tables.names, tables.changes
    occurred_at = connection.scalar(select(_EVENTS.c.occurred_at).where(_EVENTS.c.event_key == event_key))
    attribute = func.coalesce(names.c.long_name, names.c.name_key).label("attribute")
    rows = connection.execute(
        select(changes.c.attribute_no, attribute, changes.c.current_value)
        .select_from(changes.join(names, names.c.name_no == changes.c.attribute_no))
        .where(changes.c.event_key == event_key)
    ).all()
    for table, column, values in (
        (tables.attribute_moments, "attribute_no", {row.attribute_no for row in rows}),
        (
            tables.value_moments,
            "value_mark",
            {value_mark(row.attribute, row.current_value) for row in rows if row.current_value is not None},
        ),
    ):
        for value in values:
            wanted = (table.c[column] == value) & (table.c.occurred_at == occurred_at)
            connection.execute(delete(table).where(wanted & (table.c.event_key == event_key)))
    connection.execute(delete(changes).where(changes.c.event_key == event_key))
    connection.execute(delete(_EVENTS).where(_EVENTS.c.event_key == event_key))


def _conflict(entry: Entry, place: _Place, *, offset: int | None = None, size: int | None = None) -> DeadLetter:
    received_at, key, line = place
    return DeadLetter(
        id=dead_letter_id(key, line, "conflicting_event"),
        key=key,
        line=line,
        reason="conflicting_event",
        detail=f"event_id {entry.event.event_id} belongs to an event with other bytes, which was written before",
        received_at=received_at,
        offset=offset,
        size=size,
    )
