"""INTERFACE.md's worked example, and the commands that read what it recorded."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from tests.acceptance.conftest import Byline
from tests.acceptance.samples import WORKED_EXAMPLE

EVENT_ID = WORKED_EXAMPLE["event_id"]
COMMON = {
    "date": "2020-07-29",
    "time": "19:45:00",
    "table_id": "products_master",
    "entity_id": "1",
    "microservice_name": "product_management",
    "action": "update",
    "request_id": "a20e389c-134b-40e7-9827-1c94eb895412",
    "ip_address": "203.109.108.86",
    "account_id": "eb257dff-dddb-482d-afb0-5934ace42c13",
    "user_id": "206483f8-f11e-4ee8-87df-962b6f92d610",
    "user_email": "pavan@eunimart.com",
    "user_name": "Pavan Kumar",
    "browser_name": "chrome",
    "device_type": "web",
    "os": "windows 10",
    "event_id": EVENT_ID,
    "occurred_at": "2020-07-29T19:45:00.047000Z",
}
ROWS = [
    {
        **COMMON,
        "attribute": "inventory",
        "previous_value": "1",
        "current_value": "10",
        "previous_type": "number",
        "current_type": "number",
    },
    {
        **COMMON,
        "attribute": "title",
        "previous_value": "Redmi note 9 max | 6gb Ram | 128gb Storage",
        "current_value": "Redmi note 9 max | 4gb Ram | 128gb Storage",
        "previous_type": "string",
        "current_type": "string",
    },
]
DATA = json.dumps(WORKED_EXAMPLE, indent=2).encode()
KEY = "events/micro_service_name=product_management/date=2020-07-29/hour=19/" + sha256(DATA).hexdigest() + ".json"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Byline:
    folder = tmp_path_factory.mktemp("recorded")
    byline = Byline(folder / "data", folder)
    byline("put", byline.file("event.json", DATA))
    byline("process")
    return byline


def test_put_process_history(byline: Byline) -> None:
    byline.file("event.json", DATA)
    assert byline("put", "event.json", "--json").rows == [{"file": "event.json", "key": KEY}]
    counts = {"objects": 1, "events": 1, "changes": 2, "duplicates": 0, "dead_letters": 0}
    assert byline("process", "--json").rows == [counts]
    assert byline("history", "products_master", "1", "--json").rows == ROWS


def test_the_same_file_put_twice_is_one_object_and_processed_twice_the_same_rows(recorded: Byline) -> None:
    assert byline_key(recorded) == KEY
    counts = {"objects": 0, "events": 0, "changes": 0, "duplicates": 0, "dead_letters": 0}
    assert recorded("process", "--json").rows == [counts]
    assert recorded("history", "products_master", "1", "--json").rows == ROWS
    assert len(list((recorded.data / "bucket/events").rglob("*.json"))) == 1


def byline_key(byline: Byline) -> str:
    return str(byline("put", "-", "--json", stdin=DATA).rows[0]["key"])


@pytest.mark.parametrize(
    "question",
    [
        ("history", "products_master", "1"),
        ("request", COMMON["request_id"]),
        ("user", COMMON["user_id"]),
        ("search", "--table-id", "products_master", "--entity-id", "1"),
        ("search", "--from", "2020-07-29", "--to", "2020-07-30"),
        ("search", "--from", "2020-07-29T21:45:00.047+02:00", "--to", "2020-07-29t19:45:00.047001z"),
        ("search", "--user-email", "pavan@eunimart.com", "--action", "update"),
        ("search", "--ip-address", "203.109.108.86", "--account-id", COMMON["account_id"]),
        ("search", "--microservice-name", "product_management", "--order", "oldest"),
    ],
)
def test_every_question_finds_it(recorded: Byline, question: tuple[str, ...]) -> None:
    assert recorded(*question, "--json").rows == ROWS


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (("--attribute", "inventory"), ROWS[:1]),
        (("--attribute", "title", "--current-value", ROWS[1]["current_value"]), ROWS[1:]),
        (("--previous-value", "1"), ROWS[:1]),
        (("--limit", "1"), ROWS[:1]),
        (("--limit", "0"), ROWS),
        (("--attribute", "itle"), []),
        (("--from", "2020-07-29T19:45:00.047001Z"), []),
        (("--from", "2020-07-29T19:45:00.0470009Z"), ROWS),  # what is beyond microseconds is cut, as in an event
        (("--to", "2020-07-29T19:45:00.047Z"), []),
        (("--action", "delete"), []),
    ],
)
def test_filters_narrow_what_search_finds(recorded: Byline, filters: tuple[str, ...], found: list[object]) -> None:
    assert recorded("search", *filters, "--json").rows == found


def test_search_gives_whole_events_when_asked(recorded: Byline) -> None:
    (event,) = recorded("search", "--attribute", "inventory", "--events", "--json").rows
    assert event == recorded("show", EVENT_ID, "--json").rows[0]
    assert [change["attribute"] for change in event["changes"]] == ["inventory", "title"]
    assert event["object"] == {"key": KEY, "line": 1}


def test_show_raw_gives_the_exact_bytes(recorded: Byline) -> None:
    assert recorded("show", EVENT_ID, "--raw").out == DATA


def test_show_of_an_event_that_is_not_there_says_no(recorded: Byline) -> None:
    answer = recorded("show", "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a12", status=1)
    assert (answer.out, answer.errors.count("\n")) == (b"", 1)


def test_state_is_the_entity_as_it_was(recorded: Byline) -> None:
    (found,) = recorded("state", "products_master", "1", "--json").rows
    assert found["state"] == WORKED_EXAMPLE["new_data"]
    assert (found["as_of"], found["event_id"]) == (COMMON["occurred_at"], EVENT_ID)
    (before,) = recorded("state", "products_master", "1", "--at", "2020-07-29", "--json").rows
    assert before["state"] is None


def test_blame_tells_who_set_what(recorded: Byline) -> None:
    rows = recorded("blame", "products_master", "1", "--json").rows
    assert [(row["attribute"], row["user_name"]) for row in rows] == [
        ("_id", None),
        ("inventory", "Pavan Kumar"),
        ("sku_id", None),
        ("title", "Pavan Kumar"),
    ]


def test_a_pipe_gets_plain_text_with_tabs(recorded: Byline) -> None:
    header, first, second = recorded("history", "products_master", "1").text.splitlines()
    assert header.split("\t")[:4] == ["when", "entity", "action", "attribute"]
    assert first.split("\t")[3:6] == ["inventory", "1", "10"]
    assert second.split("\t")[6] == "Pavan Kumar"
