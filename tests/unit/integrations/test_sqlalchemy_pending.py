"""The net change of a transaction and its savepoints, without any database."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from byline.integrations.sqlalchemy.pending import Pending


class Thing:
    names = ("v",)
    time_stamp = account_id = None

    def is_same(self, old, new):
        return old == new

    def entity_id(self, key):
        return key[0]


THING = Thing()
NAMES = ("a", "b", "c")
Steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(NAMES), st.none() | st.integers(0, 2)),
        st.tuples(st.sampled_from(["savepoint", "release", "roll back"])),
    ),
    max_size=30,
)


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2)), Steps)
def test_replaying_the_net_changes_gives_the_state_that_was_committed(before, steps):
    state, saved, pending = dict(before), [], Pending()
    for step in steps:
        if step[0] == "savepoint":
            saved.append((object(), copy.copy(state)))
        elif step[0] == "write":
            write(pending, [savepoint for savepoint, _ in saved], state, *step[1:])
        elif saved:
            savepoint, then = saved.pop()
            if step[0] == "release":
                pending.release(savepoint)
            else:
                state = then
                pending.roll_back(savepoint)
    for savepoint, _ in reversed(saved):
        pending.release(savepoint)
    replayed = dict(before)
    for (_, (name,)), net in pending.nets.items():
        if net.action is None:
            continue
        assert net.old == ((replayed[name],) if name in replayed else None)
        assert net.action == ("create" if net.old is None else "delete" if net.new is None else "update")
        replayed.pop(name, None)
        if net.new is not None:
            replayed[name] = net.new[0]
    assert replayed == state


def write(pending, savepoints, state, name, value):
    old = (state[name],) if name in state else None
    new = None if value is None else (value,)
    pending.enter(savepoints)
    pending.write(THING, ("things", (name,)), old, new)
    assert pending.known(THING, ("things", (name,))) == new
    state.pop(name, None)
    if value is not None:
        state[name] = value
