"""Connections to a MySQL history: how they are made, what is tried again, and errors in our words.

No session variable is set by us, so that a proxy between may share its connections: transactions begin by a statement
of their own. The isolation is the server's default, repeatable read; where that is not enough, statements lock.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, TypeVar

import pymysql
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from byline.errors import HistoryError
from byline.history.engine import Database, Overtaken
from byline.history.mysql_address import Address
from byline.history.mysql_layout import MySqlLayout
from byline.history.mysql_source import Source

T = TypeVar("T")

_ATTEMPTS = 8
_FIRST_PAUSE = 0.02
_LOCK_SECONDS = 60
_TABLE_SECONDS = 15
"""How long to wait for a table that somebody reads, at each attempt."""

_CONNECT_SECONDS = 10
_SILENT_SECONDS = 300

_CROSSED = {
    1020,  # changed since it was read (MariaDB's snapshot isolation)
    1062,  # another writer's row has that key: read again, it is a duplicate
    1205,  # waited too long for a lock
    1213,  # a deadlock
}
_LOST = {
    1053,  # the server is shutting down
    1290,  # it has become read-only: a failover
    1792,  # the same, said within a transaction
    1836,  # the same
    1927,  # the connection was killed
    2003,  # nobody answers there
    2006,  # the server has gone away
    2013,  # the connection was lost
    2014,  # packets out of order
    2055,  # the connection was lost
    4031,  # the client was idle for too long
}
_FULL = {
    3,  # an error while writing a file
    28,  # no space left
    1021,  # the disk is full
    1114,  # the table is full
}
_REFUSED = 1045
"""The user or the password is not the right one."""
_NOBODY = 2003
"""Nobody answers there."""
_HINTS = {
    1044: "grant this user the rights on that database; `byline doctor` tells more",
    1045: "check the user and the password in BYLINE_HISTORY",
    1049: "create that database, then run `byline migrate`",
    1142: "grant this user the rights on that database; `byline doctor` tells more",
    1114: "the server has no room left; nothing was lost, try again when it has",
    1153: "raise max_allowed_packet on the server to 64M",
    2003: "check host and port in BYLINE_HISTORY, and that the server runs",
    2026: "the server does not encrypt as BYLINE_HISTORY asks for; check tls and ca in it",
}


class MySqlDatabase(Database):
    """One database on a MySQL server."""

    layout = MySqlLayout()

    def __init__(self, source: Source, *, read_only: bool) -> None:
        self.name = source.name
        self._source = source
        self._read_only = read_only
        self._engine: Engine | None = None
        self._pid = 0

    def attempt(self, work: Callable[[], T]) -> T:
        """Do some writing, which must be idempotent: again where another writer was in the way, or the connection was
        lost, 8 times at most within some seconds."""
        for attempt in range(_ATTEMPTS - 1):
            try:
                return work()
            except HistoryError as error:
                code = _code(error.__cause__)
                if not isinstance(error, Overtaken) and code not in _CROSSED | _LOST:
                    raise
                if code in _LOST and self._engine is not None:
                    self._engine.dispose()
            time.sleep(_FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - a pause is no secret
        return work()

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self.transaction() as connection:
            connection.detach()  # it ends with this transaction, and with it the lock and the setting
            connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {_TABLE_SECONDS}")
            database = self._source.sign_in().database
            name = "byline:" + sha256(database.encode()).hexdigest()[:32]
            if connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), {"name": name, "wait": _LOCK_SECONDS}) != 1:
                raise HistoryError(f"another process changes the tables of {self.name}", hint="try again later")
            _require_strictness(connection)
            yield connection

    def _make(self) -> Engine:
        engine = create_engine(
            "mysql+pymysql://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=5,
            max_overflow=45,
            pool_pre_ping=True,
        )
        begin = "START TRANSACTION READ ONLY" if self._read_only else "START TRANSACTION"

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def _connect(self) -> Any:
        address = self._source.sign_in()
        try:
            return self._dial(address)
        except pymysql.err.OperationalError as error:
            if error.args[0] not in {_REFUSED, _NOBODY}:
                raise
            other = self._source.sign_in(again=True)
            moved = (other.host, other.port) != (address.host, address.port)
            if other == address or (error.args[0] == _NOBODY and not moved):
                raise
        return self._dial(other)

    def _dial(self, address: Address) -> Any:
        return pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database,
            charset="utf8mb4",
            autocommit=None,
            binary_prefix=True,
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_SILENT_SECONDS,
            write_timeout=_SILENT_SECONDS,
            ssl=address.context(secret=self._source.tokens),
            ssl_disabled=True if address.tls == "off" else None,
        )

    def _is_down(self, error: DBAPIError) -> bool:
        return _code(error) in _LOST | _FULL

    def _message(self, error: DBAPIError) -> str:
        said = error.orig.args if error.orig is not None else ()
        return f"{said[1]} ({said[0]})" if len(said) == 2 else str(error.orig)

    def _hint(self, error: DBAPIError) -> str:
        code = _code(error)
        if code in _CROSSED | _LOST - {2003}:
            return "try again: nothing was lost"
        return _HINTS.get(code, "`byline doctor` tells more")


def _code(error: BaseException | None) -> int:
    said = error.orig.args if isinstance(error, DBAPIError) and error.orig is not None else ()
    return said[0] if said and isinstance(said[0], int) else 0


def _require_strictness(connection: Connection) -> None:
    """A server that is not strict cuts what is too long, and says nothing."""
    modes = str(connection.scalar(text("SELECT @@sql_mode"))).split(",")
    if not {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"}.intersection(modes):
        raise HistoryError(
            "the server is not in strict mode, and would cut what is too long",
            hint="add STRICT_TRANS_TABLES to its sql_mode",
        )
