"""What a sink is: whatever accepts the events of one process. The spool is the default; the outbox and memory are
others."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class SinkStats(Struct, kw_only=True):
    """Counters since the process began, for anyone to export. Bytes and events that wait are levels, not counters."""

    accepted: int = 0
    failed: int = 0
    """Refused: the disk or the spool is full, or the sink is closed."""
    waiting_events: int = 0
    waiting_bytes: int = 0
    shipped_events: int = 0
    shipped_objects: int = 0
    retries: int = 0
    in_doubt: int = 0
    """Accepted or refused, who knows: an fsync failed, and so did writing them anew. They are shipped if they can be
    read."""
    torn: int = 0
    """Last lines that a writer which died never wrote whole; cut off."""
    unannounced: int = 0
    """Objects that are in the bucket and could not be announced yet; a level."""
    last_error: str | None = None


class Sink(Protocol):
    """Accepts encoded audit events: one wire line each, UTF-8 JSON without a line end."""

    def accept(self, line: bytes) -> None:
        """Take one event. Never touches the network; waits for the disk only where durability is ``"fsync"``. Safe from
        several threads. Raises :class:`~byline.errors.SinkError` where it cannot take it (full, closed, the disk
        failed): then it has not been taken."""

    def flush(self, timeout: float | None = None) -> bool:
        """True once everything accepted so far is shipped (or as safe as the sink makes it), False when the time ran
        out."""

    def close(self, timeout: float | None = None) -> bool:
        """Flush, then stop. Idempotent."""

    def stats(self) -> SinkStats: ...
