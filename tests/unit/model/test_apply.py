"""Changes that do not belong to a state are refused, not half applied in silence."""

from __future__ import annotations

import pytest

from byline.model.change import Change
from byline.model.diff import apply, diff_data


def _set(attribute: str, text: str = "1") -> Change:
    return Change(attribute, None, text, "absent", "number")


def _gone(attribute: str) -> Change:
    return Change(attribute, "1", None, "number", "absent")


@pytest.mark.parametrize(
    "change",
    [
        _gone("b"),
        _gone("a.x"),
        _gone("l[id=9].v"),
        _set("a.x"),
        _set("a[id=1].v"),
        _set("plain[id=1].v"),
        _set("l[id=1]"),
        Change("l[]", "[1]", "[1,2]", "array", "array"),
    ],
)
def test_a_change_that_does_not_fit_the_state_is_refused(change: Change) -> None:
    with pytest.raises(ValueError, match="does not fit the state"):
        apply({"a": 1, "l": [{"id": 1, "v": 1}], "plain": [1]}, [change])


def test_a_change_without_a_proper_name_is_refused() -> None:
    with pytest.raises(ValueError, match="not the name of an attribute"):
        apply({}, [_set("a..b")])


def test_the_state_before_is_left_as_it_is() -> None:
    old = {"a": {"b": [1]}, "l": [{"id": 1, "v": {"w": 1}}]}
    new = apply(old, diff_data(old, {"a": {"b": [2]}, "l": [{"id": 1, "v": {}}]}, action="update"))
    new["l"][0]["id"] = 9
    assert old == {"a": {"b": [1]}, "l": [{"id": 1, "v": {"w": 1}}]}


def test_nothing_counts_as_an_empty_state() -> None:
    assert apply(None, [_set("a.b")]) == {"a": {"b": 1}}
