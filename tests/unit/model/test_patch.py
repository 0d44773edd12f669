"""JSON Patches do what RFC 6902 says; another library carries them out."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import jsonpatch
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.model.codec_tolerant import parse
from byline.model.event import Data
from byline.model.jsontext import encode_number
from byline.model.patch import patch
from byline.model.undo import PatchOperation
from byline.model.values import same
from tests.unit.model.made import states
from tests.unit.model.test_diff_properties import pairs


def on_the_wire(operations: list[PatchOperation]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = parse(msgspec.json.Encoder(enc_hook=encode_number).encode(operations))[0]
    return sent


def applied(now: Data | None, operations: list[PatchOperation]) -> Any:
    return jsonpatch.apply_patch(deepcopy(now), on_the_wire(operations))


@given(pairs())
def test_a_patch_makes_the_wanted_state_of_the_present_one(pair: tuple[Any, Any]) -> None:
    now, wanted = pair
    assert same(applied(now, patch(now, wanted)), wanted)


identities = st.lists(st.integers(0, 9), unique=True)


@given(identities, identities, st.randoms(use_true_random=False))
def test_elements_come_go_move_and_change_by_their_identity(was: list[int], to_be: list[int], random: Any) -> None:
    now, wanted = (
        {"lines": [{"id": identity, "n": random.randrange(2)} for identity in some]} for some in (was, to_be)
    )
    assert applied(now, patch(now, wanted)) == wanted


@given(states)
def test_an_entity_that_is_not_there_is_null(state: Any) -> None:
    assert same(applied(None, patch(None, state)), state)
    assert applied(state, patch(state, None)) is None
    assert patch(None, None) == patch(state, state) == []


def test_what_is_replaced_or_removed_is_tested_first() -> None:
    now, wanted = {"a": 1, "gone": [1], "same": 1}, {"a": 2, "same": 1, "new": None}
    assert on_the_wire(patch(now, wanted)) == [
        {"op": "test", "path": "/a", "value": 1},
        {"op": "replace", "path": "/a", "value": 2},
        {"op": "test", "path": "/gone", "value": [1]},
        {"op": "remove", "path": "/gone"},
        {"op": "add", "path": "/new", "value": None},
    ]
    for touched in ({**now, "a": 3}, {**now, "gone": []}):
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            applied(touched, patch(now, wanted))
    assert applied({**now, "same": 5, "more": 6}, patch(now, wanted)) == {**wanted, "same": 5, "more": 6}


def test_a_masked_value_is_not_tested_since_it_is_not_recorded_as_it_is() -> None:
    assert on_the_wire(patch({"pin": "***", "n": {"$enc": {"digest": "x"}}}, {"pin": None})) == [
        {"op": "replace", "path": "/pin", "value": None},
        {"op": "remove", "path": "/n"},
    ]


def test_an_element_is_tested_for_its_identity_before_it_is_touched() -> None:
    now = {"lines": [{"id": 7, "price": 5, "token": "***"}, {"id": "8", "token": "***"}]}
    wanted = {"lines": [{"id": 7, "price": 4, "token": "***"}]}
    operations = patch(now, wanted)
    assert on_the_wire(operations) == [
        {"op": "test", "path": "/lines/1/id", "value": "8"},
        {"op": "remove", "path": "/lines/1"},
        {"op": "test", "path": "/lines/0/id", "value": 7},
        {"op": "test", "path": "/lines/0/price", "value": 5},
        {"op": "replace", "path": "/lines/0/price", "value": 4},
    ]
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        applied({"lines": [{"id": 6, "price": 5}, {"id": "8"}]}, operations)


def test_names_are_escaped_as_rfc_6901_says() -> None:
    now = {"a/b~c": {"": 1}}
    (test, replace) = patch(now, {"a/b~c": {"": 2}})
    assert (test.path, replace.path) == ("/a~1b~0c/", "/a~1b~0c/")
    assert applied(now, [test, replace]) == {"a/b~c": {"": 2}}
