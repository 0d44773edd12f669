"""Which events of a batch are new, which are there already, and which only claim an id that is another's.

Of events with one id and different bytes the one that was written first is the event, and the others are dead letters:
first by the bucket's clock, then by key and line. So the history stays a function of the bucket, whichever object the
processor hears of first; and whoever writes later can take nobody's place, since that clock is not the writer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field
from sqlalchemy import Connection, delete, func, select

from byline.history import tables
from byline.history.packing import time_of, value_mark
from byline.history.port import DeadLetter, Entry, ObjectPart, dead_letter_id

_CHUNK = 5_000
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


def sift(connection: Connection, parts: Sequence[ObjectPart]) -> Sifted:
    """Sort the entries out. An event that has to give way to one that was written before it is removed here."""
    sifted = Sifted()
    known = _known(connection, [entry.event.event_id.bytes for part in parts for entry in part.entries])
    for part in sorted(parts, key=lambda part: (part.received_at, part.key)):
        for entry in part.entries:
            event_id = entry.event.event_id.bytes
            sha256 = known.get(event_id)
            if sha256 == entry.sha256:
                sifted.duplicates += 1
            elif sha256 is None or _gives_way(connection, event_id, part, entry, sifted):
                known[event_id] = entry.sha256
                sifted.new[event_id] = (part, entry)
            else:
                place = (part.received_at, part.key, entry.line)
                sifted.conflicts.append(_conflict(entry, place, offset=entry.offset, size=entry.size))
    return sifted


def _known(connection: Connection, ids: Sequence[bytes]) -> dict[bytes, bytes]:
    known: dict[bytes, bytes] = {}
    for start in range(0, len(ids), _CHUNK):
        wanted = _EVENTS.c.event_id.in_(ids[start : start + _CHUNK])
        rows = connection.execute(select(_EVENTS.c.event_id, _EVENTS.c.sha256).where(wanted)).all()
        known.update((event_id, sha256) for event_id, sha256 in rows)
    return known


def _gives_way(connection: Connection, event_id: bytes, part: ObjectPart, entry: Entry, sifted: Sifted) -> bool:
    """Whether the event that is stored under this id was written after ``entry``. If so it is removed."""
    if event_id in sifted.new:
        return False
    stored = connection.execute(
        select(_EVENTS.c.event_key, _OBJECTS.c.written_at, _OBJECTS.c.object_key, _EVENTS.c.line)
        .select_from(_EVENTS.join(_OBJECTS, _OBJECTS.c.object_no == _EVENTS.c.object_no))
        .where(_EVENTS.c.event_id == event_id)
    ).one()
    place = (time_of(stored.written_at), stored.object_key, stored.line)
    if (part.received_at, part.key, entry.line) >= place:
        return False
    _remove(connection, stored.event_key)
    sifted.conflicts.append(_conflict(entry, place))
    return True


def _remove(connection: Connection, event_key: int) -> None:
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
        id=dead_letter_id(key, line),
        key=key,
        line=line,
        reason="conflicting_event",
        detail=f"event_id {entry.event.event_id} belongs to an event with other bytes, which was written before",
        received_at=received_at,
        offset=offset,
        size=size,
    )
