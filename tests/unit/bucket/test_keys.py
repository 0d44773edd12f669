from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.bucket.keys import EVENTS, check_key, event_key, readable, suffix_of
from byline.errors import UsageError

WHEN = datetime(2020, 7, 29, 19, 45, 0, 47000, tzinfo=UTC)


def test_the_key_of_events_is_laid_out_by_service_day_and_hour():
    key = event_key("product_management", WHEN, "01980c5e-6a0b", "ndjson.zst")
    assert key == "events/micro_service_name=product_management/date=2020-07-29/hour=19/01980c5e-6a0b.ndjson.zst"
    assert event_key("product_management", WHEN, "01980c5e-6a0b", ".ndjson.zst") == key


def test_day_and_hour_are_utc():
    india = timezone(timedelta(hours=5, minutes=30))
    assert "/date=2019-12-31/hour=20/" in event_key("a", datetime(2020, 1, 1, 1, 30, tzinfo=india), "1", "json")


def test_a_year_has_four_digits():
    assert "/date=0007-01-02/hour=03/" in event_key("a", datetime(7, 1, 2, 3, tzinfo=UTC), "1", "json")


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(UsageError, match="time zone"):
        event_key("a", datetime(2020, 1, 1), "1", "json")  # noqa: DTZ001


@given(st.text(min_size=1))
def test_any_service_makes_a_safe_key(service):
    key = event_key(service, WHEN, "1", "json")
    assert check_key(key) == key
    assert len(key.split("/")) == 5
    assert key.startswith(EVENTS)


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_services_never_share_a_folder(one, other):
    assert (event_key(one, WHEN, "1", "json") == event_key(other, WHEN, "1", "json")) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a b", "a_b"),
        ("a b", "a/b"),
        ("ä", "ö"),
        ("x" * 101, "x" * 102),
        (".a", "a"),
        ("..", "."),
        ("\ud800", "\ud801"),
    ],
)
def test_what_is_replaced_in_a_name_does_not_bring_services_together(one, other):
    assert event_key(one, WHEN, "1", "json") != event_key(other, WHEN, "1", "json")


def test_no_plain_name_is_the_name_that_another_service_was_given():
    given_name = event_key("a b", WHEN, "1", "json").split("/")[1].removeprefix("micro_service_name=")
    assert event_key(given_name, WHEN, "1", "json") != event_key("a b", WHEN, "1", "json")


def test_a_service_needs_a_name():
    with pytest.raises(UsageError):
        event_key("", WHEN, "1", "json")


@pytest.mark.parametrize("object_id", ["", ".", "..", ".a", "a/b", "../../a", "a b", "a\n", "ä", "x" * 151])
def test_an_object_id_of_another_form_is_refused(object_id):
    with pytest.raises(UsageError):
        event_key("a", WHEN, object_id, "json")


@pytest.mark.parametrize("suffix", ["", "txt", "json.zip", "json.gz.gz", "gz", "JSON", "json/x", "..json", "json\n"])
def test_a_suffix_that_is_no_format_of_events_is_refused(suffix):
    with pytest.raises(UsageError):
        event_key("a", WHEN, "1", suffix)


@pytest.mark.parametrize("suffix", ["json", "ndjson"])
@pytest.mark.parametrize("compression", [None, "gz", "zst"])
def test_the_suffix_is_read_as_it_was_written(suffix, compression):
    key = event_key("a", WHEN, "v1.2", suffix + (f".{compression}" if compression else ""))
    assert suffix_of(key) == (suffix, compression)


@pytest.mark.parametrize(
    "key", ["a.txt", "json", "events/json", "a.json/b", "a.json.bz2", "a.gz", "a.JSON", "a.xjson", ""]
)
def test_an_unknown_suffix_is_none(key):
    assert suffix_of(key) is None


@given(st.text())
def test_what_may_be_written_can_be_read(key):
    try:
        check_key(key)
    except UsageError:
        return
    assert readable(key)


@pytest.mark.parametrize("key", ["a b", "ä/ö.json", "2020/07/x+1.json", "a%20b", "x" * 300])
def test_what_others_laid_there_can_be_read(key):
    assert readable(key)
