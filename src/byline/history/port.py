"""What a history is: three small protocols, implemented for SQLite (and MySQL), held to one contract suite."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

from msgspec import Struct

from byline.errors import Reason
from byline.model.change import Change
from byline.model.device import Device
from byline.model.event import AuditEvent
from byline.model.query import ChangeRow, DayActivity, EventRow, FeedPage, FeedPlace, Link, Page, Query


class Entry(Struct, frozen=True, kw_only=True):
    """One event, ready to be stored: what the processor made of one line."""

    event: AuditEvent
    changes: Sequence[Change]
    device: Device
    line: int
    """Counted from 1."""
    offset: int
    """Of the line's first byte in the inflated object."""
    size: int
    """Of the line in bytes, without its line end."""
    sha256: bytes
    """Of those bytes."""
    before: bytes | None
    """Digest of the entity's state before, 8 bytes; ``None``: it was not there."""
    after: bytes | None


MESSAGES = "messages/"
"""Before the id of a message of the queue, where a dead letter names its object."""

NOT_IN_THE_BUCKET: Sequence[Reason] = ("object_missing", "foreign_bucket")
"""Reasons of dead letters about objects that are not in the bucket."""


def dead_letter_id(key: str, line: int | None, reason: Reason) -> str:
    """The same trouble is the same letter: 16 hexadecimal digits made from the object's key, the line, and the reason.
    So a letter that was dismissed never hides another trouble at the same place."""
    return blake2b(f"{key}\n{line or 0}\n{reason}".encode(), digest_size=8).hexdigest()


class DeadLetter(Struct, frozen=True, kw_only=True):
    """Something the processor could not take. The id is made from key, line and reason, so the same trouble is the same
    letter."""

    id: str
    key: str
    line: int | None
    """``None`` where the whole object is the trouble."""
    reason: Reason
    detail: str
    received_at: datetime
    """When the object was written (for ``gave_up`` and its like: when it was announced)."""
    offset: int | None = None
    size: int | None = None
    raw: bytes = b""
    """The first 64 KiB of the line."""
    dismissed_because: str | None = None


class ObjectPart(Struct, frozen=True, kw_only=True):
    """A run of lines of one object. ``first_line`` to ``last_line`` tells which lines this part settles: a dead letter
    of an earlier try inside that range that is not among ``dead_letters`` any more is gone."""

    key: str
    size: int
    """Of the stored object, in bytes."""
    first_line: int
    last_line: int
    entries: Sequence[Entry]
    dead_letters: Sequence[DeadLetter]
    complete: bool
    """True for the last part: the object counts as taken once it is stored. It also settles the object's own dead
    letter."""
    received_at: datetime
    """The object's last modification, as its bucket tells it."""


class Counts(Struct, kw_only=True):
    """What taking came to. ``dead_letters`` counts those that were new."""

    objects: int = 0
    events: int = 0
    changes: int = 0
    duplicates: int = 0
    dead_letters: int = 0


class Writer(Protocol):
    """The writing half. Every method is one transaction, idempotent, and safe beside other processes."""

    def migrate(self) -> None:
        """Bring the schema up to date; twice and from two places at once does no harm."""

    def take(self, parts: Sequence[ObjectPart]) -> Counts:
        """Store these parts. An event that is there already, byte for byte, is a duplicate; with other bytes it becomes
        a dead letter, ``conflicting_event``. Raises :class:`~byline.errors.HistoryError` where the history was emptied
        since this writer stored an object's first part: the object must be read again from its beginning."""

    def taken(self, keys: Collection[str]) -> set[str]:
        """Which of these objects have been taken whole."""

    def sizes(self, keys: Collection[str]) -> dict[str, int]:
        """The objects among these that have been taken whole, and how many bytes each had then."""

    def reopen(self, keys: Collection[str]) -> None:
        """These objects do not count as taken any more: one that somebody laid there by hand may have been seen half
        written. Their events stay; taken again, they get new arrival numbers."""

    def check(self) -> None:
        """Store next to nothing. Raises :class:`~byline.errors.HistoryError` where that cannot be done."""

    def clear(self) -> None:
        """Empty the history and begin a new epoch of the feed. Dismissals are kept apart and survive in the bucket;
        dead letters that no object in it tells stay."""

    def close(self) -> None: ...


class Health(Struct, kw_only=True):
    """Cheap facts, none of them a scan."""

    objects: int
    """The newest arrival number."""
    newest_event_at: datetime | None
    dead_letters: int
    """Open ones; counted up to 1,000."""
    schema: str


class Arrivals(Struct, frozen=True):
    """Objects in the order in which the history took them."""

    epoch: int
    """Of the feed: a rebuild begins a new one, and arrival numbers of different epochs have nothing to do with each
    other."""
    objects: list[tuple[int, str]]
    """Arrival number and key."""


class StreamGap(Struct, frozen=True):
    """Events of a recording process that have not come: running numbers ``first`` to ``last``."""

    stream_id: str
    first: int
    last: int


class Reader(Protocol):
    """The reading half. Raises :class:`~byline.errors.SchemaOutdated` where ``migrate`` has not run."""

    def changes(self, query: Query) -> Page[ChangeRow]: ...

    def events(self, query: Query) -> Page[EventRow]:
        """Whole events; an attribute or value filter selects events in which a change matches, and shows all their
        changes."""

    def event(self, event_id: str, *, within: str | None = None) -> EventRow | None: ...

    def activity(self, query: Query) -> list[DayActivity] | None:
        """Events a day, oldest day first, from the daily rollup. It knows table, service, action, account, and days
        (``from_`` and ``to`` at midnight UTC); ``None`` where it cannot answer. Order, limit and place count for
        nothing."""

    def links(self, query: Query) -> Page[Link]:
        """What the events of an entity (table and id) say of its states, without reading any object. Those of other
        accounts than ``within`` are among them, hidden: an entity has one state, whoever wrote it."""

    def suspects(self, query: Query) -> Page[Link]:
        """Events before which the entity's state is not the one behind the event before it, by their digests: neither
        of the event before it of the same account, nor of any. That nominates them for a closer look: masking and
        skewed clocks do it too."""

    def suspected(self, event_ids: Sequence[str]) -> set[str]:
        """Which of these events :meth:`suspects` would name."""

    def feed(self, after: FeedPlace, *, limit: int, within: str | None = None) -> FeedPage:
        """Events in order of arrival. Where ``after`` is of another epoch the page is empty, and its ``next`` tells the
        present one. (``FeedPlace(0, 0, 0)`` is the beginning of whatever epoch there is.)"""

    def arrivals(self, after: int = 0, *, limit: int = 100) -> Arrivals:
        """Objects that arrived after this number. Numbers are given when an object's events can be read, so none is
        ever skipped."""

    def stream_gaps(self, limit: int = 100) -> list[StreamGap]:
        """What is missing inside the streams that were seen. It reads every event: for ``byline doctor``, not for a
        page."""

    def health(self) -> Health: ...

    def close(self) -> None: ...


class DeadLetters(Protocol):
    """The dead letters kept by the history."""

    def list(self, *, limit: int = 0, dismissed: bool = False) -> Iterable[DeadLetter]:
        """Newest first, without ``raw``; ``limit=0``: all."""

    def get(self, id: str) -> DeadLetter | None:
        """Whole, dismissed or not."""

    def add(self, letter: DeadLetter) -> None:
        """For what has no readable object: ``object_missing``, ``foreign_bucket``, ``gave_up``."""

    def dismiss(self, id: str, because: str, *, by: str, at: datetime) -> None:
        """Idempotent; works before the letter itself has come (a rebuild reads dismissals in any order)."""


class History(Protocol):
    """All of a history: what :func:`byline.wiring.open_history` gives."""

    @property
    def writer(self) -> Writer: ...

    @property
    def reader(self) -> Reader: ...

    @property
    def dead_letters(self) -> DeadLetters: ...

    def close(self) -> None: ...
