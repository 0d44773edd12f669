"""Events, short enough to compare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from byline.model.event import AuditEvent, Data

Told = tuple[str, str, str, Data | None, Data | None]


def told(events: Iterable[AuditEvent]) -> list[Told]:
    """Action, table, entity, old and new."""
    return [(event.action, event.table_id, event.entity_id, event.old_data, event.new_data) for event in events]


def keys(events: Iterable[AuditEvent]) -> set[tuple[Any, ...]]:
    """Action, table and entity, whatever the order."""
    return {(event.action, event.table_id, event.entity_id) for event in events}
