"""Asynchronous sessions, with real asynchronous drivers."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session

from byline.capture.context import bind
from byline.integrations.sqlalchemy import track
from tests.integrations.models import Product, Tag
from tests.integrations.told import keys, told


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    return request.getfixturevalue("postgresql_url")


def play(url, recorder, story, *, choose=lambda sessions: sessions):
    """Run ``story(sessions)`` with tracked sessions, in an event loop of its own."""

    async def scene():
        engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
        sessions = async_sessionmaker(engine, expire_on_commit=False)
        tracking = track(choose(sessions), recorder)
        try:
            await story(sessions)
        finally:
            tracking.stop()
            await engine.dispose()

    asyncio.run(scene())


@pytest.mark.usefixtures("engine")
def test_old_and_new_of_asynchronous_sessions(url, recorder, news):
    async def story(sessions):
        async with sessions.begin() as session:
            session.add(Product(id=1, title="Tea"))
        async with sessions.begin() as session:
            (await session.get(Product, 1)).title = "Coffee"

    play(url, recorder, story)
    create, update = news()
    assert create.new_data["title"] == "Tea"
    assert (update.old_data["title"], update.new_data["title"]) == ("Tea", "Coffee")
    assert update.old_data.keys() == update.new_data.keys() == create.new_data.keys()


@pytest.mark.usefixtures("engine")
def test_savepoints_of_asynchronous_sessions(url, recorder, news):
    async def story(sessions):
        async with sessions.begin() as session:
            session.add(Tag(id=1, name="a"))
            savepoint = await session.begin_nested()
            session.add(Tag(id=2, name="b"))
            await session.flush()
            await savepoint.rollback()

    play(url, recorder, story)
    assert told(news()) == [("create", "tags", "1", None, {"id": 1, "name": "a"})]


@pytest.mark.usefixtures("engine")
def test_the_request_context_of_the_task_is_the_events(url, recorder, news):
    async def story(sessions):
        async def request(number):
            with bind(request_id=f"request-{number}"):
                async with sessions.begin() as session:
                    session.add(Tag(id=number, name="x"))
                    await session.flush()
                    await asyncio.sleep(0)

        for number in (1, 2, 3):
            await asyncio.create_task(request(number))

    play(url, recorder, story)
    assert {event.entity_id: event.request_info.request_id for event in news()} == {
        "1": "request-1",
        "2": "request-2",
        "3": "request-3",
    }


@pytest.mark.usefixtures("engine")
def test_an_asynchronous_scoped_session(url, recorder, news):
    async def story(sessions):
        scoped = async_scoped_session(sessions, asyncio.current_task)
        scoped.add(Tag(id=1, name="a"))
        await scoped.commit()
        await scoped.remove()

    play(url, recorder, story, choose=lambda sessions: async_scoped_session(sessions, asyncio.current_task))
    assert keys(news()) == {("create", "tags", "1")}


@pytest.mark.usefixtures("engine")
def test_tracking_an_asynchronous_factory_leaves_other_sessions_alone(engine, url, recorder, news):
    async def story(sessions):
        async with AsyncSession(sessions.kw["bind"]) as session, session.begin():
            session.add(Tag(id=1, name="a"))
        with Session(engine) as session, session.begin():
            session.add(Tag(id=2, name="b"))

    play(url, recorder, story)
    assert news() == []
    assert AsyncSession.sync_session_class is Session


def test_an_asynchronous_class_of_ones_own(engine, url, recorder, news):
    class Shop(AsyncSession):
        pass

    async def story(sessions):
        async with Shop(sessions.kw["bind"]) as session, session.begin():
            session.add(Tag(id=1, name="a"))

    play(url, recorder, story, choose=lambda _: Shop)
    assert len(news()) == 1


def test_a_factory_whose_synchronous_class_is_chosen(engine, url, recorder, news):
    class Shop(Session):
        pass

    async def story(sessions):
        async with AsyncSession(sessions.kw["bind"], sync_session_class=Shop) as session, session.begin():
            session.add(Tag(id=1, name="a"))

    play(url, recorder, story, choose=lambda sessions: async_sessionmaker(sync_session_class=Shop))
    assert len(news()) == 1
