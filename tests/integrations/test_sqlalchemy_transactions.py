"""One event per entity and transaction: the net change, once it is durable, and nothing of what was rolled back."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.integrations.models import OrderLine, Product, Tag
from tests.integrations.told import told

pytestmark = pytest.mark.usefixtures("tracking")


@pytest.fixture
def tag(sessions, news):
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    news()
    return 1


def test_nothing_is_recorded_before_the_commit(sessions, news):
    with sessions() as session:
        session.add(Tag(id=1, name="a"))
        session.flush()
        assert news() == []
        session.commit()
        assert len(news()) == 1


def test_the_row_is_durable_when_its_event_is_recorded(engine, sessions, sink, monkeypatch):
    seen = []

    def accept(line):
        with engine.connect() as another:
            seen.append(another.scalar(text("SELECT name FROM tags")))

    monkeypatch.setattr(sink, "accept", accept)
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    assert seen == ["a"]


def test_flushed_three_times_is_one_event(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        for name in "bcd":
            held.name = name
            session.flush()
    assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "d"})]


def test_created_and_updated_is_a_create_in_its_last_state(sessions, news):
    with sessions.begin() as session:
        held = Tag(id=1, name="a")
        session.add(held)
        session.flush()
        held.name = "b"
    assert told(news()) == [("create", "tags", "1", None, {"id": 1, "name": "b"})]


def test_created_and_deleted_is_nothing(sessions, news):
    with sessions.begin() as session:
        held = Tag(id=1, name="a")
        session.add(held)
        session.flush()
        session.delete(held)
    assert news() == []


def test_updated_and_deleted_is_a_delete_of_the_first_state(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        held.name = "b"
        session.flush()
        session.delete(held)
    assert told(news()) == [("delete", "tags", "1", {"id": 1, "name": "a"}, None)]


def test_deleted_without_a_flush_in_between_is_a_delete_of_what_the_database_had(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        held.name = "b"
        session.delete(held)
    assert told(news()) == [("delete", "tags", "1", {"id": 1, "name": "a"}, None)]


def test_deleted_and_created_again_is_an_update(sessions, news, tag):
    with sessions.begin() as session:
        session.delete(session.get(Tag, tag))
        session.flush()
        session.add(Tag(id=1, name="b"))
    assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "b"})]


def test_updated_and_back_again_is_nothing(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        held.name = "b"
        session.flush()
        held.name = "a"
    assert news() == []


def test_known_values_need_no_second_select(sessions, news, tag, tracking):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        session.expire(held)
        for name in "bcd":
            held.name = name
            session.flush()
            session.expire(held)
    assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "d"})]
    assert tracking.stats().extra_selects == 1


def test_a_rollback_leaves_nothing(sessions, news):
    with sessions() as session:
        session.add(Tag(id=1, name="a"))
        session.flush()
        session.rollback()
        session.add(Tag(id=2, name="b"))
        session.commit()
    assert told(news()) == [("create", "tags", "2", None, {"id": 2, "name": "b"})]


def test_a_session_that_is_closed_leaves_nothing(sessions, news):
    session = sessions()
    session.add(Tag(id=1, name="a"))
    session.flush()
    session.close()
    with session.begin():
        session.add(Tag(id=2, name="b"))
    assert [entity for _, _, entity, _, _ in told(news())] == ["2"]


def test_a_flush_that_fails_leaves_nothing(sessions, news, tag):
    with sessions() as session:
        session.add(Tag(id=tag, name="again"))
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()
        session.add(Tag(id=2, name="b"))
        session.commit()
    assert [entity for _, _, entity, _, _ in told(news())] == ["2"]


def test_a_commit_that_fails_leaves_nothing(sessions, news, tag):
    with sessions() as session:
        session.add(Tag(id=2, name="b"))

        @event.listens_for(session, "before_commit", once=True)
        def fail(_session):
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            session.commit()
        session.rollback()
        session.commit()
    assert news() == []


def test_a_savepoint_that_is_released_counts(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        held.name = "b"
        with session.begin_nested():
            held.name = "c"
            session.add(Tag(id=2, name="x"))
        assert news() == []
    assert told(news()) == [
        ("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "c"}),
        ("create", "tags", "2", None, {"id": 2, "name": "x"}),
    ]


def test_a_savepoint_that_is_rolled_back_does_not_count(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        held.name = "b"
        savepoint = session.begin_nested()
        held.name = "c"
        session.add(Tag(id=2, name="x"))
        session.flush()
        savepoint.rollback()
    assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "b"})]


def test_a_released_savepoint_goes_with_the_one_around_it(sessions, news):
    with sessions.begin() as session:
        outer = session.begin_nested()
        with session.begin_nested():
            session.add(Tag(id=1, name="inner"))
        outer.rollback()
        session.add(Tag(id=2, name="after"))
    assert [entity for _, _, entity, _, _ in told(news())] == ["2"]


def test_an_outer_savepoint_rolled_back_with_an_inner_one_open_takes_both(sessions, news):
    with sessions.begin() as session:
        outer = session.begin_nested()
        session.add(Tag(id=1, name="outer"))
        session.begin_nested()
        session.add(Tag(id=2, name="inner"))
        session.flush()
        outer.rollback()
        session.add(Tag(id=3, name="after"))
    assert [entity for _, _, entity, _, _ in told(news())] == ["3"]


def test_a_flush_that_fails_in_a_savepoint_takes_only_the_savepoint(sessions, news, tag):
    with sessions.begin() as session:
        session.add(Tag(id=2, name="before"))
        savepoint = session.begin_nested()
        session.add(Tag(id=3, name="inside"))
        session.flush()
        session.add(Tag(id=tag, name="again"))
        with pytest.raises(IntegrityError):
            session.flush()
        savepoint.rollback()
        session.add(Tag(id=4, name="after"))
    assert [entity for _, _, entity, _, _ in told(news())] == ["2", "4"]


def test_deleted_in_a_savepoint_that_is_rolled_back_is_still_there(sessions, news, tag):
    with sessions.begin() as session:
        savepoint = session.begin_nested()
        session.delete(session.get(Tag, tag))
        session.flush()
        savepoint.rollback()
        session.get(Tag, tag).name = "b"
    assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "b"})]


def test_what_was_rolled_back_is_not_taken_for_known(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        savepoint = session.begin_nested()
        held.name = "b"
        session.flush()
        savepoint.rollback()
        held.name = "c"
    assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "c"})]


def test_created_before_a_savepoint_and_deleted_in_it_is_nothing(sessions, news):
    with sessions.begin() as session:
        held = Tag(id=1, name="a")
        session.add(held)
        with session.begin_nested():
            session.delete(held)
    assert news() == []


def test_an_object_that_leaves_the_session_after_its_flush_is_recorded(sessions, news):
    with sessions.begin() as session:
        held = Tag(id=1, name="a")
        session.add(held)
        session.flush()
        session.expunge(held)
    assert [entity for _, _, entity, _, _ in told(news())] == ["1"]


def test_a_refresh_in_between_changes_nothing(sessions, news, tag):
    with sessions.begin() as session:
        held = session.get(Tag, tag)
        held.name = "b"
        session.flush()
        session.refresh(held)
        held.name = "c"
    assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "c"})]


def test_each_commit_of_one_session_is_a_transaction_of_its_own(sessions, news):
    with sessions() as session:
        held = Tag(id=1, name="a")
        session.add(held)
        session.commit()
        assert [action for action, *_ in told(news())] == ["create"]
        held.name = "b"
        session.commit()
        assert told(news()) == [("update", "tags", "1", {"id": 1, "name": "a"}, {"id": 1, "name": "b"})]
        session.commit()
        assert news() == []


def test_two_sessions_do_not_mix(sessions, news):
    with sessions() as first, sessions() as second:
        first.add(Tag(id=1, name="a"))
        second.add(OrderLine(order_id=1, line_number=1, quantity=1))
        if first.get_bind().dialect.name != "sqlite":  # it has one writer at a time
            first.flush()
        second.commit()
        assert [table for _, table, *_ in told(news())] == ["order_lines"]
        first.rollback()
    assert news() == []


def test_a_two_phase_commit_is_a_commit(engine, sessions, recorder, news):
    if engine.dialect.name != "postgresql":
        pytest.skip("two-phase commit is tried on PostgreSQL")
    with sessions(twophase=True) as session:
        session.add(Tag(id=1, name="a"))
        session.prepare()
        assert news() == []
        session.commit()
    assert [entity for _, _, entity, _, _ in told(news())] == ["1"]


def test_sessions_of_other_factories_are_left_alone(engine, sessions, news):
    with Session(engine) as session, session.begin():
        session.add(Product(title="Tea"))
    assert news() == []
