"""Real databases, and a recorder that keeps its events in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session, sessionmaker

from byline.capture.memory import MemorySink
from byline.capture.recorder import Recorder
from byline.integrations.sqlalchemy import Tracking, track
from byline.model.event import AuditEvent
from tests import databases
from tests.integrations.models import Base


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    try:
        with databases.mariadb() as url:
            yield url
    except databases.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    try:
        with databases.postgresql() as url:
            yield url
    except databases.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = made_engine(url)
    with engine.begin() as connection:
        if sqlalchemy.inspect(connection).has_table("products"):
            empty(connection)
        else:
            Base.metadata.create_all(connection)
    yield engine
    engine.dispose()


def empty(connection: sqlalchemy.Connection) -> None:
    """Every table; faster than making them again for each test."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    if connection.dialect.name == "postgresql":
        connection.execute(sqlalchemy.text(f"TRUNCATE {', '.join(tables)} CASCADE"))
        return
    connection.execute(sqlalchemy.text("SET FOREIGN_KEY_CHECKS=0"))
    for table in tables:
        connection.execute(sqlalchemy.text(f"DELETE FROM {table}"))
    connection.execute(sqlalchemy.text("SET FOREIGN_KEY_CHECKS=1"))


def made_engine(url: str, **options: Any) -> Engine:
    """On SQLite foreign keys count, and savepoints work: the driver's own idea of a transaction is switched off."""
    engine = sqlalchemy.create_engine(url, **options)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _connected(connection: object, _record: object) -> None:
            connection.isolation_level = None  # type: ignore[attr-defined]
            connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[attr-defined]

        @event.listens_for(engine, "begin")
        def _begun(connection: sqlalchemy.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

    return engine


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine)


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def recorder(sink: MemorySink) -> Recorder:
    return Recorder(service="shop", sink=sink)


@pytest.fixture
def tracking(sessions: sessionmaker[Session], recorder: Recorder) -> Iterator[Tracking]:
    tracking = track(sessions, recorder)
    yield tracking
    tracking.stop()


@pytest.fixture
def news(sink: MemorySink) -> Callable[[], list[AuditEvent]]:
    """The events since the last call."""
    seen = 0

    def since() -> list[AuditEvent]:
        nonlocal seen
        events = list(sink.events)[seen:]
        seen += len(events)
        return events

    return since
