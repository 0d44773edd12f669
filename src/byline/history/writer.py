"""The writing half: one transaction per batch, idempotent. Events are inserted; what they say is never updated.

What happens in :meth:`SqlWriter.take`, in this order: the objects get their rows; events that are there already are
told apart from those that only claim to be; words get numbers; events, changes and their moments are inserted; dead
letters are settled; and last, days are counted and whole objects get their arrival numbers. The last step is last
because followers read by arrival: a number is never given before what it stands for can be read; and because from the
counters' row on, writers wait for each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select, update

from byline.errors import HistoryError, SchemaOutdated
from byline.history import activity, tables
from byline.history.dictionary import Numbers, Words, actor_of, client_of, origin_of
from byline.history.engine import Database, Overtaken
from byline.history.letters import store_letters
from byline.history.migrate import upgrade
from byline.history.packing import ACTIONS, mark, moment, pack_flags, pack_request, pack_types, value_mark
from byline.history.port import Counts, Entry, ObjectPart
from byline.history.schema import SCHEMA, schema_of
from byline.history.sift import sift
from byline.history.tables import EventKey

_OBJECTS = tables.objects
_EVENTS = tables.events
_AT = list(_EVENTS.c).index(_EVENTS.c.occurred_at)
_EPOCH = select(tables.counters.c.value).where(tables.counters.c.name == "epoch")


class _Stored(Struct):
    """An object's row while its parts are taken."""

    number: int
    size: int
    whole: bool


class SqlWriter:
    """:class:`byline.history.port.Writer` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._layout = database.layout
        self._words = Words(self._layout)
        self._epoch: int | None = None

    def migrate(self) -> None:
        upgrade(self._database)

    def take(self, parts: Sequence[ObjectPart]) -> Counts:
        try:
            return self._database.attempt(lambda: self._take_once(parts))
        except BaseException:
            self._words.forget()
            raise

    def taken(self, keys: Collection[str]) -> set[str]:
        return set(self.sizes(keys))

    def sizes(self, keys: Collection[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        whole = select(_OBJECTS.c.object_key, _OBJECTS.c.size).where(_OBJECTS.c.arrival.is_not(None))
        with self._database.transaction() as connection:
            self._require_schema(connection)
            for chunk in self._chunks(sorted(keys)):
                rows = connection.execute(whole.where(_OBJECTS.c.object_key.in_(chunk)))
                found.update((key, size) for key, size in rows)
        return found

    def reopen(self, keys: Collection[str]) -> None:
        self._database.attempt(lambda: self._reopen(sorted(keys)))

    def _reopen(self, keys: Sequence[str]) -> None:
        whole = _OBJECTS.c.arrival.is_not(None)
        with self._database.transaction() as connection:
            self._require_schema(connection)
            for chunk in self._chunks(keys):
                connection.execute(update(_OBJECTS).where(_OBJECTS.c.object_key.in_(chunk), whole).values(arrival=None))

    def _chunks(self, keys: Sequence[str]) -> Iterator[Sequence[str]]:
        for start in range(0, len(keys), self._layout.chunk):
            yield keys[start : start + self._layout.chunk]

    def check(self) -> None:
        counters = tables.counters
        with self._database.transaction() as connection:
            self._require_schema(connection)
            connection.execute(update(counters).values(value=counters.c.value))

    def clear(self) -> None:
        self._database.attempt(self._clear)
        self._words.forget()

    def _clear(self) -> None:
        with self._database.migrating() as connection:
            self._require_schema(connection)
            self._layout.empty(connection)

    def close(self) -> None:
        self._database.close()

    def _require_schema(self, connection: Connection) -> None:
        if schema_of(connection) != SCHEMA:
            raise SchemaOutdated("the history's schema is not up to date", hint="run `byline migrate`")

    def _begin(self, connection: Connection, parts: Sequence[ObjectPart]) -> None:
        """What was remembered holds for one epoch: another process may have emptied the history meanwhile. Then the
        first lines of an object in hand are gone too, and it must not count as taken by its last ones."""
        self._require_schema(connection)
        epoch = connection.scalar(_EPOCH)
        if epoch != self._epoch:
            self._words.forget()
            emptied, self._epoch = self._epoch is not None, epoch
            if emptied and any(part.first_line > 1 for part in parts):
                raise HistoryError(
                    "the history was emptied while an object was taken",
                    hint="Read the object again from its beginning.",
                )

    def _take_once(self, parts: Sequence[ObjectPart]) -> Counts:
        with self._database.transaction() as connection:
            self._begin(connection, parts)
            self._words.trim()
            if not self._layout.alone:
                self._prepare(connection, parts)
            return self._take(connection, parts)

    def _prepare(self, connection: Connection, parts: Sequence[ObjectPart]) -> None:
        """What other writers may want to write too is written first, step by step, so that none waits for another's
        batch. It does no harm where the batch comes to nothing: an object counts once it has an arrival number, and a
        word is no fact. Then the batch's own transaction begins, with locks, so that it sees what came before them."""
        self._objects(connection, parts)
        self._words.numbers(connection, [entry for part in parts for entry in part.entries])
        self._layout.settle(connection)
        if connection.scalar(_EPOCH.with_for_update(read=True)) != self._epoch:
            raise Overtaken("the history was emptied meanwhile")
        self._read_objects(connection, sorted({part.key for part in parts}), lock=True)

    def _take(self, connection: Connection, parts: Sequence[ObjectPart]) -> Counts:
        counts = Counts()
        objects = self._objects(connection, parts)
        sifted = sift(connection, self._layout, parts)
        counts.duplicates = sifted.duplicates
        arrived = [(objects[part.key].number, entry) for part, entry in sifted.new.values()]
        tally = self._insert_events(connection, arrived, counts)
        tally.update(sifted.removed)
        counts.dead_letters = store_letters(connection, parts, sifted.conflicts)
        complete = dict.fromkeys(part.key for part in parts if part.complete and not objects[part.key].whole)
        # A whole object that gives an event only now (a replay brought it) comes to followers again.
        gives = sifted.moved.union(part.key for part, _ in sifted.new.values())
        again = sorted(key for key in gives if objects[key].whole)
        if complete or again or tally:
            arriving = [objects[key].number for key in (*complete, *again)]
            newest = self._count_up(connection, len(arriving))
            activity.store(connection, self._layout, tally)
            self._give_arrivals(connection, arriving, newest)
        counts.objects = len(complete)
        return counts

    def _objects(self, connection: Connection, parts: Sequence[ObjectPart]) -> dict[str, _Stored]:
        keys = sorted({part.key for part in parts})
        stored = self._read_objects(connection, keys)
        first = {part.key: part for part in reversed(parts)}
        new = [
            {"object_key": key, "size": first[key].size, "written_at": moment(first[key].received_at)}
            for key in keys
            if key not in stored
        ]
        if new:
            connection.execute(self._layout.insert_new(_OBJECTS), new)
            self._layout.settle(connection)
            stored = self._read_objects(connection, keys)
        for key, one in stored.items():
            if one.size != first[key].size:
                self._resize(connection, one, first[key])
        return stored

    def _resize(self, connection: Connection, stored: _Stored, part: ObjectPart) -> None:
        """The object has grown since it was read: it was taken for whole too early."""
        now = {"size": part.size, "written_at": moment(part.received_at), "arrival": None}
        connection.execute(update(_OBJECTS).where(_OBJECTS.c.object_no == stored.number).values(now))
        stored.size, stored.whole = part.size, False

    def _read_objects(self, connection: Connection, keys: Sequence[str], *, lock: bool = False) -> dict[str, _Stored]:
        columns = select(_OBJECTS.c.object_key, _OBJECTS.c.object_no, _OBJECTS.c.size, _OBJECTS.c.arrival)
        if lock:
            columns = columns.with_for_update()
        stored: dict[str, _Stored] = {}
        for chunk in self._chunks(keys):
            for key, number, size, arrival in connection.execute(columns.where(_OBJECTS.c.object_key.in_(chunk))):
                stored[key] = _Stored(number, size, arrival is not None)
        return stored

    def _insert_events(
        self, connection: Connection, arrived: Sequence[tuple[int, Entry]], counts: Counts
    ) -> activity.Tally:
        """Says what they add to the days' counts."""
        if not arrived:
            return Counter()
        keys = self._layout.keys(connection, [entry.event.event_id.bytes for _, entry in arrived])
        numbers = self._words.numbers(connection, [entry for _, entry in arrived])
        events = [
            _event_row(event_key, moment(entry.event.request_info.time_stamp), object_no, entry, numbers)
            for event_key, (object_no, entry) in zip(keys, arrived, strict=True)
        ]
        changes: list[tuple[Any, ...]] = []
        attribute_moments: list[tuple[int, int, EventKey]] = []
        value_moments: set[tuple[int, int, EventKey]] = set()
        # In the order of their keys, rows fill their pages in passing. (Keys are unique: values are never compared.)
        with self._layout.inserting(connection) as insert_rows:
            insert_rows(_EVENTS, sorted(events))
            for event_key, row, (_, entry) in zip(keys, events, arrived, strict=True):
                occurred_at = row[_AT]
                for change in entry.changes:
                    attribute_no = numbers.attributes[change.attribute]
                    types = pack_types(change.previous_type, change.current_type)
                    changes.append((event_key, attribute_no, types, change.previous_value, change.current_value))
                    attribute_moments.append((attribute_no, occurred_at, event_key))
                    if change.current_value is not None:
                        mark_of = value_mark(change.attribute, change.current_value)
                        value_moments.add((mark_of, occurred_at, event_key))
            insert_rows(tables.changes, sorted(changes))
            insert_rows(tables.attribute_moments, sorted(attribute_moments))
            insert_rows(tables.value_moments, sorted(value_moments))
        counts.events += len(events)
        counts.changes += len(changes)
        self._layout.note_ranges(connection, [object_no for object_no, _ in arrived], keys)
        return activity.counted((entry for _, entry in arrived), (row[_AT] for row in events), numbers)

    def _count_up(self, connection: Connection, objects: int) -> int:
        """Take so many arrival numbers; gives the newest. From here to the commit other writers wait."""
        counters = tables.counters
        arrival = counters.c.name == "arrival"
        connection.execute(update(counters).where(arrival).values(value=counters.c.value + objects))
        return connection.scalar(select(counters.c.value).where(arrival)) or 0

    def _give_arrivals(self, connection: Connection, objects: Sequence[int], newest: int) -> None:
        if objects:
            self._layout.give(connection, dict(zip(objects, range(newest - len(objects) + 1, newest + 1), strict=True)))


def _event_row(
    event_key: EventKey, occurred_at: int, object_no: int, entry: Entry, numbers: Numbers
) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    event = entry.event
    info = event.request_info
    actor, client, stream = actor_of(event), client_of(entry), event.stream
    request_id = None if info.request_id is None else pack_request(info.request_id)
    return (
        event_key,
        event.event_id.bytes,
        occurred_at,
        ACTIONS.index(event.action),
        pack_flags(lossy=event.lossy, one_sided=event.one_sided),
        numbers.origins[origin_of(event)],
        numbers.entities[event.table_id][event.entity_id],
        None if event.account_id is None else numbers.accounts[event.account_id],
        None if actor is None else numbers.actors[actor],
        None if client is None else numbers.clients[client],
        None if request_id is None else mark(request_id),
        request_id,
        object_no,
        entry.line,
        entry.sha256,
        entry.before,
        entry.after,
        None if stream is None else numbers.streams[stream.id],
        None if stream is None else stream.seq,
        info.trace_id,
        event.sent_id,
    )
