"""Every reason for a dead letter, by way of real files; and what people do about them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from byline.queue.port import Announcement
from byline.queue.sqlite import SqliteQueue
from tests.acceptance.conftest import Byline
from tests.acceptance.samples import event, kill_deliveries, line


def without(field: str) -> bytes:
    return json.dumps({name: value for name, value in event().items() if name != field}).encode()


def at(time_stamp: Any) -> bytes:
    return line(request_info={"time_stamp": time_stamp})


def nested(levels: int) -> bytes:
    return line(new_data="@").replace(b'"@"', b'{"a":' * levels + b"1" + b"}" * levels)


BROKEN = {
    "invalid_json": b"{",
    "invalid_encoding": line(table_id="@").replace(b"@", b"\xff"),
    "not_an_object": b"[1]",
    "missing_field": without("table_id"),
    "invalid_field": line(table_id=["products"]),
    "unknown_action": line(action="upsert"),
    "missing_timestamp": line(request_info={}),
    "invalid_timestamp": at("2024-02-30T00:00:00Z"),
    "conflicting_event": line(new_data={"price": 7}),
    "too_deep": nested(400),
    "too_large": line(new_data={"note": "x" * (8 << 20)}),
}


def test_each_broken_line_is_kept_with_its_reason_and_its_neighbours_are_taken(byline: Byline) -> None:
    for number, (reason, broken) in enumerate(BROKEN.items()):
        first = 0 if reason == "conflicting_event" else 100 + number
        byline.file(reason, b"\n".join([line(first), broken, line(200 + number)]))
    laid = {row["key"]: row["file"] for row in byline("put", *BROKEN, "--json").rows}
    (counts,) = byline("process", "--json").rows
    assert (counts["events"], counts["dead_letters"]) == (2 * len(BROKEN), len(BROKEN))
    letters = byline("dead-letters", "list", "--json").rows
    assert {laid[letter["key"]]: letter["reason"] for letter in letters} == {reason: reason for reason in BROKEN}
    for letter in letters:
        assert list(letter) == ["id", "key", "line", "reason", "detail", "received_at"]
        assert letter["line"] == 2
        if letter["reason"] in {"too_large", "invalid_encoding", "conflicting_event"}:
            assert byline("dead-letters", "show", letter["id"], "--raw").out == BROKEN[letter["reason"]]
    told = byline("dead-letters").text
    assert all(f"\t{reason}\t" in told for reason in BROKEN)


def test_a_broken_compression_is_kept_with_its_reason_and_the_lines_before_it_are_taken(byline: Byline) -> None:
    stored = gzip.compress(b"".join(line(number) + b"\n" for number in range(500)))
    byline("put", "-", stdin=stored[: len(stored) // 2])
    (counts,) = byline("process", "--json").rows
    assert 0 < counts["events"] < 500
    (letter,) = byline("dead-letters", "--json").rows
    assert (letter["line"], letter["reason"]) == (None, "bad_compression")


def announce(byline: Byline, bucket: str | None, key: str) -> None:
    queue = SqliteQueue(byline.data / "queue.db")
    queue.announce([Announcement(bucket or (byline.data / "bucket").as_uri(), key)])
    queue.close()


@pytest.mark.parametrize(("reason", "bucket"), [("object_missing", None), ("foreign_bucket", "somebody-elses")])
def test_an_announcement_that_leads_nowhere_is_kept_with_its_reason(
    byline: Byline, reason: str, bucket: str | None
) -> None:
    byline("put", "-", stdin=line())
    announce(byline, bucket, "events/a.json")
    byline("process")
    (letter,) = byline("dead-letters", "--json").rows
    assert letter["reason"] == reason
    assert byline("dead-letters", "replay", letter["id"], status=1).text.split("\t")[1].startswith("refused")


def test_what_the_queue_gave_up_is_listed_until_a_replay_takes_it(byline: Byline) -> None:
    byline("put", "-", stdin=line())
    queue = SqliteQueue(byline.data / "queue.db")
    kill_deliveries(queue, 5)
    queue.close()
    assert byline("process", "--json").rows[0]["events"] == 0
    (letter,) = byline("dead-letters", "--json").rows
    assert letter["reason"] == "gave_up"
    assert byline("dead-letters", "replay", letter["id"], "--json").rows == [
        {"id": letter["id"], "accepted": True, "reason": None, "detail": None}
    ]
    assert byline("dead-letters", "--json").rows == []
    assert byline("history", "products", "0", "--json").rows


def test_a_replay_is_accepted_once_the_object_is_there(byline: Byline) -> None:
    byline("put", "-", stdin=line())
    announce(byline, None, "events/late.json")
    byline("process")
    (byline.data / "bucket/events/late.json").write_bytes(line(1))
    assert byline("dead-letters", "replay", "--all", "--json").rows[0]["accepted"] is True
    assert byline("history", "products", "1", "--json").rows
    assert byline("dead-letters", "--json").rows == []


def test_a_dismissal_survives_a_rebuild_and_the_loss_of_the_history(byline: Byline) -> None:
    byline("put", "-", stdin=line() + b"\n{broken")
    byline("process")
    (letter,) = byline("dead-letters", "--json").rows
    byline("dead-letters", "dismiss", letter["id"], "--because", "sent by mistake")
    assert byline("dead-letters", "--json").rows == []
    byline("rebuild")
    assert byline("dead-letters", "--json").rows == []
    for file in byline.data.glob("history.db*"):
        file.unlink()
    byline("rebuild")
    assert byline("dead-letters", "--json").rows == []
    assert byline("dead-letters", "--dismissed", "--json").rows == [letter]
    (shown,) = byline("dead-letters", "show", letter["id"], "--json").rows
    assert (shown["dismissed_because"], shown["raw"]) == ("sent by mistake", "{broken")


@pytest.mark.parametrize(
    "arguments",
    [
        ("dismiss", "0123456789abcdef", "--because", "x"),
        ("dismiss", "0123456789abcdef", "--because", " "),
        ("dismiss", "0123456789abcdef"),
        ("show", "0123456789abcdef"),
        ("replay", "0123456789abcdef"),
        ("replay",),
        ("replay", "0123456789abcdef", "--all"),
    ],
)
def test_a_call_that_is_wrong_is_told_in_one_line(byline: Byline, arguments: tuple[str, ...]) -> None:
    byline("migrate")
    answer = byline("dead-letters", *arguments, status=2)
    assert (answer.out, answer.errors.count("\n")) == (b"", 1)


def hostile(put: Callable[[bytes], Any]) -> None:
    """What somebody lays into the bucket to break, hide or mislead."""
    deep = b"[" * 5_000_000
    put(deep)
    put(b'{"a":' * 100_000)
    put(line(1, entity_id="x" * 100_000))
    put(line(2, new_data={"k" * 10_000: "v", "": 1, "a.b": 2, "\x00": 3, "\x1b[2J": 4}))
    put(line(3, table_id="\x1b]0;owned\x07", micro_service_name="../../../etc/passwd"))
    put(line(4, new_data={"number": "@"}).replace(b'"@"', b"1e999999999"))
    put(line(5, new_data={"number": "@"}).replace(b'"@"', b"9" * 100_000))
    put(line(6, new_data={"number": "@"}).replace(b'"@"', b"NaN"))
    put(line(7).replace(b'"n7"', b'"\\ud800"'))
    put(line(8).replace(b'"n8"', b'"\\u0000"'))
    put(line(9, request_info={"time_stamp": "9999-12-31T23:59:59.9999999Z", "request_id": "r" * 5000}))
    put(line(10, request_info={"time_stamp": "0001-01-01T00:00:00+23:59"}))
    put(line(11, event_id={"an": "object"}))
    put(line(12, entity_id={"b": 1, "a": [1, 2]}))
    put(b"\x00" * 100_000)
    put(b"\xff\xfe{\x00}\x00")
    put(gzip.compress(gzip.compress(line(13))))
    put(gzip.compress(b"\n" * (64 << 20)))
    put(line(14, new_data=dict.fromkeys(map(str, range(5_000)), 1)))
    put(line(15, new_data={"lines": [{"id": number % 7} for number in range(100)]}))


def test_a_hostile_corpus_hides_nothing_and_breaks_nothing(byline: Byline) -> None:
    files: list[str] = []

    def put(data: bytes) -> None:
        byline.file(f"{len(files)}.bin", data)
        files.append(f"{len(files)}.bin")

    hostile(put)
    byline("put", *files)
    (counts,) = byline("process", "--json").rows
    assert counts["objects"] == len(files)
    letters = byline("dead-letters", "list", "--limit", "0", "--json").rows
    # Each file but the blank one holds one event, and every event is either taken or kept with a reason.
    assert counts["events"] + len(letters) == len(files) - 1
    assert counts["events"] >= 12
    plain = byline("search", "--limit", "0").out
    assert b"\x1b" not in plain
    assert b"\x00" not in plain
    assert b"\\x1b]0;owned" in plain
    assert not (byline.data / "etc").exists()
    assert byline("rebuild", "--json").rows[0]["events"] == counts["events"]
