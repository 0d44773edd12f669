"""Time stamps: RFC 3339, any offset → UTC, microseconds, never rounded up (DESIGN §3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.model.timestamp import _parsed, parse_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-07-29T19:45:00.047Z", "2020-07-29 19:45:00.047000"),
        ("2020-07-29t19:45:00z", "2020-07-29 19:45:00"),
        ("2020-07-29 19:45:00Z", "2020-07-29 19:45:00"),
        ("2020-07-30T01:15:00+05:30", "2020-07-29 19:45:00"),
        ("2020-07-29T19:45:00-00:00", "2020-07-29 19:45:00"),
        ("2020-07-29T00:00:00-23:59", "2020-07-29 23:59:00"),
        ("2020-02-29T00:00:00Z", "2020-02-29 00:00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"),
    ],
)
def test_any_offset_becomes_utc(text: str, moment: str) -> None:
    assert parse_time(text) == datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert parse_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("zone", ["Z", "+00:00", ""])
def test_extra_digits_are_cut_and_never_rounded_up(zone: str) -> None:
    assert parse_time("2020-07-29T19:45:00.1234569" + zone).microsecond == 123456
    assert parse_time("2020-12-31T23:59:59." + "9" * 500 + zone) == datetime(
        2020, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC
    )
    assert parse_time("2020-07-29T19:45:00.5" + zone).microsecond == 500_000


def test_without_a_zone_it_is_utc() -> None:
    assert parse_time("2020-07-29T19:45:00") == datetime(2020, 7, 29, 19, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.999Z", "2017-01-01T05:29:60.5+05:30", "2016-12-31T23:59:60"]
)
def test_a_leap_second_is_the_last_microsecond_before_it(text: str) -> None:
    assert parse_time(text) == datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2020-02-30T00:00:00Z",
        "2021-02-29T00:00:00Z",
        "2020-13-01T00:00:00Z",
        "2020-00-01T00:00:00Z",
        "2020-07-29T24:00:00Z",
        "2020-07-29T19:60:00Z",
        "2020-07-29T19:45:61Z",
        "2020-07-29T12:00:60Z",
        "2020-07-29T19:45:60+01:00",
        "0000-01-01T00:00:00Z",
        "2020-07-29T19:45:00+24:00",
        "2020-07-29T19:45:00+05:60",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_an_impossible_moment_is_invalid(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are Python's own
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2020-07-29",
        "19:45:00Z",
        "2020-07-29T19:45Z",
        "20200729T194500Z",
        "2020-W31-3T19:45:00Z",
        "2020-211T19:45:00Z",
        "2020-07-29T19:45:00.Z",
        "2020-07-29T19:45:00,5Z",
        "2020-07-29T19:45:00+0530",
        "2020-07-29T19:45:00+05",
        "2020-07-29_19:45:00Z",
        " 2020-07-29T19:45:00Z",
        "2020-07-29T19:45:00Z\n",
        "2020-07-29T19:45:00 Z",
        "20-07-29T19:45:00Z",
        "1596051900",
        "now",
        "٢020-07-29T19:45:00Z",
        "2020-7-29T19:45:00Z",
        "+2020-07-29T19:45:00Z",
        "2020-07-29T19:45:00ZZ",
        "2020-07-29T19:45:00+05:30:00",
    ],
)
def test_any_other_form_is_invalid(text: str) -> None:
    with pytest.raises(ValueError, match="not an RFC 3339"):
        parse_time(text)


@given(st.datetimes(), st.integers(-1439, 1439))
def test_what_python_writes_is_read_back(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        with pytest.raises(ValueError, match="outside of the years"):
            parse_time(moment.isoformat())
    else:
        assert parse_time(moment.isoformat()) == expected


shapes = st.from_regex(
    r"[0-9]{4}-[0-3][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,7})?Z", fullmatch=True
)


@given(st.one_of(shapes, st.text("0123456789-T:.Z ", min_size=18, max_size=26).map(lambda text: text + "Z")))
def test_the_short_cut_reads_what_the_long_way_reads(text: str) -> None:
    assert _outcome(parse_time, text) == _outcome(_parsed, text)


def _outcome(read: object, text: str) -> datetime | None:
    try:
        return read(text)  # type: ignore[operator, no-any-return]
    except ValueError:
        return None
