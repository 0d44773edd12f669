"""The HTTP API over a real history: what is asked through a real socket, and what comes back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from byline.web import create_app
from tests.web.served import Byline, an_event, served

EVENT_ID = "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"
REQUEST_ID = "a20e389c-134b-40e7-9827-1c94eb895412"
KEY = b"the same key for every test"

ROW = {
    "date": "2020-07-29",
    "time": "19:45:00",
    "table_id": "products_master",
    "entity_id": "1",
    "microservice_name": "product_management",
    "action": "update",
    "request_id": REQUEST_ID,
    "ip_address": "203.109.108.86",
    "account_id": "eb257dff-dddb-482d-afb0-5934ace42c13",
    "user_id": "206483f8-f11e-4ee8-87df-962b6f92d610",
    "user_email": "pavan@eunimart.com",
    "user_name": "Pavan Kumar",
    "attribute": "inventory",
    "previous_value": "1",
    "current_value": "10",
    "browser_name": "chrome",
    "device_type": "web",
    "os": "windows 10",
    "event_id": EVENT_ID,
    "occurred_at": "2020-07-29T19:45:00.047000Z",
    "previous_type": "number",
    "current_type": "number",
}

LATER = an_event(
    event_id="01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a12",
    table_id="orders",
    entity_id="7",
    micro_service_name="orders",
    action="create",
    old_data=None,
    new_data={"id": 7, "total": 119.00, "status": "PLACED"},
    info={"time_stamp": "2020-07-29T19:45:01Z"},
)
DELETED = an_event(
    event_id="01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a13",
    table_id="coupons",
    entity_id="SUMMER",
    action="delete",
    old_data={"code": "SUMMER"},
    new_data=None,
    info={"time_stamp": "2020-07-30T08:00:00Z", "request_id": "another", "user": None, "ip_address": None},
)


@pytest.fixture(scope="module")
def byline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Byline]:
    made = Byline(tmp_path_factory.mktemp("byline"))
    made.take(an_event(), LATER)
    made.take(DELETED)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(byline: Byline) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket, cursor_key=KEY)) as made:
        yield made


def data(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"]
    assert body["detail"]
    return body


def test_a_change_is_one_flat_row_with_exactly_the_promised_fields_in_order(client: httpx.Client) -> None:
    answer = client.get("/v1/changes", params={"table_id": "products_master", "entity_id": "1"})
    assert answer.headers["content-type"] == "application/json"
    [first, second] = data(answer)
    assert list(first.items()) == list(ROW.items())
    assert (second["attribute"], second["current_value"]) == ("title", "Redmi note 9 max | 4gb Ram | 128gb Storage")


def test_events_hold_their_changes(client: httpx.Client) -> None:
    [event] = data(client.get("/v1/events", params={"table_id": "products_master"}))
    assert event["event_id"] == EVENT_ID
    assert [change["attribute"] for change in event["changes"]] == ["inventory", "title"]
    assert event["object"]["line"] == 1
    assert event["source"] == "application"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"table_id": "orders"}, 3),
        ({"microservice_name": "product_management"}, 3),
        ({"action": "delete"}, 1),
        ({"request_id": REQUEST_ID}, 5),
        ({"account_id": "eb257dff-dddb-482d-afb0-5934ace42c13"}, 5),
        ({"user_id": "206483f8-f11e-4ee8-87df-962b6f92d610"}, 5),
        ({"user_email": "pavan@eunimart.com"}, 5),
        ({"ip_address": "203.109.108.86"}, 5),
        ({"attribute": "status"}, 1),
        ({"attribute": "inventory", "previous_value": "1"}, 1),
        ({"attribute": "status", "current_value": "PLACED"}, 1),
        ({"attribute": "status", "current_value": "placed"}, 0),
        ({"attribute": "stat"}, 0),
        ({"from": "2020-07-30T08:00:00Z"}, 1),
        ({"to": "2020-07-30T08:00:00Z"}, 5),
        ({"from": "2020-07-29T21:45:01+02:00", "to": "2020-07-30T08:00:00Z"}, 3),
        ({"from": "2020-07-30T08:00:00Z", "to": "2020-07-30T08:00:00Z"}, 0),
        ({"user_email": "nobody@example.com"}, 0),
        ({}, 6),
    ],
)
def test_filters_choose_alone_and_together(client: httpx.Client, filters: dict[str, str], found: int) -> None:
    assert len(data(client.get("/v1/changes", params=filters))) == found


def test_the_newest_come_first_unless_the_oldest_are_asked_for(client: httpx.Client) -> None:
    newest = [row["occurred_at"] for row in data(client.get("/v1/events"))]
    oldest = [row["occurred_at"] for row in data(client.get("/v1/events", params={"order": "oldest"}))]
    assert newest == sorted(newest, reverse=True)
    assert oldest == sorted(newest)
    assert len(set(newest)) == 3


@pytest.mark.parametrize("route", ["/v1/changes", "/v1/events"])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_together_are_the_whole_once(client: httpx.Client, route: str, order: str) -> None:
    whole = data(client.get(route, params={"order": order}))
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = client.get(route, params={"order": order, "limit": 1} | ({"cursor": cursor} if cursor else {}))
        rows += data(page)
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert rows == whole


def cursor_of(client: httpx.Client, **params: str) -> str:
    cursor = client.get("/v1/changes", params={"limit": "1", **params}).json()["next_cursor"]
    assert isinstance(cursor, str)
    return cursor


def test_a_cursor_serves_only_the_question_it_was_made_for(client: httpx.Client) -> None:
    cursor = cursor_of(client, table_id="products_master")
    foreign = ({"table_id": "orders"}, {}, {"table_id": "products_master", "order": "oldest"})
    for params in foreign:
        body = assert_problem(client.get("/v1/changes", params={**params, "cursor": cursor}), 400)
        assert [error["field"] for error in body["errors"]] == ["cursor"]
    assert_problem(client.get("/v1/events", params={"table_id": "products_master", "cursor": cursor}), 400)
    assert client.get("/v1/changes", params={"table_id": "products_master", "cursor": cursor}).status_code == 200


def test_cursors_hold_between_processes_that_share_the_key_and_no_others(byline: Byline, client: httpx.Client) -> None:
    cursor = cursor_of(client)
    with served(create_app(byline.history, byline.bucket, cursor_key=KEY)) as same:
        assert same.get("/v1/changes", params={"cursor": cursor}).status_code == 200
    with served(create_app(byline.history, byline.bucket)) as other:
        assert_problem(other.get("/v1/changes", params={"cursor": cursor}), 400)


def test_every_field_at_fault_is_named(client: httpx.Client) -> None:
    answer = client.get("/v1/changes?limit=0&from=yesterday&colour=red&order=newest&order=newest&table_id=")
    body = assert_problem(answer, 400)
    fields = ["colour", "from", "limit", "order", "table_id"]
    assert sorted(error["field"] for error in body["errors"]) == fields
    assert all(error["detail"] for error in body["errors"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/changes",
        "/v1/events",
        f"/v1/events/{EVENT_ID}",
        f"/v1/events/{EVENT_ID}/raw",
        "/v1/entity",
        "/v1/request",
        "/health",
        "/openapi.json",
        "/docs",
        "/",
    ],
)
def test_no_call_takes_a_parameter_that_it_does_not_know(client: httpx.Client, path: str) -> None:
    body = assert_problem(client.get(path, params={"colour": "red"}), 400)
    assert "colour" in [error["field"] for error in body["errors"]]


def test_one_event_and_its_bytes(client: httpx.Client) -> None:
    event = client.get(f"/v1/events/{EVENT_ID}").json()
    assert event["changes"][0]["attribute"] == "inventory"
    raw = client.get(f"/v1/events/{EVENT_ID}/raw")
    assert json.loads(raw.content)["event_id"] == EVENT_ID
    assert hashlib.sha256(raw.content).hexdigest() == event["sha256"]
    assert raw.headers["etag"] == f'"{event["sha256"]}"'
    # A browser may keep them, and asks each time whether its reader may still see them.
    assert raw.headers["cache-control"] == "private, no-cache"
    assert raw.headers["x-content-type-options"] == "nosniff"


def test_a_reader_who_has_the_bytes_is_not_sent_them_again(client: httpx.Client) -> None:
    path = f"/v1/events/{EVENT_ID}/raw"
    tag = client.get(path).headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("id_", ["00000000-0000-7000-8000-000000000000", "nothing", "..", "%00", "%F0%9F%98%80"])
def test_an_event_that_is_not_there_is_404(client: httpx.Client, id_: str) -> None:
    assert_problem(client.get(f"/v1/events/{id_}"), 404)
    assert_problem(client.get(f"/v1/events/{id_}/raw"), 404)


def test_an_entity_as_it_is_and_who_set_what(client: httpx.Client) -> None:
    entity = client.get("/v1/entity", params={"table_id": "products_master", "entity_id": "1"}).json()
    assert entity["state"] == {"_id": 1, "title": "Redmi note 9 max | 4gb Ram | 128gb Storage", "inventory": 10}
    assert entity["as_of"] == "2020-07-29T19:45:00.047000Z"
    assert entity["event_id"] == EVENT_ID
    blame = {one["attribute"]: one for one in entity["blame"]}
    assert list(blame) == ["_id", "inventory", "title"]
    assert blame["inventory"]["user_name"] == "Pavan Kumar"
    assert blame["_id"]["event_id"] is None


def test_an_entity_as_it_was_before_its_first_event_was_not_there(client: httpx.Client) -> None:
    asked = {"table_id": "orders", "entity_id": "7", "at": "2020-07-29T19:45:00Z"}
    entity = client.get("/v1/entity", params=asked).json()
    assert (entity["state"], entity["event_id"], entity["blame"]) == (None, None, [])


def test_a_deleted_entity_is_not_there_and_the_event_that_tells_is_named(client: httpx.Client) -> None:
    entity = client.get("/v1/entity", params={"table_id": "coupons", "entity_id": "SUMMER"}).json()
    assert (entity["state"], entity["event_id"]) == (None, DELETED["event_id"])


def test_numbers_of_a_state_keep_their_tokens(tmp_path: Path) -> None:
    byline = Byline(tmp_path)
    written = json.dumps(an_event(new_data={"price": "…", "small": "…", "long": "…"}))
    tokens = ["119.00", "1E-400", "1" + "0" * 5000]
    for token in tokens:
        written = written.replace('"\\u2026"', token, 1)
    byline.take_bytes(written.encode())
    with served(create_app(byline.history, byline.bucket)) as client:
        answer = client.get("/v1/entity", params={"table_id": "products_master", "entity_id": "1"})
    expected = ",".join(f'"{name}":{token}' for name, token in zip(("price", "small", "long"), tokens, strict=True))
    assert f'"state":{{{expected}}}' in answer.text
    byline.close()


def test_an_entity_of_which_nothing_is_known_is_404(client: httpx.Client) -> None:
    assert_problem(client.get("/v1/entity", params={"table_id": "orders", "entity_id": "8"}), 404)
    asked = {"table_id": "orders", "entity_id": "8", "at": "2020-07-29T19:45:00Z"}
    assert_problem(client.get("/v1/entity", params=asked), 404)


def test_an_entity_needs_its_table_and_its_id(client: httpx.Client) -> None:
    body = assert_problem(client.get("/v1/entity"), 400)
    assert [error["field"] for error in body["errors"]] == ["table_id", "entity_id"]


def test_a_request_is_told_across_services_oldest_first_page_by_page(client: httpx.Client) -> None:
    first = client.get("/v1/request", params={"request_id": REQUEST_ID, "limit": 1}).json()
    assert first["request_id"] == REQUEST_ID
    assert [event["microservice_name"] for event in first["data"]] == ["product_management"]
    asked = {"request_id": REQUEST_ID, "limit": 1, "cursor": first["next_cursor"]}
    second = client.get("/v1/request", params=asked).json()
    assert [event["microservice_name"] for event in second["data"]] == ["orders"]


def test_answers_are_kept_by_no_cache(client: httpx.Client) -> None:
    for path in ("/v1/changes", "/v1/events", "/health", "/", "/v1/nothing"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_what_is_not_there_is_404_and_what_cannot_be_done_is_405(client: httpx.Client) -> None:
    for path in ("/v1/nothing", "/v1/changes/", "/static/nothing", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert_problem(client.get(path), 404)
    answer = client.post("/v1/changes")
    assert_problem(answer, 405)
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.168.0.4:8321", ""])
def test_a_call_that_names_another_host_is_refused(client: httpx.Client, host: str) -> None:
    for path in ("/", "/v1/changes", "/static/byline.css"):
        assert_problem(client.get(path, headers={"Host": host}), 421)


def test_health_tells_of_the_history(client: httpx.Client) -> None:
    body = client.get("/health").json()
    assert body["status"] == "ok"
    assert body["history"]["objects"] >= 2
    assert body["history"]["newest_event_at"] == "2020-07-30T08:00:00.000000Z"
    assert body["processor"] == {"state": "absent", "failures": 0}


def test_no_answer_counts_the_total(client: httpx.Client) -> None:
    assert set(client.get("/v1/changes").json()) == {"data", "next_cursor"}
    assert set(client.get("/v1/events").json()) == {"data", "next_cursor"}
