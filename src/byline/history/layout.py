"""Where the two databases differ, and nowhere else: by what an event goes, and how rows get in.

Statements are shared. What differs in their text (types, the column that holds an event's id) is compiled by SQLAlchemy
for each database, see :mod:`byline.history.tables`; what differs in what is done stands here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Table, bindparam, delete, func, insert, or_, select, update

from byline.history import tables
from byline.history.port import MESSAGES, NOT_IN_THE_BUCKET
from byline.history.tables import EventKey

_OBJECTS = tables.objects
_COUNTERS = tables.counters

Tuple = tuple[Any, ...]
InsertRows = Callable[[Table, Iterable[Tuple]], None]


class Layout(ABC):
    """Of one kind of database."""

    alone: bool
    """A writing transaction has the database for itself. Where it has not, what is shared is written before it, step by
    step, and rows that two writers may want are locked."""

    chunk: int
    """How many values stand in one list of a condition."""

    inside_object: Sequence[ColumnElement[bool]]
    """What finds an object's events fast, where both tables are joined."""

    @abstractmethod
    def keys(self, connection: Connection, ids: Sequence[bytes]) -> Sequence[EventKey]:
        """What new events with these ids go by in every table."""

    @abstractmethod
    def pack(self, key: EventKey) -> bytes:
        """For a :class:`~byline.model.query.Position`."""

    @abstractmethod
    def unpack(self, packed: bytes) -> EventKey:
        """The inverse of :meth:`pack`."""

    @abstractmethod
    def settle(self, connection: Connection) -> None:
        """End a step: what was written is there for all, and what others wrote can be seen from here on."""

    @abstractmethod
    def insert_new(self, table: Table) -> Insert:
        """Insert rows; where another writer was quicker, its row stays."""

    @abstractmethod
    def inserting(self, connection: Connection) -> AbstractContextManager[InsertRows]:
        """Many rows into several tables, each row in the order of its table's columns. They are there when the block
        ends; inside of it nothing else may use the connection."""

    @abstractmethod
    def add_up(self, connection: Connection, table: Table, rows: Sequence[Tuple]) -> None:
        """Rows whose last column is added to that of the row with the same key, where there is one."""

    @abstractmethod
    def note_ranges(self, connection: Connection, objects: Sequence[int], keys: Sequence[EventKey]) -> None:
        """Make it quick to find an object's events. ``objects[n]`` holds the event ``keys[n]``."""

    @abstractmethod
    def note_move(self, connection: Connection, object_no: int, key: EventKey) -> None:
        """An event that was there is now this object's."""

    @abstractmethod
    def give(self, connection: Connection, arrivals: Mapping[int, int]) -> None:
        """Arrival numbers, by object."""

    @abstractmethod
    def empty(self, connection: Connection) -> None:
        """Empty every table of facts, :func:`of_no_object` apart, and begin a new epoch: all at once, as anyone sees
        it."""


def of_no_object() -> ColumnElement[bool]:
    """Of dead letters: those that no object in the bucket tells, so that reading it all again would not bring them
    back."""
    letters = tables.dead_letters.c
    return or_(letters.reason.in_(NOT_IN_THE_BUCKET), letters.object_key.startswith(MESSAGES))


def begin_epoch(connection: Connection) -> None:
    """The feed's numbers begin anew."""
    name, value = _COUNTERS.c.name, _COUNTERS.c.value
    connection.execute(update(_COUNTERS).where(name == "epoch").values(value=value + 1))
    connection.execute(update(_COUNTERS).where(name == "arrival").values(value=0))


class SqliteLayout(Layout):
    """An event goes by a small number, given in order of arrival: every byte of a key is paid again in each index."""

    alone = True
    chunk = 5_000
    inside_object = (tables.events.c.event_key.between(_OBJECTS.c.first_event, _OBJECTS.c.last_event),)

    def keys(self, connection: Connection, ids: Sequence[bytes]) -> Sequence[int]:
        key = tables.events.c.event_key
        newest = connection.scalar(select(func.coalesce(func.max(key), 0))) or 0
        return range(newest + 1, newest + 1 + len(ids))

    def pack(self, key: EventKey) -> bytes:
        return key.to_bytes(8, "big") if isinstance(key, int) else key

    def unpack(self, packed: bytes) -> int:
        return int.from_bytes(packed, "big")

    def settle(self, connection: Connection) -> None:
        """Nobody else writes meanwhile."""

    def insert_new(self, table: Table) -> Insert:
        return insert(table)

    @contextmanager
    def inserting(self, connection: Connection) -> Iterator[InsertRows]:
        """Through the driver: a dictionary a row would double the time."""

        def insert_rows(table: Table, rows: Iterable[Tuple]) -> None:
            if rows := list(rows):
                connection.exec_driver_sql(str(insert(table).compile(dialect=connection.dialect)), rows)

        yield insert_rows

    def add_up(self, connection: Connection, table: Table, rows: Sequence[Tuple]) -> None:
        columns = [column.name for column in table.c]
        *key, total = columns
        head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"  # noqa: S608 - names of our own
        upsert = f"{head} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {total} = {total} + excluded.{total}"
        connection.exec_driver_sql(upsert, list(rows))

    def note_ranges(self, connection: Connection, objects: Sequence[int], keys: Sequence[EventKey]) -> None:
        ranges: dict[int, tuple[EventKey, EventKey]] = {}
        for object_no, key in zip(objects, keys, strict=True):
            ranges[object_no] = (ranges.get(object_no, (key, key))[0], key)
        first = func.coalesce(_OBJECTS.c.first_event, bindparam("first"))
        connection.execute(
            update(_OBJECTS)
            .where(_OBJECTS.c.object_no == bindparam("number"))
            .values(first_event=first, last_event=bindparam("last")),
            [{"number": number, "first": low, "last": high} for number, (low, high) in ranges.items()],
        )

    def note_move(self, connection: Connection, object_no: int, key: EventKey) -> None:
        first, last = _OBJECTS.c.first_event, _OBJECTS.c.last_event
        for column, outside in ((first, first > key), (last, last < key)):
            wanted = (_OBJECTS.c.object_no == object_no) & (column.is_(None) | outside)
            connection.execute(update(_OBJECTS).where(wanted).values({column: key}))

    def give(self, connection: Connection, arrivals: Mapping[int, int]) -> None:
        connection.execute(
            update(_OBJECTS).where(_OBJECTS.c.object_no == bindparam("number")).values(arrival=bindparam("given")),
            [{"number": number, "given": given} for number, given in arrivals.items()],
        )

    def empty(self, connection: Connection) -> None:
        for table in tables.FACTS:
            emptied = delete(table)
            connection.execute(emptied.where(~of_no_object()) if table is tables.dead_letters else emptied)
        begin_epoch(connection)
