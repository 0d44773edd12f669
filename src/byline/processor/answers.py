"""What an entity was at a time: an answer that needs the bucket beside the history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct, structs

from byline.bucket.port import Bucket
from byline.history.port import Reader
from byline.model.chain import SKEW, settled
from byline.model.codec import decode
from byline.model.event import AuditEvent, Data
from byline.model.query import EventRow, Position, Query
from byline.processor.raw import raw_event

_LOOK_BACK = 200
"""Events that are looked at, newest first, for one that tells a state."""

_CLOSE = 20
"""Events before it that are put in order, to see whether it was the last one."""

_TICK = timedelta(microseconds=1)
_LAST = datetime.max.replace(tzinfo=UTC)


class EntityState(Struct, frozen=True, kw_only=True):
    """An entity as it was."""

    table_id: str
    entity_id: str
    at: datetime | None
    """The time that was asked for; ``None``: whatever is the newest."""
    as_of: str | None
    """That time, or the newest event's; RFC 3339. ``None`` where nothing was asked and nothing is known."""
    state: Data | None
    """``None`` where the entity was not there (not yet, or deleted), or where no event tells."""
    event: EventRow | None
    """The event that told it."""
    notes: list[str]
    """What a reader should know before relying on the state, in sentences."""


def entity_state(
    reader: Reader,
    bucket: Bucket,
    table_id: str,
    entity_id: str,
    *,
    at: datetime | None = None,
    within: str | None = None,
) -> EntityState:
    """The state behind the newest event at or before ``at`` (aware), read back from the bucket.

    Raises :class:`~byline.errors.BucketError` where the event's object is missing, or is not what was recorded.
    """
    query = Query(table_id=table_id, entity_id=entity_id, to=behind(at), within=within)
    notes: list[str] = []
    newest: EventRow | None = None
    for event in _events(reader, query):
        newest = newest or event
        told, state = _state_behind(bucket, event, notes)
        if told:
            notes += _other_order(reader, query, event)
            return _answer(query, at, newest, event, state, notes)
    return _answer(query, at, newest, None, None, notes)


def _other_order(reader: Reader, query: Query, event: EventRow) -> list[str]:
    """Stamps of two machines may be in the wrong order: then the events' own data tell it, and that is said."""
    links = reader.links(structs.replace(query, limit=_CLOSE)).rows
    last = settled([*reversed(links)])[-1] if links else None
    if last is None or last.event_id == event.event_id or last.hidden or last.account_id != event.account_id:
        return []
    if abs(last.occurred_at - datetime.fromisoformat(event.occurred_at)) > SKEW:
        return []
    return [
        f"By their stamps event {event.event_id} came last; by the states that they tell it was event {last.event_id}."
    ]


def _answer(
    query: Query,
    at: datetime | None,
    newest: EventRow | None,
    event: EventRow | None,
    state: Data | None,
    notes: list[str],
) -> EntityState:
    as_of = (
        at.isoformat(timespec="microseconds").replace("+00:00", "Z") if at else newest.occurred_at if newest else None
    )
    return EntityState(
        table_id=query.table_id or "",
        entity_id=query.entity_id or "",
        at=at,
        as_of=as_of,
        state=state,
        event=event,
        notes=notes,
    )


def _state_behind(bucket: Bucket, row: EventRow, notes: list[str]) -> tuple[bool, Data | None]:
    """Whether the event tells a state, and which."""
    if row.action == "delete":
        return True, None
    event = _read(bucket, row)
    if event.new_data is not None:
        if event.one_sided:
            notes.append(
                f"Event {row.event_id} came without the state before it; what it left out may be missing here."
            )
        return True, event.new_data
    if event.action == "create":
        return True, {}
    if event.old_data is not None:
        notes.append(f"Event {row.event_id} came without the state after it; this is the state before it.")
        return True, event.old_data
    notes.append(f"Event {row.event_id} came without any state; this is what the events before it tell.")
    return False, None


def _read(bucket: Bucket, row: EventRow) -> AuditEvent:
    return decode(raw_event(bucket, row), key=row.object.key, line=row.object.line)


def _events(reader: Reader, query: Query) -> Iterator[EventRow]:
    looked_at = 0
    after: Position | None = None
    while looked_at < _LOOK_BACK:
        # Most often the newest one will do.
        page = reader.events(structs.replace(query, after=after, limit=1 if after is None else 20))
        yield from page.rows
        looked_at += len(page.rows)
        after = page.next
        if after is None:
            return


def behind(at: datetime | None) -> datetime | None:
    """The end of a half-open span that holds ``at`` itself."""
    return at + _TICK if at is not None and at < _LAST else None
