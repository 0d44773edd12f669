"""The JSON Schema of the audit event, for services in other languages (DESIGN §3).

It describes what to send. The decoder takes more: what is odd in an optional field is repaired and marked, never
refused. A change here goes into ``schema/audit-event.schema.json`` with ``byline schema``; a test compares them.
"""

from __future__ import annotations

import json
from typing import Any, Final, get_args

from byline.model.envelope import MAX_REQUEST_ID, MAX_SEQ
from byline.model.event import Action
from byline.model.timestamp import RFC_3339
from byline.model.values import ENVELOPE

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": ["string", "null"]}
_ID: Final[Schema] = {"type": ["string", "integer", "null"]}
_OBJECT: Final[Schema] = {"type": ["object", "null"]}


def json_schema() -> Schema:
    """JSON Schema, draft 2020-12, of one event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:byline:audit-event",
        "title": "Audit event",
        "description": "One create, update or delete of one entity: JSON, UTF-8, at most 8 MiB and 200 levels deep.",
        "type": "object",
        "required": ["table_id", "entity_id", "micro_service_name", "action", "request_info"],
        "properties": _event(),
        "$defs": {"encrypted": _encrypted()},
        "examples": [_EXAMPLE],
    }


def json_schema_text() -> str:
    """The text of ``schema/audit-event.schema.json``."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _event() -> Schema:
    return {
        "event_id": _ID
        | _about("A UUIDv7 is kept. Anything else, or nothing, becomes a UUIDv8 made of the time stamp and this id."),
        "account_id": _ID
        | _about("The account that owns the entity; by default the actor's. It decides who may see the event."),
        "table_id": _name("The table or collection of the entity."),
        "entity_id": _entity_id(),
        "micro_service_name": _name("The service that recorded the change."),
        "action": {"type": "string", "pattern": _any_case(get_args(Action))} | _about("In any letter case."),
        "old_data": _OBJECT
        | _about("The state before. Nothing on create. A value may be encrypted: #/$defs/encrypted."),
        "new_data": _OBJECT | _about("The state after. Nothing on delete."),
        "request_info": {
            "type": "object",
            "required": ["time_stamp"],
            "properties": _request_info(),
        }
        | _about("When, who, where from, and in which request."),
        "stream": _stream(),
        "source": _TEXT | _about("What saw the change; by default the application."),
    }


def _request_info() -> Schema:
    return {
        "time_stamp": {"type": "string", "pattern": f"^{RFC_3339}$"}
        | _about("RFC 3339, any offset; without one, UTC. Digits beyond microseconds are cut."),
        "ip_address": _TEXT | _about("Any text is kept; only a valid address is indexed as one."),
        "request_id": _ID
        | {"maxLength": MAX_REQUEST_ID}
        | _about("The correlation id. A longer one, or one with control characters, becomes a UUIDv5."),
        "trace_id": _TEXT | _about("The W3C trace id."),
        "job": _TEXT | _about("The background job."),
        "verified_by": _TEXT | _about("Who vouched for the user."),
        "user": _OBJECT
        | {"properties": {"account_id": _ID, "user_id": _ID, "email": _TEXT, "user_name": _TEXT}}
        | _about("The actor. Every part may be missing."),
        "miscellaneous": _OBJECT
        | {"properties": {"user_agent": _TEXT}}
        | _about("Whatever else the service wants kept."),
    }


def _entity_id() -> Schema:
    return {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "integer"},
            {"type": "object", "minProperties": 1},
            {"type": "array", "minItems": 1},
        ]
    } | _about('1 and "1" are one entity. A composite key is an object or list; it becomes its canonical JSON text.')


def _stream() -> Schema:
    return {
        "type": ["object", "null"],
        "required": ["id", "seq"],
        "properties": {"id": {"type": "string"}, "seq": {"type": "integer", "minimum": 0, "maximum": MAX_SEQ}},
    } | _about("The recording process and its running number, so that what is missing can be named.")


def _encrypted() -> Schema:
    return {
        "type": "object",
        "required": [ENVELOPE],
        "properties": {ENVELOPE: {"type": "object", "properties": {"digest": {"type": "string", "minLength": 1}}}},
        "additionalProperties": False,
    } | _about(
        "An encrypted value is one leaf. Two are equal if both carry the same keyed digest; others are compared whole."
    )


def _name(description: str) -> Schema:
    return {"type": "string", "minLength": 1} | _about(description)


def _about(description: str) -> Schema:
    return {"description": description}


def _any_case(words: tuple[str, ...]) -> str:
    spelled = ("".join(f"[{letter.upper()}{letter}]" for letter in word) for word in words)
    return f"^(?:{'|'.join(spelled)})$"


_EXAMPLE: Final[Schema] = {
    "event_id": "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11",
    "table_id": "products_master",
    "entity_id": "1",
    "micro_service_name": "product_management",
    "action": "update",
    "old_data": {"title": "Redmi note 9 max | 6gb Ram | 128gb Storage", "inventory": 1},
    "new_data": {"title": "Redmi note 9 max | 4gb Ram | 128gb Storage", "inventory": 10},
    "request_info": {
        "time_stamp": "2020-07-29T19:45:00.047Z",
        "ip_address": "203.0.113.86",
        "request_id": "a20e389c-134b-40e7-9827-1c94eb895412",
        "user": {"user_id": "206483f8-f11e-4ee8-87df-962b6f92d610", "email": "pavan@example.com"},
    },
}
