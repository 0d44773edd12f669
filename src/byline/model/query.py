"""Questions to the history, and the shapes of its answers. The HTTP API, the CLI and the pages show these, field for
field."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

from msgspec import Struct, field

from byline.model.change import ValueType
from byline.model.event import Action

Order = Literal["newest", "oldest"]

T = TypeVar("T")


class Position(Struct, frozen=True):
    """A place in the order of answers: what comes after it is the next page.

    Events are ordered by time; those of one moment by arrival; the changes of one event by attribute. ``attribute`` is
    None where the place is a whole event.
    """

    occurred_at: datetime
    event: bytes
    """The event's key in this history: opaque, at most 16 bytes."""
    attribute: str | None = None


class Query(Struct, frozen=True, kw_only=True):
    """Filters, alone or together; ``None`` means any. Times are aware UTC and half-open: ``from_ <= t < to``."""

    table_id: str | None = None
    entity_id: str | None = None
    microservice_name: str | None = None
    action: Action | None = None
    request_id: str | None = None
    account_id: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    ip_address: str | None = None
    attribute: str | None = None
    previous_value: str | None = None
    current_value: str | None = None
    from_: datetime | None = field(default=None, name="from")
    to: datetime | None = None
    order: Order = "newest"
    limit: int = 50
    after: Position | None = None
    within: str | None = None
    """The account to which the reader is confined; ``None`` lifts the limit. Set by sign-in, never by the caller."""


class ChangeRow(Struct, frozen=True, kw_only=True):
    """One flat row per changed attribute: INTERFACE's row of ``/v1/changes``."""

    date: str
    """``YYYY-MM-DD``, UTC."""
    time: str
    """``HH:MM:SS``, UTC."""
    table_id: str
    entity_id: str
    microservice_name: str
    action: Action
    request_id: str | None
    ip_address: str | None
    account_id: str | None
    user_id: str | None
    user_email: str | None
    user_name: str | None
    attribute: str
    previous_value: str | None
    current_value: str | None
    browser_name: str | None
    device_type: str | None
    os: str | None
    event_id: str
    occurred_at: str
    """RFC 3339 with microseconds and ``Z``."""
    previous_type: ValueType
    current_type: ValueType


class ChangeItem(Struct, frozen=True):
    """A change inside its event."""

    attribute: str
    previous_value: str | None
    current_value: str | None
    previous_type: ValueType
    current_type: ValueType


class ObjectRef(Struct, frozen=True):
    """Where an event rests: the object's key, and its line, counted from 1."""

    key: str
    line: int


class StreamRef(Struct, frozen=True):
    """The recording process, and the event's running number in it."""

    id: str
    seq: int


class EventRow(Struct, frozen=True, kw_only=True):
    """One event with its changes inside: an item of ``/v1/events``."""

    event_id: str
    sent_id: str | None
    occurred_at: str
    date: str
    time: str
    table_id: str
    entity_id: str
    microservice_name: str
    action: Action
    request_id: str | None
    trace_id: str | None
    job: str | None
    verified_by: str | None
    source: str
    ip_address: str | None
    account_id: str | None
    user_account_id: str | None
    """The actor's own account, which may differ from the owner's."""
    user_id: str | None
    user_email: str | None
    user_name: str | None
    browser_name: str | None
    device_type: str | None
    os: str | None
    stream: StreamRef | None
    flags: list[str]
    """Of ``lossy``, ``one_sided``, ``dated_in_future``."""
    object: ObjectRef
    sha256: str
    """Of the event's bytes in the object, hexadecimal."""
    changes: list[ChangeItem]


class DayActivity(Struct, frozen=True):
    """Events of one day, UTC, by what they did. Days without events are absent."""

    date: str
    """``YYYY-MM-DD``."""
    create: int
    update: int
    delete: int


class Link(Struct, frozen=True, kw_only=True):
    """What an event says of its entity's state, as digests of 8 bytes: enough to see whether it goes on from the event
    before it."""

    event_id: str
    occurred_at: datetime
    action: Action
    one_sided: bool
    """An update that came without its old or its new side: what it lacks is unknown."""
    before: bytes | None
    """``None``: there was nothing (or, where ``one_sided``, nobody knows)."""
    after: bytes | None
    table_id: str
    entity_id: str
    account_id: str | None
    object: ObjectRef
    sha256: str
    hidden: bool = False
    """It is of another account than the reader's: only time and digests count, and nothing of it is shown."""


class FeedPlace(Struct, frozen=True):
    """A place in the order of arrival. ``FeedPlace(epoch, 0, 0)`` is before everything."""

    epoch: int
    """A rebuild begins a new one; places of another epoch mean nothing."""
    arrival: int
    """Number of the object that was read last."""
    line: int
    """The last line of it that was read."""


class FeedPage(Struct, frozen=True):
    """Events in order of arrival."""

    events: list[EventRow]
    next: FeedPlace
    """Where to go on, also at the end: what arrives later comes behind it."""
    at_end: bool
    """Nothing more has arrived yet."""


class Page(Struct, Generic[T], frozen=True):
    """One page of answers. ``next`` is where to go on; ``None`` at the end. A page may be short, even empty, and still
    go on."""

    rows: list[T]
    next: Position | None
