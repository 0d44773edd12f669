"""A value is text plus a type; that loses nothing. Equality of values is DESIGN §4's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from byline.model.number import Number
from byline.model.values import ABSENT, from_text, is_encrypted, same, value
from tests.unit.model.made import values


@pytest.mark.parametrize(
    ("json_value", "text", "kind"),
    [
        (ABSENT, None, "absent"),
        (None, "null", "null"),
        (True, "true", "boolean"),
        (False, "false", "boolean"),
        (1, "1", "number"),
        (Number("119.00"), "119.00", "number"),
        (Number("1E5"), "1E5", "number"),
        (10**30, "1" + "0" * 30, "number"),
        ("", "", "string"),
        (" a\u0301\n", " a\u0301\n", "string"),
        ("null", "null", "string"),
        ([], "[]", "array"),
        ({}, "{}", "object"),
        ([1, Number("1.0"), "é", None], '[1,1.0,"é",null]', "array"),
        ({"b": 1, "a": {"d": 1, "c": 2}, "Z": 0, "é": 3}, '{"Z":0,"a":{"c":2,"d":1},"b":1,"é":3}', "object"),
        ({"$enc": {"digest": "d", "c": "x"}}, '{"$enc":{"c":"x","digest":"d"}}', "encrypted"),
        ({"$enc": 1, "more": 2}, '{"$enc":1,"more":2}', "object"),
    ],
)
def test_a_value_is_text_plus_a_type(json_value: Any, text: str | None, kind: str) -> None:
    assert value(json_value) == (text, kind)


def test_an_integer_longer_than_python_prints_is_still_text() -> None:
    assert value(10**5000) == ("1" + "0" * 5000, "number")


def test_keys_are_sorted_by_code_point() -> None:
    assert value({"😀": 1, "\uffff": 2})[0] == '{"\uffff":2,"😀":1}'


@given(values)
def test_text_and_type_lose_nothing(json_value: Any) -> None:
    text, kind = value(json_value)
    back = from_text(text, kind)
    assert same(back, json_value)
    assert value(back) == (text, kind)


@given(values)
def test_the_text_of_anything_but_a_string_is_json(json_value: Any) -> None:
    text, kind = value(json_value)
    if kind != "string":
        json.loads(text or "")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, "1"),
        (1, True),
        (0, False),
        (Number("1.0"), True),
        ("true", True),
        (None, "null"),
        (None, ABSENT),
        ([], {}),
        ([1], [True]),
        ({"a": 1}, {"a": True}),
        ({"a": [{"b": 0}]}, {"a": [{"b": False}]}),
        ({"a": None}, {}),
        ([1, 2], [2, 1]),
        ("é", "e\u0301"),
        ("a", "a "),
        ("a", "A"),
    ],
)
def test_types_count_and_text_is_compared_code_point_by_code_point(a: Any, b: Any) -> None:
    assert not same(a, b)
    assert not same(b, a)


def test_key_order_never_counts() -> None:
    assert same({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1})


def test_equal_numbers_are_the_same_also_inside_containers() -> None:
    assert same({"a": [1, {"b": Number("2.50")}]}, {"a": [Number("1.0"), {"b": Number("25e-1")}]})


def test_encrypted_values_are_equal_where_their_digests_are() -> None:
    one = {"$enc": {"digest": "d", "c": "x"}}
    assert is_encrypted(one)
    assert same(one, {"$enc": {"digest": "d", "c": "y"}})
    assert same([one], [{"$enc": {"digest": "d"}}])
    assert not same(one, {"$enc": {"digest": "e", "c": "x"}})


@pytest.mark.parametrize("inside", [{"c": "x"}, {"c": "x", "digest": ""}, {"c": "x", "digest": 1}, "x", None])
def test_encrypted_values_without_a_digest_are_compared_whole(inside: Any) -> None:
    other = {**inside, "c": "y"} if isinstance(inside, dict) else "y"
    assert same({"$enc": inside}, {"$enc": inside})
    assert not same({"$enc": inside}, {"$enc": other})
    assert not same({"$enc": inside}, {"$enc": {"digest": "d", "c": "x"}})


def test_an_object_with_more_than_an_envelope_is_an_object() -> None:
    assert not is_encrypted({"$enc": {"digest": "d"}, "more": 1})
    assert not same({"$enc": {"digest": "d", "c": 1}, "more": 1}, {"$enc": {"digest": "d", "c": 2}, "more": 1})
