"""Entries and parts for the history's contract suite, made by hand: the history is tested apart from codec and diff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from byline.history.port import DeadLetter, Entry, ObjectPart, dead_letter_id
from byline.model.change import Change, ValueType
from byline.model.device import Device
from byline.model.event import AuditEvent, RequestInfo, Stream, User

START = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
_NAMESPACE = UUID("6f2b1a34-7a41-4a3b-9d5f-1e0c6b1f7a55")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def change(attribute: str, previous: str | None, current: str | None, kind: ValueType = "string") -> Change:
    return Change(
        attribute,
        previous,
        current,
        "absent" if previous is None else kind,
        "absent" if current is None else kind,
    )


def entry(number: int, *changes: Change, line: int = 0, data: bytes = b"", **said: Any) -> Entry:
    """Event ``number``: its id, its second, and its line are made from it unless said otherwise."""
    user = said.pop("user", User("acme", "u1", "ann@acme.test", "Ann"))
    info = RequestInfo(
        time_stamp=said.pop("time", at(number)),
        ip_address=said.pop("ip", "203.0.113.7"),
        request_id=said.pop("request", "3f0f6d4e-59c8-4b8f-9d0a-0d6a4c1f2b3a"),
        trace_id=said.pop("trace", None),
        job=said.pop("job", None),
        verified_by=said.pop("verified_by", None),
        user=user,
    )
    event = AuditEvent(
        event_id=said.pop("event_id", uuid5(_NAMESPACE, str(number))),
        account_id=said.pop("account", "acme"),
        table_id=said.pop("table", "products"),
        entity_id=said.pop("entity", "1"),
        micro_service_name=said.pop("service", "catalogue"),
        action=said.pop("action", "update"),
        request_info=info,
        stream=said.pop("stream", None),
        **{name: said.pop(name) for name in ("source", "sent_id", "lossy", "one_sided") if name in said},
    )
    before, after = said.pop("before", None), said.pop("after", None)
    device = said.pop("device", Device("chrome", "web", "windows 10"))
    assert not said, f"nothing takes {said}"
    data = data or str(number).encode()
    return Entry(
        event=event,
        changes=changes or (change("title", f"old {number}", f"new {number}"),),
        device=device,
        line=line or number,
        offset=number * 100,
        size=len(data),
        sha256=sha256(data).digest(),
        before=before,
        after=after,
    )


def part(key: str, entries: Sequence[Entry], *letters: DeadLetter, complete: bool = True) -> ObjectPart:
    lines = [one.line for one in entries] + [letter.line for letter in letters if letter.line is not None]
    return ObjectPart(
        key=f"events/{key}.ndjson",
        size=1_000,
        first_line=min(lines, default=1),
        last_line=max(lines, default=1),
        entries=entries,
        dead_letters=letters,
        complete=complete,
        received_at=at(0),
    )


def letter(key: str, line: int | None, detail: str = "a brace is missing", second: float = 0) -> DeadLetter:
    key = f"events/{key}.ndjson"
    return DeadLetter(
        id=dead_letter_id(key, line, "invalid_json"),
        key=key,
        line=line,
        reason="invalid_json",
        detail=detail,
        received_at=at(second),
        offset=12,
        size=5,
        raw=b"{oops",
    )


__all__ = ["START", "Stream", "User", "at", "change", "entry", "letter", "part"]
