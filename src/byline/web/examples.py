"""Examples in the OpenAPI document: one change, all the way through."""

from __future__ import annotations

from typing import Any, Final

PARAMETERS: Final = {
    "table_id": "products_master",
    "entity_id": "1",
    "microservice_name": "product_management",
    "action": "update",
    "request_id": "a20e389c-134b-40e7-9827-1c94eb895412",
    "account_id": "eb257dff-dddb-482d-afb0-5934ace42c13",
    "user_id": "206483f8-f11e-4ee8-87df-962b6f92d610",
    "user_email": "pavan@example.com",
    "ip_address": "203.0.113.86",
    "attribute": "inventory",
    "previous_value": "1",
    "current_value": "10",
    "from": "2020-07-29T00:00:00Z",
    "to": "2020-07-30T00:00:00Z",
    "at": "2020-07-29T19:45:01Z",
}

_EVENT_ID: Final = "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"
_SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_KEY: Final = "events/micro_service_name=product_management/date=2020-07-29/hour=19/01980c5e6a0b.json"

_PLACE: Final = {
    "date": "2020-07-29",
    "time": "19:45:00",
    "table_id": "products_master",
    "entity_id": "1",
    "microservice_name": "product_management",
    "action": "update",
    "request_id": PARAMETERS["request_id"],
}
_WHO: Final = {
    "ip_address": PARAMETERS["ip_address"],
    "account_id": PARAMETERS["account_id"],
    "user_id": PARAMETERS["user_id"],
    "user_email": PARAMETERS["user_email"],
    "user_name": "Pavan Kumar",
}
_CHANGE: Final = {"attribute": "inventory", "previous_value": "1", "current_value": "10"}
_TYPES: Final = {"previous_type": "number", "current_type": "number"}
_DEVICE: Final = {"browser_name": "chrome", "device_type": "web", "os": "windows 10"}
_WHEN: Final = {"event_id": _EVENT_ID, "occurred_at": "2020-07-29T19:45:00.047000Z"}

_EVENT: Final = {
    "sent_id": None,
    **_WHEN,
    **_PLACE,
    "trace_id": None,
    "job": None,
    "verified_by": None,
    "source": "application",
    **_WHO,
    "user_account_id": PARAMETERS["account_id"],
    **_DEVICE,
    "stream": None,
    "flags": [],
    "object": {"key": _KEY, "line": 1},
    "sha256": _SHA256,
    "changes": [{**_CHANGE, **_TYPES}],
}
_LETTER: Final = {
    "id": "0f3a9c5e7b1d2468",
    "key": _KEY,
    "line": 1,
    "reason": "missing_field",
    "detail": "entity_id is missing",
    "received_at": "2020-07-29T19:45:01.000000Z",
}

ANSWERS: Final[dict[str, Any]] = {
    "Changes": {
        "data": [{**_PLACE, **_WHO, **_CHANGE, **_DEVICE, **_WHEN, **_TYPES}],
        "next_cursor": None,
    },
    "Events": {"data": [_EVENT], "next_cursor": None},
    "EventRow": _EVENT,
    "RequestEvents": {
        "request_id": PARAMETERS["request_id"],
        "data": [_EVENT],
        "next_cursor": None,
        "undo": None,
    },
    "Feed": {"data": [_EVENT], "next": "1.42.1", "at_end": True},
    "Activity": {"data": [{"date": "2020-07-29", "create": 3, "update": 12, "delete": 0}]},
    "Entity": {
        "table_id": "products_master",
        "entity_id": "1",
        "as_of": "2020-07-29T19:45:00.047000Z",
        "state": {"title": "Redmi note 9 max", "inventory": 10},
        "event_id": _EVENT_ID,
        "notes": [],
        "blame": [
            {
                "attribute": "inventory",
                "value": "10",
                "type": "number",
                **_WHEN,
                "microservice_name": "product_management",
                "action": "update",
                "request_id": PARAMETERS["request_id"],
                **{name: value for name, value in _WHO.items() if name != "ip_address"},
            }
        ],
    },
    "Taken": {
        "accepted": 2,
        "refused": 1,
        "object": _KEY,
        "problems": [{"line": 3, "reason": "missing_timestamp", "detail": "request_info.time_stamp is missing"}],
    },
    "Letters": {"data": [_LETTER], "more": False},
    "Replay": {"id": _LETTER["id"], "accepted": True, "letter": None},
    "Session": {
        "subject": PARAMETERS["user_id"],
        "name": "Pavan Kumar",
        "email": PARAMETERS["user_email"],
        "account_id": PARAMETERS["account_id"],
        "scopes": [],
        "expires_at": "2020-07-29T20:45:00Z",
    },
    "Problem": {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The call is wrong; see errors.",
        "errors": [{"field": "limit", "detail": "must be a whole number from 1 to 200"}],
    },
}
