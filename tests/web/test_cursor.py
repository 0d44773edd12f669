from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.errors import InvalidCursor
from byline.model.query import Position, Query
from byline.web.cursor import Cursors

KEY = b"a key of this process"
QUERY = Query(table_id="orders", entity_id="1", from_=datetime(2026, 1, 1, tzinfo=UTC))
PLACE = Position(datetime(2026, 7, 23, 14, 20, 31, 47, tzinfo=UTC), bytes(range(16)), "lines[id=7].price")

positions = st.builds(
    Position,
    st.datetimes(timezones=st.just(UTC)),
    st.binary(min_size=16, max_size=16),
    st.none() | st.text(),
)


def made(query: Query = QUERY, route: str = "changes", key: bytes = KEY) -> str:
    cursor = Cursors(key).seal(PLACE, route=route, query=query)
    assert cursor is not None
    return cursor


@given(positions)
def test_a_cursor_gives_back_its_place(place: Position) -> None:
    cursors = Cursors(KEY)
    cursor = cursors.seal(place, route="events", query=QUERY)
    assert cursor is not None
    assert cursors.open(cursor, route="events", query=QUERY) == place


@given(positions)
def test_a_cursor_needs_no_escaping_in_an_address(place: Position) -> None:
    cursor = Cursors(KEY).seal(place, route="events", query=QUERY)
    assert cursor is not None
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_does_not_tell_its_place() -> None:
    """It may be that of an event which its reader may not see."""
    sealed = urlsafe_b64decode(made() + "==")
    assert PLACE.event not in sealed
    assert b"price" not in sealed


def test_the_end_has_no_cursor() -> None:
    assert Cursors(KEY).seal(None, route="changes", query=QUERY) is None


@pytest.mark.parametrize("at", range(len(made())))
def test_a_cursor_changed_at_any_character_is_refused(at: int) -> None:
    cursor = made()
    other = "A" if cursor[at] != "A" else "B"
    with pytest.raises(InvalidCursor):
        Cursors(KEY).open(cursor[:at] + other + cursor[at + 1 :], route="changes", query=QUERY)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,80}", fullmatch=True))
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursors(KEY).open(cursor, route="changes", query=QUERY)


@pytest.mark.parametrize("spelling", ["{}=", "{}==", " {}", "{}\n", "!{}"])
def test_a_cursor_has_one_spelling(spelling: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursors(KEY).open(spelling.format(made()), route="changes", query=QUERY)


@pytest.mark.parametrize(
    "query",
    [
        Query(table_id="orders", entity_id="2", from_=QUERY.from_),
        Query(table_id="orders", entity_id="1"),
        Query(table_id="orders", entity_id="1", from_=QUERY.from_, order="oldest"),
        Query(table_id="orders", entity_id="1", from_=QUERY.from_, user_id="7"),
        Query(table_id="orders", entity_id="1", from_=QUERY.from_, within="account-2"),
    ],
    ids=["another entity", "a filter fewer", "the other order", "a filter more", "another reader"],
)
def test_a_cursor_of_another_question_is_refused(query: Query) -> None:
    with pytest.raises(InvalidCursor):
        Cursors(KEY).open(made(), route="changes", query=query)


def test_a_cursor_of_another_call_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        Cursors(KEY).open(made(route="changes"), route="events", query=QUERY)


def test_a_cursor_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        Cursors(b"the key of another process").open(made(), route="changes", query=QUERY)


def test_the_page_size_may_change_between_pages() -> None:
    larger = Query(table_id="orders", entity_id="1", from_=QUERY.from_, limit=200)
    assert Cursors(KEY).open(made(), route="changes", query=larger) == PLACE


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Cursors(b"")
