from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.model.query import Query
from byline.web.params import ENTITY_AT, FILTERS, QUERY, BadParameters, FieldError, read, read_time, to_query


def errors_of(query_string: str | bytes) -> list[FieldError]:
    data = query_string.encode() if isinstance(query_string, str) else query_string
    with pytest.raises(BadParameters) as caught:
        to_query(read(data, QUERY), within=None)
    return caught.value.errors


def query_of(query_string: str) -> Query:
    return to_query(read(query_string.encode(), QUERY), within=None)


def test_no_parameters_ask_for_the_newest_fifty() -> None:
    assert query_of("") == Query(order="newest", limit=50)


def test_every_filter_of_a_query_is_a_parameter_of_the_same_name() -> None:
    own = {"limit", "after", "within"}
    assert {parameter.name for parameter in FILTERS} == {
        name for name in Query.__struct_encode_fields__ if name not in own
    }


TEXTS = [p.name for p in FILTERS if p.name not in ("action", "from", "to", "order")]


@pytest.mark.parametrize("name", TEXTS)
@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_text_filters_are_taken_as_they_are(name: str, text: str) -> None:
    assert getattr(query_of(urlencode({name: text})), name) == text


def test_all_filters_go_together() -> None:
    query = query_of(
        "table_id=orders&action=update&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&order=oldest&limit=7"
    )
    assert query == Query(
        table_id="orders",
        action="update",
        from_=datetime(2026, 1, 1, tzinfo=UTC),
        to=datetime(2026, 2, 1, tzinfo=UTC),
        order="oldest",
        limit=7,
    )


@pytest.mark.parametrize("name", [p.name for p in QUERY])
def test_an_empty_value_is_refused_by_name(name: str) -> None:
    for spelling in (f"{name}=", name):
        [error] = errors_of(spelling)
        assert (error.field, "empty" in error.detail) == (name, True)


@pytest.mark.parametrize("name", [p.name for p in QUERY])
def test_a_repeated_parameter_is_refused_by_name(name: str) -> None:
    assert FieldError(name, "is given more than once") in errors_of(f"{name}=1&{name}=1")


@pytest.mark.parametrize("name", ["tabel_id", "Table_id", "table_id ", "offset", "within", "after", "from_", "page"])
def test_an_unknown_parameter_is_refused_by_name(name: str) -> None:
    assert errors_of(urlencode({name: "1"})) == [FieldError(name, "is not a parameter of this call")]


def test_all_that_is_wrong_is_told_at_once() -> None:
    fields = {error.field for error in errors_of("limit=0&from=yesterday&action=drop&colour=red&entity_id=")}
    assert fields == {"limit", "from", "action", "colour", "entity_id"}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.0", "1e1", "ten", "٣", "99999999999999999999", " 5", "+5"])
def test_limit_is_a_whole_number_from_1_to_200(limit: str) -> None:
    [error] = errors_of(urlencode({"limit": limit}))
    assert error == FieldError("limit", "must be a whole number from 1 to 200")


@pytest.mark.parametrize("limit", [1, 50, 200])
def test_limits_inside_the_range_are_taken(limit: int) -> None:
    assert query_of(f"limit={limit}").limit == limit


@pytest.mark.parametrize(("name", "value"), [("action", "drop"), ("action", "CREATE"), ("order", "up")])
def test_a_word_that_is_none_of_the_known_ones_is_refused_with_the_known_ones(name: str, value: str) -> None:
    [error] = errors_of(f"{name}={value}")
    assert error.field == name
    assert error.detail.startswith("must be one of ")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2020-07-29T19:45:00Z", datetime(2020, 7, 29, 19, 45, tzinfo=UTC)),
        ("2020-07-29t19:45:00z", datetime(2020, 7, 29, 19, 45, tzinfo=UTC)),
        ("2020-07-29T21:45:00+02:00", datetime(2020, 7, 29, 19, 45, tzinfo=UTC)),
        ("2020-07-29T19:45:00.047-00:00", datetime(2020, 7, 29, 19, 45, 0, 47_000, tzinfo=UTC)),
        ("2020-07-29T19:45:00.1234569Z", datetime(2020, 7, 29, 19, 45, 0, 123_456, tzinfo=UTC)),
        ("2020-02-29T00:00:00Z", datetime(2020, 2, 29, tzinfo=UTC)),
    ],
)
def test_times_are_rfc_3339_and_become_utc(text: str, utc: datetime) -> None:
    assert read_time(text) == utc
    assert read_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2020-07-29",
        "1596051900",
        "2020-07-29T19:45:00",
        "2020-07-29T19:45Z",
        "2020-07-29T24:00:00Z",
        "2020-07-29T19:45:00+02",
        "2020-07-29T19:45:00+24:00",
        "2020-07-29T19:45:00.Z",
        "2021-02-29T00:00:00Z",
        "2020-13-01T00:00:00Z",
        "2020-07-29T19:45:61Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-00:01",
        "\uff12\uff10\uff12\uff10-07-29T19:45:00Z",
        "2020-07-29T19:45:00Z\n",
    ],
)
def test_what_is_no_rfc_3339_time_is_refused(text: str) -> None:
    [error] = errors_of(urlencode({"from": text}))
    assert error.field == "from"


def test_a_time_without_zone_is_told_what_is_missing() -> None:
    assert "no zone" in errors_of("to=2020-07-29T19:45:00")[0].detail


def test_a_plus_that_became_a_space_is_explained() -> None:
    assert "%2B" in errors_of("to=2020-07-29T19:45:00+02:00")[0].detail


def test_to_before_from_is_refused_and_equal_is_an_empty_range() -> None:
    assert errors_of("from=2020-07-29T19:45:00Z&to=2020-07-29T19:44:59Z") == [FieldError("to", "is before from")]
    assert query_of("from=2020-07-29T19:45:00Z&to=2020-07-29T19:45:00Z").to is not None


@pytest.mark.parametrize("query_string", [b"table_id=%FF", b"table_id=\xff", b"table_id=%ED%A0%80"])
def test_what_is_not_utf_8_is_refused(query_string: bytes) -> None:
    assert errors_of(query_string) == [FieldError("query", "is not UTF-8")]


def test_more_parameters_than_anyone_needs_are_refused_unread() -> None:
    assert errors_of("&".join(["a=1"] * 10_000)) == [FieldError("query", "holds more than 100 parameters")]


def test_a_required_parameter_that_is_missing_is_named() -> None:
    with pytest.raises(BadParameters) as caught:
        read(b"entity_id=1", ENTITY_AT)
    assert caught.value.errors == [FieldError("table_id", "is required")]


def test_the_reader_is_confined_by_who_it_is_and_by_nothing_in_the_call() -> None:
    assert to_query(read(b"account_id=b", QUERY), within="a") == Query(account_id="b", within="a")


@given(st.binary())
def test_no_query_string_does_worse_than_be_refused(query_string: bytes) -> None:
    with suppress(BadParameters):
        to_query(read(query_string, QUERY), within=None)
