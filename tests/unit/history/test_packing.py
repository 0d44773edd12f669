"""Packing loses nothing, and no two values share one form."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from byline.history.packing import (
    key_of,
    moment,
    pack_flags,
    pack_ip,
    pack_request,
    pack_types,
    time_of,
    unpack_flags,
    unpack_request,
    unpack_types,
    uuid_text,
)
from byline.model.change import VALUE_TYPES

texts = st.text(st.characters(codec="utf-8"))


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_keeps_every_microsecond(time: datetime) -> None:
    assert time_of(moment(time)) == time


@given(texts.map(lambda text: text[:128]) | st.uuids().map(str) | st.uuids().map(lambda uuid: str(uuid).upper()))
def test_a_request_id_comes_back_as_it_was_written(text: str) -> None:
    assert unpack_request(pack_request(text)) == text


def test_a_uuid_is_packed_into_17_bytes() -> None:
    assert len(pack_request("3f0f6d4e-59c8-4b8f-9d0a-0d6a4c1f2b3a")) == 17


@given(st.uuids())
def test_an_id_reads_as_a_uuid_does(uuid: UUID) -> None:
    assert uuid_text(uuid.bytes) == str(uuid)


@given(texts | texts.map(lambda text: text * 100), texts)
def test_a_key_is_short_and_two_texts_never_share_one(text: str, other: str) -> None:
    key, long = key_of(text)
    assert len(key.encode()) <= 255
    assert (long or key) == text
    assert (key_of(other)[0] == key) == (other == text)


def test_a_text_that_looks_like_a_hashed_key_is_hashed_itself() -> None:
    key, _ = key_of("x" * 300)
    assert key_of(key)[0] != key


def test_an_address_is_packed_whichever_way_it_is_spelled() -> None:
    assert pack_ip("203.0.113.7") == bytes((203, 0, 113, 7))
    assert pack_ip("2001:DB8::1") == pack_ip("2001:db8:0:0:0:0:0:1")
    assert pack_ip("not an address") is None


def test_types_and_flags_come_back() -> None:
    for previous in VALUE_TYPES:
        for current in VALUE_TYPES:
            assert unpack_types(pack_types(previous, current)) == (previous, current)
    assert unpack_flags(pack_flags(lossy=True, one_sided=False)) == ["lossy"]
    assert unpack_flags(pack_flags(lossy=True, one_sided=True)) == ["lossy", "one_sided"]
