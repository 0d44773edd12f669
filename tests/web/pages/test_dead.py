from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest

from byline.errors import Reason
from byline.history.port import DeadLetter
from byline.web.pages.dead import choose, reasons, tell
from byline.web.sentence import plain

EVENT = {"table_id": "orders", "entity_id": 10377, "action": "update", "request_info": {"ip_address": "10.4.0.22"}}


def letter(reason: Reason, raw: bytes = b"", detail: str = "", line: int | None = 88, id: str = "1") -> DeadLetter:
    return DeadLetter(
        id=id,
        key="events/x.ndjson",
        line=line,
        reason=reason,
        detail=detail,
        received_at=datetime(2026, 7, 23, tzinfo=UTC),
        size=len(raw),
        raw=raw,
    )


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_is_a_sentence_with_something_to_do(reason: Reason) -> None:
    told = plain(tell(letter(reason)).sentence)
    assert told.startswith("Line 88 ")
    assert told.endswith(".")
    [row] = reasons([letter(reason)])
    assert row.to_do
    assert row.wrong


def test_an_event_that_can_be_named_is_named() -> None:
    told = tell(letter("missing_timestamp", msgspec.json.encode(EVENT)))
    assert plain(told.sentence) == "An update of orders 10377 has no time stamp."
    assert told.entity == ("orders", "10377")


def test_the_remark_stands_at_the_spot() -> None:
    told = tell(letter("missing_timestamp", msgspec.json.encode(EVENT)))
    before, remark, after = told.raw
    assert before.text.endswith('"request_info":{')
    assert remark.remark
    assert after.text.startswith('"ip_address"')


def test_a_line_that_was_cut_short_says_where_it_ends() -> None:
    told = tell(letter("invalid_json", b'{"a":"b', "Unterminated string starting at at character 5"))
    assert plain(told.sentence) == "Line 88 is not JSON: it ends in the middle of a text."
    assert [part.text for part in told.raw] == ['{"a":"b', "the line ends here"]


def test_a_line_that_breaks_in_the_middle_says_where() -> None:
    told = tell(letter("invalid_json", b'{"a":nope}', "Expecting value at character 5"))
    assert [part.text for part in told.raw] == ['{"a":', "it is broken here", "nope}"]


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\x00", b"[" * 5_000, b'{"table_id":{},"entity_id":true}', b'{"table_id":"","entity_id":""}']
)
def test_a_hostile_line_is_a_line(raw: bytes) -> None:
    assert tell(letter("invalid_encoding", raw)).entity is None


def test_a_form_chooses_by_id_by_reason_or_all() -> None:
    waiting = [letter("invalid_json", id="1"), letter("gave_up", id="2")]
    assert choose(waiting, None, ["2", "other"]) == ["2"]
    assert choose(waiting, "invalid_json", []) == ["1"]
    assert choose(waiting, None, []) == ["1", "2"]
