"""How rows get into a MySQL history: an event goes by its id, and many rows by one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Insert, MetaData, Table, func, select, update
from sqlalchemy import insert as sql_insert
from sqlalchemy.dialects.mysql import insert

from byline.history import tables
from byline.history.layout import InsertRows, Layout, Tuple, of_no_object
from byline.history.tables import EventKey

_STATEMENT_BYTES = 500_000
_HEX_UP_TO = 1_000
_ID = tables.events.c.event_id
_ID_AT = list(tables.events.c).index(_ID)


class MySqlLayout(Layout):
    """Ids are in order of time, so new rows stay at the tables' end, and partitions are ranges of them."""

    alone = False
    chunk = 999  # from 1,000 on MariaDB makes a table of the list
    inside_object = ()  # there is an index by object

    def keys(self, connection: Connection, ids: Sequence[bytes]) -> Sequence[bytes]:  # noqa: ARG002 - the id will do
        return ids

    def pack(self, key: EventKey) -> bytes:
        return key if isinstance(key, bytes) else key.to_bytes(16, "big")

    def unpack(self, packed: bytes) -> bytes:
        return packed

    def settle(self, connection: Connection) -> None:
        connection.commit()

    def insert_new(self, table: Table) -> Insert:
        (key,) = table.primary_key.columns
        return insert(table).on_duplicate_key_update({key.name: key})

    @contextmanager
    def inserting(self, connection: Connection) -> Iterator[InsertRows]:
        """Statements of about half a megabyte. While the server takes one, the next ones are written: one thread uses
        the connection, the other does not."""
        escape = connection.connection.driver_connection.escape  # type: ignore[union-attr]
        wire = _Wire(connection)

        def insert_rows(table: Table, rows: Iterable[Tuple]) -> None:
            columns = [column.name for column in table.c if column is not _ID]
            if table is tables.events:
                rows = ((*row[:_ID_AT], *row[_ID_AT + 1 :]) for row in rows)
            head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES\n"
            for values in _statements(rows, escape):
                wire.send(head + values)

        with wire:
            yield insert_rows

    def add_up(self, connection: Connection, table: Table, rows: Sequence[Tuple]) -> None:
        """(What takes the place of ``VALUES()`` in MySQL is an error in MariaDB.)"""
        columns = [column.name for column in table.c]
        head, total = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES\n", columns[-1]
        for start in range(0, len(rows), self.chunk):
            values = ",".join("(" + ",".join(map(str, row)) + ")" for row in rows[start : start + self.chunk])
            connection.exec_driver_sql(
                f"{head}{values} ON DUPLICATE KEY UPDATE {total} = {total} + VALUES({total})",
                execution_options={"no_parameters": True},
            )

    def note_ranges(self, connection: Connection, objects: Sequence[int], keys: Sequence[EventKey]) -> None:
        """There is an index by object."""

    def note_move(self, connection: Connection, object_no: int, key: EventKey) -> None:
        """The index has it already."""

    def give(self, connection: Connection, arrivals: Mapping[int, int]) -> None:
        """All writers wait meanwhile: so one statement for many. The numbers are consecutive."""
        objects, numbers = tables.objects, list(arrivals)
        for start in range(0, len(numbers), self.chunk):
            some = numbers[start : start + self.chunk]
            place = func.field(objects.c.object_no, *some)
            connection.execute(
                update(objects).where(objects.c.object_no.in_(some)).values(arrival=place + (arrivals[some[0]] - 1))
            )

    def empty(self, connection: Connection) -> None:
        """New tables take the place of the old ones, all in one step: deleting a hundred million rows would take
        hours, and truncating goes table by table."""
        names = [table.name for table in (*tables.FACTS, tables.counters)]
        run = connection.exec_driver_sql
        for name in names:
            run(f"DROP TABLE IF EXISTS new_{name}, old_{name}")
            run(f"CREATE TABLE new_{name} LIKE {name}")
        run(
            "INSERT INTO new_counters (name, value) "
            "SELECT name, CASE name WHEN 'epoch' THEN value + 1 ELSE 0 END FROM counters"
        )
        letters = tables.dead_letters
        kept = select(letters).where(of_no_object())
        new = letters.to_metadata(MetaData(), name=f"new_{letters.name}")
        connection.execute(sql_insert(new).from_select([column.name for column in letters.c], kept))
        connection.commit()
        run("RENAME TABLE " + ", ".join(f"{name} TO old_{name}, new_{name} TO {name}" for name in names))
        run("DROP TABLE " + ", ".join(f"old_{name}" for name in names))


class _Wire:
    """Statements on their way to the server, in order. What is left of them is dropped where one fails, or where the
    block ends with an error; the first error is raised at the end of the block."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1)
        self._sent: list[Future[None]] = []
        self._broken = False

    def send(self, statement: str) -> None:
        self._sent.append(self._thread.submit(self._run, statement))

    def _run(self, statement: str) -> None:
        if not self._broken:
            try:
                self._connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
            except BaseException:
                self._broken = True
                raise

    def __enter__(self) -> None:
        pass

    def __exit__(self, error: object, *_: object) -> None:
        self._broken |= error is not None
        self._thread.shutdown()
        if error is None:
            for one in self._sent:
                one.result()


def _statements(rows: Iterable[Tuple], escape: Callable[[Any], str]) -> Iterator[str]:
    """The rows as SQL, cut where a statement gets long."""
    literals = dict(_LITERALS)
    literals[str] = lambda said: _text(said, escape)
    lines: list[str] = []
    size = 0
    for row in rows:
        line = "(" + ",".join([literals[type(value)](value) for value in row]) + ")"
        if lines and size + len(line) > _STATEMENT_BYTES:
            yield ",\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield ",\n".join(lines)


_LITERALS: Mapping[type, Callable[[Any], str]] = {
    int: str,
    bool: lambda said: "1" if said else "0",
    type(None): lambda _: "NULL",
    bytes: lambda said: f"x'{said.hex()}'",
}


def _text(said: str, escape: Callable[[Any], str]) -> str:
    """As hexadecimal digits nothing in a text can be taken for SQL; they are twice as long, though."""
    raw = said.encode()
    return f"x'{raw.hex()}'" if len(raw) <= _HEX_UP_TO else escape(raw)
