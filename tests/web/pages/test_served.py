"""Whole pages of hostile and halting histories: what they say is what is known, and no more."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from byline.web import create_app
from tests.web import issuer
from tests.web.issuer import bearer
from tests.web.served import Byline, Row, an_event, served

ENTITY = {"table_id": "products_master", "entity_id": "1"}
SECRET = "zebra"


@pytest.fixture
def byline(tmp_path: Path) -> Iterator[Byline]:
    made = Byline(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def client(byline: Byline) -> Iterator[httpx.Client]:
    with served(create_app(byline.history, byline.bucket)) as made:
        yield made


def words(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    text = re.sub(r'<span class="aloud">[^<]*</span>|<title>.*?</title>', "", answer.text)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", text)))


def step(number: int, **other: Any) -> Row:
    at = (datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=number)).isoformat()
    info = {"time_stamp": at, "request_id": f"r{number}"} | other.pop("info", {})
    sides = {"old_data": {"n": number - 1, "kept": "x"}, "new_data": {"n": number, "kept": "x"}}
    return an_event(event_id=None, **sides | other, info=info)


def test_what_a_job_set_long_ago_is_still_said_of_the_job(byline: Byline, client: httpx.Client) -> None:
    first = step(0, action="create", old_data=None, info={"job": "seed", "user": {}})
    byline.take(first, *(step(number) for number in range(1, 206)))
    page = words(client.get("/entity", params=ENTITY))
    assert "event 200 of 200 in view" in page
    assert "kept x job seed" in page
    assert "no one signed in" not in page


def test_a_side_that_was_not_sent_is_not_told(byline: Byline, client: httpx.Client) -> None:
    byline.take(step(1, old_data=None))
    for path, asked in (("/", {}), ("/entity", ENTITY), ("/request", {"request_id": "r1"})):
        page = words(client.get(path, params=asked))
        assert "not told → 1" in page
        assert "not set" not in page
        assert "did not say what was there before" in page
    assert "not told" in client.get("/embed/timeline", params=ENTITY).text


def test_the_steps_of_a_request_name_whoever_the_heading_does_not(byline: Byline, client: httpx.Client) -> None:
    ann, bob = ({"user": {"email": f"{name}@x.example"}, "request_id": "R"} for name in ("ann", "bob"))
    byline.take(step(1, info=ann), step(2, entity_id="2", info=bob))
    page = words(client.get("/request", params={"request_id": "R"}))
    assert "ann@x.example and 1 other changed 2 entities" in page
    assert "bob@x.example changed n of products_master 2" in page
    assert "bob@x.example changed n of products_master 2" in words(client.get("/")).replace("`", "")


@pytest.mark.parametrize("id", ["x; touch pwned #", "$(touch pwned)", "'`id`'", "--data=elsewhere", "plain"])
def test_the_command_of_a_request_is_one_word_to_a_shell(byline: Byline, client: httpx.Client, id: str) -> None:
    byline.take(step(1, info={"request_id": id}))
    page = client.get("/request", params={"request_id": id}).text
    [copied] = re.findall(r'data-copy="(byline undo [^"]*)"', page)
    told = shlex.split(unescape(copied))
    assert told[:2] + told[-1:] == ["byline", "undo", id]
    assert len(told) == (4 if id.startswith("-") else 3)


def test_what_a_terminal_takes_for_a_key_is_in_no_command(byline: Byline, client: httpx.Client) -> None:
    byline.take(step(1, info={"request_id": "a\x1b[201~\rb"}))
    assert "byline undo" not in client.get("/request", params={"request_id": "a\x1b[201~\rb"}).text


def test_a_request_that_left_nothing_has_nothing_to_undo(byline: Byline, client: httpx.Client) -> None:
    made = {"info": {"request_id": "R"}}
    byline.take(step(1, action="create", old_data=None, **made), step(2, action="delete", new_data=None, **made))
    page = words(client.get("/request", params={"request_id": "R"}))
    assert "There is nothing to undo." in page
    assert "steps can be undone" not in page


def test_nothing_is_said_to_be_read_up_to_a_time_to_come(byline: Byline, client: httpx.Client) -> None:
    byline.take(step(1, info={"time_stamp": "9999-12-31T23:59:59Z"}))
    assert "No event read yet" in words(client.get("/"))
    byline.take(step(2))
    assert "Last event read at 00:02:00, 1 July" in words(client.get("/"))


def test_a_plan_of_any_size_makes_a_page_of_a_bounded_one(byline: Byline, client: httpx.Client) -> None:
    wide = {f"attribute_{number}": "x" * 100 for number in range(3_000)}
    byline.take(step(1, old_data=wide, new_data=dict.fromkeys(wide, "y")))
    page = client.get("/request", params={"request_id": "r1", "undo": "json"})
    assert len(page.content) < 600_000
    assert "Here are the first 200,000 of " in words(page)


def test_unfolding_promises_only_what_it_shows(byline: Byline, client: httpx.Client) -> None:
    byline.take(step(1, new_data={"n": "x" * 300}), step(2, new_data={"n": "y" * 9_000}))
    page = words(client.get("/"))
    assert "Show all 300 characters" in page
    assert "Show 4,000 of 9,000 characters" in page


def unseen(number: int, *, account: str, entity: str) -> list[Row]:
    """Two events of an entity, and between them something that nobody recorded."""
    who = {"entity_id": entity, "account_id": account, "micro_service_name": account}
    return [
        step(number, **who, new_data={"n": 1, "left": account}),
        step(number + 1, **who, old_data={"n": 1, "left": f"{account} found"}, new_data={"n": 2, "left": "x"}),
    ]


def test_all_unexplained_changes_have_a_page_that_goes_on(byline: Byline, client: httpx.Client) -> None:
    byline.take(*unseen(1, account="alpha", entity="one"), *unseen(11, account="alpha", entity="two"))
    assert 'href="/unexplained"' in client.get("/").text
    page = client.get("/unexplained")
    assert "left of products_master one went from alpha to alpha found outside" in words(page)
    assert "That is all." in words(page)
    first = client.get("/unexplained", params={"limit": "1"})
    assert "products_master two" in words(first)
    assert "products_master one" not in words(first)
    further = unescape(re.findall(r'href="(/unexplained\?[^"]*)" id="onward"', first.text)[0])
    assert "products_master one" in words(client.get(further))
    assert "Nothing was found" in words(client.get("/unexplained", params={"table_id": "orders"}))
    assert client.get("/unexplained", params={"user_id": "x"}).status_code == 400


@pytest.fixture
def guarded(byline: Byline) -> Iterator[httpx.Client]:
    app = create_app(byline.history, byline.bucket, queue=byline.queue, sign_in=issuer.sign_in())
    with served(app) as made:
        yield made


PAGES = (
    "/?limit=10",
    "/?table_id=shared",
    "/user?user_id=shared",
    "/entity?table_id=shared&entity_id=shared",
    "/request?request_id=shared",
    "/request?request_id=shared&undo=json",
    "/find?q=never",
    "/unexplained",
    "/embed/timeline?table_id=shared&entity_id=shared",
    "/live?after=0.0.0",
)


def test_no_page_shows_a_confined_reader_another_account(byline: Byline, guarded: httpx.Client) -> None:
    for account in ("alpha", SECRET):
        user = {"account_id": account, "user_id": "shared", "user_name": account}
        info = {"request_id": "shared", "user": user, "ip_address": f"192.0.2.{len(account)}"}
        shared = {"table_id": "shared", "entity_id": "shared", "account_id": account, "micro_service_name": account}
        byline.take(
            step(1, **shared, old_data={account: 1}, new_data={account: 2}, info=info),
            step(2, **shared, old_data={account: 3}, new_data={account: account}, info=info),
            *unseen(3, account=account, entity=account),
        )
    hers, all_of_it = bearer(), bearer(account_id=None, scope="byline:all-accounts")
    for path in PAGES:
        mine = guarded.get(path, headers=hers)
        assert mine.status_code == 200, path
        assert SECRET not in mine.text, path
        if "never" not in path:
            assert mine.text != guarded.get(path, headers=all_of_it).text, path
    for path in ("/entity?table_id=products_master&entity_id=zebra", "/user?user_id=zebra"):
        assert guarded.get(path, headers=hers).status_code == 404
    assert "<b>zebra" not in guarded.get("/find?q=zebra", headers=hers).text
    assert guarded.get("/unexplained", headers=all_of_it).text.count('class="story unrecorded"') == 4
    assert guarded.get("/unexplained", headers=hers).text.count('class="story unrecorded"') == 2


def test_no_page_is_open_to_a_stranger(guarded: httpx.Client) -> None:
    for path in (*PAGES, "/dead-letters"):
        assert guarded.get(path).status_code == 401, path
    assert guarded.post("/dead-letters/replay").status_code in {401, 403}
