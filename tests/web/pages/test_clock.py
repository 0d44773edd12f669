from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from starlette.requests import Request

from byline.web.pages.clock import Clock, clock, utc

NOW = datetime(2026, 7, 23, 12, 20, 31, tzinfo=UTC)
BERLIN = Clock(NOW, timezone(timedelta(hours=2)), "Europe/Berlin")
ONLY_UTC = Clock(NOW, UTC, "UTC")


def asked(cookie: str) -> Clock:
    return clock(Request({"type": "http", "headers": [(b"cookie", cookie.encode())]}))


def test_times_are_told_in_the_readers_zone() -> None:
    assert BERLIN.time("2026-07-22T22:30:00.000000Z") == "00:30:00"
    assert BERLIN.day("2026-07-22T22:30:00.000000Z") == "2026-07-23"
    assert BERLIN.told() == "Your time: Berlin, UTC+2"
    assert ONLY_UTC.told() == "Times in UTC"


def test_a_day_names_its_year_where_that_is_not_this_one() -> None:
    assert ONLY_UTC.heading("2026-07-23") == "Thursday, 23 July"
    assert ONLY_UTC.heading("2020-07-29") == "Wednesday, 29 July 2020"
    assert ONLY_UTC.short("2026-05-19T00:00:00Z") == "19 May"
    assert ONLY_UTC.short("2025-09-14T00:00:00Z") == "14 Sept 2025"


def test_a_moment_in_words() -> None:
    assert ONLY_UTC.moment("2026-07-16T09:12:44.9Z") == "Thursday, 16 July 2026, 09:12:44"
    assert ONLY_UTC.stamp("2026-07-23T00:00:00Z") == "Today, 00:00:00"
    assert ONLY_UTC.stamp("2026-07-16T09:12:44Z") == "16 July, 09:12:44"
    assert ONLY_UTC.minute("2026-07-23T11:40:00Z") == "today at 11:40"
    assert utc("2026-07-23T12:20:31.047000Z") == "2026-07-23 12:20:31.047000 UTC"


def test_a_time_is_cut_and_never_rounded_up() -> None:
    assert ONLY_UTC.precise("2026-07-23T14:02:11.999999Z") == "14:02:11.999"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_ends_of_the_calendar_do_no_harm(at: str) -> None:
    for told in (BERLIN, Clock(NOW, timezone(timedelta(hours=-9)), "X")):
        assert told.moment(at)


@pytest.mark.parametrize(
    "cookie", ["", "byline_zone=", "byline_zone=../../etc/passwd", "byline_zone=No/Such", "byline_zone=" + "a" * 5_000]
)
def test_a_zone_that_is_none_is_utc(cookie: str) -> None:
    assert asked(cookie).is_utc


def test_a_zone_comes_from_the_cookie() -> None:
    assert asked("byline_zone=Asia/Kolkata").told() in {"Your time: Kolkata, UTC+5:30", "Times in UTC"}
