"""The diff: one change for each attribute that differs (DESIGN §4)."""

from __future__ import annotations

from typing import Any

import pytest

from byline.model import diff as diff_module
from byline.model.change import Change
from byline.model.diff import apply, diff, diff_data
from byline.model.number import Number
from byline.model.values import same
from tests.unit.model.made import read, read_bytes, wire

Rows = list[tuple[str, str | None, str | None]]


def rows(old: Any, new: Any, action: Any = "update") -> Rows:
    changes = diff_data(old, new, action=action)
    for change in changes:
        assert (change.previous_value is None) is (change.previous_type == "absent")
        assert (change.current_value is None) is (change.current_type == "absent")
    if action == "update":
        assert same(apply(old, changes), new or {})
    return [(change.attribute, change.previous_value, change.current_value) for change in changes]


def test_the_worked_example_has_two_changes() -> None:
    assert diff(read()) == [
        Change(
            "title",
            "Redmi note 9 max | 6gb Ram | 128gb Storage",
            "Redmi note 9 max | 4gb Ram | 128gb Storage",
            "string",
            "string",
        ),
        Change("inventory", "1", "10", "number", "number"),
    ]


# Objects


def test_objects_are_compared_leaf_by_leaf() -> None:
    old = {"a": {"b": {"c": 1, "d": 2}, "e": 3}, "f": 4}
    new = {"f": 4, "a": {"e": 3, "b": {"d": 5, "c": 1}}}
    assert rows(old, new) == [("a.b.d", "2", "5")]


def test_a_subtree_that_appears_is_reported_leaf_by_leaf() -> None:
    assert rows({}, {"a": {"b": {"c": 1}, "d": None}}) == [("a.b.c", None, "1"), ("a.d", None, "null")]


def test_a_subtree_that_goes_is_reported_leaf_by_leaf() -> None:
    assert rows({"a": {"b": {"c": 1}, "d": []}}, {}) == [("a.b.c", "1", None), ("a.d", "[]", None)]


def test_an_empty_object_or_list_is_a_value() -> None:
    assert rows({}, {"a": {}, "b": []}) == [("a", None, "{}"), ("b", None, "[]")]
    assert rows({"a": {}}, {"a": []}) == [("a", "{}", "[]")]
    assert rows({"a": {}}, {"a": None}) == [("a", "{}", "null")]


def test_an_object_that_loses_all_it_had_but_stays_gives_one_more_row() -> None:
    assert rows({"a": {"b": 1, "c": 2}}, {"a": {}}) == [("a.b", "1", None), ("a.c", "2", None), ("a", None, "{}")]
    assert rows({"a": {"b": 1, "c": 2}}, {}) == [("a.b", "1", None), ("a.c", "2", None)]


def test_only_the_container_that_stays_has_a_row_of_its_own() -> None:
    assert rows({"a": {"b": {"c": 1}}}, {"a": {"b": {}}}) == [("a.b.c", "1", None), ("a.b", None, "{}")]
    assert rows({"a": {"b": {"c": 1}}}, {"a": {}}) == [("a.b.c", "1", None), ("a", None, "{}")]
    assert rows({"a": {"b": {"c": 1}, "d": 1}}, {"a": {"d": 1}}) == [("a.b.c", "1", None)]


def test_a_container_that_gains_its_first_content_has_no_row_for_itself() -> None:
    assert rows({"a": {}}, {"a": {"b": 1}}) == [("a.b", None, "1")]
    assert rows({"a": []}, {"a": [{"id": 1}]}) == [("a[id=1].id", None, "1")]


def test_the_root_is_not_an_attribute() -> None:
    assert rows({"a": 1}, {}) == [("a", "1", None)]
    assert rows({}, {}) == []


def test_key_order_inside_objects_never_counts() -> None:
    assert (
        rows({"a": {"x": 1, "y": 2}, "l": [{"x": 1, "y": 2}]}, {"l": [{"y": 2, "x": 1}], "a": {"y": 2, "x": 1}}) == []
    )


def test_a_leaf_in_the_place_of_an_object_and_the_reverse() -> None:
    assert rows({"a": {"b": 1}}, {"a": 2}) == [("a.b", "1", None), ("a", None, "2")]
    assert rows({"a": 2}, {"a": {"b": 1}}) == [("a", "2", None), ("a.b", None, "1")]
    assert rows({"p": {"a": None}}, {"p": {"a": {"b": 1}}}) == [("p.a", "null", None), ("p.a.b", None, "1")]


# Lists


def test_a_list_with_unique_ids_is_compared_element_by_element() -> None:
    old = {"lines": [{"id": 7, "price": 1}, {"id": 8, "price": 2}]}
    new = {"lines": [{"id": 7, "price": 1}, {"id": 8, "price": 3}]}
    assert rows(old, new) == [("lines[id=8].price", "2", "3")]


def test_a_list_with_unique_underscore_ids_is_compared_element_by_element() -> None:
    assert rows({"l": [{"_id": "x", "a": 1}]}, {"l": [{"_id": "x", "a": 2}]}) == [('l[_id="x"].a', "1", "2")]


def test_id_is_preferred_and_must_be_there_on_both_sides() -> None:
    assert rows({"l": [{"id": 1, "_id": 5}]}, {"l": [{"id": 1, "_id": 6}]}) == [("l[id=1]._id", "5", "6")]
    assert rows({"l": [{"id": 1, "_id": 5}]}, {"l": [{"_id": 5}]}) == [("l[_id=5].id", "1", None)]
    assert rows({"l": [{"id": 1}]}, {"l": [{"_id": 1}]}) == [("l", '[{"id":1}]', '[{"_id":1}]')]


def test_elements_come_and_go_leaf_by_leaf() -> None:
    old = {"l": [{"id": 1, "a": 1}, {"id": 2, "a": 2}]}
    new = {"l": [{"id": 2, "a": 2}, {"a": {"b": 3}, "id": 3}]}
    assert rows(old, new) == [
        ("l[id=1].id", "1", None),
        ("l[id=1].a", "1", None),
        ("l[id=3].a.b", None, "3"),
        ("l[id=3].id", None, "3"),
    ]


def test_an_empty_side_counts_as_a_list_with_identities() -> None:
    assert rows({"l": []}, {"l": [{"id": 1, "a": 2}]}) == [("l[id=1].id", None, "1"), ("l[id=1].a", None, "2")]
    assert rows({"l": [{"id": 1}]}, {"l": []}) == [("l[id=1].id", "1", None), ("l", None, "[]")]


def test_an_absent_side_counts_as_a_list_with_identities() -> None:
    assert rows({}, {"l": [{"id": 1}]}) == [("l[id=1].id", None, "1")]
    assert rows({"l": [{"id": 1}]}, {}) == [("l[id=1].id", "1", None)]


def test_another_value_beside_a_list_with_identities_goes_or_comes_in_a_row_of_its_own() -> None:
    assert rows({"l": "x"}, {"l": [{"id": 1}]}) == [("l", "x", None), ("l[id=1].id", None, "1")]
    assert rows({"l": [{"id": 1}]}, {"l": None}) == [("l[id=1].id", "1", None), ("l", None, "null")]
    assert rows({"l": {"a": 1}}, {"l": [{"id": 1}]}) == [("l.a", "1", None), ("l[id=1].id", None, "1")]


@pytest.mark.parametrize(
    "elements",
    [
        [{"id": 1}, {"id": 1}],
        [{"id": 1}, {"id": Number("1.0")}],
        [{"id": None}],
        [{"id": [1]}],
        [{"id": {"$enc": {"digest": "d"}}}],
        [{"id": 1}, {"a": 1}],
        [{"id": 1}, 2],
        [[{"id": 1}]],
    ],
)
def test_any_other_list_is_one_value(elements: list[Any]) -> None:
    assert [row[0] for row in rows({"l": elements}, {"l": [*elements, 5]})] == ["l"]
    assert [row[0] for row in rows({"l": elements}, {"l": []})] == ["l"]
    assert [row[0] for row in rows({}, {"l": elements})] == ["l"]


def test_a_list_with_identities_beside_one_without_is_one_value() -> None:
    assert rows({"l": [1, 2]}, {"l": [{"id": 1}]}) == [("l", "[1,2]", '[{"id":1}]')]


@pytest.mark.parametrize(("a", "b"), [(7, "7"), (1, True), (0, False), ("true", True)])
def test_identities_of_different_types_are_different(a: Any, b: Any) -> None:
    assert len(rows({"l": [{"id": a}]}, {"l": [{"id": b}]})) == 2
    assert rows({"l": [{"id": a, "x": 1}, {"id": b, "x": 1}]}, {"l": [{"id": a, "x": 1}, {"id": b, "x": 1}]}) == []


def test_an_identity_is_the_same_however_the_number_is_written() -> None:
    assert rows({"l": [{"id": 7, "a": 1}]}, {"l": [{"id": Number("7.0"), "a": 2}]}) == [("l[id=7].a", "1", "2")]
    huge = 10**40
    assert rows({"l": [{"id": huge, "a": 1}]}, {"l": [{"id": Number("1e40"), "a": 2}]}) == [("l[id=1e40].a", "1", "2")]


def test_elements_that_change_places_give_one_row_with_both_orders() -> None:
    old = {"lines": [{"id": 1}, {"id": Number("2.0")}, {"id": "x"}]}
    new = {"lines": [{"id": "x"}, {"id": 1}, {"id": 2}]}
    assert rows(old, new) == [("lines[]", '[1,2.0,"x"]', '["x",1,2]')]


def test_removals_and_additions_at_the_end_are_no_change_of_order() -> None:
    old = {"l": [{"id": 1}, {"id": 2}, {"id": 3}]}
    assert "l[]" not in [row[0] for row in rows(old, {"l": [{"id": 1}, {"id": 3}, {"id": 4}, {"id": 0}]})]


def test_an_addition_in_front_is_a_change_of_order() -> None:
    assert rows({"l": [{"id": 1}]}, {"l": [{"id": 2}, {"id": 1}]}) == [
        ("l[id=2].id", None, "2"),
        ("l[]", "[1]", "[2,1]"),
    ]


def test_lists_with_identities_inside_each_other() -> None:
    old = {"o": [{"id": 1, "lines": [{"id": "a", "n": 1}]}]}
    new = {"o": [{"id": 1, "lines": [{"id": "b", "n": 1}, {"id": "a", "n": 2}]}]}
    assert rows(old, new) == [
        ('o[id=1].lines[id="a"].n', "1", "2"),
        ('o[id=1].lines[id="b"].id', None, "b"),
        ('o[id=1].lines[id="b"].n', None, "1"),
        ("o[id=1].lines[]", '["a"]', '["b","a"]'),
    ]


# Types and numbers


@pytest.mark.parametrize(
    ("a", "b"), [(1, "1"), (1, True), (0, False), ("true", True), (None, "null"), (None, False), ("", None)]
)
def test_types_count(a: Any, b: Any) -> None:
    for old, new in ((a, b), (b, a)):
        assert [row[0] for row in rows({"x": old}, {"x": new})] == ["x"]
        assert [row[0] for row in rows({"l": [old]}, {"l": [new]})] == ["l"]
        assert [row[0] for row in rows({"o": {"x": old}}, {"o": {"x": new}})] == ["o.x"]
        assert [row[0] for row in rows({"l": [{"o": old}]}, {"l": [{"o": new}]})] == ["l"]


@pytest.mark.parametrize(("a", "b"), [("1", "1.0"), ("1", "1e0"), ("-0", "0"), ("119.00", "119"), ("1E5", "100000")])
def test_equal_numbers_are_no_change(a: str, b: str) -> None:
    old, new = (f'{{"a": {token}, "l": [{token}], "o": {{"x": {token}}}}}' for token in (a, b))
    data = wire(old_data="OLD", new_data="NEW").replace(b'"OLD"', old.encode()).replace(b'"NEW"', new.encode())
    assert diff(read_bytes(data)) == []


def test_the_text_of_a_number_is_its_token() -> None:
    assert rows({"p": Number("119.00")}, {"p": Number("1.2E+2")}) == [("p", "119.00", "1.2E+2")]
    assert rows({"p": [Number("119.00")]}, {"p": [Number("-0")]}) == [("p", "[119.00]", "[-0]")]


def test_no_number_is_compared_by_way_of_a_float() -> None:
    assert rows({"p": Number("0.1")}, {"p": Number("0.10000000000000000001")}) == [
        ("p", "0.1", "0.10000000000000000001")
    ]
    assert rows({"p": 2**53}, {"p": 2**53 + 1}) == [("p", str(2**53), str(2**53 + 1))]


def test_an_encrypted_value_is_one_leaf() -> None:
    old = {"e": {"$enc": {"digest": "1", "c": "x"}}}
    new = {"e": {"$enc": {"digest": "2", "c": "y"}}}
    assert [(c.attribute, c.previous_type, c.current_type) for c in diff_data(old, new, action="update")] == [
        ("e", "encrypted", "encrypted")
    ]
    assert rows(old, {"e": {"$enc": {"digest": "1", "c": "other"}}}) == []
    assert rows(old, {"e": "plain"}) == [("e", '{"$enc":{"c":"x","digest":"1"}}', "plain")]
    assert rows(old, {"e": {}}) == [("e", '{"$enc":{"c":"x","digest":"1"}}', "{}")]
    assert rows(old, {"e": {"a": 1}}) == [("e", '{"$enc":{"c":"x","digest":"1"}}', None), ("e.a", None, "1")]


def test_null_and_absent_differ_on_update() -> None:
    assert rows({"a": None}, {}) == [("a", "null", None)]
    assert rows({}, {"a": None}) == [("a", None, "null")]


def test_a_null_attribute_gives_no_row_on_create_and_delete() -> None:
    state = {"a": None, "b": {"c": None, "d": 1}, "l": [{"id": 1, "n": None}], "v": [None]}
    created = [("b.d", "1"), ("l[id=1].id", "1"), ("v", "[null]")]
    assert rows(None, state, "create") == [(name, None, text) for name, text in created]
    assert rows(state, None, "delete") == [(name, text, None) for name, text in created]


def test_a_side_that_an_action_cannot_have_is_nothing() -> None:
    assert rows({"a": 1}, {"a": 2}, "create") == [("a", None, "2")]
    assert rows({"a": 1}, {"a": 2}, "delete") == [("a", "1", None)]


def test_a_missing_side_of_an_update_is_nothing() -> None:
    assert rows(None, {"a": None}) == [("a", None, "null")]
    assert [row[0] for row in rows({"a": 1}, None)] == ["a"]


@pytest.mark.parametrize(
    ("a", "b"), [("é", "e\u0301"), ("a", "a "), ("A", "a"), ("", " "), ("x" * 100_000, "x" * 100_001)]
)
def test_text_is_never_normalised_trimmed_or_truncated(a: str, b: str) -> None:
    assert rows({"t": a}, {"t": b}) == [("t", a, b)]


# Huge and hostile


def test_two_hundred_levels_are_no_trouble() -> None:
    def nested(leaf: Any, make: Any) -> Any:
        for _ in range(198):
            leaf = make(leaf)
        return {"root": leaf}

    for make in (lambda x: {"a": x}, lambda x: [x]):
        assert len(rows(nested(1, make), nested(2, make))) == 1
        assert len(rows({}, nested(2, make))) == 1
        assert rows(nested(1, make), nested(1, make)) == []

    def lines(leaf: Any) -> Any:
        for _ in range(99):
            leaf = {"l": [{"id": 1, "x": leaf}]}
        return leaf

    assert len(rows(lines(1), lines(2))) == 1


def test_a_large_list_with_identities_is_linear() -> None:
    """A quadratic diff or apply of these would not end within the patience of a test run."""
    ids = range(20_000)
    old = {"l": [{"id": id, "v": 1} for id in ids]}
    new = {"l": [{"id": id, "v": 2} for id in reversed(ids)]}
    assert len(rows(old, new)) == 20_001
    collide = [{"id": id * (2**61 - 1), "v": 1} for id in range(1, 20_000)]
    assert len(rows({"l": collide}, {"l": []})) == 2 * 19_999 + 1


def test_names_that_would_fill_the_memory_leave_the_attributes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff_module, "MAX_NAMES", 100)
    old = {"x" * 30: {"a": 1, "b": 2, "c": 3, "d": 4}, "same": [1], "gone": {"a": 1}}
    new = {"x" * 30: {"a": 2, "b": 3, "c": 4, "d": 5}, "same": [1]}
    assert rows(old, new) == [
        ("x" * 30, '{"a":1,"b":2,"c":3,"d":4}', '{"a":2,"b":3,"c":4,"d":5}'),
        ("gone", '{"a":1}', None),
    ]
