"""``POST /v1/events``: good lines are kept before it answers, the others told by number, a bomb harms nobody."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from byline.web import create_app
from byline.web.intake import MAX_INFLATED, MAX_REFUSED, SHOWN
from tests.web import issuer
from tests.web.issuer import bearer
from tests.web.served import Byline, Row, an_event, served

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
MAX_BODY = 200_000


@pytest.fixture
def byline(tmp_path: Path) -> Iterator[Byline]:
    made = Byline(tmp_path / "byline")
    yield made
    made.close()


@pytest.fixture
def client(byline: Byline) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket, queue=byline.queue, max_body=MAX_BODY)) as made:
        yield made


def entity(number: object, **other: Any) -> Row:
    return an_event(event_id=None, entity_id=number, **other)


def lines(*events: Any) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def entities(byline: Byline, client: httpx.Client) -> list[str]:
    byline.process()
    found = client.get("/v1/events", params={"limit": 200}).json()["data"]
    assert len({event["event_id"] for event in found}) == len(found)
    return sorted(event["entity_id"] for event in found)


def objects(byline: Byline) -> list[str]:
    return [info.key for info in byline.bucket.list("events/")]


@pytest.mark.parametrize(
    ("content", "headers", "found"),
    [
        (json.dumps(entity(1)).encode(), JSON, ["1"]),
        (json.dumps(entity(1), indent=2).replace("\n", "\r\n").encode(), JSON, ["1"]),
        (b"\xef\xbb\xbf " + json.dumps(entity(1)).encode(), JSON, ["1"]),
        (json.dumps([entity(1), entity(2)]).encode(), JSON, ["1", "2"]),
        (b"\xef\xbb\xbf \n" + json.dumps([entity(1), entity(2)], indent=1).encode(), JSON, ["1", "2"]),
        (lines(entity(1), entity(2)), NDJSON, ["1", "2"]),
        (lines(entity(1)) + b"\n\r\n" + json.dumps(entity(2)).encode(), NDJSON, ["1", "2"]),
        (lines(entity(1), entity(2)), {"Content-Type": "application/jsonl; charset=utf-8"}, ["1", "2"]),
    ],
)
def test_one_event_a_list_and_lines_are_taken(
    byline: Byline, client: httpx.Client, content: bytes, headers: dict[str, str], found: list[str]
) -> None:
    answer = client.post("/v1/events", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    taken = answer.json()
    assert (taken["accepted"], taken["refused"], taken["problems"]) == (len(found), 0, [])
    assert objects(byline) == [taken["object"]]
    assert byline.queue.depth().waiting == 1
    assert entities(byline, client) == found


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_compressed_bodies_are_taken_and_rest_as_they_came(
    byline: Byline, client: httpx.Client, coding: str, compress: Any
) -> None:
    sent = compress(lines(entity(1), entity(2)))
    for _ in range(2):
        answer = client.post("/v1/events", content=sent, headers={**NDJSON, "Content-Encoding": coding})
        assert answer.status_code == 202, answer.text
    with byline.bucket.open(answer.json()["object"]) as stored:
        assert b"".join(stored) == sent
    assert entities(byline, client) == ["1", "2"]


def test_the_same_body_twice_is_one_object_also_where_lines_are_refused(byline: Byline, client: httpx.Client) -> None:
    for content in (lines(entity(1), entity(2)), lines(entity(3), {"x": 1}, entity(4))):
        first, second = (client.post("/v1/events", content=content, headers=NDJSON).json() for _ in range(2))
        assert first == second
    assert len(objects(byline)) == 2
    assert entities(byline, client) == ["1", "2", "3", "4"]


def test_good_lines_are_kept_and_bad_ones_told_by_number(byline: Byline, client: httpx.Client) -> None:
    bad: list[bytes] = [
        b"{not json}",
        json.dumps({**entity(9), "action": "merge"}).encode(),
        json.dumps({**entity(9), "request_info": {}}).encode(),
        json.dumps({**entity(9), "table_id": ""}).encode(),
        b'"text"',
        b"\xff",
        b"[" * 300 + b"]" * 300,
    ]
    content = b"".join(lines(entity(number)) + line + b"\n" for number, line in enumerate(bad))
    answer = client.post("/v1/events", content=content, headers=NDJSON)
    assert answer.status_code == 202
    taken = answer.json()
    assert (taken["accepted"], taken["refused"]) == (len(bad), len(bad))
    assert [problem["line"] for problem in taken["problems"]] == [2 * number + 2 for number in range(len(bad))]
    assert [problem["reason"] for problem in taken["problems"]] == [
        "invalid_json",
        "unknown_action",
        "missing_timestamp",
        "invalid_field",
        "not_an_object",
        "invalid_encoding",
        "too_deep",
    ]
    assert all(problem["detail"] for problem in taken["problems"])
    assert entities(byline, client) == sorted(map(str, range(len(bad))))
    assert byline.history.reader.health().dead_letters == 0


def test_members_of_a_list_are_told_by_their_place(client: httpx.Client) -> None:
    answer = client.post("/v1/events", content=json.dumps([entity(1), 5, entity(2)]).encode(), headers=JSON)
    assert answer.status_code == 202
    assert [(one["line"], one["reason"]) for one in answer.json()["problems"]] == [(2, "not_an_object")]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", JSON),
        (b"", NDJSON),
        (b"\n\n", NDJSON),
        (b"[]", JSON),
        (b"[1]", JSON),
        (b"[{}", JSON),
        (b"[" * 100_000, JSON),
        (b"{}", JSON),
        (b"hello", JSON),
        (lines(entity(1), entity(2)), JSON),
        (gzip.compress(lines(entity(1)))[:-9], {**NDJSON, "Content-Encoding": "gzip"}),
        (b"no gzip", {**NDJSON, "Content-Encoding": "gzip"}),
        (b"no zstd", {**NDJSON, "Content-Encoding": "zstd"}),
    ],
)
def test_a_body_without_any_good_event_is_refused_with_the_reason_and_nothing_is_kept(
    byline: Byline, client: httpx.Client, content: bytes, headers: dict[str, str]
) -> None:
    answer = client.post("/v1/events", content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"]
    assert objects(byline) == []
    assert byline.queue.depth().waiting == 0


def test_only_so_many_problems_are_told(client: httpx.Client) -> None:
    answer = client.post("/v1/events", content=lines(entity(1)) + b"x\n" * 1_000, headers=NDJSON)
    assert (answer.json()["refused"], len(answer.json()["problems"])) == (1_000, SHOWN)


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain", "application/xml"])
def test_what_it_is_has_to_be_said(client: httpx.Client, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = client.post("/v1/events", content=lines(entity(1)), headers=headers)
    assert answer.status_code == 415
    assert "application/x-ndjson" in answer.json()["detail"]
    other = client.post("/v1/events", content=b"x", headers={**JSON, "Content-Encoding": "br"})
    assert other.status_code == 415


def in_pieces(size: int) -> Iterator[bytes]:
    for _ in range(0, size, 10_000):
        yield b" " * 10_000


def test_a_body_over_the_limit_is_refused_however_it_tells_its_length(byline: Byline, client: httpx.Client) -> None:
    told = client.post("/v1/events", content=b" " * (MAX_BODY + 1), headers=NDJSON)
    assert told.status_code == 413
    assert str(MAX_BODY) in told.json()["detail"]
    untold = client.post("/v1/events", content=in_pieces(MAX_BODY + 10_000), headers=NDJSON)
    assert untold.status_code == 413
    assert objects(byline) == []


def bomb(size: int, of: bytes) -> bytes:
    squeezer = zlib.compressobj(9, wbits=31)
    piece = of * (1 << 20)
    return b"".join(squeezer.compress(piece) for _ in range(size >> 20)) + squeezer.flush()


@pytest.mark.parametrize(("kind", "of"), [(NDJSON, b"\n"), (NDJSON, b"x"), (JSON, b" "), (JSON, b"[")])
def test_a_bomb_is_cut_off(byline: Byline, client: httpx.Client, kind: dict[str, str], of: bytes) -> None:
    sent = bomb(MAX_INFLATED + (4 << 20), of)
    assert len(sent) < MAX_BODY
    answer = client.post("/v1/events", content=sent, headers={**kind, "Content-Encoding": "gzip"}, timeout=60)
    assert answer.status_code == 413
    assert objects(byline) == []
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (NDJSON, lines(entity(1)) + b"0\n" * (MAX_REFUSED + 1) + b"x" * 100),
        (JSON, b"[" + json.dumps(entity(1)).encode() + b",0" * (MAX_REFUSED + 1) + b", and so on"),
    ],
)
def test_a_body_of_very_many_wrong_lines_is_given_up(
    byline: Byline, client: httpx.Client, kind: dict[str, str], content: bytes
) -> None:
    answer = client.post("/v1/events", content=content, headers=kind)
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    assert (errors[0]["field"], len(errors)) == ("body", 1 + SHOWN)
    assert str(MAX_REFUSED) in errors[0]["detail"]
    assert objects(byline) == []


@pytest.mark.parametrize(
    "content",
    [b"[", b"[1", b"[{}", b"[{},", b"[{},]", b"[,]", b"[{} {}]", b"[{}] x", b"[{}]]", b"[" * 100_000, b'[{"a":"\xff]'],
)
def test_half_a_list_is_none(byline: Byline, client: httpx.Client, content: bytes) -> None:
    answer = client.post("/v1/events", content=content, headers=JSON)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]
    assert objects(byline) == []


def test_members_of_a_list_are_taken_byte_for_byte(byline: Byline, client: httpx.Client) -> None:
    number = b"1" * 5_000  # more digits than Python reads into a number
    sent = (
        json.dumps(entity("é\u2028"), ensure_ascii=False)
        .encode()
        .replace(b'"inventory": 10', b'"inventory": ' + number)
    )
    answer = client.post("/v1/events", content=b" [ " + sent + b"\n,\t" + b'{"a": "\xff"}' + b" ] ", headers=JSON)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert [one["line"] for one in answer.json()["problems"]] == [2]
    [key] = objects(byline)
    with byline.bucket.open(key) as opened:
        assert b"".join(opened) == sent + b"\n"


def test_a_sender_who_leaves_in_the_middle_is_no_failure_of_ours(
    byline: Byline, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    head = "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    with socket.create_connection((client.base_url.host, client.base_url.port)) as leaving:
        leaving.sendall(head.encode())
    until = time.monotonic() + 30
    while 'method="POST",route="/v1/events",status="400"' not in client.get("/metrics").text:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert objects(byline) == []


def test_without_a_queue_nothing_is_taken(byline: Byline) -> None:
    with served(create_app(byline.history, byline.bucket)) as client:
        assert client.post("/v1/events", content=lines(entity(1)), headers=NDJSON).status_code == 503
    assert objects(byline) == []


def test_a_parameter_is_not_taken_silently(client: httpx.Client) -> None:
    assert client.post("/v1/events?dry_run=1", content=lines(entity(1)), headers=NDJSON).status_code == 400


def test_who_may_write_and_for_whom(byline: Byline) -> None:
    of_alpha, of_beta = entity(1, account_id="alpha"), entity(2, account_id="beta")
    of_actor = entity(3, info={"user": {"account_id": "alpha"}})
    of_nobody = entity(4, info={"user": None})
    content = lines(of_alpha, of_beta, of_actor, of_nobody)
    with served(create_app(byline.history, byline.bucket, queue=byline.queue, sign_in=issuer.sign_in())) as client:

        def accepted(**said: Any) -> tuple[int, list[str]]:
            answer = client.post("/v1/events", content=content, headers={**NDJSON, **bearer(**said)})
            taken = answer.json()
            return taken.get("accepted", 0), [one["reason"] for one in taken.get("problems", [])]

        assert accepted() == (0, [])
        assert accepted(scope="byline:admin byline:all-accounts") == (0, [])
        assert objects(byline) == []
        assert accepted(scope="byline:write") == (2, ["foreign_account", "foreign_account"])
        assert accepted(scope="byline:write", account_id=None) == (4, [])
        assert accepted(scope="byline:write byline:all-accounts") == (4, [])


def test_nobody_writes_what_byline_records_of_its_readers(client: httpx.Client) -> None:
    answer = client.post("/v1/events", content=lines(entity(1, table_id="byline_access")), headers=NDJSON)
    assert answer.status_code == 400
    assert "byline_access" in answer.json()["errors"][0]["detail"]
