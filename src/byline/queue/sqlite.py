"""The queue in a SQLite file: the semantics of SQS, shared by any number of processes on one machine."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from byline.errors import QueueError
from byline.queue.port import Announcement, DeadMessage, Delivery, Depth
from byline.queue.schema import connect

POLL = 0.05
"""Seconds between two looks at an empty queue: one indexed read each."""

_BATCH = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DISPOSABLE = (
    "Move the file (and its -wal and -shm) away: the bucket is the source of truth, and `byline process` announces "
    "anew what the history has not taken."
)
_HINTS = {
    sqlite3.SQLITE_BUSY: "Another process holds the queue for long: find it, or try again.",
    sqlite3.SQLITE_LOCKED: "Another process holds the queue for long: find it, or try again.",
    sqlite3.SQLITE_FULL: "The disk is full: free some space, then do it again.",
    sqlite3.SQLITE_READONLY: "Let this user write the file and its folder, or set BYLINE_QUEUE or BYLINE_DATA.",
    sqlite3.SQLITE_CANTOPEN: "Let this user read and write the folder, or set BYLINE_QUEUE or BYLINE_DATA.",
    sqlite3.SQLITE_CORRUPT: _DISPOSABLE,
    sqlite3.SQLITE_NOTADB: _DISPOSABLE,
    sqlite3.SQLITE_IOERR: "The disk failed: look at the system's log. " + _DISPOSABLE,
}


_DEPTH = """
SELECT
    (SELECT count(*) FROM message WHERE dead_at IS NULL AND visible_at <= :now AND receive_count < :maximum),
    (SELECT count(*) FROM message WHERE dead_at IS NULL AND visible_at > :now),
    (SELECT count(*) FROM message WHERE dead_at IS NOT NULL)
    + (SELECT count(*) FROM message WHERE dead_at IS NULL AND visible_at <= :now AND receive_count >= :maximum)
"""


class _Link:
    """A connection, the lock around it, and the process it belongs to."""

    def __init__(self, path: Path) -> None:
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.connection = connect(path)


_FOREIGN: list[_Link] = []
"""Connections of a parent process. SQLite forbids even to close them in the child, so they are kept, never used."""


class SqliteQueue:
    """Messages in a SQLite file.

    A message that is received stays invisible for ``visibility`` seconds. One that has been received ``max_receives``
    times and was not acknowledged is dead from the next receive on. ``clock`` gives seconds since 1970; since processes
    share the file, it must be the wall clock: one that jumps makes messages come back early or late, never lost.
    """

    def __init__(
        self,
        path: Path,
        *,
        visibility: float = 60.0,
        max_receives: int = 5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path.expanduser()
        self._visibility = _microseconds(visibility)
        self._max_receives = max_receives
        self._clock = clock
        with self._translated():
            self._link: _Link | None = _Link(self._path)

    def announce(self, announcements: Iterable[Announcement]) -> None:
        left = iter(announcements)
        while batch := list(islice(left, _BATCH)):
            now = self._now()
            with self._transaction() as connection:
                connection.executemany(
                    # An equal announcement that nobody has received yet says the same.
                    "INSERT INTO message (bucket, key, sent_at, visible_at) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (bucket, key) WHERE receive_count = 0 DO NOTHING",
                    [(item.bucket, item.key, now, now) for item in batch],
                )

    def receive(self, limit: int = 10, *, wait: float = 0.0) -> list[Delivery]:
        deadline = time.monotonic() + wait
        while True:
            if self._anything_visible():
                deliveries = self._take(limit)
                if deliveries:
                    return deliveries
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            time.sleep(min(POLL, left))

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self._settle("DELETE FROM message", deliveries)

    def release(self, deliveries: Sequence[Delivery], *, delay: float = 0.0) -> None:
        visible_at = self._now() + _microseconds(delay)
        self._settle("UPDATE message SET receipt = NULL, visible_at = ?", deliveries, visible_at)

    def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        visible_at = self._now() + _microseconds(seconds)
        self._settle("UPDATE message SET visible_at = ?", deliveries, visible_at)

    def depth(self) -> Depth:
        parameters = {"now": self._now(), "maximum": self._max_receives}
        with self._reading() as connection:
            counts = connection.execute(_DEPTH, parameters).fetchone()
        return Depth(*counts)

    def dead(self, limit: int = 0) -> list[DeadMessage]:
        with self._transaction() as connection:
            self._give_up(connection)
            rows = connection.execute(
                "SELECT id, bucket, key, sent_at, receive_count FROM message"
                " WHERE dead_at IS NOT NULL ORDER BY id LIMIT ?",
                (limit or -1,),
            ).fetchall()
        return [
            DeadMessage(
                id=str(id), announcements=(Announcement(bucket, key),), sent_at=_moment(sent_at), receive_count=count
            )
            for id, bucket, key, sent_at, count in rows
        ]

    def redrive(self, ids: Sequence[str]) -> int:
        now = self._now()
        with self._transaction() as connection:
            self._give_up(connection)
            found = [id for id in dict.fromkeys(_numbers(ids)) if _is_dead(connection, id)]
            for id in found:
                connection.execute(
                    "UPDATE OR IGNORE message SET dead_at = NULL, receive_count = 0, visible_at = ? WHERE id = ?",
                    (now, id),
                )
                # Still dead where an equal announcement waits already: that one does for both.
                connection.execute("DELETE FROM message WHERE id = ? AND dead_at IS NOT NULL", (id,))
        return len(found)

    def discard(self, ids: Sequence[str]) -> int:
        with self._transaction() as connection:
            self._give_up(connection)
            cursor = connection.executemany(
                "DELETE FROM message WHERE id = ? AND dead_at IS NOT NULL", [(id,) for id in _numbers(ids)]
            )
            return max(cursor.rowcount, 0)

    def close(self) -> None:
        """Is idempotent; a closed queue answers nothing any more."""
        link, self._link = self._link, None
        if link is not None and link.process == os.getpid():
            with link.lock, self._translated():
                link.connection.close()

    def _anything_visible(self) -> bool:
        """A look that takes no lock from writers."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM message WHERE dead_at IS NULL AND visible_at <= ? LIMIT 1", (self._now(),)
            ).fetchone()
        return row is not None

    def _take(self, limit: int) -> list[Delivery]:
        with self._transaction() as connection:
            self._give_up(connection)
            now = self._now()
            rows = connection.execute(
                "SELECT id, bucket, key, sent_at, receive_count + 1 FROM message"
                " WHERE dead_at IS NULL AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
                (now, limit),
            ).fetchall()
            token = secrets.token_hex(8)
            connection.executemany(
                "UPDATE message SET receive_count = receive_count + 1, receipt = ?, visible_at = ? WHERE id = ?",
                [(token, now + self._visibility, row[0]) for row in rows],
            )
        return [
            Delivery(
                receipt=f"{id}-{token}",
                receive_count=count,
                sent_at=_moment(sent_at),
                announcements=(Announcement(bucket, key),),
            )
            for id, bucket, key, sent_at, count in rows
        ]

    def _give_up(self, connection: sqlite3.Connection) -> None:
        now = self._now()
        connection.execute(
            "UPDATE message SET dead_at = ?, receipt = NULL"
            " WHERE dead_at IS NULL AND visible_at <= ? AND receive_count >= ?",
            (now, now, self._max_receives),
        )

    def _settle(self, statement: str, deliveries: Sequence[Delivery], *values: int) -> None:
        """Carry the statement out for each delivery whose receipt has not run out."""
        now = self._now()
        parameters = [(*values, *_receipt(delivery), now) for delivery in deliveries]
        if parameters:
            with self._transaction() as connection:
                connection.executemany(f"{statement} WHERE id = ? AND receipt = ? AND visible_at > ?", parameters)

    def _now(self) -> int:
        return _microseconds(self._clock())

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with self._translated():
            link = self._own_link()
            with link.lock:
                yield link.connection

    def _own_link(self) -> _Link:
        link = self._link
        if link is None:
            raise QueueError("the queue is closed", hint="Open it anew.")
        if link.process != os.getpid():
            _FOREIGN.append(link)
            link = self._link = _Link(self._path)
        return link

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None) or 0
            hint = _HINTS.get(code & 0xFF, "Run `byline doctor`.")
            raise QueueError(f"the queue {self._path} does not answer: {error}", hint=hint) from error
        except OSError as error:
            raise QueueError(
                f"cannot use the queue {self._path}: {error.strerror}", hint=_HINTS[sqlite3.SQLITE_CANTOPEN]
            ) from error


def _receipt(delivery: Delivery) -> tuple[int, str]:
    id, _, token = delivery.receipt.partition("-")
    return (int(id), token) if id.isascii() and id.isdigit() else (0, "")


def _numbers(ids: Iterable[str]) -> Iterator[int]:
    return (int(id) for id in ids if id.isascii() and id.isdigit() and len(id) < 19)


def _is_dead(connection: sqlite3.Connection, id: int) -> bool:
    return (
        connection.execute("SELECT 1 FROM message WHERE id = ? AND dead_at IS NOT NULL", (id,)).fetchone() is not None
    )


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
