"""Whose sessions are heard, what is left out, what passes by unseen, and what an error does."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from byline.capture.recorder import Recorder
from byline.errors import RecordError, SinkError, UsageError
from byline.integrations.sqlalchemy import track
from tests.integrations.models import Account, Base, Cache, Employee, Engineer, Product, Tag
from tests.integrations.told import keys, told


@pytest.fixture
def url(tmp_path):
    """None of these rules is a database's."""
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def tracked(sessions, recorder):
    """Tracks, and stops when the test is over."""
    started = []

    def start(target=sessions, **options):
        started.append(track(target, recorder, **options))
        return started[-1]

    yield start
    for tracking in started:
        tracking.stop()


def test_a_session_class_of_ones_own(engine, news, tracked):
    class ShopSession(Session):
        pass

    tracked(ShopSession)
    with ShopSession(engine) as session, session.begin():
        session.add(Tag(id=1, name="a"))
    assert len(news()) == 1


def test_a_scoped_session(sessions, news, tracked):
    scoped = scoped_session(sessions)
    tracked(scoped)
    scoped.add(Tag(id=1, name="a"))
    scoped.commit()
    scoped.remove()
    assert len(news()) == 1


def test_after_stop_nothing_is_recorded(sessions, news, tracked):
    tracking = tracked()
    tracking.stop()
    tracking.stop()
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
        session.execute(update(Tag).values(name="b"))
    assert news() == []
    assert tracking.stats().unseen_statements == 0


def test_tracking_twice_is_refused_and_again_after_a_stop_is_not(sessions, news, tracked):
    tracking = tracked()
    with pytest.raises(UsageError, match="already"):
        tracked()
    with pytest.raises(UsageError, match="already"):
        tracked(Session)
    tracking.stop()
    tracked()
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    assert len(news()) == 1


@pytest.mark.parametrize("target", [object(), "Session", None, Tag])
def test_what_makes_no_sessions_is_refused(recorder, target):
    with pytest.raises(UsageError, match="session factory"):
        track(target, recorder)


def test_only_the_chosen_classes_and_their_subclasses(sessions, news, tracked):
    tracked(classes=[Employee])
    with sessions.begin() as session:
        session.add_all([Tag(id=1, name="a"), Engineer(id=1, name="Ada", language="C")])
    assert keys(news()) == {("create", "employees", "1")}


def test_a_class_says_for_itself_that_it_is_left_out(sessions, news, tracked):
    tracked()
    with sessions.begin() as session:
        session.add(Cache(id=1, text="x"))
    assert news() == []


def test_excluded_columns_are_never_recorded_and_alone_are_no_change(sessions, news, tracked):
    tracked(exclude={Tag: ["name"]})
    with sessions.begin() as session:
        session.add_all([Tag(id=1, name="a"), Account(id=1, owner="o", pin="1234")])
    assert {table: new for _, table, _, _, new in told(news())} == {
        "tags": {"id": 1},
        "accounts": {"id": 1, "owner": "o"},
    }
    with sessions.begin() as session:
        session.get(Tag, 1).name = "b"
        session.get(Account, 1).pin = "4321"
    assert news() == []


def test_columns_are_excluded_of_every_class_by_attribute_or_column_name(sessions, news, tracked):
    tracked(exclude=["sku", "currency", "name"])
    with sessions.begin() as session:
        session.add_all([Product(id=1, title="Tea"), Tag(id=1, name="a")])
    rows = {table: new for _, table, _, _, new in told(news())}
    assert rows["tags"] == {"id": 1}
    assert not {"sku_id", "currency"} & rows["products"].keys()


@pytest.mark.parametrize(
    "options",
    [
        {"exclude": {Tag: ["nmae"]}},
        {"exclude": "name"},
        {"time_stamp": {Tag: "updated_at"}},
        {"account_id": {Tag: "owner"}},
    ],
)
def test_a_misspelt_column_is_refused_at_once(sessions, recorder, options):
    with pytest.raises(UsageError):
        track(sessions, recorder, **options)


def test_a_table_id_of_ones_own(sessions, news, tracked):
    tracked(table_id={Tag: "tags_master"})
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    assert keys(news()) == {("create", "tags_master", "1")}


def test_the_time_stamp_is_the_rows_own_where_the_change_set_it(sessions, news, tracked):
    tracked(time_stamp="updated_at")
    then = datetime.fromisoformat("2026-01-02T03:04:05.000678")
    with sessions.begin() as session:
        session.add(Product(id=1, title="Tea", updated_at=then))
    assert news()[0].request_info.time_stamp == then.replace(tzinfo=UTC)
    with sessions.begin() as session:
        session.get(Product, 1).title = "Coffee"
    with sessions.begin() as session:
        session.delete(session.get(Product, 1))
    assert all(event.request_info.time_stamp.year > 2025 for event in news())
    assert then.replace(tzinfo=UTC) not in {event.request_info.time_stamp for event in news()}


def test_the_account_is_the_rows_own(sessions, news, tracked):
    tracked()
    with sessions.begin() as session:
        session.add(Account(id=1, owner="acme"))
    with sessions.begin() as session:
        session.delete(session.get(Account, 1))
    assert [event.account_id for event in news()] == ["acme", "acme"]


def test_what_is_said_of_a_base_holds_below_it(sessions, news, tracked):
    tracked(exclude={Base: ["name"]}, account_id={Base: "owner"})
    with sessions.begin() as session:
        session.add_all([Engineer(id=1, name="Ada", language="C"), Account(id=1, owner="acme")])
    events = {event.table_id: event for event in news()}
    assert "name" not in events["employees"].new_data
    assert events["accounts"].account_id == "acme"


@pytest.mark.parametrize(
    "write",
    [
        lambda session: session.execute(update(Tag).values(name="b")),
        lambda session: session.execute(delete(Tag)),
        lambda session: session.execute(insert(Tag), [{"id": 2, "name": "b"}]),
        lambda session: session.scalars(insert(Tag).returning(Tag), [{"id": 2, "name": "b"}]).all(),
        lambda session: session.execute(Tag.__table__.delete()),
        lambda session: session.execute(text(" UPDATE tags SET name = 'b'")),
        lambda session: session.query(Tag).delete(),
        lambda session: session.query(Tag).update({"name": "b"}),
        lambda session: session.bulk_insert_mappings(Tag, [{"id": 2, "name": "b"}]),
        lambda session: session.bulk_update_mappings(Tag, [{"id": 1, "name": "b"}]),
        lambda session: session.bulk_save_objects([Tag(id=2, name="b")]),
    ],
)
def test_a_statement_that_writes_by_itself_is_let_through_and_counted(sessions, news, tracked, write):
    tracking = tracked()
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    news()
    with sessions.begin() as session:
        write(session)
    assert news() == []
    assert tracking.stats().unseen_statements == 1


def test_reading_and_the_unit_of_work_are_not_unseen(sessions, tracked):
    tracking = tracked()
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    with sessions.begin() as session:
        session.get(Tag, 1).name = "b"
        session.execute(text("SELECT 1"))
        session.execute(delete(Cache))
    assert tracking.stats().unseen_statements == 0


def test_a_sink_that_is_full_does_not_break_the_service(sessions, sink, tracked, monkeypatch):
    tracked()

    def full(line):
        raise SinkError("full")

    monkeypatch.setattr(sink, "accept", full)
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    with sessions() as session:
        assert session.get(Tag, 1).name == "a"


def test_where_the_recorder_raises_the_session_stays_whole_and_the_row_is_there(sessions, sink, monkeypatch):
    tracking = track(sessions, Recorder(service="shop", sink=sink, on_error="raise"))

    def full(line):
        raise SinkError("full")

    monkeypatch.setattr(sink, "accept", full)
    with sessions() as session:
        session.add_all([Tag(id=1, name="a"), Tag(id=2, name="b")])
        with pytest.raises(RecordError):
            session.commit()
        assert session.get(Tag, 1).name == "a"
        session.rollback()
    tracking.stop()
    assert tracking.stats().errors == 2


def test_an_error_of_the_capture_itself_does_not_break_the_service(sessions, news, tracked, monkeypatch, caplog):
    tracking = tracked()

    def broken(*_):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("byline.integrations.sqlalchemy.plan.Plan.settle", broken)
    with sessions.begin() as session:
        session.add(Tag(id=1, name="a"))
    assert news() == []
    assert tracking.stats().errors == 1
    assert "a mistake of ours" in caplog.text
    with sessions() as session:
        assert session.get(Tag, 1).name == "a"


def test_stats_count_the_events(sessions, tracked):
    tracking = tracked()
    with sessions.begin() as session:
        session.add_all([Tag(id=1, name="a"), Tag(id=2, name="b")])
    assert tracking.stats().events == 2


def test_a_factory_shares_its_class_with_no_other(engine, sessions, news, tracked):
    tracked()
    with sessionmaker(engine).begin() as session:
        session.add(Tag(id=1, name="a"))
    assert news() == []


def test_a_session_that_is_let_go_of_is_forgotten(sessions, news, tracked):
    tracking = tracked()
    session = sessions()
    session.add(Tag(id=1, name="a"))
    session.flush()
    assert len(tracking._listener._writes) == 1
    del session
    gc.collect()
    assert tracking._listener._writes == {}
    assert news() == []


def test_sessions_of_several_threads_do_not_mix(sessions, news, tracked):
    tracking = tracked()

    def write(thread):
        for number in range(20):
            with sessions.begin() as session:
                session.add(Tag(id=100 * thread + number, name=str(thread)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert sorted(int(entity) for _, _, entity, _, _ in told(news())) == sorted(
        100 * thread + number for thread in range(4) for number in range(20)
    )
    assert tracking.stats().events == 80
