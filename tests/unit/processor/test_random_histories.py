"""Answers about random lives of an entity, beside what a plain recount of its events says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonpatch
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from byline.bucket.folder import FolderBucket
from byline.history.sqlite import SqliteHistory
from byline.model.query import Query
from byline.processor.answers import entity_state
from byline.processor.blame import blame
from byline.processor.export import rows
from byline.processor.undo import undo_request
from byline.processor.unexplained import gaps_of
from byline.queue.sqlite import SqliteQueue
from tests.unit.processor.conftest import Road
from tests.unit.processor.written import take, wrote

_FEW = settings(max_examples=40, deadline=None)
_ABSENT = object()
values = st.sampled_from([None, 1, 2, "x"])
flat = st.dictionaries(st.sampled_from("abc"), values)


class Did(Struct):
    """One event of a life: it finds ``old``, which is not what was left where somebody changed it unseen."""

    second: int
    action: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    request: str

    def sets(self, name: str) -> bool:
        before, after = ((side or {}).get(name, _ABSENT) for side in (self.old, self.new))
        return self.action != "update" or before != after

    @property
    def event(self) -> dict[str, Any]:
        return wrote(self.second, self.action, self.old, self.new, request=self.request)


@st.composite
def lives(draw: st.DrawFn) -> list[Did]:
    life: list[Did] = []
    state: dict[str, Any] | None = None
    for place in range(draw(st.integers(1, 7))):
        if state is not None and draw(st.integers(0, 5)) == 0:
            state = state | draw(flat)
        action = "create" if state is None else draw(st.sampled_from(["update", "update", "update", "delete"]))
        new = None if action == "delete" else draw(flat)
        life.append(Did(place * 8, action, state, new, draw(st.sampled_from("RQ"))))
        state = new
    return life


@contextmanager
def history_of(empty: Path, life: list[Did], order: list[int]) -> Iterator[Road]:
    with TemporaryDirectory() as name:
        data = Path(name)
        shutil.copy(empty, data / "history.db")
        queue, history = SqliteQueue(data / "queue.db"), SqliteHistory(data / "history.db")
        road = Road(data, FolderBucket(data / "bucket"), queue, history)
        take(road, *(life[place].event for place in order))
        yield road
        queue.close()
        history.close()


def shuffled(life: list[Did]) -> st.SearchStrategy[list[int]]:
    return st.permutations(range(len(life)))


@_FEW
@given(st.data())
def test_blame_is_whoever_set_the_present_value_last(empty_history: Path, data: st.DataObject) -> None:
    life = data.draw(lives())
    setters: dict[str, tuple[Any, str, int]] = {}
    for did in life:
        for name in "abc":
            if did.sets(name):
                setters.pop(name, None)
                if did.new and name in did.new:
                    setters[name] = (did.new[name], did.request, did.second)
    with history_of(empty_history, life, data.draw(shuffled(life))) as road:
        found = entity_state(road.history.reader, road.bucket, "t", "1")
        told = {one.attribute: one for one in blame(road.history.reader, road.bucket, found)}
    assert found.state == life[-1].new
    assert set(told) == set(life[-1].new or {})
    for name, value in (life[-1].new or {}).items():
        known = name in setters and setters[name][0] == value
        stamp = (told[name].occurred_at or "")[17:19]
        assert (told[name].request_id, stamp) == (
            (setters[name][1], f"{setters[name][2]:02d}") if known else (None, "")
        )


@_FEW
@given(st.data())
def test_a_gap_is_what_both_states_carry_and_differ_in(empty_history: Path, data: st.DataObject) -> None:
    life = data.draw(lives())
    unseen = [
        (after.second, name, before.new[name], after.old[name])
        for before, after in pairwise(life)
        if before.new and after.old
        for name in sorted(before.new.keys() & after.old.keys())
        if before.new[name] != after.old[name]
    ]
    with history_of(empty_history, life, data.draw(shuffled(life))) as road:
        gaps = gaps_of(road.history.reader, road.bucket, "t", "1")
    told = [
        (int(gap.until[17:19]), change.attribute, change.previous_value, change.current_value)
        for gap in gaps
        for change in gap.changes
    ]
    text = {None: "null", 1: "1", 2: "2", "x": "x"}
    assert told == [(second, name, text[before], text[after]) for second, name, before, after in unseen]


@_FEW
@given(st.data())
def test_an_undo_restores_what_was_and_never_touches_what_others_set_since(
    empty_history: Path, data: st.DataObject
) -> None:
    life = data.draw(lives())
    with history_of(empty_history, life, data.draw(shuffled(life))) as road:
        plan = undo_request(road.history.reader, road.bucket, "R")
    now: Any = life[-1].new
    wanted = now
    for step in plan.steps:
        wanted = jsonpatch.apply_patch(now, msgspec.json.decode(msgspec.json.encode(step.json_patch)))
        assert wanted == step.data
    mine = [did for did in life if did.request == "R"]
    since = [did for did in life if mine and did.second >= mine[0].second]
    for name in "abc":
        setters = [did for did in since if did.sets(name)]
        after = (wanted or {}).get(name, _ABSENT)
        if not setters or setters[-1].request != "R":
            assert after == (now or {}).get(name, _ABSENT)
        elif plan.complete and all(did.request == "R" for did in setters):
            assert after == (setters[0].old or {}).get(name, _ABSENT)


@_FEW
@given(st.data())
def test_an_export_is_all_the_pages_in_one(empty_history: Path, data: st.DataObject) -> None:
    life = data.draw(lives())
    asked = Query(
        order=data.draw(st.sampled_from(["newest", "oldest"])),
        action=data.draw(st.sampled_from([None, "update"])),
        attribute=data.draw(st.sampled_from([None, "a"])),
        current_value=data.draw(st.sampled_from([None, "1"])),
        limit=data.draw(st.integers(1, 5)),
    )
    with history_of(empty_history, life, data.draw(shuffled(life))) as road:
        reader = road.history.reader
        whole = list(rows(reader, asked))
        page = reader.changes(asked)
        paged = list(page.rows)
        while page.next is not None:
            page = reader.changes(msgspec.structs.replace(asked, after=page.next))
            paged += page.rows
    assert paged == whole
