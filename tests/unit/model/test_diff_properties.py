"""What holds for the diff of any two states (DESIGN §4)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from byline.model import paths
from byline.model.codec_tolerant import parse
from byline.model.diff import apply, diff_data
from byline.model.jsontext import json_text
from byline.model.values import same
from tests.unit.model.made import names, states, values


def _shuffled(value: Any, random: Any) -> Any:
    if type(value) is dict:
        members = list(value.items())
        random.shuffle(members)
        return {name: _shuffled(member, random) for name, member in members}
    return [_shuffled(member, random) for member in value] if type(value) is list else value


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two states, the second often a variation of the first."""
    old = draw(states)
    if draw(st.booleans()):
        return old, draw(states)
    new = parse(json_text(old).encode())[0]
    for _ in range(draw(st.integers(0, 3))):
        _vary(draw, new)
    return old, new


def _vary(draw: st.DrawFn, holder: Any) -> None:
    while True:
        inside = [
            member for member in (holder.values() if type(holder) is dict else holder) if type(member) in (dict, list)
        ]
        if not inside or draw(st.booleans()):
            break
        holder = draw(st.sampled_from(inside))
    if type(holder) is dict:
        holder[draw(st.one_of(names, st.sampled_from([*holder, "a"])))] = draw(values)
    elif holder:
        draw(st.sampled_from([holder.pop, holder.reverse, holder.clear, lambda: holder.append(draw(values))]))()


@given(pairs())
def test_applying_the_changes_to_old_gives_new(pair: tuple[Any, Any]) -> None:
    old, new = pair
    before = json_text(old)
    assert same(apply(old, diff_data(old, new, action="update")), new)
    assert json_text(old) == before


@given(states, st.randoms(use_true_random=False))
def test_a_state_does_not_differ_from_itself(state: Any, random: Any) -> None:
    assert diff_data(state, state, action="update") == []
    assert diff_data(state, _shuffled(state, random), action="update") == []


@given(pairs())
def test_there_are_changes_exactly_where_states_differ(pair: tuple[Any, Any]) -> None:
    old, new = pair
    assert bool(diff_data(old, new, action="update")) is not same(old, new)


@given(pairs(), st.sampled_from(["create", "update", "delete"]))
def test_every_attribute_has_a_name_and_one_change(pair: tuple[Any, Any], action: Any) -> None:
    changes = diff_data(*pair, action=action)
    attributes = [change.attribute for change in changes]
    assert len(set(attributes)) == len(attributes)
    for change in changes:
        assert paths.join(paths.parse(change.attribute)) == change.attribute
        assert (change.previous_type, change.previous_value) != (change.current_type, change.current_value)


@given(states)
def test_create_and_delete_are_mirror_images(state: Any) -> None:
    created = diff_data(None, state, action="create")
    deleted = diff_data(state, None, action="delete")
    assert [(c.attribute, c.current_value, c.current_type) for c in created] == [
        (c.attribute, c.previous_value, c.previous_type) for c in deleted
    ]
    assert all(c.previous_type == "absent" and c.current_type != "null" for c in created)


@given(pairs())
def test_the_same_states_give_the_same_rows(pair: tuple[Any, Any]) -> None:
    old, new = pair
    again = parse(json_text(old).encode())[0], parse(json_text(new).encode())[0]
    assert sorted(diff_data(old, new, action="update"), key=lambda c: c.attribute) == sorted(
        diff_data(*again, action="update"), key=lambda c: c.attribute
    )
