"""Accounts are kept apart: by no route, parameter, id or cursor does a reader reach another account's events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from byline.history.port import Reader
from byline.model.query import Query
from byline.web import create_app
from byline.web.confined import Confined
from byline.web.openapi import Operation
from byline.web.params import ACTIVITY, FILTERS
from tests.web import issuer
from tests.web.issuer import bearer
from tests.web.served import Byline, Row, an_event, served

MINE = "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a01"
SECRET = "zebra"
"""Stands in every part of the other accounts' events, and nowhere else."""


def of_account(account: str | None, event_id: str, *, secret: bool, shared: bool = False) -> Row:
    """An event of one account. ``shared``: in the same table, entity and request as everybody's."""
    word = SECRET if secret else "horse"
    place = "shared" if shared else word
    return an_event(
        event_id=event_id,
        table_id=place,
        entity_id=place,
        micro_service_name=place,
        account_id=account,
        old_data={place: "1", "n": 1},
        new_data={place: word, "n": 2},
        info={
            "time_stamp": "2026-07-01T10:00:00Z",
            "request_id": place,
            "ip_address": "192.0.2.2" if secret else "192.0.2.1",
            "user": {"account_id": account, "user_id": place, "email": f"{place}@x.example", "user_name": word},
        },
    )


@pytest.fixture(scope="module")
def byline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Byline]:
    made = Byline(tmp_path_factory.mktemp("byline"))
    for number, shared in enumerate((False, True)):
        made.take(
            of_account("alpha", MINE[:-2] + f"1{number}", secret=False, shared=shared),
            of_account("beta", MINE[:-2] + f"2{number}", secret=True, shared=shared),
            of_account(None, MINE[:-2] + f"3{number}", secret=True, shared=shared),
            of_account("alpha2", MINE[:-2] + f"4{number}", secret=True, shared=shared),
            of_account("ALPHA", MINE[:-2] + f"5{number}", secret=True, shared=shared),
        )
    made.take_bytes(json.dumps({"table_id": SECRET}).encode() + b"\n")
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(byline: Byline) -> Iterator[httpx.Client]:
    app = create_app(byline.history, byline.bucket, queue=byline.queue, sign_in=issuer.sign_in())
    with served(app) as made:
        yield made


ALPHA = bearer()
ALL = bearer(account_id=None, scope="byline:all-accounts")

READING = ["/v1/changes", "/v1/events", "/v1/feed", "/v1/export?format=ndjson", "/v1/export", "/v1/activity", "/"]
VALUES = {
    "table_id": SECRET,
    "entity_id": SECRET,
    "microservice_name": SECRET,
    "request_id": SECRET,
    "account_id": "beta",
    "user_id": SECRET,
    "user_email": f"{SECRET}@x.example",
    "ip_address": "192.0.2.2",
    "attribute": SECRET,
    "current_value": SECRET,
}


def join(path: str, **more: str) -> str:
    return str(httpx.URL(path).copy_merge_params(more))


@pytest.mark.parametrize("path", READING)
def test_no_page_shows_another_account(client: httpx.Client, path: str) -> None:
    mine = client.get(path, headers=ALPHA)
    assert mine.status_code == 200
    assert SECRET not in mine.text
    everybodys = client.get(path, headers=ALL)
    assert everybodys.text != mine.text


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/events", "/v1/export?format=ndjson"])
@pytest.mark.parametrize("name", VALUES)
def test_no_filter_reaches_another_account(client: httpx.Client, path: str, name: str) -> None:
    asked = join(path, **{name: VALUES[name]})
    mine = client.get(asked, headers=ALPHA)
    assert mine.status_code == 200
    assert SECRET not in mine.text
    assert SECRET in client.get(asked, headers=ALL).text


def test_every_filter_there_is_was_tried() -> None:
    assert {parameter.name for parameter in FILTERS} - set(VALUES) == {
        "action",
        "from",
        "to",
        "order",
        "previous_value",
    }


@pytest.mark.parametrize("name", ["account_id", "table_id", "microservice_name"])
def test_activity_counts_only_the_readers_own(client: httpx.Client, name: str) -> None:
    assert name in {parameter.name for parameter in ACTIVITY}
    mine = client.get("/v1/activity", params={name: VALUES[name]}, headers=ALPHA)
    assert (mine.status_code, mine.json()["data"]) == (200, [])
    everybodys = client.get("/v1/activity", params={name: VALUES[name]}, headers=ALL)
    assert everybodys.json()["data"] != []


def test_activity_of_all_is_the_readers_own(client: httpx.Client) -> None:
    [day] = client.get("/v1/activity", headers=ALPHA).json()["data"]
    assert day == {"date": "2026-07-01", "create": 0, "update": 2, "delete": 0}


@pytest.mark.parametrize("number", ["20", "30", "40", "50", "21"])
@pytest.mark.parametrize("what", ["", "/raw"])
def test_an_event_of_another_account_is_not_there(client: httpx.Client, number: str, what: str) -> None:
    path = f"/v1/events/{MINE[:-2]}{number}{what}"
    mine, missing = client.get(path, headers=ALPHA), client.get(f"/v1/events/{MINE[:-2]}ff{what}", headers=ALPHA)
    assert (mine.status_code, mine.json()) == (404, missing.json())
    assert client.get(path, headers=ALL).status_code == 200
    for tag in ("*", f'"{client.get(path, headers=ALL).headers.get("etag", "x")}"'):
        assert client.get(path, headers={**ALPHA, "If-None-Match": tag}).status_code == 404


def test_an_entity_of_another_account_is_not_there(client: httpx.Client) -> None:
    path = join("/v1/entity", table_id=SECRET, entity_id=SECRET)
    assert client.get(path, headers=ALPHA).status_code == 404
    assert client.get(path, headers=ALL).status_code == 200


def test_an_entity_that_accounts_share_is_told_by_the_readers_own_events(client: httpx.Client) -> None:
    mine = client.get("/v1/entity", params={"table_id": "shared", "entity_id": "shared"}, headers=ALPHA)
    assert mine.status_code == 200
    assert mine.json()["state"] == {"shared": "horse", "n": 2}
    assert SECRET not in mine.text


def test_a_request_that_accounts_share_shows_the_readers_own_part(client: httpx.Client) -> None:
    mine = client.get("/v1/request", params={"request_id": "shared"}, headers=ALPHA)
    assert len(mine.json()["data"]) == 1
    assert len(mine.json()["undo"]["steps"]) == 1
    assert SECRET not in mine.text
    nothing = client.get("/v1/request", params={"request_id": SECRET}, headers=ALPHA).json()
    assert (nothing["data"], nothing["undo"]["steps"]) == ([], [])


@pytest.mark.parametrize("route", ["/v1/changes", "/v1/events"])
def test_a_cursor_serves_nobody_but_who_got_it(client: httpx.Client, route: str) -> None:
    cursor = client.get(route, params={"limit": 1}, headers=ALL).json()["next_cursor"]
    assert client.get(route, params={"cursor": cursor}, headers=ALL).status_code == 200
    for other in (ALPHA, bearer(account_id="beta")):
        assert client.get(route, params={"cursor": cursor}, headers=other).status_code == 400


def test_a_place_in_the_feed_shows_only_the_readers_own_from_there(client: httpx.Client) -> None:
    seen: list[Row] = []
    after: dict[str, str] = {}
    for _ in range(20):
        page = client.get("/v1/feed", params={"limit": "1", **after}, headers=ALPHA).json()
        seen += page["data"]
        after = {"after": page["next"]}
        if page["at_end"]:
            break
    assert [event["account_id"] for event in seen] == ["alpha", "alpha"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/dead-letters"), ("POST", "/v1/dead-letters/0123456789abcdef/replay"), ("GET", "/metrics")],
)
def test_what_is_no_accounts_is_for_the_scope_admin(client: httpx.Client, method: str, path: str) -> None:
    for reader in (ALPHA, ALL, bearer(scope="byline:write")):
        answer = client.request(method, path, headers=reader)
        assert answer.status_code == 403
        assert SECRET not in answer.text
    assert client.request(method, path, headers=bearer(account_id=None, scope="byline:admin")).status_code in {200, 404}


def operations(document: dict[str, Operation]) -> Iterator[tuple[str, str]]:
    for path, calls in document["paths"].items():
        for method in calls:
            yield method.upper(), path.replace("{event_id}", MINE).replace("{id}", "0123456789abcdef")


def test_nothing_but_health_and_sign_in_is_open_to_a_stranger(client: httpx.Client) -> None:
    """Of all routes there are, so that a new one is not forgotten."""
    tried = list(operations(client.get("/openapi.json").json()))
    assert len(tried) > 12
    for method, path in tried:
        if path not in {"/health", "/session"}:
            assert client.request(method, path).status_code == 401, (method, path)


class Gullible:
    """A reader that remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: self.asked.append((name, arguments, named))


def test_the_confined_reader_overrules_whatever_it_is_asked() -> None:
    reader = Gullible()
    confined = Confined(reader, "alpha")  # type: ignore[arg-type]
    for ask in (confined.changes, confined.events, confined.activity, confined.links, confined.suspects):
        for within in (None, "beta"):
            ask(Query(within=within))
    confined.event("x", within="beta")
    confined.event("x")
    confined.feed(None, limit=1, within="beta")  # type: ignore[arg-type]
    for name, arguments, named in reader.asked:
        assert named.get("within", getattr(arguments[0], "within", None)) == "alpha", name
    assert len(reader.asked) == 13


def test_every_question_a_reader_takes_is_confined() -> None:
    """So that a new method of the port is not forgotten: each is listed above, or shows nothing of anybody."""
    shown = {"changes", "events", "activity", "links", "suspects", "event", "feed"}
    nobodys = {"arrivals", "stream_gaps", "health", "suspected", "close"}
    assert {name for name in vars(Reader) if not name.startswith("_")} == shown | nobodys
