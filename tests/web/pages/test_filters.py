from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest

from byline.web.pages.clock import Clock
from byline.web.pages.filters import View, canonical, view_of
from byline.web.pages.question import heading, nothing, together
from byline.web.sentence import plain

NOW = datetime(2026, 7, 23, 12, 20, 31, tzinfo=UTC)
CLOCK = Clock(NOW, UTC, "UTC")
BERLIN = Clock(NOW, timezone(timedelta(hours=2)), "Europe/Berlin")


def sent(clock: Clock = CLOCK, **fields: str) -> dict[str, str] | None:
    said = canonical(urlencode({name.rstrip("_"): value for name, value in fields.items()}).encode(), clock)
    return None if said is None else dict(said)


def view(**filters: str) -> View:
    return View("/", filters, CLOCK)


def test_empty_fields_leave_the_address() -> None:
    assert sent(table_id="orders", entity_id="", attribute=" ") == {"table_id": "orders"}
    assert sent(table_id="orders") is None


@pytest.mark.parametrize(("who", "name"), [("pavan@eunimart.com", "user_email"), ("206483f8", "user_id")])
def test_a_person_is_an_address_or_an_id(who: str, name: str) -> None:
    assert sent(who=who) == {name: who}


def test_a_day_is_that_day_in_the_readers_zone() -> None:
    assert sent(from_="2026-07-01", to="2026-07-05") == {"from": "2026-07-01T00:00:00Z", "to": "2026-07-06T00:00:00Z"}
    assert sent(BERLIN, from_="2026-07-01") == {"from": "2026-06-30T22:00:00Z"}
    assert sent(BERLIN, to="2026-07-01 12:30") == {"to": "2026-07-01T10:30:00Z"}


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "9999-12-31", "2026-07-01T00:00:00Z"])
def test_what_is_no_day_stays_as_it_is_to_be_refused_by_name(text: str) -> None:
    assert (sent(to=text) or {"to": text}) == {"to": text}


def test_what_a_form_shows_is_what_it_takes_back() -> None:
    values = {"from": datetime(2026, 6, 30, 22, tzinfo=UTC), "to": datetime(2026, 7, 4, 10, 30, tzinfo=UTC)}
    shown = view_of("/", values, BERLIN)
    fields = {field.name: field.value for field in shown.fields() if field.value}
    assert fields == {"from": "2026-07-01", "to": "2026-07-04 12:30:00"}
    assert canonical(urlencode(fields).encode(), BERLIN) == [*shown.filters.items()]


def test_a_field_and_a_chip_each_take_one_filter_away() -> None:
    shown = view(table_id="orders", attribute="status")
    assert [field.without for field in shown.fields() if field.value] == ["/?attribute=status", "/?table_id=orders"]
    assert [(chip.word, chip.without) for chip in shown.chips()] == [
        ("table", "/?attribute=status"),
        ("attribute", "/?table_id=orders"),
    ]


def test_what_a_page_is_about_cannot_be_taken_away_and_goes_along_with_the_form() -> None:
    shown = View("/user", {"user_id": "1", "table_id": "orders"}, CLOCK, ("user_id",))
    assert [chip.word for chip in shown.chips()] == ["table"]
    assert shown.kept() == {"user_id": "1"}
    assert "who" not in [field.name for field in shown.fields()]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({}, "What changed"),
        ({"attribute": "status", "current_value": "REFUNDED"}, "Who set `status` to `REFUNDED`?"),
        ({"attribute": "status", "previous_value": "PAID"}, "Who changed `status` from `PAID`?"),
        (
            {"attribute": "status", "previous_value": "PAID", "current_value": "X"},
            "Who changed `status` from `PAID` to `X`?",
        ),
        ({"current_value": "X"}, "Who set something to `X`?"),
        ({"attribute": "status"}, "Who changed `status`?"),
        ({"action": "create"}, "What was created"),
        ({"action": "delete", "table_id": "orders"}, "What was deleted in `orders`"),
        ({"table_id": "orders", "entity_id": "7"}, "What changed in `orders 7`"),
        ({"user_id": "u1"}, "What `u1` changed"),
        ({"microservice_name": "payments"}, "What changed by way of `payments`"),
    ],
)
def test_the_heading_says_the_filters_in_words(filters: dict[str, str], words: str) -> None:
    assert plain(heading(view(**filters))) == words


def test_where_nothing_matches_the_heading_says_so() -> None:
    asked = {"attribute": "status", "current_value": "REFUNDET"}
    assert plain(nothing(view(**asked))) == "No one set `status` to `REFUNDET`"
    assert plain(nothing(view(table_id="x"))) == "Nothing matches"
    assert together(4) == "No change matches these four filters together. With one fewer:"
    assert together(1) == "No change matches this filter. Without it:"
