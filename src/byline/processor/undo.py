"""What would undo a request, or an event. Nothing is changed here: a plan is for people and programs to carry out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import TypeVar

from msgspec import structs

from byline.bucket.port import Bucket
from byline.errors import UsageError
from byline.history.port import Reader
from byline.model.chain import SKEW, knows_after, settled, share_a_state
from byline.model.codec import decode
from byline.model.diff import diff_data
from byline.model.differences import item
from byline.model.event import Action, AuditEvent, Data
from byline.model.patch import patch
from byline.model.query import EventRow, Link, ObjectRef, Page, Position, Query
from byline.model.revert import refusal, revert
from byline.model.undo import Refusal, UndoPlan, UndoStep, Why
from byline.processor.raw import raw_events

EVENTS = 2_000
"""Of one request that a plan undoes; and of one entity since then that it looks at."""

_PAGE = 500
_FIRST = datetime.min.replace(tzinfo=UTC)
_NOT_SEEN = (
    "Whatever was never recorded (columns that are left out, changes after the newest event) a plan cannot know; "
    "the patches test what they replace."
)


def undo_request(reader: Reader, bucket: Bucket, request_id: str, *, within: str | None = None) -> UndoPlan:
    """The plan that would undo all that a request did. No steps where it did nothing.

    Raises :class:`~byline.errors.BucketError` where an object is not what was recorded."""
    events, more = _up_to(reader.events, Query(request_id=request_id, within=within))
    plan = _plan(reader, bucket, events, within)
    if more:
        note = f"The request made more than {EVENTS:,} events; only the newest {EVENTS:,} are undone by this plan."
        plan = structs.replace(plan, complete=False, notes=[note, *plan.notes])
    return structs.replace(plan, request_id=request_id)


def undo_event(reader: Reader, bucket: Bucket, event_id: str, *, within: str | None = None) -> UndoPlan:
    """The plan that would undo one event. Raises :class:`~byline.errors.UsageError` where there is none of this id, and
    :class:`~byline.errors.BucketError` where an object is not what was recorded."""
    event = reader.event(event_id, within=within)
    if event is None:
        raise UsageError(f"no event has the id {event_id}", hint="`byline search --events` shows the ids of events.")
    return structs.replace(_plan(reader, bucket, [event], within), event_id=event.event_id)


def _plan(reader: Reader, bucket: Bucket, events: Sequence[EventRow], within: str | None) -> UndoPlan:
    by_entity: dict[tuple[str, str], list[EventRow]] = {}
    for event in events:
        by_entity.setdefault((event.table_id, event.entity_id), []).append(event)
    steps = [_Entity(reader, bucket, own, within).step() for own in by_entity.values()]
    taken = [step for step in steps if step is not None]
    complete = not any(step.refused for step in taken)
    return UndoPlan(request_id=None, event_id=None, steps=taken, complete=complete, notes=[_NOT_SEEN] if taken else [])


class _Entity:
    """One entity, and those of its events that are to be undone, newest first."""

    def __init__(self, reader: Reader, bucket: Bucket, own: Sequence[EventRow], within: str | None) -> None:
        self._reader = reader
        self._bucket = bucket
        self._own = {row.event_id: row for row in own}
        self._query = Query(table_id=own[0].table_id, entity_id=own[0].entity_id, within=within, order="oldest")

    def step(self) -> UndoStep | None:
        """None where there is nothing to do."""
        try:
            now, chain = self._present()
            objects = raw_events(self._bucket, self._own.values())
            reverted = revert(now, chain, {row.event_id: _event(objects, row) for row in self._own.values()})
        except _Unknown as unknown:
            return self._told(None, None, [unknown.refusal])
        return self._told(now, reverted.state, reverted.refused)

    def _present(self) -> tuple[Data | None, list[EventRow]]:
        """What the entity is now, and its events from the first on that is to be undone, in the order in which they
        meet."""
        start = min(datetime.fromisoformat(row.occurred_at) for row in self._own.values())
        query = structs.replace(self._query, from_=_before(start))
        rows, more = _up_to(self._reader.events, query)
        links, more_links = _up_to(self._reader.links, query)
        if more or more_links:
            raise _Unknown("too_much", f"More than {EVENTS:,} events happened to the entity since.")
        by_id = {row.event_id: row for row in rows}
        order = self._of_this_entity(settled([link for link in links if link.hidden or link.event_id in by_id]))
        first = next(place for place, link in enumerate(order) if link.event_id in self._own)
        chain = [by_id[link.event_id] for link in order[first:]]
        return self._state_behind(order[-1], chain[-1]), chain

    def _of_this_entity(self, links: Sequence[Link]) -> list[Link]:
        """Without events of other accounts that only share the id."""
        accounts = {row.account_id for row in self._own.values()}
        own = [link for link in links if not link.hidden and link.account_id in accounts]
        others = [link for link in links if link.hidden or link.account_id not in accounts]
        if not share_a_state(own, others):
            return own
        if any(link.hidden for link in others):
            raise _Unknown("changed_since", "An event of another account changed the entity, too.")
        return list(links)

    def _state_behind(self, last: Link, row: EventRow) -> Data | None:
        if not knows_after(last):
            raise _Unknown("incomplete", f"What it is now is not known: event {row.event_id} does not tell.")
        if last.after is None:
            return None
        event = _event(raw_events(self._bucket, [row]), row)
        if event is None:
            raise _Unknown("incomplete", f"The object of event {row.event_id} is not in the bucket any more.")
        return event.new_data

    def _told(self, now: Data | None, wanted: Data | None, refused: list[Refusal]) -> UndoStep | None:
        operations = patch(now, wanted)
        if not operations and not refused:
            return None
        action = _action(now, wanted, next(iter(self._own.values())))
        return UndoStep(
            table_id=self._query.table_id or "",
            entity_id=self._query.entity_id or "",
            action=action,
            restore=sorted(map(item, diff_data(now, wanted, action="update")), key=attrgetter("attribute")),
            data=wanted,
            json_patch=operations,
            refused=refused,
            event_ids=list(self._own),
        )


class _Unknown(Exception):
    """Nothing of the entity can be undone."""

    def __init__(self, reason: Why, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal(None, reason, detail)


_OPPOSITE: dict[Action, Action] = {"create": "delete", "delete": "create", "update": "update"}


def _action(now: Data | None, wanted: Data | None, newest: EventRow) -> Action:
    """What is to be done; where all of it is refused, what would have been."""
    if now is None and wanted is None:
        return _OPPOSITE[newest.action]
    return "create" if now is None else "delete" if wanted is None else "update"


def _event(objects: Mapping[ObjectRef, bytes], row: EventRow) -> AuditEvent | None:
    data = objects.get(row.object)
    return None if data is None else decode(data, key=row.object.key, line=row.object.line)


def _before(start: datetime) -> datetime:
    return start - SKEW if start - _FIRST > SKEW else _FIRST


Row = TypeVar("Row", EventRow, Link)


def _up_to(read: Callable[[Query], Page[Row]], query: Query) -> tuple[list[Row], bool]:
    """The first :data:`EVENTS` rows, and whether there are more."""
    rows: list[Row] = []
    after: Position | None = None
    while True:
        page = read(structs.replace(query, after=after, limit=_PAGE))
        rows += page.rows
        after = page.next
        if after is None or len(rows) > EVENTS:
            return rows[:EVENTS], len(rows) > EVENTS
