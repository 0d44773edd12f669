"""What goes wrong is logged, but not a thousand times a second: each kind of trouble at most once in a while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("byline")

INTERVAL = 60.0
"""Seconds between two lines about one kind of trouble."""


class Complaints:
    """Safe from several threads, not across a fork. Never to be called while holding a lock: a logging handler may
    record an event."""

    def __init__(self, interval: float = INTERVAL, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._silent_until: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self._lock = threading.RLock()  # a signal handler may come here while it is held

    def say(self, kind: str, message: str, *, level: int = logging.ERROR) -> None:
        """Log it, or count it where this kind was logged not long ago; the next line says how often."""
        now = self._clock()
        with self._lock:
            if now < self._silent_until.get(kind, now):
                self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
                return
            self._silent_until[kind] = now + self._interval
            unsaid = self._unsaid.pop(kind, 0)
        log.log(level, "%s%s", message, f" (and {unsaid} more of its kind before)" if unsaid else "")
