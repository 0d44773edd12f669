"""``/v1/feed`` through a real server, while several writers commit beside each other: a follower misses nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from byline.history.port import History
from byline.processor import Processor
from byline.processor.put import put
from byline.settings import Settings
from byline.web import create_app
from byline.wiring import open_bucket, open_history, open_queue
from tests.databases import Missing, mariadb
from tests.web.served import an_event, served

WRITERS, OBJECTS, EVENTS = 4, 15, 7
"""Each writer puts so many objects of so many events and takes whatever is announced."""


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    if request.param == "sqlite":
        yield {}
        return
    try:
        with mariadb() as url:
            plain = url.replace("mysql+pymysql:", "mysql:").partition("?")[0]
            yield {"BYLINE_HISTORY": plain}
    except Missing as missing:
        pytest.skip(str(missing))


class Place:
    """One folder, and one history in the database."""

    def __init__(self, folder: Path, database: dict[str, str]) -> None:
        self.settings = Settings.load(folder, database)
        folder.mkdir()
        self.bucket = open_bucket(self.settings)
        with closing(self.history()) as history:
            history.writer.migrate()
            history.writer.clear()

    def history(self) -> History:
        return open_history(self.settings)

    def write(self, writer: int) -> None:
        with closing(self.history()) as history, closing(open_queue(self.settings)) as queue:
            for number in range(OBJECTS):
                events = [an_event(event_id=None, entity_id=f"{writer}.{number}.{n}") for n in range(EVENTS)]
                put(self.bucket, queue, b"\n".join(map(msgspec.json.encode, events)))
                Processor(self.bucket, queue, history).run()


@contextmanager
def follower(place: Place) -> Iterator[httpx.Client]:
    with closing(place.history()) as history, served(create_app(history, place.bucket)) as client:
        yield client


def follow(client: httpx.Client, after: str | None, *, limit: int) -> tuple[list[dict[str, Any]], str, bool]:
    answer = client.get("/v1/feed", params={"limit": limit} | ({"after": after} if after else {}), timeout=60)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return page["data"], page["next"], page["at_end"]


def test_a_follower_misses_nothing_that_writers_commit_beside_each_other(
    tmp_path: Path, database: dict[str, str]
) -> None:
    place = Place(tmp_path / "byline", database)
    writers = [threading.Thread(target=place.write, args=(number,)) for number in range(WRITERS)]
    seen: list[str] = []
    after: str | None = None
    with follower(place) as client:
        for writer in writers:
            writer.start()
        ended = at_end = False
        while not (ended and at_end):
            # Looked at before the page is asked for: what was committed last may not be in the page of before.
            ended = not any(writer.is_alive() for writer in writers)
            events, after, at_end = follow(client, after, limit=10)
            seen += [event["entity_id"] for event in events]
        for writer in writers:
            writer.join()
    expected = {f"{w}.{o}.{e}" for w in range(WRITERS) for o in range(OBJECTS) for e in range(EVENTS)}
    assert set(seen) == expected
    assert len(seen) == len(expected)


def test_events_of_one_object_come_in_its_order_also_over_pages(tmp_path: Path, database: dict[str, str]) -> None:
    place = Place(tmp_path / "byline", database)
    place.write(0)
    with follower(place) as client:
        seen: list[str] = []
        after: str | None = None
        at_end = False
        while not at_end:
            events, after, at_end = follow(client, after, limit=3)
            assert len(events) <= 3
            seen += [event["entity_id"] for event in events]
    assert seen == [f"0.{number}.{n}" for number in range(OBJECTS) for n in range(EVENTS)]


def test_a_place_from_before_a_rebuild_is_gone(tmp_path: Path, database: dict[str, str]) -> None:
    place = Place(tmp_path / "byline", database)
    place.write(0)
    with follower(place) as client, closing(place.history()) as history:
        _, after, _ = follow(client, None, limit=20)
        history.writer.clear()
        answer = client.get("/v1/feed", params={"after": after})
        assert answer.status_code == 410
        assert answer.headers["content-type"] == "application/problem+json"
        assert "begin again" in answer.json()["detail"].lower()
        with closing(open_queue(place.settings)) as queue:
            Processor(place.bucket, queue, history).run()
        again, _, _ = follow(client, None, limit=200)
        assert len({event["event_id"] for event in again}) == OBJECTS * EVENTS


@pytest.mark.parametrize("after", ["x", "1", "1.2", "1.2.3.4", "-1.0.0", "1.2.x", "9" * 30 + ".0.0", "1.1.1\n"])
def test_a_place_that_is_none_is_refused(tmp_path: Path, after: str) -> None:
    place = Place(tmp_path / "byline", {})
    with follower(place) as client:
        answer = client.get("/v1/feed", params={"after": after})
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["after"]
