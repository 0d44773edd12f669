"""Any Python value becomes what JSON can carry, the same every time, and never an exception."""

from __future__ import annotations

import array
import copy
import enum
import ipaddress
import json
import math
from collections import OrderedDict, UserDict, deque, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.encoding import Draft, encode
from byline.capture.marks import Marks
from byline.capture.redaction import Masking
from byline.capture.values import MAX_DEPTH, MAX_VALUES, plain
from byline.model import codec
from byline.model.event import AuditEvent, Stream


def recorded(new: Any, old: Any = None) -> AuditEvent:
    """The event as the processor will read it."""
    return codec.decode(line_of(new, old), key="k", line=1)


def line_of(new: Any, old: Any = None) -> bytes:
    draft = Draft(
        event_id=UUID("01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"),
        stream=Stream("s", 1),
        service="shop",
        action="update",
        table_id="t",
        entity_id="1",
        account_id=None,
        time_stamp=datetime(2026, 7, 26, tzinfo=UTC),
        context=None,
        old=old,
        new=new,
        miscellaneous=None,
    )
    return encode(draft, Masking(names=())).line


def new_text(value: Any) -> str:
    """What stands on the wire for an attribute."""
    wire = msgspec.json.decode(line_of({"a": value}), type=dict[str, msgspec.Raw])
    return bytes(msgspec.json.decode(wire["new_data"], type=dict[str, msgspec.Raw])["a"]).decode()


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


Point = namedtuple("Point", "x y")


@dataclass
class Address:
    city: str
    tags: set[str] = field(default_factory=set)


class Struct(msgspec.Struct):
    a: int


class Plain:
    pass


class Shown:
    def __str__(self) -> str:
        return "shown"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no")


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "overridden"


class Lost(tzinfo):
    def utcoffset(self, _when: datetime | None) -> timedelta:
        raise ValueError("where am I?")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (2**200, str(2**200)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (1.5, "1.5"),
        (math.nan, '"NaN"'),
        (math.inf, '"Infinity"'),
        (-math.inf, '"-Infinity"'),
        (Decimal("119.00"), "119.00"),
        (Decimal("1E+5"), "1E+5"),
        (Decimal("NaN"), '"NaN"'),
        (Decimal("-Infinity"), '"-Infinity"'),
        (datetime(2020, 7, 29, 19, 45, 0, 47000, tzinfo=UTC), '"2020-07-29T19:45:00.047000Z"'),
        (datetime(2020, 7, 29, tzinfo=timezone(timedelta(hours=5, minutes=30))), '"2020-07-29T00:00:00+05:30"'),
        (datetime(2020, 7, 29), '"2020-07-29T00:00:00"'),  # noqa: DTZ001 - naive on purpose
        (datetime(1880, 1, 1, tzinfo=timezone(timedelta(seconds=1172))), '"1880-01-01T00:00:00+00:19:32"'),
        (datetime(2020, 7, 29, tzinfo=Lost()), '"2020-07-29T00:00:00 (in a time zone that cannot be read)"'),
        (date(2020, 7, 29), '"2020-07-29"'),
        (time(19, 45), '"19:45:00"'),
        (timedelta(days=1, seconds=2), '"P1DT2S"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (b"\x00\x01\x02", '"base64:AAEC"'),
        (bytearray(b"\x00\x01\x02"), '"base64:AAEC"'),
        (memoryview(b"\x00\x01\x02"), '"base64:AAEC"'),
        (Colour.RED, '"red"'),
        (Level.HIGH, "3"),
        ({3, 1, 2}, "[1,2,3]"),
        (frozenset({"b", "a"}), '["a","b"]'),
        ({1, "1", None}, '["1",1,null]'),
        ((1, "a"), '[1,"a"]'),
        (deque([1, 2]), "[1,2]"),
        (array.array("i", [1, 2]), "[1,2]"),
        (ipaddress.ip_address("10.0.0.1"), '"10.0.0.1"'),
        (ipaddress.ip_network("10.0.0.0/8"), '"10.0.0.0/8"'),
        (PurePosixPath("/a/b"), '"/a/b"'),
        (Fraction(1, 3), '"1/3"'),
        (1j, '"1j"'),
        (range(10**9), '"range(0, 1000000000)"'),
        (Point(1, 2), '{"x":1,"y":2}'),
        (Address("Pune", {"b", "a"}), '{"city":"Pune","tags":["a","b"]}'),
        (Struct(1), '{"a":1}'),
        (MappingProxyType({"a": b"\x00"}), '{"a":"base64:AA=="}'),
        (OrderedDict(a=1), '{"a":1}'),
        (UserDict({"a": 1}), '{"a":1}'),
        ({1: "a", None: "b", 2.5: "c"}, '{"1":"a","null":"b","2.5":"c"}'),
        (Text("inside"), '"inside"'),
        (Shown(), '"shown"'),
        (Broken(), f'"<{__name__}.Broken>"'),
        (Plain(), f'"<{__name__}.Plain object>"'),
        ([{"a": {1.5}}], '[{"a":[1.5]}]'),
    ],
)
def test_every_type_has_one_spelling(value: Any, text: str) -> None:
    assert new_text(value) == text
    assert new_text([value]) == f"[{text}]"  # the same inside of containers
    assert plain_text(value) == text  # and where the encoder had to be careful


def plain_text(value: Any) -> str:
    return msgspec.json.Encoder(decimal_format="number").encode(plain(value)).decode()


def test_a_generator_is_not_consumed() -> None:
    generator = (number for number in range(3))
    assert "generator" in new_text(generator)
    assert list(generator) == [0, 1, 2]


def test_an_integer_longer_than_python_writes_keeps_its_digits() -> None:
    text = new_text(10**5000 + 7)
    assert len(text) == 5001
    assert text == "1" + "0" * 4999 + "7"


def test_a_state_that_is_no_mapping_is_kept_and_marked() -> None:
    event = recorded(["a"])
    assert event.new_data == {"value": ["a"]}
    assert event.request_info.miscellaneous == {"byline": {"repaired": ["new_data"]}}


def test_a_state_may_be_a_dataclass() -> None:
    assert recorded(Address("Pune")).new_data == {"city": "Pune", "tags": []}


def test_lone_surrogates_are_replaced_and_marked_by_name() -> None:
    event = recorded({"title": "a\ud800", "deep": {"list": ["\udfff", "fine"]}})
    assert event.new_data == {"title": "a\ufffd", "deep": {"list": ["\ufffd", "fine"]}}
    assert event.request_info.miscellaneous == {"byline": {"repaired": ["new_data.deep.list[0]", "new_data.title"]}}
    assert not event.lossy  # nothing was left for the reader to repair


def test_names_that_meet_are_told_apart_whatever_their_order() -> None:
    one = recorded({1: "number", "1": "text"}).new_data
    other = recorded({"1": "text", 1: "number"}).new_data
    assert one == other == {"1": "text", "1 (2)": "number"}


def test_repaired_names_that_meet_are_told_apart() -> None:
    broken = {chr(0xD800): 1, chr(0xDFFF): 2, "\ufffd": 3}
    assert set(recorded(broken).new_data or {}) == {"\ufffd", "\ufffd (2)", "\ufffd (3)"}


def test_what_stands_inside_itself_is_cut_and_marked() -> None:
    own: dict[str, Any] = {"n": 1}
    own["me"] = [own]
    event = recorded({"a": own})
    assert event.new_data == {"a": {"n": 1, "me": ["(cut: stands inside itself)"]}}
    assert event.request_info.miscellaneous == {"byline": {"cut": ["new_data.a.me[0]"]}}


def test_an_object_that_holds_itself_is_cut() -> None:
    address = Address("Pune")
    address.city = address  # type: ignore[assignment]
    assert recorded({"a": address}).new_data == {"a": {"city": "(cut: stands inside itself)", "tags": []}}


def test_one_thing_twice_is_no_cycle() -> None:
    shared = {"x": 1}
    assert recorded({"a": shared, "b": [shared, shared]}).new_data == {"a": {"x": 1}, "b": [{"x": 1}, {"x": 1}]}


def test_what_is_too_deep_is_cut_and_the_event_can_be_read() -> None:
    deep: Any = "bottom"
    for _ in range(5_000):
        deep = [deep]
    event = recorded({"deep": deep, "beside": 1})
    assert event.new_data is not None
    assert event.new_data["beside"] == 1
    assert b"too deep" in line_of({"deep": deep})
    assert "bottom" not in json.dumps(event.new_data)


def test_a_depth_within_the_limit_is_kept_whole() -> None:
    deep: Any = "bottom"
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    event = recorded({"deep": deep})
    assert "bottom" in json.dumps(event.new_data)
    assert event.request_info.miscellaneous is None


def test_a_small_thing_that_unfolds_without_end_is_cut() -> None:
    laughs: Any = ["ha"] * 10
    for _ in range(12):
        laughs = [laughs] * 10
    marks = Marks()
    plain(laughs, name="a", marks=marks)
    assert marks.cut


def test_many_values_are_kept_up_to_the_limit() -> None:
    marks = Marks()
    assert plain(list(range(MAX_VALUES - 1)), marks=marks) == list(range(MAX_VALUES - 1))
    assert not marks


def test_one_value_that_cannot_be_read_takes_nothing_with_it() -> None:
    class Exploding(dict[str, int]):
        def items(self) -> Any:
            raise RuntimeError("no")

        __iter__ = items
        keys = items

    event = recorded({"a": Exploding(x=1), "b": 2})
    assert event.new_data is not None
    assert event.new_data["b"] == 2


def test_a_row_of_an_orm_is_not_read() -> None:
    class State:
        identity = (7,)

    class Row:
        __mapper__ = object()

        def __init__(self) -> None:
            self._sa_instance_state = State()

        @property
        def orders(self) -> None:
            raise AssertionError("this would cost SQL")

    assert new_text(Row()).endswith('Row [7]>"')


# --- an event that is too large ---


def test_the_largest_values_of_an_event_that_is_too_large_are_cut() -> None:
    huge = "x" * (9 << 20)
    event = recorded({"huge": huge + "!", "small": 2}, old={"huge": huge, "small": 1})
    assert event.old_data is not None
    assert event.new_data is not None
    assert event.old_data["small"] == 1
    assert event.new_data["small"] == 2
    assert event.old_data["huge"].startswith(f"(cut: {len(huge) + 2} bytes, sha256 ")
    assert event.old_data["huge"] != event.new_data["huge"]  # that it changed remains
    assert event.request_info.miscellaneous == {"byline": {"cut": ["new_data.huge", "old_data.huge"]}}


def test_a_value_that_was_cut_and_did_not_change_stays_equal() -> None:
    huge = "x" * (9 << 20)
    event = recorded({"huge": huge}, old={"huge": huge})
    assert event.old_data == event.new_data


def test_a_state_of_too_many_small_values_is_cut_whole() -> None:
    event = recorded({f"name {number}": "y" * 50 for number in range(150_000)})
    assert event.new_data is not None
    assert list(event.new_data) == ["value"]
    assert event.new_data["value"].startswith("(cut: ")


# --- whatever it is ---

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary(max_size=20)
    | st.decimals()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.complex_numbers()
    | st.fractions()
    | st.ip_addresses()
    | st.sampled_from([Colour.RED, Level.HIGH, Plain(), Broken(), Text("a"), object, len, ..., NotImplemented])
)
elements = (
    st.text(st.characters(exclude_categories=())) | st.integers() | st.floats() | st.dates() | st.none() | st.uuids()
)
keys = (
    st.text(st.characters(exclude_categories=()), max_size=5) | st.integers() | st.none() | st.booleans() | st.dates()
)
things = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.frozensets(elements, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=15,
)


@given(st.dictionaries(keys, things, max_size=5))
def test_anything_can_be_recorded_and_read(state: dict[Any, Any]) -> None:
    line = line_of(state, old=state)
    assert b"\n" not in line
    json.loads(line)
    event = codec.decode(line, key="k", line=1)
    assert not event.lossy
    assert event.new_data is not None
    assert len(event.new_data) == len(state)  # no name was lost
    assert event.old_data == event.new_data


@given(things)
def test_the_same_value_always_gives_the_same(value: Any) -> None:
    assert line_of({"a": value}) == line_of({"a": copy.copy(value)})


@given(things)
def test_nothing_is_edited(value: Any) -> None:
    state = {"a": value}
    before = ascii(state)
    line_of(state)
    assert ascii(state) == before


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), things, max_size=4))
def test_care_changes_no_spelling(state: dict[str, Any]) -> None:
    """The fast way and the careful one give the same, wherever the fast one succeeds."""
    careful = msgspec.json.Encoder(decimal_format="number").encode(plain(state, name="new_data"))
    wire = msgspec.json.decode(line_of(state), type=dict[str, msgspec.Raw])
    assert bytes(wire["new_data"]) == careful


def test_ids_of_every_kind_become_text() -> None:
    from byline.capture.envelope import entity_of

    uuid = uuid4()
    assert [entity_of(given) for given in (1, "1", uuid, (1, "a"), {"b": 1, "a": 2}, Decimal(7), b"\x00")] == [
        "1",
        "1",
        str(uuid),
        '[1,"a"]',
        '{"a":2,"b":1}',
        "7",
        "base64:AA==",
    ]
