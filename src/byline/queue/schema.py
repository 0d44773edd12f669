"""The tables of the SQLite queue, and the connection that speaks to them."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from byline.errors import QueueError

VERSION = 1
"""The schema's number, kept in ``PRAGMA user_version``."""

BUSY_SECONDS = 30.0
"""How long one process waits for another's transaction. Ours take milliseconds."""

APPLICATION_ID = 0x42594C51
"""``BYLQ``: by this a file is known as a queue of ours."""

# Times are microseconds since 1970. `visible_at` is when a message may be received (again). `dead_at` is when it was
# given up.
_TABLES = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    receipt TEXT,
    dead_at INTEGER
);
CREATE UNIQUE INDEX message_unreceived ON message (bucket, key) WHERE receive_count = 0;
CREATE INDEX message_visible ON message (visible_at, id, receive_count) WHERE dead_at IS NULL;
CREATE INDEX message_dead ON message (id) WHERE dead_at IS NOT NULL;
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode whose commits are durable; the tables are there. For use under a lock, from any
    thread.

    Raises :class:`~byline.errors.QueueError` for a newer schema and for a file system without WAL; ``sqlite3.Error``
    and ``OSError`` for the rest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_wal(connection, path)
        connection.execute("PRAGMA synchronous = FULL")
        _create(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    mode = None
    while mode is None:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            # Two processes that create one file: SQLite does not wait for the change of mode by itself.
            if not _busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise QueueError(f"{path} lies where SQLite has no WAL", hint="Keep BYLINE_QUEUE on a local disk.")


def _busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _create(connection: sqlite3.Connection, path: Path) -> None:
    if _current(connection, path):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _current(connection, path):  # nobody else was quicker
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _current(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether our tables are there; False for an empty file. Refuses any other."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    ours: bool = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not ours and connection.execute("SELECT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]:
        raise QueueError(f"{path} is a SQLite file, but no queue of Byline", hint="Set BYLINE_QUEUE to another file.")
    if version > VERSION:
        hint = "Bring this Byline up to date, or set BYLINE_QUEUE to another file."
        raise QueueError(f"{path} was made by a newer Byline (schema {version}, this one speaks {VERSION})", hint=hint)
    return ours
