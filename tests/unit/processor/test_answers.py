from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from byline.errors import BucketError, ObjectMissing
from byline.model.query import ObjectRef, Query
from byline.processor.answers import EntityState, entity_state
from byline.processor.blame import Blame, blame
from byline.processor.raw import raw_event, raw_line, read_range
from tests.unit.processor.conftest import Road


def at(minute: int) -> datetime:
    return datetime(2024, 1, 1, 0, minute, tzinfo=UTC)


def wrote(minute: int, action: str, old: Any, new: Any, **fields: Any) -> str:
    info = {"time_stamp": f"2024-01-01T00:{minute:02d}:00Z", "request_id": f"r{minute}", "user": {"user_id": "ann"}}
    event = {"table_id": "t", "entity_id": "1", "micro_service_name": "s", "action": action, "request_info": info}
    return json.dumps({**event, "old_data": old, "new_data": new, **fields})


def take(road: Road, *events: str, key: str = "events/a.ndjson") -> None:
    road.bucket.put(key, "\n".join(events).encode())
    road.processor.run()


def state(road: Road, minute: int | None = None, **asked: Any) -> EntityState:
    when = None if minute is None else at(minute)
    return entity_state(road.history.reader, road.bucket, "t", "1", at=when, **asked)


def blamed(road: Road, entity: EntityState) -> dict[str, str | None]:
    return {one.attribute: one.request_id for one in blame(road.history.reader, road.bucket, entity)}


LIFE = (
    wrote(1, "create", None, {"a": 1, "b": {"c": "x"}, "n": None}),
    wrote(3, "update", {"a": 1, "b": {"c": "x"}, "n": None}, {"a": 2, "b": {"c": "x"}, "n": None}),
    wrote(5, "delete", {"a": 2, "b": {"c": "x"}, "n": None}, None),
    wrote(7, "create", None, {"a": 3}),
)


def test_the_state_is_the_one_behind_the_newest_event_at_or_before_the_time(road: Road) -> None:
    take(road, *LIFE)
    assert state(road, 0).state is None
    assert state(road, 1).state == {"a": 1, "b": {"c": "x"}, "n": None}
    assert state(road, 2).state == state(road, 1).state
    assert (state(road, 3).state or {})["a"] == 2
    assert state(road, 6).state is None
    assert state(road).state == {"a": 3}


def test_a_time_asked_for_is_what_the_state_is_as_of(road: Road) -> None:
    take(road, *LIFE)
    assert state(road, 2).as_of == "2024-01-01T00:02:00.000000Z"
    assert state(road).as_of == "2024-01-01T00:07:00.000000Z"
    assert entity_state(road.history.reader, road.bucket, "t", "other").as_of is None
    far = entity_state(road.history.reader, road.bucket, "t", "1", at=datetime.max.replace(tzinfo=UTC))
    assert far.state == {"a": 3}


def test_a_deleted_entity_has_no_state_and_the_event_that_says_so(road: Road) -> None:
    take(road, *LIFE)
    gone = state(road, 6)
    assert gone.event is not None
    assert gone.event.action == "delete"
    assert blame(road.history.reader, road.bucket, gone) == []


def test_blame_names_for_each_attribute_the_last_change_up_to_then(road: Road) -> None:
    take(road, *LIFE)
    assert blamed(road, state(road, 2)) == {"a": "r1", "b.c": "r1", "n": "r1"}
    assert blamed(road, state(road, 4)) == {"a": "r3", "b.c": "r1", "n": "r1"}
    assert blamed(road, state(road)) == {"a": "r7"}


def test_what_was_set_before_recording_began_has_nobody_to_blame(road: Road) -> None:
    take(road, wrote(1, "update", {"a": 1, "b": 2}, {"a": 1, "b": 3}))
    first, second = blame(road.history.reader, road.bucket, state(road))
    assert first == Blame(attribute="a", value="1", type="number")
    assert (second.attribute, second.request_id, second.user_id) == ("b", "r1", "ann")


def test_nobody_is_blamed_for_a_value_that_somebody_else_set_unseen(road: Road) -> None:
    take(
        road,
        wrote(1, "create", None, {"a": 1, "n": 5}),
        wrote(2, "update", {"a": 1, "n": 5}, {"a": 7, "n": 5}),
        wrote(3, "update", {"a": 9, "n": 5, "b": 1}, {"a": 9, "n": 5, "b": 2}),
        wrote(5, "delete", {"a": 9, "n": 5, "b": 2}, None),
        wrote(6, "create", None, {"n": None}),
    )
    assert blamed(road, state(road, 2)) == {"a": "r2", "n": "r1"}
    assert blamed(road, state(road, 3)) == {"a": None, "b": "r3", "n": "r1"}
    assert blamed(road, state(road)) == {"n": "r6"}


def test_who_created_an_entity_set_what_is_null_since_then(road: Road) -> None:
    born = {"n": None, "b": {"c": None}, "lines": [{"id": 1, "note": None}], "m": 1}
    take(
        road,
        wrote(1, "create", None, born),
        wrote(2, "update", born, {**born, "m": None}),
        wrote(3, "update", {**born, "m": None, "new": None}, {**born, "m": None, "new": None, "x": 1}),
    )
    assert blamed(road, state(road)) == {
        "n": "r1", "b.c": "r1", "lines[id=1].id": "r1", "lines[id=1].note": "r1", "m": "r2", "new": None, "x": "r3"
    }  # fmt: skip


def test_who_created_it_is_not_blamed_for_a_null_that_came_after_another_value(road: Road) -> None:
    take(road, wrote(1, "create", None, {"n": None, "m": None}))
    take(road, wrote(2, "update", {"n": None, "m": None}, {"n": 5, "m": 5}), key="events/b.json")
    take(road, wrote(3, "update", {"n": 5, "m": None}, {"n": None, "m": None}), key="events/c.json")
    assert blamed(road, state(road)) == {"m": None, "n": "r3"}
    (road.data / "bucket/events/a.ndjson").unlink()
    assert blamed(road, state(road)) == {"m": None, "n": "r3"}, "and an object that is gone tells nothing"


def test_what_was_gone_and_came_back_unseen_has_nobody_to_blame(road: Road) -> None:
    born = {"a": 1, "n": None}
    take(road, wrote(1, "create", None, born), wrote(2, "update", born, {"n": None}))
    take(road, wrote(3, "update", {**born, "x": 0}, {**born, "x": 1}), key="events/b.json")
    assert blamed(road, state(road)) == {"a": None, "n": "r1", "x": "r3"}
    take(road, wrote(4, "delete", born, None), key="events/c.json")
    take(road, wrote(5, "update", {**born, "x": 1}, {**born, "x": 2}), key="events/d.json")
    assert blamed(road, state(road)) == {"a": None, "n": None, "x": "r5"}


def test_who_set_a_list_as_one_value_set_what_is_inside_of_it(road: Road) -> None:
    one, two = {"id": 1, "a": 1}, {"id": 2, "a": 2}
    take(
        road,
        wrote(1, "create", None, {"lines": [one, two]}),
        wrote(2, "update", {"lines": [one, two]}, {"lines": [one, one]}),
        wrote(3, "update", {"lines": [one, one]}, {"lines": [one, two]}),
        wrote(4, "update", {"lines": [one, two]}, {"lines": [one, {"id": 2, "a": 3}]}),
    )
    of = {"lines[id=1].a": "r3", "lines[id=1].id": "r3", "lines[id=2].a": "r4", "lines[id=2].id": "r3"}
    assert blamed(road, state(road)) == of
    take(road, wrote(5, "update", {"lines": [one, one]}, {"lines": [one]}), key="events/b.json")
    take(road, wrote(6, "update", {"lines": [one, two], "x": 0}, {"lines": [one, two], "x": 1}), key="events/c.json")
    of = {"lines[id=1].a": "r5", "lines[id=1].id": "r5", "lines[id=2].a": None, "lines[id=2].id": None, "x": "r6"}
    assert blamed(road, state(road)) == of


def test_who_set_a_value_set_it_however_it_is_written_since(road: Road) -> None:
    take(road, wrote(1, "create", None, {"a": 1, "b": [1]}), wrote(2, "update", {"a": 1, "b": [1]}, None))
    assert blamed(road, state(road)) == {"a": "r1", "b": "r1"}, "an event without the state after it sets nothing"
    take(road, wrote(3, "update", {"a": 1, "b": [1]}, {"a": 1.0, "b": [1e0]}), key="events/b.json")
    assert blamed(road, state(road)) == {"a": "r1", "b": "r1"}


def test_numbers_come_back_as_they_were_written(road: Road) -> None:
    take(road, wrote(1, "create", None, "@").replace('"@"', '{"price": 119.00}'))
    (price,) = blame(road.history.reader, road.bucket, state(road))
    assert (price.value, price.type) == ("119.00", "number")


def test_blame_goes_through_more_than_one_page(road: Road) -> None:
    first = wrote(1, "create", None, {"old": 0, "n": 0})
    rest = (wrote(2, "update", {"old": 0, "n": n}, {"old": 0, "n": n + 1}, event_id=f"e{n}") for n in range(450))
    take(road, first, *rest)
    assert blamed(road, state(road)) == {"old": "r1", "n": "r2"}


def test_blame_of_very_many_attributes_asks_for_few_pages(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    take(road, wrote(1, "create", None, {f"a{number}": number for number in range(5_000)}))
    asked: list[Query] = []
    changes = road.history.reader.changes
    monkeypatch.setattr(road.history.reader, "changes", lambda query: asked.append(query) or changes(query))
    assert set(blamed(road, state(road)).values()) == {"r1"}
    assert len(asked) < 5


def test_an_event_without_the_state_after_it_tells_the_state_before_it_and_says_so(road: Road) -> None:
    take(road, wrote(1, "create", None, {"a": 1}), wrote(2, "update", {"a": 2}, None))
    found = state(road)
    assert found.state == {"a": 2}
    assert "came without the state after it" in found.notes[0]


def test_an_event_without_any_state_is_passed_over_and_that_is_said(road: Road) -> None:
    take(road, wrote(1, "create", None, {"a": 1}), wrote(2, "update", None, None))
    found = state(road)
    assert found.state == {"a": 1}
    assert "came without any state" in found.notes[0]


def test_an_event_without_the_state_before_it_tells_its_state_and_says_so(road: Road) -> None:
    take(road, wrote(1, "update", None, {"a": 1}))
    found = state(road)
    assert found.state == {"a": 1}
    assert "came without the state before it" in found.notes[0]


def test_where_stamps_and_states_tell_two_orders_that_is_said(road: Road) -> None:
    take(road, wrote(1, "create", None, {"a": 1}), wrote(2, "update", {"a": 2}, {"a": 3}))
    assert state(road).notes == []
    take(road, wrote(2, "update", {"a": 1}, {"a": 2}), key="events/b.json")
    found = state(road)
    assert found.event is not None
    assert found.state == {"a": 2}
    (note,) = found.notes
    assert note.startswith(f"By their stamps event {found.event.event_id} came last")
    assert state(road, 1).notes == []


def test_who_is_confined_to_an_account_sees_no_state_of_another(road: Road) -> None:
    take(road, wrote(1, "create", None, {"a": 1}, account_id="acme"))
    assert state(road, within="acme").state == {"a": 1}
    assert state(road, within="other").state is None


@pytest.mark.parametrize("key", ["events/a.ndjson", "events/b.json"])
def test_an_events_bytes_are_read_back_exactly(road: Road, key: str) -> None:
    text = wrote(1, "create", None, {"a": 1})
    take(road, " " + text + "  " if key.endswith("nd") else text, key=key)
    event = state(road).event
    assert event is not None
    assert raw_event(road.bucket, event) == text.encode()
    assert sha256(text.encode()).hexdigest() == event.sha256


def test_an_object_that_was_tampered_with_answers_nothing(road: Road) -> None:
    take(road, wrote(1, "create", None, {"a": 1}))
    file = road.data / "bucket/events/a.ndjson"
    file.write_text(file.read_text().replace('"a": 1', '"a": 2'))
    with pytest.raises(BucketError, match="is not what was recorded"):
        state(road)
    file.write_text("")
    with pytest.raises(BucketError, match="has no line 1"):
        state(road)
    file.unlink()
    with pytest.raises(ObjectMissing):
        state(road)


def test_a_line_is_found_by_its_number(road: Road) -> None:
    road.bucket.put("events/a.ndjson", b"one\n\nthree\nfour")
    assert raw_line(road.bucket, ObjectRef("events/a.ndjson", 3)) == b"three"
    with pytest.raises(BucketError):
        raw_line(road.bucket, ObjectRef("events/a.ndjson", 2))


@pytest.mark.parametrize(("offset", "size"), [(0, 3), (5, 4), (0, 100), (9, 1), (50, 3)])
def test_a_range_of_an_object_is_what_lies_there(road: Road, offset: int, size: int) -> None:
    data = b"0123456789"
    road.bucket.put("events/a.ndjson", data)
    assert b"".join(read_range(road.bucket, "events/a.ndjson", offset, size)) == data[offset : offset + size]
