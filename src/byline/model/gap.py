"""Changes that no event tells of: an entity's state before an event is not its state after the event before it."""

from __future__ import annotations

from msgspec import Struct

from byline.model.query import ChangeItem


class Gap(Struct, frozen=True, kw_only=True):
    """Something changed outside of the recorded services, between two events of one entity."""

    table_id: str
    entity_id: str
    after_event_id: str | None
    """The event before the gap; ``None`` where it is not known."""
    before_event_id: str
    """The event that found the state changed."""
    since: str | None
    """When the event before the gap was; RFC 3339."""
    until: str
    """When the event was that found it; RFC 3339."""
    changes: list[ChangeItem]
    """What changed without an event, of the attributes that both states carry; in order of attributes."""
