"""The digest: equal for states that are equal under DESIGN §4."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from byline.model.digest import digest
from byline.model.number import Number
from byline.model.values import same
from tests.unit.model.made import states
from tests.unit.model.test_diff_properties import pairs


def test_no_state_has_no_digest() -> None:
    assert digest(None) is None
    assert digest({}) is not None


def test_it_is_eight_bytes_and_never_changes() -> None:
    assert digest({"b": [1, "é", None], "a": True}) == bytes.fromhex("d653e32031ea1ab0")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ({"a": 1}, {"a": Number("1.0")}),
        ({"a": 0}, {"a": Number("-0")}),
        ({"a": [100]}, {"a": [Number("1e2")]}),
        ({"a": 10**30}, {"a": Number("1e30")}),
        ({"a": 10**22}, {"a": Number("1e22")}),
        ({"a": -(10**50), "s": "0" * 30}, {"a": Number("-1e50"), "s": "0" * 30}),
        ({"a": {"$enc": {"digest": "d", "c": 1}}}, {"a": {"$enc": {"digest": "d", "c": 2}}}),
        ({"a": [{"$enc": {"digest": "d", "c": 1}}, 1]}, {"a": [{"$enc": {"digest": "d"}}, Number("1.0")]}),
    ],
)
def test_equal_states_have_equal_digests(a: Any, b: Any) -> None:
    assert same(a, b)
    assert digest(a) == digest(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": {}}, {"a": []}),
        ({"a": "é"}, {"a": "e\u0301"}),
        ({"a": {"$enc": {"digest": "d"}}}, {"a": {"$enc": {"digest": "e"}}}),
        ({"a": {"$enc": {"c": 1}}}, {"a": {"$enc": {"c": 2}}}),
    ],
)
def test_different_states_have_different_digests(a: Any, b: Any) -> None:
    assert digest(a) != digest(b)


@given(pairs())
def test_digests_agree_with_equality(pair: tuple[Any, Any]) -> None:
    old, new = pair
    assert (digest(old) == digest(new)) is same(old, new)


@given(states)
def test_a_digest_is_eight_bytes(state: Any) -> None:
    assert len(digest(state) or b"") == 8
