"""The short way gives what the careful way gives, and is taken where it should be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.encoding import Draft, encode
from byline.capture.envelope import action_of, entity_of, table_of, text_of
from byline.capture.redaction import Masking
from byline.capture.request_context import RequestContext, Vouched
from byline.capture.usual import UsualEvents
from byline.model.codec import MAX_EVENT_BYTES
from byline.model.event import Stream, User
from tests.unit.capture.test_values import Text, keys, things

EVENT_ID = UUID("01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11")
STREAM = Stream("0123456789abcdef", 7)
NOON = datetime(2026, 7, 26, 12, 0, 0, 123456, tzinfo=UTC)
ROW = {
    "id": 1,
    "title": "Redmi note",
    "price": Decimal("119.00"),
    "weight": 0.2,
    "active": True,
    "note": None,
    "at": NOON,
    "naive": datetime.fromisoformat("2026-01-02T03:04:05"),
    "day": date(2026, 1, 2),
    "ref": EVENT_ID,
}


class Shade(StrEnum):
    A = "a"


def short(action: Any, table: Any, entity: Any, account: Any, context: RequestContext | None, *states: Any) -> Any:
    usual = UsualEvents("shop", Masking(drop=["gone"]))
    return usual.line(EVENT_ID, STREAM, action, table, entity, account, NOON, context, *states)


def careful(action: Any, table: Any, entity: Any, account: Any, context: RequestContext | None, *states: Any) -> bytes:
    draft = Draft(
        event_id=EVENT_ID,
        stream=STREAM,
        service="shop",
        action=action_of(action),
        table_id=table_of(table),
        entity_id=entity_of(entity),
        account_id=text_of(account),
        time_stamp=NOON,
        context=context,
        old=states[0],
        new=states[1],
        miscellaneous=None,
    )
    return encode(draft, Masking(drop=["gone"])).line


texts = st.text(st.characters(exclude_categories=()), min_size=1, max_size=5)
ids = texts | st.integers() | st.uuids() | st.sampled_from([(1, 2), Text("a"), True, 10**700])
users = st.builds(User, user_id=texts | st.none(), email=texts | st.none())
contexts = st.none() | st.builds(
    RequestContext,
    request_id=texts,
    ip_address=texts | st.none(),
    user_agent=texts | st.none(),
    job=texts | st.none(),
    miscellaneous=st.none() | st.just({"a": 1}),
    actor=st.none() | users | users.map(lambda user: lambda: Vouched(user, "issuer")),
    verified_by=st.none() | st.just("gateway"),
)
names = keys | st.sampled_from(["id", "title", "password", "gone", Text("a")])
states = st.none() | st.dictionaries(names, things, max_size=5) | st.dictionaries(texts, things, max_size=3) | things


events = st.tuples(st.sampled_from(["create", "Update", "delete"]), ids, ids, st.none() | ids, contexts, states, states)


@given(events)
def test_where_the_short_way_is_taken_it_gives_the_bytes_of_the_careful_one(event: tuple[Any, ...]) -> None:
    line = short(*event)
    assert line is None or line == careful(*event)


@pytest.mark.parametrize("entity", [1, "1"])
@pytest.mark.parametrize(
    "context",
    [
        None,
        RequestContext(request_id="r"),
        RequestContext(request_id="r", actor=User(user_id="u"), verified_by="gateway", user_agent="curl/8"),
        RequestContext(request_id="r", actor=lambda: User(user_id="u"), trace_id="t", ip_address="::1", job="night"),
    ],
)
@pytest.mark.parametrize(("old", "new"), [(None, ROW), (ROW, {**ROW, "title": "new"}), (ROW, None)])
def test_the_usual_event_takes_the_short_way(entity: Any, context: Any, old: Any, new: Any) -> None:
    event = ("update", "products", entity, "owner", context, old, new)
    assert short(*event) == careful(*event) != b""


@pytest.mark.parametrize(
    "value",
    [
        *(float("nan"), float("-inf"), Decimal("NaN"), Decimal("sNaN"), b"\x00", "\ud800", [1], {"a": 1}, {1}),
        *(Text("a"), 10**5000, datetime.fromisoformat("1900-01-02T03:04:05+00:19:32"), object(), "x" * MAX_EVENT_BYTES),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_usual_is_left_to_the_careful_way(value: Any) -> None:
    assert short("update", "products", 1, None, None, ROW, {"a": value}) is None
    # also where the rest is as it was
    assert short("update", "products", 1, None, None, ROW, {**ROW, "weight": value}) is None
    assert short("update", "products", 1, None, None, {**ROW, "weight": value}, ROW) is None
    assert short("update", "products", 1, None, None, {**ROW, "weight": value}, {**ROW, "weight": value}) is None


@pytest.mark.parametrize("name", ["password", "API_KEY", "gone", 1, None, Text("b"), "\ud800"])
def test_a_name_that_is_masked_or_no_text_is_left_to_the_careful_way(name: Any) -> None:
    usual = UsualEvents("shop", Masking(drop=["gone"]))
    for _ in range(2):  # also when it is known
        assert usual.line(EVENT_ID, STREAM, "update", "t", 1, None, NOON, None, None, {"a": 1, name: 2}) is None


def test_a_name_like_one_that_is_known_is_looked_at_again() -> None:
    usual = UsualEvents("shop", Masking(mask={"users": ["pin"]}))
    for table, expected in (("shops", True), ("users", False), ("shops", True)):
        line = usual.line(EVENT_ID, STREAM, "update", table, 1, None, NOON, None, None, {"pin": 2})
        assert (line is not None) is expected


def test_a_name_that_only_equals_a_known_one_is_written_like_it() -> None:
    usual = UsualEvents("shop", Masking())
    for name in ("a", Text("a"), Shade.A):
        line = usual.line(EVENT_ID, STREAM, "update", "t", 1, None, NOON, None, None, {name: 2})
        assert line is None or line == careful("update", "t", 1, None, None, None, {name: 2})


def test_what_is_remembered_has_a_bound() -> None:
    usual = UsualEvents("shop", Masking())
    for number in range(5000):
        state = {f"column{number}": 1}
        assert usual.line(EVENT_ID, STREAM, "update", "t", 1, None, NOON, None, None, state) is not None
    assert sum(map(len, usual._clear.values())) <= 4096
