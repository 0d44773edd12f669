"""From what a service knows to one line of the wire format.

Fast where everything is usual; with care, and once more from the start, where the encoder refuses: a lone surrogate, an
integer longer than Python writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from byline.capture.marks import Marks
from byline.capture.redaction import Masking
from byline.capture.request_context import RequestContext
from byline.capture.values import Walk
from byline.errors import RecordError
from byline.model.codec import MAX_EVENT_BYTES
from byline.model.event import Action, AuditEvent, Data, RequestInfo, Stream
from byline.model.paths import member

MARK: Final = "byline"
"""Under this name ``miscellaneous`` says what was cut and what was repaired: ``{"cut": ["new_data.a"], "repaired":
[…]}``."""

_ROOM: Final = 16 << 10
"""Bytes that the envelope of an event may take once its states have been cut."""
_SMALL: Final = 256
"""Bytes below which it does not pay to cut a value."""


class Draft(Struct, frozen=True, kw_only=True):
    """An event whose open parts have not been looked at."""

    event_id: UUID
    stream: Stream
    service: str
    action: Action
    table_id: str
    entity_id: str
    account_id: str | None
    time_stamp: datetime
    context: RequestContext | None
    old: Any
    new: Any
    miscellaneous: Mapping[str, Any] | None
    repaired: tuple[str, ...] = ()
    """What the recorder has mended already."""


class Encoded(NamedTuple):
    """One wire line without its end, and what had to be cut or repaired for it."""

    line: bytes
    marks: Marks


def encode(draft: Draft, masking: Masking) -> Encoded:
    """Raises :class:`~byline.errors.RecordError` only where the envelope itself is larger than an event may be."""
    marks = Marks(draft.repaired)
    try:
        event = _event(draft, masking, Walk(marks))
        line = _line(event, marks)
    except (ValueError, TypeError, OverflowError, RecursionError):
        marks = Marks(draft.repaired)
        walk = Walk(marks, careful=True)
        event = _repaired(_event(draft, masking, walk), walk)
        line = _line(event, marks)
    if len(line) > MAX_EVENT_BYTES:
        return _fitting(event, marks)
    return Encoded(line, marks)


def _event(draft: Draft, masking: Masking, walk: Walk) -> AuditEvent:
    old, new = masking.apply(draft.table_id, walk.state(draft.old, "old_data"), walk.state(draft.new, "new_data"))
    return AuditEvent(
        event_id=draft.event_id,
        account_id=draft.account_id,
        table_id=draft.table_id,
        entity_id=draft.entity_id,
        micro_service_name=draft.service,
        action=draft.action,
        old_data=cast("Data | None", old),
        new_data=cast("Data | None", new),
        request_info=_request_info(draft, masking, walk),
        stream=draft.stream,
    )


def _request_info(draft: Draft, masking: Masking, walk: Walk) -> RequestInfo:
    context = draft.context
    kept = _masked(draft, draft.miscellaneous, masking, walk)
    if context is None:
        # An event outside of every request is a request of its own.
        return RequestInfo(time_stamp=draft.time_stamp, request_id=str(draft.event_id), miscellaneous=kept)
    user, by = context.who()
    if context.miscellaneous:
        kept = {**(_masked(draft, context.miscellaneous, masking, walk) or {}), **(kept or {})}
    if context.user_agent is not None:
        kept = {"user_agent": context.user_agent, **(kept or {})}
    return RequestInfo(
        time_stamp=draft.time_stamp,
        ip_address=context.ip_address,
        request_id=context.request_id,
        trace_id=context.trace_id,
        job=context.job,
        verified_by=by,
        user=user,
        miscellaneous=kept,
    )


def _masked(draft: Draft, kept: Mapping[str, Any] | None, masking: Masking, walk: Walk) -> Data | None:
    if not kept:
        return None
    _, masked = masking.apply(draft.table_id, None, walk.state(kept, "miscellaneous"))
    return cast("Data | None", masked)


def _repaired(event: AuditEvent, walk: Walk) -> AuditEvent:
    """The envelope's own texts, looked at with care. What is in the states has been."""
    info = event.request_info
    user = info.user
    return replace(
        event,
        **_cared(event, ("account_id", "table_id", "entity_id", "micro_service_name"), walk),
        request_info=replace(
            info,
            **_cared(info, ("ip_address", "request_id", "trace_id", "job", "verified_by"), walk),
            user=replace(user, **_cared(user, user.__struct_fields__, walk)) if user is not None else None,
            miscellaneous=walk.state(info.miscellaneous, "miscellaneous"),
        ),
    )


def _cared(part: Struct, names: tuple[str, ...], walk: Walk) -> dict[str, Any]:
    return {name: walk.value(getattr(part, name), name) for name in names}


def _line(event: AuditEvent, marks: Marks) -> bytes:
    if marks:
        kept = {**(event.request_info.miscellaneous or {})}
        if MARK in kept:
            kept[f"{MARK} (2)"] = kept[MARK]
        kept[MARK] = marks.as_data()
        event = replace(event, request_info=replace(event.request_info, miscellaneous=kept))
    return _encoder.encode(event)


# --- an event that is too large ---


def _fitting(event: AuditEvent, marks: Marks) -> Encoded:
    """The event without its largest values; where that is not enough, without its states and what else was kept. What
    is cut leaves its size and a digest, so that a value that changed still differs."""
    for states in (_without_largest(event), _without_any(event)):
        smaller = Marks(marks.repaired, [*states.cut, *marks.cut])
        line = _line(states.event, smaller)
        if len(line) <= MAX_EVENT_BYTES:
            return Encoded(line, smaller)
    raise RecordError(
        f"an event of {event.table_id[:80]} is too large even without any value",
        hint=f"An event has at most {MAX_EVENT_BYTES} bytes: shorten its ids.",
    )


class _Smaller(NamedTuple):
    event: AuditEvent
    cut: list[str]


def _without_largest(event: AuditEvent) -> _Smaller:
    names = set(_largest(event))
    cut = [member(side, name) for side, data in _sides(event) for name in data if name in names]
    return _Smaller(
        replace(event, old_data=_stand_ins(event.old_data, names), new_data=_stand_ins(event.new_data, names)), cut
    )


def _without_any(event: AuditEvent) -> _Smaller:
    info = event.request_info
    kept = {"value": _stand_in(info.miscellaneous)} if info.miscellaneous else None
    states = {side: {"value": _stand_in(data)} for side, data in _sides(event)}
    return _Smaller(
        replace(event, **states, request_info=replace(info, miscellaneous=kept)), [*states, "miscellaneous"]
    )


def _sides(event: AuditEvent) -> Iterator[tuple[str, Data]]:
    for side, data in (("old_data", event.old_data), ("new_data", event.new_data)):
        if data is not None:
            yield side, data


def _largest(event: AuditEvent) -> Iterator[str]:
    """Names of attributes, the largest first, until the rest fits."""
    sizes: dict[str, int] = {}
    for _, data in _sides(event):
        for name, value in data.items():
            sizes[name] = sizes.get(name, 0) + len(_encoder.encode(value)) + len(_encoder.encode(name)) + 2
    excess = sum(sizes.values()) - (MAX_EVENT_BYTES - _ROOM)
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        if excess <= 0 or sizes[name] < _SMALL:
            return
        excess -= sizes[name] - _SMALL
        yield name


def _stand_ins(data: Data | None, names: set[str]) -> Data | None:
    return data and {name: _stand_in(value) if name in names else value for name, value in data.items()}


def _stand_in(value: Any) -> str:
    text = _encoder.encode(value)
    return f"(cut: {len(text)} bytes, sha256 {sha256(text).hexdigest()[:32]})"


def _unknown(value: Any) -> str:
    """For what a masking may have put in that is no JSON value: never a reason to lose an event."""
    return f"<{type(value).__qualname__}>"


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_unknown)
encode_event: Final = _encoder.encode
"""An event of which nothing is to be masked or repaired. Raises what msgspec raises."""
