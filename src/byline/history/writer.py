"""The writing half: one transaction per batch, idempotent. Events are inserted and never updated.

What happens in :meth:`SqlWriter.take`, in this order: the objects get their rows; events that are there already are
told apart from those that only claim to be; words get numbers; events, changes and their moments are inserted; dead
letters are settled; and last, whole objects get their arrival numbers. The last step is last because followers read by
arrival: a number is never given before what it stands for can be read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update

from byline.errors import SchemaOutdated
from byline.history import tables
from byline.history.dictionary import Numbers, Words, actor_of, client_of, origin_of
from byline.history.engine import Database
from byline.history.letters import store_letters
from byline.history.migrate import upgrade
from byline.history.packing import ACTIONS, mark, moment, pack_flags, pack_request, pack_types, value_mark
from byline.history.port import Counts, Entry, ObjectPart
from byline.history.schema import SCHEMA, schema_of
from byline.history.sift import sift

_CHUNK = 5_000
_OBJECTS = tables.objects
_EVENTS = tables.events


class _Stored(Struct):
    """An object's row while its parts are taken."""

    number: int
    whole: bool


class SqlWriter:
    """:class:`byline.history.port.Writer` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._words = Words()
        self._epoch: int | None = None

    def migrate(self) -> None:
        upgrade(self._database)

    def take(self, parts: Sequence[ObjectPart]) -> Counts:
        try:
            with self._database.transaction() as connection:
                self._begin(connection)
                return self._take(connection, parts)
        except BaseException:
            self._words.forget()
            raise

    def taken(self, keys: Collection[str]) -> set[str]:
        found: set[str] = set()
        wanted = sorted(keys)
        whole = select(_OBJECTS.c.object_key).where(_OBJECTS.c.arrival.is_not(None))
        with self._database.transaction() as connection:
            self._require_schema(connection)
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                found.update(connection.scalars(whole.where(_OBJECTS.c.object_key.in_(chunk))))
        return found

    def clear(self) -> None:
        with self._database.transaction() as connection:
            self._require_schema(connection)
            for table in tables.FACTS:
                connection.execute(delete(table))
            count = tables.counters
            connection.execute(update(count).where(count.c.name == "arrival").values(value=0))
            connection.execute(update(count).where(count.c.name == "epoch").values(value=count.c.value + 1))
        self._words.forget()

    def close(self) -> None:
        self._database.close()

    def _require_schema(self, connection: Connection) -> None:
        if schema_of(connection) != SCHEMA:
            raise SchemaOutdated("the history's schema is not up to date", hint="run `byline migrate`")

    def _begin(self, connection: Connection) -> None:
        """Numbers that were remembered hold for one epoch: another process may have emptied the history meanwhile."""
        self._require_schema(connection)
        epoch = connection.scalar(select(tables.counters.c.value).where(tables.counters.c.name == "epoch"))
        if epoch != self._epoch:
            self._words.forget()
            self._epoch = epoch

    def _take(self, connection: Connection, parts: Sequence[ObjectPart]) -> Counts:
        counts = Counts()
        objects = self._objects(connection, parts)
        sifted = sift(connection, parts)
        counts.duplicates = sifted.duplicates
        arrived = list(sifted.new.values())
        self._insert_events(connection, [(objects[part.key].number, entry) for part, entry in arrived], counts)
        counts.dead_letters = store_letters(connection, parts, sifted.conflicts)
        self._give_arrivals(connection, parts, objects, counts)
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
            connection.execute(insert(_OBJECTS), new)
            stored = self._read_objects(connection, keys)
        return stored

    def _read_objects(self, connection: Connection, keys: Sequence[str]) -> dict[str, _Stored]:
        columns = select(_OBJECTS.c.object_key, _OBJECTS.c.object_no, _OBJECTS.c.arrival)
        stored: dict[str, _Stored] = {}
        for start in range(0, len(keys), _CHUNK):
            for key, number, arrival in connection.execute(
                columns.where(_OBJECTS.c.object_key.in_(keys[start : start + _CHUNK]))
            ):
                stored[key] = _Stored(number, arrival is not None)
        return stored

    def _insert_events(self, connection: Connection, arrived: Sequence[tuple[int, Entry]], counts: Counts) -> None:
        if not arrived:
            return
        event_key = connection.scalar(select(func.coalesce(func.max(_EVENTS.c.event_key), 0))) or 0
        numbers = self._words.numbers(connection, [entry for _, entry in arrived])
        events: list[tuple[Any, ...]] = []
        changes: list[tuple[Any, ...]] = []
        attribute_moments: list[tuple[int, int, int]] = []
        value_moments: set[tuple[int, int, int]] = set()
        for object_no, entry in arrived:
            event_key += 1
            occurred_at = moment(entry.event.request_info.time_stamp)
            events.append(_event_row(event_key, occurred_at, object_no, entry, numbers))
            for change in entry.changes:
                attribute_no = numbers.attributes[change.attribute]
                types = pack_types(change.previous_type, change.current_type)
                changes.append((event_key, attribute_no, types, change.previous_value, change.current_value))
                attribute_moments.append((attribute_no, occurred_at, event_key))
                if change.current_value is not None:
                    value_moments.add((value_mark(change.attribute, change.current_value), occurred_at, event_key))
        # In the order of their keys, rows fill their pages in passing. (Keys are unique: values are never compared.)
        _insert(connection, _EVENTS, events)
        _insert(connection, tables.changes, sorted(changes))
        _insert(connection, tables.attribute_moments, sorted(attribute_moments))
        _insert(connection, tables.value_moments, sorted(value_moments))
        counts.events += len(events)
        counts.changes += len(changes)
        self._note_ranges(connection, arrived, event_key - len(events) + 1)

    def _note_ranges(self, connection: Connection, arrived: Sequence[tuple[int, Entry]], first: int) -> None:
        ranges: dict[int, tuple[int, int]] = {}
        for event_key, (object_no, _) in enumerate(arrived, first):
            ranges[object_no] = (ranges.get(object_no, (event_key, 0))[0], event_key)
        connection.execute(
            update(_OBJECTS)
            .where(_OBJECTS.c.object_no == bindparam("number"))
            .values(
                first_event=func.coalesce(_OBJECTS.c.first_event, bindparam("first")), last_event=bindparam("last")
            ),
            [{"number": number, "first": low, "last": high} for number, (low, high) in ranges.items()],
        )

    def _give_arrivals(
        self, connection: Connection, parts: Sequence[ObjectPart], objects: dict[str, _Stored], counts: Counts
    ) -> None:
        complete = dict.fromkeys(part.key for part in parts if part.complete and not objects[part.key].whole)
        if not complete:
            return
        arrival = tables.counters
        connection.execute(
            update(arrival).where(arrival.c.name == "arrival").values(value=arrival.c.value + len(complete))
        )
        newest = connection.scalar(select(arrival.c.value).where(arrival.c.name == "arrival")) or 0
        connection.execute(
            update(_OBJECTS).where(_OBJECTS.c.object_no == bindparam("number")).values(arrival=bindparam("given")),
            [
                {"number": objects[key].number, "given": given}
                for given, key in enumerate(complete, newest - len(complete) + 1)
            ],
        )
        counts.objects += len(complete)


def _event_row(event_key: int, occurred_at: int, object_no: int, entry: Entry, numbers: Numbers) -> tuple[Any, ...]:
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


def _insert(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Through the driver, in the order of the table's columns: a dictionary a row would double the time."""
    if rows := list(rows):
        connection.exec_driver_sql(str(insert(table).compile(dialect=connection.dialect)), rows)
