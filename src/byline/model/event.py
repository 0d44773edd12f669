"""The audit event: one create, update or delete of one entity (DESIGN §3).

These are the facts after the codec has read and repaired them. No field here needs a second look: ids are text, the
time stamp is UTC, the action is one of three words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

Action = Literal["create", "update", "delete"]

Json = Any
"""A decoded JSON value: ``str``, ``int``, ``bool``, ``None``, ``list``, ``dict``, or a
:class:`~byline.model.number.Number` for a number that Python's ``int`` would not give back token for token."""

Data = dict[str, Json]
"""The state of an entity: a JSON object."""


class User(Struct, frozen=True, omit_defaults=True):
    """The actor: who did it. Every part may be unknown."""

    account_id: str | None = None
    user_id: str | None = None
    email: str | None = None
    user_name: str | None = None


class Stream(Struct, frozen=True):
    """The recording process and the event's running number in it, so that what is missing can be named."""

    id: str
    seq: int


class RequestInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When, who, where from, and in which request."""

    time_stamp: datetime
    """Aware, UTC, microseconds."""
    ip_address: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    job: str | None = None
    verified_by: str | None = None
    user: User | None = None
    miscellaneous: Data | None = None


class AuditEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One create, update or delete of one entity."""

    event_id: UUID
    """A UUIDv7 (the sender's own) or a UUIDv8 (made from the time stamp and the sender's id, or from object and
    line)."""
    sent_id: str | None = None
    """The sender's own id, where it was not a UUIDv7."""
    account_id: str | None = None
    """The account that owns the entity; by default the actor's. It decides who may see the event."""
    table_id: str
    entity_id: str
    micro_service_name: str
    action: Action
    old_data: Data | None = None
    new_data: Data | None = None
    request_info: RequestInfo
    stream: Stream | None = None
    source: str | None = None
    lossy: bool = False
    """Something inside was repaired: a lone surrogate, a bare NaN, an odd optional field."""
    one_sided: bool = False
    """An update that came without its old or its new side."""
