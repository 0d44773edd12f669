"""What the live bar counts is what the page would show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from byline.model.query import EventRow, Query
from byline.web.pages.live import meets

EventMaker = Callable[..., EventRow]


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        ({}, True),
        ({"table_id": "products_master", "entity_id": "1"}, True),
        ({"table_id": "orders"}, False),
        ({"action": "update"}, True),
        ({"action": "create"}, False),
        ({"user_email": "pavan@eunimart.com"}, True),
        ({"ip_address": "10.0.0.1"}, False),
        ({"attribute": "inventory", "previous_value": "1", "current_value": "10"}, True),
        ({"attribute": "inventory", "current_value": "Redmi | 4gb"}, False),
        ({"from_": datetime(2020, 7, 29, tzinfo=UTC), "to": datetime(2020, 7, 30, tzinfo=UTC)}, True),
        ({"from_": datetime(2020, 7, 30, tzinfo=UTC)}, False),
        ({"to": datetime(2020, 7, 29, 19, 45, 0, 47_000, tzinfo=UTC)}, False),
    ],
)
def test_an_event_meets_what_the_history_would_find(event: EventMaker, asked: dict[str, Any], met: bool) -> None:
    assert meets(event(), Query(**asked)) is met
