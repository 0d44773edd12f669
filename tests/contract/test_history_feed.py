"""Events in order of arrival, on any history, while others write."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from byline.errors import StaleFeed
from byline.history.port import History
from byline.model.query import EventRow, FeedPlace
from byline.processor.feed import feed
from tests.contract.histories import open_history
from tests.contract.history_facts import at, change, entry, letter, part


def follow(history: History, after: FeedPlace | None = None, *, limit: int = 7, **asked: Any) -> list[EventRow]:
    """Everything behind a place."""
    seen: list[EventRow] = []
    while True:
        page = feed(history.reader, after, limit=limit, **asked)
        assert len(page.events) <= limit
        seen += page.events
        after = page.next
        if page.at_end:
            return seen


def arrived(rows: list[EventRow]) -> list[tuple[str, int]]:
    return [(row.object.key, row.object.line) for row in rows]


def test_events_come_object_by_object_and_line_by_line(history: History) -> None:
    history.writer.take([part("z", [entry(9), entry(3, line=12)]), part("m", [])])
    history.writer.take([part("a", [entry(5, line=3), entry(4, line=1)])])
    expected = [("events/z.ndjson", 9), ("events/z.ndjson", 12), ("events/a.ndjson", 1), ("events/a.ndjson", 3)]
    for limit in (1, 2, 3, 100):
        assert arrived(follow(history, limit=limit)) == expected
    assert [change.attribute for change in follow(history)[0].changes] == ["title"]


def test_a_follower_goes_on_from_where_it_was(history: History) -> None:
    history.writer.take([part("a", [entry(n) for n in range(1, 6)])])
    page = feed(history.reader, None, limit=3)
    assert (len(page.events), page.at_end) == (3, False)
    rest = feed(history.reader, page.next, limit=100)
    assert (len(rest.events), rest.at_end) == (2, True)
    nothing = feed(history.reader, rest.next, limit=100)
    assert (nothing.events, nothing.next, nothing.at_end) == ([], rest.next, True)
    history.writer.take([part("b", [], letter("b", 1)), part("c", [entry(9)])])
    assert arrived(feed(history.reader, nothing.next).events) == [("events/c.ndjson", 9)]


def test_an_unfinished_object_comes_when_it_is_whole(history: History) -> None:
    history.writer.take([part("a", [entry(1)], complete=False)])
    place = feed(history.reader, None).next
    assert place == FeedPlace(place.epoch, 0, 0)
    history.writer.take([part("b", [entry(7)])])
    history.writer.take([part("a", [entry(2)])])
    assert arrived(follow(history, place)) == [("events/b.ndjson", 7), ("events/a.ndjson", 1), ("events/a.ndjson", 2)]


def test_an_account_follows_its_own_events_only(history: History) -> None:
    accounts = ["acme", "other", None]
    history.writer.take([part(f"o{n}", [entry(n, account=accounts[n % 3])]) for n in range(1, 31)])
    found = follow(history, within="other")
    assert len(found) == 10
    assert {row.account_id for row in found} == {"other"}
    assert follow(history, within="unheard of") == []


def test_duplicates_come_once_and_an_earlier_copy_that_turns_up_late_is_not_missed(history: History) -> None:
    history.writer.take([replace(part("late", [entry(1), entry(2)]), received_at=at(5))])
    history.writer.take([replace(part("later", [entry(1), entry(2)]), received_at=at(6))])
    assert len(follow(history)) == 2
    history.writer.take([replace(part("first", [entry(2, line=1)]), received_at=at(4))])
    assert arrived(follow(history)) == [("events/late.ndjson", 1), ("events/first.ndjson", 1)]


def test_a_place_from_before_a_rebuild_is_stale(history: History) -> None:
    history.writer.take([part("a", [entry(1), entry(2)])])
    place = feed(history.reader, None, limit=1).next
    beginning = FeedPlace(place.epoch, 0, 0)
    history.writer.clear()
    history.writer.take([part("a", [entry(1), entry(2)])])
    for stale in (place, beginning):
        with pytest.raises(StaleFeed) as error:
            feed(history.reader, stale)
        assert error.value.hint
    assert len(follow(history)) == 2


def test_a_place_that_the_history_has_not_come_to_is_stale(history: History) -> None:
    history.writer.take([part("a", [entry(1)])])
    place = feed(history.reader, None).next
    assert feed(history.reader, place).events == []
    with pytest.raises(StaleFeed):
        feed(history.reader, replace(place, arrival=place.arrival + 1))


def test_a_follower_beside_several_writers_misses_nothing_and_sees_nothing_twice(
    history: History, database: str
) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(database, seed)) for seed in range(3)]
    for writer in writers:
        writer.start()
    seen: list[EventRow] = []
    after: FeedPlace | None = None
    asked_meanwhile = 0
    while any(writer.is_alive() for writer in writers):
        page = feed(history.reader, after, limit=17)
        seen, after = seen + page.events, page.next
        asked_meanwhile += bool(page.events)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    seen += follow(history, after)
    assert asked_meanwhile > 1
    assert len(seen) == len({row.event_id for row in seen}) == 3 * 40 * 4
    assert arrived(seen) == arrived(follow(history, limit=1_000))


def _write(url: str, seed: int) -> None:
    history = open_history(url)
    rng = random.Random(seed)
    for number in range(40):
        entries = [
            entry(10_000 * seed + number * 4 + line, change("n", "0", str(rng.random())), line=line + 1)
            for line in range(4)
        ]
        history.writer.take([part(f"w{seed}-{number}", entries)])
    history.close()


def test_what_an_object_that_was_read_already_gives_later_comes_to_followers(history: History) -> None:
    """A line that was a dead letter is taken by a replay, after a newer Byline came."""
    history.writer.take([part("a", [entry(1)], letter("a", 2)), part("b", [entry(3)])])
    place = history.reader.feed(FeedPlace(0, 0, 0), limit=10).next
    history.writer.take([part("a", [entry(1), entry(2)])])
    page = history.reader.feed(place, limit=10)
    assert entry(2).event.event_id in [UUID(event.event_id) for event in page.events]
    history.writer.take([part("a", [entry(1), entry(2)])])
    assert history.reader.feed(page.next, limit=10).events == []


def test_a_history_that_takes_the_place_of_a_lost_one_refuses_its_places(tmp_path: Path) -> None:
    for name in ("lost", "new"):
        history = open_history(f"sqlite:///{tmp_path}/{name}.db")
        history.writer.migrate()
        history.writer.take([part("a", [entry(1)])])
        if name == "lost":
            place = history.reader.feed(FeedPlace(0, 0, 0), limit=10).next
        else:
            with pytest.raises(StaleFeed):
                feed(history.reader, place)
        history.close()
