"""Events with very many changes: a page stays small enough to hold, and nothing of it is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from byline.web import create_app
from tests.web.served import Byline, Row, an_event, served

MANY, SOME = 6_000, 300


def changed(number: int, attributes: int) -> Row:
    new = {f"a{n}": n for n in range(attributes)}
    return an_event(event_id=None, entity_id=number, action="create", old_data=None, new_data=new)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    byline = Byline(tmp_path_factory.mktemp("byline"))
    byline.take(*(changed(number, MANY if number % 10 == 0 else SOME) for number in range(31)))
    with served(create_app(byline.history, byline.bucket)) as made:
        yield made
    byline.close()


def pages(client: httpx.Client, path: str, next: str, parameter: str) -> Iterator[list[dict[str, Any]]]:
    more: dict[str, str] = {}
    while True:
        page = client.get(path, params={"limit": "200", **more}, timeout=60).json()
        yield page["data"]
        if page[next] is None or page.get("at_end"):
            return
        more = {parameter: page[next]}


@pytest.mark.parametrize(
    ("path", "next", "parameter"), [("/v1/events", "next_cursor", "cursor"), ("/v1/feed", "next", "after")]
)
def test_a_page_of_large_events_ends_early_and_the_next_goes_on(
    client: httpx.Client, path: str, next: str, parameter: str
) -> None:
    found = list(pages(client, path, next, parameter))
    held = [[len(event["changes"]) for event in page] for page in found]
    assert all(len(page) == 1 or sum(page) <= 5_000 for page in held)
    assert all(held)
    seen = [int(event["entity_id"]) for page in found for event in page]
    assert sorted(seen) == list(range(31))
    assert sum(map(sum, held)) == 4 * MANY + 27 * SOME


def test_a_large_event_is_whole_by_its_id(client: httpx.Client) -> None:
    [event] = client.get("/v1/events", params={"entity_id": "10"}).json()["data"]
    assert len(event["changes"]) == MANY
    assert client.get(f"/v1/events/{event['event_id']}").json() == event
