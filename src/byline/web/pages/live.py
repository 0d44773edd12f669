"""New changes: how many events have arrived since a page was made that the page would show. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from byline.model.query import ChangeItem, EventRow, Query

_OF_EVENT: Final = (
    *("table_id", "entity_id", "microservice_name", "action", "request_id"),
    *("account_id", "user_id", "user_email", "ip_address"),
)


def meets(event: EventRow, query: Query) -> bool:
    """Whether an event is an answer to a question, as the history would find it."""
    if any(getattr(query, name) not in (None, getattr(event, name)) for name in _OF_EVENT):
        return False
    moment = datetime.fromisoformat(event.occurred_at)
    if query.from_ is not None and moment < query.from_:
        return False
    if query.to is not None and moment >= query.to:
        return False
    return not _asks_of_changes(query) or any(_meets(change, query) for change in event.changes)


def _asks_of_changes(query: Query) -> bool:
    return (query.attribute, query.previous_value, query.current_value) != (None, None, None)


def _meets(change: ChangeItem, query: Query) -> bool:
    return all(
        asked is None or asked == told
        for asked, told in (
            (query.attribute, change.attribute),
            (query.previous_value, change.previous_value),
            (query.current_value, change.current_value),
        )
    )
