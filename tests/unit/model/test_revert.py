"""What holds for taking back any change (DESIGN §4's equality)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from byline.model import paths
from byline.model.codec_tolerant import parse
from byline.model.diff import diff_data
from byline.model.differences import item
from byline.model.event import Action, AuditEvent, RequestInfo
from byline.model.jsontext import json_text
from byline.model.masks import is_veiled
from byline.model.patch import patch
from byline.model.query import EventRow, ObjectRef
from byline.model.revert import revert
from byline.model.values import same
from tests.unit.model.made import states
from tests.unit.model.test_diff_properties import _vary, pairs
from tests.unit.model.test_patch import applied


def event(number: int, old: Any, new: Any, action: Action = "update") -> tuple[EventRow, AuditEvent]:
    when = datetime(2024, 1, 1, 0, number, tzinfo=UTC)
    made = AuditEvent(
        event_id=UUID(int=number),
        table_id="t",
        entity_id="1",
        micro_service_name="s",
        action=action,
        old_data=old,
        new_data=new,
        request_info=RequestInfo(time_stamp=when),
    )
    said = dict.fromkeys(EventRow.__struct_fields__)
    told: Any = {
        "event_id": str(made.event_id),
        "occurred_at": when.isoformat(),
        "action": action,
        "object": ObjectRef("k", number),
        "changes": [item(change) for change in diff_data(old, new, action=action)],
    }
    return EventRow(**{**said, **told}), made


def inside(attribute: str) -> set[str]:
    """Itself, and all that it is inside of."""
    steps = paths.parse(attribute)
    return {paths.join(steps[:end]) for end in range(1, len(steps) + 1)}


def touched(before: Any, after: Any) -> set[str]:
    return {change.attribute for change in diff_data(before, after, action="update")}


@given(pairs())
def test_a_change_that_nobody_changed_since_is_taken_back_wholly(pair: tuple[Any, Any]) -> None:
    old, new = pair
    assume(not is_veiled(old))
    row, made = event(1, old, new)
    reverted = revert(new, [row], {row.event_id: made})
    assert reverted.refused == []
    assert same(reverted.state, old)
    assert same(applied(new, patch(new, reverted.state)), old)


@given(pairs(), states)
def test_several_changes_of_one_request_are_taken_back_to_the_state_before_the_first(
    pair: tuple[Any, Any], last: Any
) -> None:
    old, new = pair
    assume(not is_veiled([old, new]))
    first, second = event(1, old, new), event(2, new, last)
    reverted = revert(last, [first[0], second[0]], {row.event_id: made for row, made in (first, second)})
    assert (reverted.refused, same(reverted.state, old)) == ([], True)


@given(states)
def test_a_create_and_a_delete_are_taken_back(state: Any) -> None:
    assume(not is_veiled(state))
    row, made = event(1, None, state, "create")
    assert revert(state, [row], {row.event_id: made}).state is None
    row, made = event(1, state, None, "delete")
    assert same(revert(None, [row], {row.event_id: made}).state, state)


@given(pairs(), st.data())
def test_what_others_changed_since_stays_theirs(pair: tuple[Any, Any], data: st.DataObject) -> None:
    old, new = pair
    now = parse(json_text(new).encode())[0]
    for _ in range(data.draw(st.integers(0, 3))):
        _vary(data.draw, now)
    mine, theirs = event(1, old, new), event(2, new, now)
    reverted = revert(now, [mine[0], theirs[0]], {mine[0].event_id: mine[1]})
    changed, others = touched(now, reverted.state), touched(new, now)
    assert changed.isdisjoint(others)
    for attribute in changed:
        assert inside(attribute).isdisjoint(others)
    for attribute in others:
        assert inside(attribute).isdisjoint(changed)
    assert same(applied(now, patch(now, reverted.state)), reverted.state)
    taken_back = touched(new, old) - {refusal.attribute for refusal in reverted.refused}
    assert changed <= taken_back
