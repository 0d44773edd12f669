"""What a tracking counts."""

from __future__ import annotations

import logging
import threading

from msgspec import Struct
from msgspec.structs import replace

from byline.errors import RecordError

_log = logging.getLogger("byline.integrations.sqlalchemy")


class TrackingStats(Struct, kw_only=True):
    """Counters since ``track`` was called, for anyone to export."""

    events: int = 0
    """Handed to the recorder; whether it could keep them, its own ``stats()`` say."""
    extra_selects: int = 0
    """SELECTs for values that a session did not have."""
    unseen_statements: int = 0
    """Statements and bulk methods that wrote without the unit of work: no event tells of their rows."""
    errors: int = 0
    """Rows whose events are missing or incomplete because capturing them failed."""


class Counters:
    """The counters themselves, safe from several threads."""

    def __init__(self, *, raises: bool) -> None:
        self._stats = TrackingStats()
        self._lock = threading.Lock()
        self._raises = raises

    def read(self) -> TrackingStats:
        with self._lock:
            return replace(self._stats)

    def recorded(self, events: int) -> None:
        with self._lock:
            self._stats.events += events

    def selected(self) -> None:
        with self._lock:
            self._stats.extra_selects += 1

    def unseen(self) -> None:
        with self._lock:
            self._stats.unseen_statements += 1

    def failed(self, error: Exception) -> None:
        """Log and count; raise where the recorder was told to (``on_error="raise"``). A failure that repeats is logged
        at every power of two."""
        with self._lock:
            self._stats.errors += 1
            count = self._stats.errors
        if count & (count - 1) == 0:
            _log.error("a row could not be captured (error %d): %s", count, error, exc_info=error)
        if self._raises and isinstance(error, RecordError):
            raise error
        if self._raises:
            raise RecordError(f"a row could not be captured: {error}") from error
