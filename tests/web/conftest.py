from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from byline.model.query import ChangeItem, EventRow, ObjectRef

EventMaker = Callable[..., EventRow]

AN_EVENT = EventRow(
    event_id="01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11",
    sent_id=None,
    occurred_at="2020-07-29T19:45:00.047000Z",
    date="2020-07-29",
    time="19:45:00",
    table_id="products_master",
    entity_id="1",
    microservice_name="product_management",
    action="update",
    request_id="a20e389c-134b-40e7-9827-1c94eb895412",
    trace_id=None,
    job=None,
    verified_by=None,
    source="application",
    ip_address="203.109.108.86",
    account_id="eb257dff",
    user_account_id="eb257dff",
    user_id="206483f8-f11e-4ee8-87df-962b6f92d610",
    user_email="pavan@eunimart.com",
    user_name="Pavan Kumar",
    browser_name="chrome",
    device_type="web",
    os="windows 10",
    stream=None,
    flags=[],
    object=ObjectRef("events/x.json", 1),
    sha256="0" * 64,
    changes=[
        ChangeItem("inventory", "1", "10", "number", "number"),
        ChangeItem("title", "Redmi | 6gb", "Redmi | 4gb", "string", "string"),
    ],
)


@pytest.fixture
def event() -> EventMaker:
    """Makes the worked example's event, with whatever a test wants otherwise."""

    def make(**other: object) -> EventRow:
        return structs.replace(AN_EVENT, **other)

    return make
