"""What an entity was at a time, and who last set each of its attributes: answers that need the bucket beside the
history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct, structs

from byline.bucket.port import Bucket
from byline.history.port import Reader
from byline.model.change import Change, ValueType
from byline.model.codec import decode
from byline.model.diff import diff_data
from byline.model.event import AuditEvent, Data
from byline.model.query import ChangeRow, EventRow, Position, Query
from byline.model.values import from_text, same
from byline.processor.raw import raw_event

__all__ = ["Blame", "EntityState", "blame", "entity_state"]

_PAGE = 200
_LATER_PAGE = 10_000
"""Of what goes on beyond a page: each page costs a look at all changes of the event that it begins in."""

_LOOK_BACK = 200
"""Events that are looked at, newest first, for one that tells a state."""

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


class Blame(Struct, frozen=True, kw_only=True):
    """Who last set an attribute. Everything from ``event_id`` on is ``None`` where nobody was recorded to set it to
    this value: it was so before recording began, or became so unseen."""

    attribute: str
    value: str | None
    type: ValueType
    event_id: str | None = None
    occurred_at: str | None = None
    microservice_name: str | None = None
    action: str | None = None
    request_id: str | None = None
    account_id: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    user_name: str | None = None


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
    query = Query(table_id=table_id, entity_id=entity_id, to=_behind(at), within=within)
    notes: list[str] = []
    newest: EventRow | None = None
    for event in _events(reader, query):
        newest = newest or event
        told, state = _state_behind(bucket, event, notes)
        if told:
            return _answer(query, at, newest, event, state, notes)
    return _answer(query, at, newest, None, None, notes)


def blame(reader: Reader, entity: EntityState, *, within: str | None = None) -> list[Blame]:
    """For each attribute of the state, in order of names, the newest change that set it."""
    missing = {change.attribute: change for change in diff_data({}, entity.state or {}, action="update")}
    found: list[Blame] = []
    query = Query(table_id=entity.table_id, entity_id=entity.entity_id, to=_behind(entity.at), within=within)
    for row in _changes(reader, query) if missing else ():
        wanted = missing.get(row.attribute)
        if wanted is not None and row.current_type != "absent":
            del missing[row.attribute]
            found.append(_blame(wanted, row if _set_to(wanted, row) else None))
            if not missing:
                break
    found += [_blame(wanted, None) for wanted in missing.values()]
    return sorted(found, key=lambda one: one.attribute)


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
        page = reader.events(_next(query, after, limit=1 if after is None else 20))
        yield from page.rows
        looked_at += len(page.rows)
        after = page.next
        if after is None:
            return


def _changes(reader: Reader, query: Query) -> Iterator[ChangeRow]:
    after: Position | None = None
    while True:
        page = reader.changes(_next(query, after, limit=_PAGE if after is None else _LATER_PAGE))
        yield from page.rows
        after = page.next
        if after is None:
            return


def _next(query: Query, after: Position | None, *, limit: int) -> Query:
    return structs.replace(query, after=after, limit=limit)


def _behind(at: datetime | None) -> datetime | None:
    """The end of a half-open span that holds ``at`` itself."""
    return at + _TICK if at is not None and at < _LAST else None


def _set_to(wanted: Change, row: ChangeRow) -> bool:
    """Whether the row set the attribute to what it is, however the value was written."""
    return same(from_text(wanted.current_value, wanted.current_type), from_text(row.current_value, row.current_type))


def _blame(wanted: Change, row: ChangeRow | None) -> Blame:
    if row is None:
        return Blame(attribute=wanted.attribute, value=wanted.current_value, type=wanted.current_type)
    return Blame(
        attribute=wanted.attribute,
        value=wanted.current_value,
        type=wanted.current_type,
        event_id=row.event_id,
        occurred_at=row.occurred_at,
        microservice_name=row.microservice_name,
        action=row.action,
        request_id=row.request_id,
        account_id=row.account_id,
        user_id=row.user_id,
        user_email=row.user_email,
        user_name=row.user_name,
    )
