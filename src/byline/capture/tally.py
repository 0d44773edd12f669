"""The counters of a sink, shared by its threads."""

from __future__ import annotations

import threading

from msgspec.structs import replace

from byline.capture.port import SinkStats


class Tally:
    """Counters only grow; levels are given when somebody asks."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._stats = SinkStats()

    def add(
        self, *, failed: int = 0, events: int = 0, objects: int = 0, retries: int = 0, doubt: int = 0, torn: int = 0
    ) -> None:
        """``events`` and ``objects``: shipped."""
        stats = self._stats
        with self._lock:
            stats.failed += failed
            stats.shipped_events += events
            stats.shipped_objects += objects
            stats.retries += retries
            stats.in_doubt += doubt
            stats.torn += torn

    def error(self, error: Exception) -> None:
        """The newest trouble, in one line."""
        self._stats.last_error = sentence(error)

    def stats(self, *, accepted: int, waiting_events: int, waiting_bytes: int, unannounced: int = 0) -> SinkStats:
        """A copy."""
        with self._lock:
            return replace(
                self._stats,
                accepted=accepted,
                waiting_events=waiting_events,
                waiting_bytes=waiting_bytes,
                unannounced=unannounced,
            )


def sentence(error: BaseException) -> str:
    """The error in one line; with the hint, if it has one."""
    text = str(error) or type(error).__name__
    hint = getattr(error, "hint", "")
    return " ".join(f"{text}. {hint}".split()) if hint else " ".join(text.split())
