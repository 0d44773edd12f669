"""Connections to the history's database, and its errors in our words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from byline.errors import HistoryDown, HistoryError
from byline.history.layout import Layout, SqliteLayout

_BUSY_SECONDS = 30
_CACHE_KIB = 65_536
_CHECKPOINT_PAGES = 20_000
_DOWN = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}

T = TypeVar("T")


def sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    """An engine on one SQLite file, in WAL mode. A writing transaction takes the write lock at its beginning, so that
    two writers queue up and never find out half-way. ``synchronous=NORMAL``: a power loss may take the newest
    transactions, never a part of one; the bucket has them, and the next sweep brings them back."""
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode={'rw' if read_only else 'rwc'}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=5, max_overflow=45)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


class Overtaken(HistoryError):
    """Another process wrote what this one was about to write. All of it is to be done again, from the beginning."""


class Database:
    """One engine, never carried across a fork: a child that inherits it makes its own. This one is a SQLite file."""

    layout: Layout = SqliteLayout()

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.name = str(path)
        self._path = path
        self._read_only = read_only
        self._engine: Engine | None = None
        self._pid = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commits at the end; rolls back on an exception. A driver's error becomes a :class:`HistoryError`."""
        try:
            with self._current().connect() as connection:
                yield connection
                connection.commit()
        except DBAPIError as error:
            message = self._message(error)
            kind = HistoryDown if self._is_down(error) else HistoryError
            raise kind(f"the history {self.name} did not take it: {message}", hint=self._hint(error)) from error
        except SQLAlchemyError as error:
            raise HistoryError(f"the history {self.name} failed: {error}") from error

    def attempt(self, work: Callable[[], T]) -> T:
        """Do some writing. Here writers queue up, so that nothing ever stops one half-way."""
        return work()

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A transaction beside which no other migration runs."""
        with self.transaction() as connection:
            yield connection

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose(close=self._pid == os.getpid())
            self._engine = None

    def _current(self) -> Engine:
        if self._engine is None or self._pid != os.getpid():
            if self._engine is not None:
                self._engine.dispose(close=False)
            self._engine = self._make()
            self._pid = os.getpid()
        return self._engine

    def _make(self) -> Engine:
        return sqlite_engine(self._path, read_only=self._read_only)

    def _is_down(self, error: DBAPIError) -> bool:
        """Whether it would be the same with anything else to store."""
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _DOWN

    def _message(self, error: DBAPIError) -> str:
        return str(error.orig)

    def _hint(self, error: DBAPIError) -> str:
        message = str(error.orig)
        if "locked" in message:
            return "another process holds it; try again, or stop that process"
        if "full" in message:
            return "free some space on that disk, then try again: nothing was lost"
        if "malformed" in message or "not a database" in message:
            return "move the file away and run `byline rebuild`: the bucket has everything"
        return "check that the folder is there and may be written; `byline doctor` tells more"
