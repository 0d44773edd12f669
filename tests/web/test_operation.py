"""What a deployment needs of the API: dead letters, metrics, limits, embedding, and the record of who read what."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from byline.capture.memory import MemorySink
from byline.capture.recorder import Recorder
from byline.history.port import Counts
from byline.model.access import TABLE
from byline.web import create_app
from byline.web.rates import RateLimit, rates_of
from byline.web.reads import Reads
from byline.web.shapes import ProcessorHealth
from byline.web.worker import Taken
from tests.web import issuer
from tests.web.issuer import bearer
from tests.web.served import Byline, Row, an_event, served

BAD = json.dumps({"table_id": "products_master"}).encode() + b"\n"


@pytest.fixture
def byline(tmp_path: Path) -> Iterator[Byline]:
    made = Byline(tmp_path / "byline")
    made.take(an_event(account_id="alpha"))
    yield made
    made.close()


@contextmanager
def running(byline: Byline, **parts: Any) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket, queue=byline.queue, **parts)) as client:
        yield client


def test_dead_letters_are_listed_and_replayed(byline: Byline) -> None:
    byline.take_bytes(BAD)
    with running(byline) as client:
        [letter] = client.get("/v1/dead-letters").json()["data"]
        assert letter["reason"] == "missing_field"
        assert set(letter) == {"id", "key", "line", "reason", "detail", "received_at"}
        assert letter["received_at"].endswith("Z")
        replayed = client.post(f"/v1/dead-letters/{letter['id']}/replay")
        assert replayed.status_code == 200
        assert replayed.json() == {"id": letter["id"], "accepted": False, "letter": letter}
        assert client.post("/v1/dead-letters/0000000000000000/replay").status_code == 404


def test_only_so_many_dead_letters_are_listed_and_that_is_told(byline: Byline) -> None:
    for number in range(3):
        byline.take_bytes(BAD * (number + 1))
    with running(byline) as client:
        page = client.get("/v1/dead-letters", params={"limit": 4}).json()
        assert (len(page["data"]), page["more"]) == (4, True)
        whole = client.get("/v1/dead-letters").json()
        assert (len(whole["data"]), whole["more"]) == (6, False)


def metrics(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_tell_levels_and_counts(byline: Byline) -> None:
    byline.take_bytes(BAD)
    counts = Counts(objects=2, events=1, changes=2, dead_letters=1)
    with running(byline, processor=lambda: ProcessorHealth("running", 3), taken=lambda: counts) as client:
        found = metrics(client)
        assert found["byline_up", (("part", "history"),)] == 1
        assert found["byline_up", (("part", "queue"),)] == 1
        assert found["byline_history_objects", ()] == 2
        assert found["byline_dead_letters", ()] == 1
        assert found["byline_newest_event_seconds", ()] == 1596051900.047
        assert found["byline_queue_messages", (("state", "waiting"),)] == 0
        assert found["byline_processor_running", ()] == 1
        assert found["byline_processor_failures_total", ()] == 3
        assert found["byline_taken_events_total", ()] == 1
        assert found["byline_taken_dead_letters_total", ()] == 1


def test_metrics_tell_times_by_route_and_never_by_address(byline: Byline) -> None:
    with running(byline) as client:
        for path in ("/changes", "/changes?table_id=x", "/events/1", "/events/2", "/a", "/b", "/changes?x"):
            client.get(f"/v1{path}")
        for method in ("BREW", "PURGE"):
            client.request(method, "/c")
        found = metrics(client)
    calls = {
        tuple(dict(labels)[name] for name in ("method", "route", "status")): value
        for (sample, labels), value in found.items()
        if sample == "byline_http_request_seconds_count"
    }
    assert calls == {
        ("GET", "/v1/changes", "200"): 2,
        ("GET", "/v1/changes", "400"): 1,
        ("GET", "/v1/events/{event_id}", "404"): 2,
        ("any", "none", "404"): 4,
    }


def test_no_made_up_method_gets_a_label_of_its_own(byline: Byline) -> None:
    with running(byline) as client:
        for path in ("/v1/changes", "/static/byline.css", "/nowhere"):
            client.request("MADEUP", path)
            client.request("TRACE", path)
        told = client.get("/metrics").text
    assert "MADEUP" not in told
    assert "TRACE" not in told
    assert 'method="any",route="/v1/changes",status="405"' in told


def test_metrics_are_told_also_where_the_history_is_down(byline: Byline, caplog: pytest.LogCaptureFixture) -> None:
    path = byline.settings.data / "history.db"
    with running(byline) as client, caplog.at_level(logging.ERROR):
        byline.history.close()
        path.write_bytes(b"no database" * 1000)
        found = metrics(client)
        assert found["byline_up", (("part", "history"),)] == 0
        assert found["byline_up", (("part", "queue"),)] == 1


def test_what_was_taken_counts_over_all_starts_of_the_processor() -> None:
    taken = Taken()
    hear = taken.begin()
    hear(Counts(events=3))
    hear(Counts(events=5))
    taken.begin()(Counts(events=2, objects=1))
    assert taken.counts() == Counts(events=7, objects=1)


def test_a_caller_who_asks_too_often_is_told_when_to_come_back_and_others_are_not_hindered(byline: Byline) -> None:
    with running(byline, sign_in=issuer.sign_in(), rates=RateLimit("3/hour")) as client:
        for _ in range(3):
            assert client.get("/v1/changes", headers=bearer()).status_code == 200
        for path in ("/v1/changes", "/v1/export", "/"):
            answer = client.get(path, headers=bearer())
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= 3600
        assert client.get("/v1/changes", headers=bearer(sub="u2")).status_code == 200
        assert client.get("/v1/changes", headers=bearer(account_id="beta")).status_code == 200
        assert client.get("/health", headers=bearer()).status_code == 200


def test_no_header_makes_another_caller_of_a_token_without_a_subject(byline: Byline) -> None:
    with running(byline, sign_in=issuer.sign_in(), rates=rates_of("2/hour")) as client:
        token = bearer(sub=None)
        answers = [
            client.get("/v1/changes", headers={**token, "X-Forwarded-For": f"192.0.2.{number}"}).status_code
            for number in range(3)
        ]
    assert answers == [200, 200, 429]


def test_on_loopback_without_sign_in_nobody_is_counted(byline: Byline) -> None:
    with running(byline, rates=rates_of("1/hour")) as client:
        assert [client.get("/v1/changes").status_code for _ in range(3)] == [200] * 3


HERE = "https://shop.example"


def test_an_origin_that_the_settings_name_may_embed_the_timeline(byline: Byline) -> None:
    with running(byline, sign_in=issuer.sign_in(), embed_origins=[HERE]) as client:
        ask = {
            "Origin": HERE,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        }
        allowed = client.options("/v1/events", headers=ask)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == HERE
        assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in allowed.headers
        answer = client.get("/v1/events", headers={"Origin": HERE, **bearer()})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, HERE)
        refused = client.get("/v1/events", headers={"Origin": HERE})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, HERE)
        assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("path", ["/v1/feed", "/v1/export", "/v1/dead-letters", "/metrics", "/session", "/"])
def test_nothing_but_the_timeline_is_open_to_another_origin(byline: Byline, path: str) -> None:
    with running(byline, sign_in=issuer.sign_in(), embed_origins=[HERE]) as client:
        answer = client.get(path, headers={"Origin": HERE, **bearer(scope="byline:admin")})
        assert "access-control-allow-origin" not in answer.headers


def test_an_origin_that_is_not_named_may_not_embed(byline: Byline) -> None:
    for origins in ([HERE], []):
        with running(byline, sign_in=issuer.sign_in(), embed_origins=origins) as client:
            answer = client.get("/v1/events", headers={"Origin": "https://evil.example", **bearer()})
            assert "access-control-allow-origin" not in answer.headers


@contextmanager
def recording(byline: Byline) -> Iterator[tuple[httpx.Client, MemorySink]]:
    sink = MemorySink()
    with running(byline, sign_in=issuer.sign_in(), recorder=Recorder("byline", sink)) as client:
        yield client, sink


def wait_for(sink: MemorySink, number: int) -> None:
    """A read is recorded once its answer is sent."""
    until = time.monotonic() + 30
    while len(sink.lines) < number:
        assert time.monotonic() < until
        time.sleep(0.002)


def recorded(sink: MemorySink) -> list[Row]:
    return [json.loads(line) for line in sink.lines]


def test_who_looked_at_what_is_recorded(byline: Byline) -> None:
    headers = {**bearer(email="asha@x.example"), "Request-Id": "r-7", "User-Agent": "curl/8"}
    with recording(byline) as (client, sink):
        client.get("/v1/changes", params={"table_id": "orders", "limit": 5}, headers=headers)
    [event] = recorded(sink)
    assert (event["table_id"], event["action"], event["micro_service_name"]) == (TABLE, "create", "byline")
    assert event["new_data"] == {"route": "/v1/changes", "path": "/v1/changes", "table_id": "orders"}
    assert event["account_id"] == "alpha"
    info = event["request_info"]
    assert info["request_id"] == "r-7"
    assert info["user"] == {"account_id": "alpha", "user_id": "u1", "email": "asha@x.example", "user_name": "Asha Rao"}
    assert info["verified_by"] == issuer.ISSUER
    assert info["ip_address"] == "127.0.0.1"
    assert info["miscellaneous"]["user_agent"] == "curl/8"


def test_every_way_of_reading_is_recorded_and_followers_and_failures_are_not(byline: Byline) -> None:
    event_id = "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"
    read = [
        "/v1/changes",
        "/v1/events",
        f"/v1/events/{event_id}",
        f"/v1/events/{event_id}/raw",
        "/v1/entity?table_id=products_master&entity_id=1",
        "/v1/request?request_id=x&undo=no",
        "/v1/export",
        "/",
    ]
    silent = [
        "/v1/feed",
        "/v1/activity",
        "/health",
        "/metrics",
        "/openapi.json",
        "/static/byline.css",
        "/v1/events/none",
    ]
    with recording(byline) as (client, sink):
        for path in [*read, *silent]:
            client.get(path, headers=bearer(scope="byline:admin"))
        client.get("/v1/changes?table_id=secret", headers=bearer(exp=1))
        client.get("/v1/changes?colour=red", headers=bearer())
    assert [event["new_data"]["path"] for event in recorded(sink)] == [path.partition("?")[0] for path in read]


def test_the_same_question_again_is_one_read(byline: Byline) -> None:
    sink, now = MemorySink(), [0.0]
    reads = Reads(Recorder("byline", sink), clock=lambda: now[0])
    reader = issuer.sign_in()._caller(issuer.claims())

    def ask(query: bytes, path: str = "/v1/changes") -> int:
        reads.record({"type": "http", "path": path, "query_string": query, "headers": []}, reader, path)
        return len(sink.lines)

    assert [ask(b"table_id=a"), ask(b"table_id=a&cursor=x"), ask(b"table_id=b"), ask(b"", "/v1/events")] == [1, 1, 2, 3]
    now[0] = 599
    assert ask(b"table_id=a") == 3
    now[0] = 601
    assert ask(b"table_id=a") == 4


def test_what_is_remembered_of_a_question_does_not_grow_with_it(byline: Byline) -> None:
    reads = Reads(Recorder("byline", MemorySink()))
    reader = issuer.sign_in()._caller(issuer.claims())
    for path in ("/entity/orders/" + "x" * 60_000, "/entity/orders/\udc80"):
        reads.record({"type": "http", "path": path, "query_string": b"", "headers": []}, reader, "/entity")
    assert {len(question) for question in reads._asked} == {32}


def test_accesses_show_only_where_their_table_is_asked_for(byline: Byline) -> None:
    with recording(byline) as (client, sink):
        for number, path in enumerate(("/v1/changes", "/v1/events"), 1):
            client.get(path, headers=bearer())
            wait_for(sink, number)
        byline.take_bytes(b"\n".join(sink.lines))
        for path in ("/v1/changes", "/v1/events", "/v1/feed", "/v1/export?format=ndjson"):
            answer = client.get(path, headers=bearer())
            assert "products_master" in answer.text
            assert TABLE not in answer.text
        assert client.get("/v1/events", params={"user_id": "u1"}, headers=bearer()).json()["data"] == []
        [day] = client.get("/v1/activity", headers=bearer()).json()["data"]
        assert (day["create"], day["update"]) == (0, 1)
        [of_reads] = client.get("/v1/activity", params={"table_id": TABLE}, headers=bearer()).json()["data"]
        assert of_reads["create"] == 2
        found = client.get("/v1/events", params={"table_id": TABLE}, headers=bearer()).json()["data"]
        assert [event["user_name"] for event in found] == ["Asha Rao"] * 2
        other = client.get("/v1/events", params={"table_id": TABLE}, headers=bearer(account_id="beta"))
        assert other.json()["data"] == []


class FullSink(MemorySink):
    def accept(self, line: bytes) -> None:
        raise OSError("the disk is full")


def test_a_read_is_answered_also_where_it_cannot_be_recorded(byline: Byline) -> None:
    recorder = Recorder("byline", FullSink())
    with running(byline, sign_in=issuer.sign_in(), recorder=recorder) as client:
        assert client.get("/v1/changes", headers=bearer()).status_code == 200
        assert client.get("/v1/events", headers=bearer()).status_code == 200
    assert recorder.stats().failed == 2
