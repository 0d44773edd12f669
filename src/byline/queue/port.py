"""What a queue is: announcements of objects, with the semantics of SQS, held to one contract suite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from byline.errors import Reason


class Announcement(Struct, frozen=True):
    """An object was written. Nothing more: whoever hears it looks for itself."""

    bucket: str
    key: str


class Unread(Struct, frozen=True, kw_only=True):
    """A message that could not be understood, or a part of it: it is kept as a dead letter."""

    message_id: str
    reason: Reason
    detail: str
    body: str


class Delivery(Struct, frozen=True, kw_only=True):
    """A message in hand. It comes back unless it is acknowledged before its visibility timeout."""

    receipt: str
    """Valid for this delivery only."""
    receive_count: int
    """1 at first."""
    sent_at: datetime
    announcements: Sequence[Announcement]
    """Several on AWS; possibly none (a test event)."""
    unread: Unread | None = None
    """What else it says, and nobody understands."""


class DeadMessage(Struct, frozen=True, kw_only=True):
    """A message that was received too often."""

    id: str
    announcements: Sequence[Announcement]
    sent_at: datetime
    receive_count: int
    unread: Unread | None = None


class Depth(Struct, frozen=True):
    """How many messages wait, are in flight, and are dead. Approximate on SQS."""

    waiting: int
    in_flight: int
    dead: int


class Queue(Protocol):
    """At-least-once, unordered, shared by processes. Raises :class:`~byline.errors.QueueError` when it does not
    answer."""

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Durable when it returns. Twice is allowed; an implementation may fold equal announcements that still wait."""

    def receive(self, limit: int = 10, *, wait: float = 0.0) -> list[Delivery]:
        """Take up to ``limit`` messages; wait up to ``wait`` seconds for the first."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Done: they never come back. A receipt that has run out is ignored, at the latest once somebody else has
        received the message."""

    def release(self, deliveries: Sequence[Delivery], *, delay: float = 0.0) -> None:
        """Not done: they come back after ``delay`` seconds."""

    def extend(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        """Still at it: they stay invisible for ``seconds`` from now."""

    def depth(self) -> Depth: ...

    def dead(self, limit: int = 0) -> list[DeadMessage]:
        """Those received more often than the maximum; ``limit=0``: all that can be seen."""

    def redrive(self, ids: Sequence[str]) -> int:
        """Put dead messages back with a receive count of 0; says how many there were."""

    def discard(self, ids: Sequence[str]) -> int:
        """Drop dead messages for good."""

    def close(self) -> None: ...
