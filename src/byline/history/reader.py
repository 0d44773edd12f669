"""The reading half: pages by keyset, never by offset, and never a count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, func, literal, select

from byline.errors import SchemaOutdated
from byline.history import activity, chain, feed, tables
from byline.history.drivers import Place
from byline.history.engine import Database
from byline.history.packing import time_of
from byline.history.port import Arrivals, Health, StreamGap
from byline.history.rows import HELD_AT_MOST, Changes, change_row, read_brief, read_changes, read_whole, whole_events
from byline.history.schema import SCHEMA, schema_of
from byline.history.tables import EventKey
from byline.history.walk import Walk
from byline.model.query import ChangeRow, DayActivity, EventRow, FeedPage, FeedPlace, Link, Page, Position, Query

_E = tables.events
_FUTURE = timedelta(minutes=5)
_COUNT_LETTERS_TO = 1_000


class SqlReader:
    """:class:`byline.history.port.Reader` on SQL. Safe to call from several threads: each call has its own
    connection."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock
        self._schema_seen = False

    def changes(self, query: Query) -> Page[ChangeRow]:
        rows: list[ChangeRow] = []
        last: tuple[Place, str] | None = None
        with self._reading() as connection:
            walk = Walk(connection, query, self._database.layout)
            for places in walk:
                keys = [key for _, key in places]
                room = query.limit + 1 - len(rows)
                changes = read_changes(connection, keys, walk.change_conditions, first=room, after=walk.shown)
                briefs = read_brief(connection, _shown_first(keys, changes, room))
                for place in places:
                    for change in changes.get(place[1], []):
                        if len(rows) == query.limit:
                            return Page(rows, walk.position(*last) if last else None)
                        rows.append(change_row(briefs[place[1]], change))
                        last = (place, change.attribute)
        return Page(rows, walk.stopped_at)

    def events(self, query: Query) -> Page[EventRow]:
        rows: list[EventRow] = []
        held = 0
        last: Position | None = None
        now = self._clock() + _FUTURE
        with self._reading() as connection:
            walk = Walk(connection, query, self._database.layout)
            for places in walk:
                keys = [key for _, key in places]
                if walk.change_conditions:
                    matching = read_changes(connection, keys, walk.change_conditions, first=1)
                    keys = [key for key in keys if key in matching]
                place_of = {key: (at, key) for at, key in places}
                for key, row in whole_events(connection, keys, now):
                    if len(rows) == query.limit or (rows and held + len(row.changes) > HELD_AT_MOST):
                        return Page(rows, last)
                    rows.append(row)
                    held += len(row.changes)
                    last = walk.position(place_of[key], None)
        return Page(rows, walk.stopped_at)

    def event(self, event_id: str, *, within: str | None = None) -> EventRow | None:
        try:
            raw = UUID(event_id).bytes
        except ValueError:
            return None
        with self._reading() as connection:
            key = connection.scalar(select(_E.c.event_key).where(tables.event_id == raw))
            if key is None:
                return None
            changes = read_changes(connection, [key], [])
            row = read_whole(connection, [key], changes, self._clock() + _FUTURE)[key]
        return row if within is None or row.account_id == within else None

    def activity(self, query: Query) -> list[DayActivity] | None:
        with self._reading() as connection:
            return activity.read(connection, query)

    def links(self, query: Query) -> Page[Link]:
        with self._reading() as connection:
            return chain.read_links(connection, self._database.layout, query)

    def suspects(self, query: Query) -> Page[Link]:
        with self._reading() as connection:
            return chain.read_suspects(connection, self._database.layout, query)

    def suspected(self, event_ids: Sequence[str]) -> set[str]:
        with self._reading() as connection:
            return chain.suspected(connection, event_ids)

    def feed(self, after: FeedPlace, *, limit: int, within: str | None = None) -> FeedPage:
        with self._reading() as connection:
            now = self._clock() + _FUTURE
            return feed.read(connection, self._database.layout, after, limit=limit, within=within, now=now)

    def arrivals(self, after: int = 0, *, limit: int = 100) -> Arrivals:
        objects = tables.objects
        wanted = select(objects.c.arrival, objects.c.object_key).where(objects.c.arrival > after)
        with self._reading() as connection:
            found = connection.execute(wanted.order_by(objects.c.arrival).limit(limit)).all()
            epoch = connection.scalar(select(tables.counters.c.value).where(tables.counters.c.name == "epoch"))
        return Arrivals(epoch=epoch or 0, objects=[(arrival, key) for arrival, key in found])

    def stream_gaps(self, limit: int = 100) -> list[StreamGap]:
        before = func.coalesce(func.lag(_E.c.seq).over(partition_by=_E.c.stream_no, order_by=_E.c.seq), 0)
        numbered = (
            select(_E.c.stream_no, _E.c.seq, before.label("before")).where(_E.c.stream_no.is_not(None)).subquery()
        )
        names = tables.names
        gaps = (
            select(func.coalesce(names.c.long_name, names.c.name_key), numbered.c.before + 1, numbered.c.seq - 1)
            .select_from(numbered.join(names, names.c.name_no == numbered.c.stream_no))
            .where(numbered.c.seq - numbered.c.before > 1)
            .order_by(numbered.c.stream_no, numbered.c.seq)
            .limit(limit)
        )
        with self._reading() as connection:
            return [StreamGap(stream_id, first, last) for stream_id, first, last in connection.execute(gaps)]

    def health(self) -> Health:
        letters, dismissals = tables.dead_letters, tables.dismissals
        is_open = (
            select(literal(1))
            .select_from(letters.outerjoin(dismissals, dismissals.c.id == letters.c.id))
            .where(dismissals.c.id.is_(None))
            .limit(_COUNT_LETTERS_TO)
        )
        with self._reading() as connection:
            newest = connection.scalar(select(func.max(_E.c.occurred_at)))
            return Health(
                objects=connection.scalar(select(tables.counters.c.value).where(tables.counters.c.name == "arrival"))
                or 0,
                newest_event_at=None if newest is None else time_of(newest),
                dead_letters=connection.scalar(select(func.count()).select_from(is_open.subquery())) or 0,
                schema=schema_of(connection) or "",
            )

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One snapshot. The schema is asked for once: migrations never change it under a running reader into something
        older."""
        with self._database.transaction() as connection:
            if not self._schema_seen:
                found = schema_of(connection)
                if found != SCHEMA:
                    raise SchemaOutdated(
                        f"the history's schema is {found or 'not there'}, this Byline speaks {SCHEMA}",
                        hint="run `byline migrate`",
                    )
                self._schema_seen = True
            yield connection


def _shown_first(keys: Sequence[EventKey], changes: Changes, room: int) -> list[EventKey]:
    """Those of the events whose changes find room."""
    shown: list[EventKey] = []
    for key in keys:
        if key in changes and room > 0:
            shown.append(key)
            room -= len(changes[key])
    return shown
