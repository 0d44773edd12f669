from __future__ import annotations

from copy import deepcopy
from typing import Any

import jsonpatch
import msgspec
import pytest

from byline.errors import UsageError
from byline.model.query import EventRow, Query
from byline.model.undo import UndoPlan, UndoStep
from byline.processor.answers import entity_state
from byline.processor.undo import undo_event, undo_request
from tests.unit.processor.conftest import Road
from tests.unit.processor.written import take, update, wrote


def plan(road: Road, request: str = "R", **asked: Any) -> UndoPlan:
    return undo_request(road.history.reader, road.bucket, request, **asked)


def step(road: Road, request: str = "R", **asked: Any) -> UndoStep:
    (only,) = plan(road, request, **asked).steps
    return only


def patched(road: Road, found: UndoStep) -> Any:
    """The present state, when a program has carried the plan out."""
    now = entity_state(road.history.reader, road.bucket, found.table_id, found.entity_id).state
    return jsonpatch.apply_patch(deepcopy(now), msgspec.json.decode(msgspec.json.encode(found.json_patch)))


def restored(found: UndoStep) -> dict[str, tuple[str | None, str | None]]:
    return {change.attribute: (change.previous_value, change.current_value) for change in found.restore}


def refused(found: UndoStep) -> dict[str | None, tuple[str, str | None]]:
    return {one.attribute: (one.reason, one.request_id) for one in found.refused}


def test_the_values_before_come_back_and_the_rest_stays(road: Road) -> None:
    before, after = {"price": 5, "title": "a", "n": 1}, {"price": 6, "title": "b", "n": 1}
    take(road, update(1, before, after, request="R"), update(9, after, {**after, "n": 2}))
    found = step(road)
    assert restored(found) == {"price": ("6", "5"), "title": ("b", "a")}
    assert patched(road, found) == {"price": 5, "title": "a", "n": 2} == found.data
    assert (found.action, found.refused, plan(road).complete) == ("update", [], True)


def test_what_somebody_changed_since_is_refused_and_says_who(road: Road) -> None:
    first, second = {"price": 5, "title": "a"}, {"price": 6, "title": "b"}
    take(road, update(1, first, second, request="R"), update(9, second, {**second, "price": 7}, user="bob"))
    found = step(road)
    assert refused(found) == {"price": ("changed_since", "r9")}
    assert (found.refused[0].user_id, found.refused[0].event_id) == ("bob", newest(road).event_id)
    assert patched(road, found) == {"price": 7, "title": "a"}
    assert not plan(road).complete


def newest(road: Road) -> EventRow:
    return road.history.reader.events(Query()).rows[0]


def test_what_somebody_set_since_to_the_very_same_value_is_theirs(road: Road) -> None:
    take(road, update(1, {"n": 1}, {"n": 2}, request="R"), update(5, {"n": 2}, {"n": 3}), update(9, {"n": 3}, {"n": 2}))
    assert refused(step(road)) == {"n": ("changed_since", "r9")}
    assert step(road).json_patch == []


def test_what_changed_outside_of_the_recorded_services_is_refused(road: Road) -> None:
    first, second = {"n": 1, "m": 1, "o": 1}, {"n": 2, "m": 2, "o": 1}
    take(road, update(1, first, second, request="R"), update(9, {**second, "n": 7}, {"n": 7, "m": 2, "o": 2}))
    found = step(road)
    assert refused(found) == {"n": ("changed_unrecorded", None)}
    assert patched(road, found) == {"n": 7, "m": 1, "o": 2}


def test_several_changes_of_one_request_come_to_their_net_effect(road: Road) -> None:
    states = [{"n": 0, "m": 0}, {"n": 1, "m": 0}, {"n": 2, "m": 5}, {"n": 2, "m": 0}]
    take(road, *(update(n, states[n], states[n + 1], request="R") for n in range(3)))
    found = step(road)
    assert restored(found) == {"n": ("2", "0")}
    assert patched(road, found) == states[0]
    assert len(found.event_ids) == 3


def test_a_change_that_its_own_request_took_back_needs_no_step(road: Road) -> None:
    take(
        road,
        update(1, {"n": 0}, {"n": 1}, request="R"),
        update(2, {"n": 1}, {"n": 0}, request="R"),
        wrote(3, "create", None, {"pin": "***"}, request="R", entity_id="2"),
        wrote(4, "delete", {"pin": "***"}, None, request="R", entity_id="2"),
    )
    assert plan(road).steps == []
    assert plan(road, "unheard of") == UndoPlan(
        request_id="unheard of", event_id=None, steps=[], complete=True, notes=[]
    )


def test_events_of_others_between_those_of_the_request_are_kept(road: Road) -> None:
    take(
        road,
        update(1, {"n": 0, "m": 0}, {"n": 1, "m": 0}, request="R"),
        update(10, {"n": 1, "m": 0}, {"n": 1, "m": 5}),
        update(20, {"n": 1, "m": 5}, {"n": 2, "m": 6}, request="R"),
    )
    found = step(road)
    assert patched(road, found) == {"n": 0, "m": 5}
    assert found.refused == []


def test_what_was_created_is_deleted_unless_it_was_changed_since(road: Road) -> None:
    take(road, wrote(1, "create", None, {"n": 1, "pin": "***"}, request="R"))
    found = step(road)
    assert (found.action, found.data, found.refused) == ("delete", None, [])
    assert patched(road, found) is None
    take(road, update(9, {"n": 1, "pin": "***"}, {"n": 2, "pin": "***"}), key="events/b.ndjson")
    found = step(road)
    assert (refused(found), found.json_patch) == ({"n": ("changed_since", "r9")}, [])


def test_what_was_created_and_changed_unseen_is_not_deleted(road: Road) -> None:
    take(road, wrote(1, "create", None, {"n": 1}, request="R"), update(9, {"n": 5}, {"n": 5}))
    assert refused(step(road)) == {"n": ("changed_unrecorded", None)}


def test_what_was_created_and_is_gone_needs_no_step(road: Road) -> None:
    take(road, wrote(1, "create", None, {"n": 1}, request="R"), wrote(9, "delete", {"n": 1}, None))
    assert plan(road).steps == []


def test_what_was_deleted_is_created_with_its_last_state_but_for_what_was_masked(road: Road) -> None:
    old = {"n": 1, "pin": "***", "card": {"number": "***", "kind": "visa"}, "none": None, "ssn": {"$enc": {}}}
    take(road, wrote(1, "delete", old, None, request="R"))
    found = step(road)
    assert (found.action, found.data) == ("create", {"n": 1, "card": {"kind": "visa"}, "none": None})
    assert patched(road, found) == found.data
    assert {attribute: reason for attribute, (reason, _) in refused(found).items()} == {
        "pin": "masked",
        "card.number": "masked",
        "ssn": "encrypted",
    }


def test_what_was_deleted_and_came_back_since_is_refused(road: Road) -> None:
    take(road, wrote(1, "delete", {"n": 1}, None, request="R"), wrote(9, "create", None, {"n": 5}))
    found = step(road)
    assert (refused(found), found.json_patch) == ({None: ("changed_since", "r9")}, [])
    take(road, wrote(20, "delete", {"n": 5}, None), key="events/b.ndjson")
    assert refused(step(road)) == {None: ("changed_since", "r20")}


def test_a_request_that_replaced_a_row_gets_the_old_row_back(road: Road) -> None:
    take(
        road,
        wrote(1, "delete", {"n": 1, "m": 1}, None, request="R"),
        wrote(2, "create", None, {"n": 2, "m": 1}, request="R"),
    )
    found = step(road)
    assert (found.action, restored(found)) == ("update", {"n": ("2", "1")})


def test_a_row_that_is_gone_is_not_brought_back_for_a_change(road: Road) -> None:
    take(road, update(1, {"n": 1}, {"n": 2}, request="R"), wrote(9, "delete", {"n": 2}, None))
    assert refused(step(road)) == {None: ("changed_since", "r9")}


def test_a_masked_value_cannot_be_restored_but_can_be_what_it_became(road: Road) -> None:
    before = {"pin": "*** (previous)", "iban": "hmac:" + "0" * 32, "token": None, "n": 1}
    after = {"pin": "***", "iban": "hmac:" + "1" * 32, "token": "***", "n": 2}
    take(road, update(1, before, after, request="R"))
    found = step(road)
    assert refused(found) == {"pin": ("masked", None), "iban": ("masked", None)}
    assert patched(road, found) == {**after, "n": 1, "token": None}


def test_a_value_that_had_to_be_repaired_cannot_be_restored(road: Road) -> None:
    take(road, update(1, {"a": "x\ud800", "n": 1}, {"a": "y", "n": 2}, request="R"))
    assert {one.attribute: one.reason for one in step(road).refused} == {"a": "incomplete"}


def test_elements_of_lists_are_found_by_their_identity(road: Road) -> None:
    first = {"lines": [{"id": 1, "n": 1}, {"id": 2, "n": 1}]}
    second = {"lines": [{"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": 3, "n": 3}]}
    third = {"lines": [{"id": 2, "n": 2}, {"id": 3, "n": 3}, {"id": 1, "n": 9}]}
    take(road, update(1, first, second, request="R"), update(9, second, third))
    found = step(road)
    assert restored(found) == {"lines[id=2].n": ("2", "1"), "lines[id=3].id": ("3", None), "lines[id=3].n": ("3", None)}
    assert patched(road, found) == {"lines": [{"id": 2, "n": 1}, {"id": 1, "n": 9}]}


def test_an_element_that_was_changed_since_it_came_stays_whole(road: Road) -> None:
    first, second = {"lines": [{"id": 1, "n": 1}]}, {"lines": [{"id": 1, "n": 2}, {"id": 2, "n": 1, "m": 1}]}
    third = {"lines": [{"id": 1, "n": 2}, {"id": 2, "n": 5, "m": 1}]}
    take(road, update(1, first, second, request="R"), update(9, second, third))
    found = step(road)
    assert set(refused(found)) == {"lines[id=2].id", "lines[id=2].n", "lines[id=2].m"}
    assert patched(road, found) == {"lines": [{"id": 1, "n": 1}, {"id": 2, "n": 5, "m": 1}]}


def test_an_element_that_went_comes_back_in_its_place(road: Road) -> None:
    first, second = {"lines": [{"id": n, "n": n} for n in (1, 2, 3)]}, {"lines": [{"id": n, "n": n} for n in (1, 3)]}
    take(road, update(1, first, second, request="R"))
    assert patched(road, step(road)) == first


def test_a_list_that_others_wrote_into_since_is_not_put_back_in_order(road: Road) -> None:
    first, second = {"lines": [{"id": n, "n": n} for n in (1, 2, 3)]}, {"lines": [{"id": n, "n": n} for n in (1, 3)]}
    third = {"lines": [*second["lines"], {"id": 4, "n": 4}]}
    take(road, update(1, first, second, request="R"), update(9, second, third))
    found = step(road)
    assert found.json_patch == []
    assert {reason for reason, _ in refused(found).values()} == {"changed_since"}


def test_what_took_the_place_of_a_value_goes_as_a_whole_or_stays(road: Road) -> None:
    first, second, third = {"a": "x"}, {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}
    take(road, update(1, first, second, request="R"))
    assert patched(road, step(road)) == first
    take(road, update(9, second, third), key="events/b.ndjson")
    assert set(refused(step(road))) == {"a", "a.b"}
    assert step(road).json_patch == []


def test_an_event_without_a_side_cannot_be_undone(road: Road) -> None:
    take(road, update(1, None, {"n": 1}, request="R"), update(2, {"n": 1}, {"n": 2}, request="R"))
    found = step(road)
    assert {one.attribute: one.reason for one in found.refused} == {None: "incomplete"}
    assert patched(road, found) == {"n": 1}
    take(road, update(9, {"n": 2}, None), key="events/b.ndjson")
    assert {one.attribute: one.reason for one in step(road).refused} == {None: "incomplete"}
    take(road, wrote(10, "delete", None, None, request="Q", entity_id="2"), key="events/c.ndjson")
    assert refused(step(road, "Q")) == {None: ("incomplete", None)}


def test_entities_come_in_reverse_order_each_once(road: Road) -> None:
    take(
        road,
        wrote(1, "create", None, {"n": 1}, request="R", entity_id="order"),
        wrote(2, "create", None, {"n": 1}, request="R", entity_id="line"),
        update(3, {"n": 1}, {"n": 2}, request="R", entity_id="stock", micro_service_name="other"),
        update(4, {"n": 1}, {"n": 3}, request="R", entity_id="order"),
    )
    assert [one.entity_id for one in plan(road).steps] == ["order", "stock", "line"]


def test_skewed_clocks_do_not_make_an_undone_change_somebody_elses(road: Road) -> None:
    """The second event was recorded by a machine whose clock is late: it comes after the request, whatever it says."""
    first, second, third = {"n": 1, "m": 1}, {"n": 2, "m": 1}, {"n": 2, "m": 2}
    take(road, update(100, first, second, request="R"), update(97, second, third))
    found = step(road)
    assert (found.refused, found.data) == ([], {"n": 1, "m": 2})


def test_one_event_of_a_request_can_be_undone_alone(road: Road) -> None:
    take(
        road,
        update(1, {"n": 0, "m": 0}, {"n": 1, "m": 0}, request="R"),
        update(2, {"n": 1, "m": 0}, {"n": 1, "m": 1}, request="R"),
    )
    first = road.history.reader.events(Query(order="oldest")).rows[0]
    found = undo_event(road.history.reader, road.bucket, first.event_id)
    assert (found.event_id, found.request_id, restored(found.steps[0])) == (first.event_id, None, {"n": ("1", "0")})
    with pytest.raises(UsageError):
        undo_event(road.history.reader, road.bucket, first.event_id, within="another account")


def test_an_account_undoes_only_its_own_and_sees_nothing_of_others(road: Road) -> None:
    mine = update(1, {"n": 1}, {"n": 2}, request="R", account_id="acme")
    take(road, mine, update(2, {"n": 8}, {"n": 9}, request="R", account_id="other"))
    assert restored(step(road, within="acme")) == {"n": ("2", "1")}
    take(road, update(50, {"n": 2}, {"n": 3}, account_id="support"), key="events/b.ndjson")
    found = step(road, within="acme")
    assert refused(found) == {None: ("changed_since", None)}
    assert refused(step(road, within="other")) == {}


def test_an_object_that_is_gone_is_named(road: Road) -> None:
    take(road, update(1, {"n": 1}, {"n": 2}, request="R"))
    take(road, update(9, {"n": 2, "m": 1}, {"n": 2, "m": 2}), key="events/b.ndjson")
    (road.data / "bucket/events/a.ndjson").unlink()
    assert "not in the bucket any more" in step(road).refused[0].detail
    (road.data / "bucket/events/b.ndjson").unlink()
    assert "not in the bucket any more" in step(road).refused[0].detail


def test_a_request_of_very_many_events_is_undone_as_far_as_a_plan_goes_and_says_so(road: Road) -> None:
    events = (wrote(1 + n / 1000, "create", None, {"n": n}, request="R", entity_id=str(n)) for n in range(2_100))
    take(road, *events)
    found = plan(road)
    assert (len(found.steps), found.complete) == (2_000, False)
    assert "newest 2,000" in found.notes[0]


def test_an_entity_to_which_too_much_happened_since_is_refused(road: Road) -> None:
    take(road, *(update(n, {"n": n}, {"n": n + 1}, request="R" if n == 0 else "Q") for n in range(2_100)))
    assert refused(step(road)) == {None: ("too_much", None)}


def test_an_entity_that_was_created_anew_since_is_not_the_one_the_request_changed(road: Road) -> None:
    """A null attribute has no change of its own on delete and create, and yet it is somebody else's now."""
    take(
        road,
        update(1, {"n": 1, "x": 1}, {"n": None}, request="R"),
        wrote(20, "delete", {"n": None}, None, request="Q"),
        wrote(40, "create", None, {"n": None}, request="P"),
    )
    assert refused(step(road)) == {"n": ("changed_since", "P"), "x": ("changed_since", "P")}
    assert restored(step(road)) == {}


def test_a_create_is_not_undone_where_somebody_created_it_anew(road: Road) -> None:
    take(
        road,
        wrote(1, "create", None, {"n": None}, request="R"),
        wrote(20, "delete", {"n": None}, None, request="Q"),
        wrote(40, "create", None, {"n": None}, request="P"),
    )
    found = step(road)
    assert (found.json_patch, refused(found)) == ([], {None: ("changed_since", "P")})
