"""From decoded JSON to an :class:`~byline.model.event.AuditEvent`: every rule of DESIGN §3 about fields, in one place.

A required field that is wrong rejects the event; an optional one never does. What is odd in an optional field becomes
its JSON text, or nothing where the field has a shape of its own, and the event is marked lossy. Faults are looked for
in the order ``table_id``, ``entity_id``, ``micro_service_name``, ``action``, ``old_data``, ``new_data``,
``request_info``: the first one found is the reason.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from byline.errors import Rejected
from byline.model import event_id
from byline.model.event import Action, AuditEvent, Data, Json, RequestInfo, Stream, User
from byline.model.jsontext import json_text
from byline.model.number import Number
from byline.model.timestamp import parse_time

MAX_REQUEST_ID: Final = 128
MAX_SEQ: Final = (1 << 63) - 1

REQUEST_IDS: Final = UUID("5f3d9e0a-6c0b-4c57-9a53-0d9c1f0b7e21")
"""The namespace in which a request id that is too long, or holds control characters, becomes a UUIDv5. Never to
change."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ACTIONS: Final[dict[str, Action]] = {"create": "create", "update": "update", "delete": "delete"}
_KINDS: Final = {
    str: "a string",
    int: "a number",
    Number: "a number",
    bool: "a boolean",
    list: "a list",
    dict: "an object",
}


def read(sent: Json, *, key: str, line: int, lossy: bool) -> AuditEvent:
    """The event in a decoded document. Raises :class:`~byline.errors.Rejected`. ``lossy`` is what the parser has seen
    already."""
    if type(sent) is not dict:
        raise Rejected("not_an_object", f"the document is {_kind(sent)}, not an object")
    return _Reading(lossy).event(sent, key, line)


class _Reading:
    """One event being read; it remembers whether something optional was odd."""

    __slots__ = ("lossy",)

    def __init__(self, lossy: bool) -> None:
        self.lossy = lossy

    def event(self, sent: Data, key: str, line: int) -> AuditEvent:
        table_id = _name(sent, "table_id")
        entity_id = _entity_id(sent.get("entity_id"))
        service = _name(sent, "micro_service_name")
        action = _action(sent.get("action"))
        old, new = _state(sent, "old_data"), _state(sent, "new_data")
        request_info = self._request_info(sent.get("request_info"))
        uuid, sent_id = _identified(sent.get("event_id"), request_info.time_stamp, service, key, line)
        user = request_info.user
        account_id = self._text(sent.get("account_id"))
        return AuditEvent(
            event_id=uuid,
            sent_id=sent_id,
            account_id=account_id if account_id is not None or user is None else user.account_id,
            table_id=table_id,
            entity_id=entity_id,
            micro_service_name=service,
            action=action,
            old_data=old if action != "create" else None,
            new_data=new if action != "delete" else None,
            request_info=request_info,
            stream=self._stream(sent.get("stream")),
            source=self._text(sent.get("source")),
            lossy=self.lossy,
            one_sided=action == "update" and (old is None or new is None),
        )

    def _request_info(self, sent: Json) -> RequestInfo:
        if sent is None:
            raise Rejected("missing_timestamp", "request_info is missing, and with it request_info.time_stamp")
        if type(sent) is not dict:
            raise Rejected("invalid_field", f"request_info is {_kind(sent)}, not an object")
        return RequestInfo(
            time_stamp=_time_stamp(sent.get("time_stamp")),
            ip_address=self._text(sent.get("ip_address")),
            request_id=self._request_id(sent.get("request_id")),
            trace_id=self._text(sent.get("trace_id")),
            job=self._text(sent.get("job")),
            verified_by=self._text(sent.get("verified_by")),
            user=self._user(sent.get("user")),
            miscellaneous=self._object(sent.get("miscellaneous")),
        )

    def _user(self, sent: Json) -> User | None:
        user = self._object(sent)
        if user is None:
            return None
        return User(
            account_id=self._text(user.get("account_id")),
            user_id=self._text(user.get("user_id")),
            email=self._text(user.get("email")),
            user_name=self._text(user.get("user_name")),
        )

    def _request_id(self, sent: Json) -> str | None:
        text = self._text(sent)
        return None if text is None else kept_request_id(text)

    def _stream(self, sent: Json) -> Stream | None:
        stream = self._object(sent)
        if stream is None:
            return None
        id, seq = stream.get("id"), stream.get("seq")
        if type(id) is str and type(seq) is int and 0 <= seq <= MAX_SEQ:
            return Stream(id, seq)
        self.lossy = True
        return None

    def _text(self, sent: Json) -> str | None:
        if sent is None or type(sent) is str:
            return sent
        if not _is_integer(sent):
            self.lossy = True
        return json_text(sent)

    def _object(self, sent: Json) -> Data | None:
        if sent is None or type(sent) is dict:
            return sent
        self.lossy = True
        return None


def kept_request_id(text: str) -> str:
    """What becomes of a request id: itself, or a UUIDv5 where it is too long or holds control characters. Whoever looks
    for the original finds it by the same rule."""
    if len(text) <= MAX_REQUEST_ID and (text.isprintable() or _CONTROL.search(text) is None):
        return text
    return str(uuid5(REQUEST_IDS, text))


def _name(sent: Data, field: str) -> str:
    name = sent.get(field)
    if type(name) is str and name:
        return name
    if name is None:
        raise Rejected("missing_field", f"{field} is missing")
    raise Rejected("invalid_field", f"{field} is {_kind(name)}, not a non-empty string")


def _entity_id(sent: Json) -> str:
    if type(sent) is str and sent:
        return sent
    if sent is None:
        raise Rejected("missing_field", "entity_id is missing")
    if _is_integer(sent):
        text = json_text(sent)
        return text if text != "-0" else "0"
    if sent and type(sent) in (dict, list):
        return json_text(sent)
    raise Rejected(
        "invalid_field", f"entity_id is {_kind(sent)}, not a non-empty string, an integer, or a key of several parts"
    )


def _action(sent: Json) -> Action:
    if type(sent) is str:
        action = _ACTIONS.get(sent) or _ACTIONS.get(sent.lower())
        if action is not None:
            return action
        raise Rejected("unknown_action", f"action is {sent[:40]!a}, not create, update or delete")
    if sent is None:
        raise Rejected("missing_field", "action is missing")
    raise Rejected("unknown_action", f"action is {_kind(sent)}, not create, update or delete")


def _state(sent: Data, field: str) -> Data | None:
    state: Json = sent.get(field)
    if state is None or type(state) is dict:
        return state
    raise Rejected("invalid_field", f"{field} is {_kind(state)}, not an object")


def _time_stamp(sent: Json) -> datetime:
    if sent is None:
        raise Rejected("missing_timestamp", "request_info.time_stamp is missing")
    if type(sent) is not str:
        raise Rejected("invalid_timestamp", f"request_info.time_stamp is {_kind(sent)}, not an RFC 3339 string")
    try:
        return parse_time(sent)
    except ValueError as error:
        raise Rejected("invalid_timestamp", f"request_info.time_stamp {sent[:40]!a}: {error}") from None


def _identified(sent: Json, when: datetime, service: str, key: str, line: int) -> tuple[UUID, str | None]:
    """The event's id, and the sender's own where it is another."""
    if sent is None or sent == "":
        return event_id.from_place(when, key, line), None
    text: str = sent if type(sent) is str else json_text(sent)
    uuid = event_id.uuid7(text)
    return (uuid, None) if uuid is not None else (event_id.from_sent_id(when, service, text), text)


def _is_integer(sent: Json) -> bool:
    return type(sent) is int or (type(sent) is Number and sent.is_integer_token)


def _kind(sent: Json) -> str:
    if sent is None:
        return "null"
    if sent == "":
        return "empty"
    return _KINDS.get(type(sent), "something else")
