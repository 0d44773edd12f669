"""The few fields of an event that must be right: what a caller gave, as the wire wants it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from byline.capture.leaves import DATETIME
from byline.capture.values import plain
from byline.errors import RecordError
from byline.model.event import Action
from byline.model.number import integer_text
from byline.model.timestamp import parse_time

ACTIONS: Final[dict[str, Action]] = {"create": "create", "update": "update", "delete": "delete"}
_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number")


def action_of(given: Any) -> Action:
    """One of the three, given in any letter case. Raises :class:`~byline.errors.RecordError`."""
    action = ACTIONS.get(given) if type(given) is str else None
    action = action or ACTIONS.get(str(given).lower())
    if action is None:
        raise RecordError(f"there is no action {str(given)[:40]!r}", hint="Use create, update or delete.")
    return action


def table_of(given: Any) -> str:
    """A name. Raises :class:`~byline.errors.RecordError` where there is none."""
    name = given if type(given) is str else text_of(given)
    if not name:
        raise RecordError("the table of an event is missing", hint="Pass table_id.")
    return name


def entity_of(given: Any) -> str:
    """An id as text; a composite one as its canonical JSON, so that ``1`` and ``"1"`` are one entity and the order of
    keys never counts. Raises :class:`~byline.errors.RecordError` where there is none."""
    if type(given) is int:
        return integer_text(given)
    text = given if type(given) is str else text_of(given)
    if not text or text in {"[]", "{}"}:
        raise RecordError("the id of an entity is missing", hint="Pass entity_id, after the row has one.")
    return text


def text_of(given: Any) -> str | None:
    """Text as itself, anything else as its JSON text; ``None`` stays."""
    if given is None or type(given) is str:
        return given
    value = plain(given, name="id")
    if type(value) is str:
        return value
    encoded = _sorted.encode(value)
    return msgspec.json.decode(encoded, type=str) if encoded[:1] == b'"' else encoded.decode()


def event_time(given: Any) -> datetime | None:
    """The moment, in UTC; a naive one is UTC, text is RFC 3339. ``None`` for what is no moment."""
    try:
        when = parse_time(given) if isinstance(given, str) else given
        if not isinstance(when, DATETIME):
            return None
        utc = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    exact = plain(utc)  # of a subclass
    return exact if isinstance(exact, DATETIME) else None
