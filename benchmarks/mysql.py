"""The same events into SQLite and into MariaDB: equal rows in ``change_history``, and the writer's rate beside that of
LOAD DATA with the very same rows."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pymysql
from sqlalchemy import make_url

from benchmarks.generate import lines
from benchmarks.report import Report
from byline.history.mysql import MySqlHistory
from byline.history.partitions import PARTITIONED
from byline.history.port import Counts, Entry, History, ObjectPart
from byline.history.sqlite import SqliteHistory
from byline.processor.entry import entry
from byline.processor.lines import Line, form_of, read_lines
from tests.databases import mariadb

EVENTS, QUICK_EVENTS = 100_000, 10_000
BATCH = 5_000
KEY = "events/benchmark.ndjson"
WRITTEN = datetime(2026, 1, 5, tzinfo=UTC)


def run(report: Report, *, quick: bool) -> None:
    count = QUICK_EVENTS if quick else EVENTS
    with tempfile.TemporaryDirectory(prefix="byline-bench-") as name, mariadb(durable=True) as server:
        folder, url = Path(name), make_url(server)
        small, mysql = SqliteHistory(folder / "history.db"), MySqlHistory(_ours(url))
        _take(report, "sqlite", small, count)
        seconds, changes = _take(report, "mariadb", mysql, count)
        small.close()
        mysql.close()
        with closing(_connect(url)) as connection:
            rows, load = _load_data(connection, folder)
            ratio = load / seconds
            report.line(f"mariadb {count} events", "load data", rows=rows, rows_per_s=round(rows / load))
            report.line(
                f"mariadb {count} events", "byline", rows=rows, rows_per_s=round(rows / seconds), ratio=round(ratio, 2)
            )
            equal = _rows_of_sqlite(folder / "history.db") == _rows_of_mysql(connection)
        report.line(f"{count} events", "change_history", rows=changes, equal=equal)
        if not equal:
            raise RuntimeError("the two histories differ")


def _take(report: Report, name: str, history: History, count: int) -> tuple[float, int]:
    """Seconds in the writer alone, and the changes."""
    history.writer.migrate()
    seconds, total = 0.0, Counts()
    for number, entries in enumerate(_batches(count)):
        part = ObjectPart(
            key=f"events/{number}.ndjson",
            size=1,
            first_line=entries[0].line,
            last_line=entries[-1].line,
            entries=entries,
            dead_letters=(),
            complete=True,
            received_at=WRITTEN,
        )
        began = time.perf_counter()
        counts = history.writer.take([part])
        seconds += time.perf_counter() - began
        total.events += counts.events
        total.changes += counts.changes
    if total.events != count:
        raise RuntimeError(f"{count} events went in, and this came out: {total}")
    report.line(
        f"{name} {count} events",
        "writer",
        events_per_s=round(total.events / seconds),
        changes_per_s=round(total.changes / seconds),
    )
    return seconds, total.changes


def _batches(count: int) -> Iterator[Sequence[Entry]]:
    batch: list[Entry] = []
    for line in read_lines(lines(count), form_of(KEY)):
        if isinstance(line, Line) and isinstance(made := entry(line, KEY), Entry):
            batch.append(made)
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _load_data(connection: pymysql.Connection[Any], folder: Path) -> tuple[int, float]:
    """Rows and seconds: what is in the partitioned tables, into empty copies, in the same batches as the writer's: one
    transaction for 5,000 events."""
    rows, seconds = 0, 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_key FROM events ORDER BY event_key")
        borders = [key for (key,) in cursor.fetchall()][::BATCH]
        for table in PARTITIONED:
            cursor.execute(f"CREATE TABLE loaded_{table} LIKE {table}")
        for first, last in zip(borders, [*borders[1:], b"\xff" * 16], strict=True):
            for table in PARTITIONED:
                cursor.execute(
                    f"SELECT * FROM {table} WHERE event_key >= _binary %s AND event_key < _binary %s ORDER BY 1, 2",
                    (first, last),
                )
                found = cursor.fetchall()
                rows += len(found)
                (folder / table).write_bytes(b"".join(_line(row) for row in found))
            connection.commit()
            began = time.perf_counter()
            for table in PARTITIONED:
                source = folder / table
                cursor.execute(f"LOAD DATA LOCAL INFILE '{source}' INTO TABLE loaded_{table} CHARACTER SET binary")
            connection.commit()
            seconds += time.perf_counter() - began
        for table in PARTITIONED:
            cursor.execute(f"DROP TABLE loaded_{table}")
    return rows, seconds


_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\0", b"\\0"))


def _line(row: Sequence[Any]) -> bytes:
    return b"\t".join(_field(value) for value in row) + b"\n"


def _field(value: Any) -> bytes:
    if value is None:
        return b"\\N"
    raw = value if isinstance(value, bytes) else str(value).encode()
    for plain, escaped in _ESCAPES:
        raw = raw.replace(plain, escaped)
    return raw


def _rows_of_sqlite(path: Path) -> list[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(map(msgspec.json.encode, connection.execute("SELECT * FROM change_history")))


def _rows_of_mysql(connection: pymysql.Connection[Any]) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM change_history")
        return sorted(map(msgspec.json.encode, cursor.fetchall()))


def _ours(url: Any) -> str:
    return f"mysql://{url.username}:{url.password}@{url.host}:{url.port}/{url.database}"


def _connect(url: Any) -> pymysql.Connection[Any]:
    return pymysql.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=url.database,
        local_infile=True,
    )
