"""Every implementation of a port, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from byline.history.port import History
from tests.contract.histories import MySqlServer, open_history, servers

_numbers = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Callable[[str], MySqlServer]]:
    """The server of a kind; it starts when it is first asked for."""
    with ExitStack() as running:
        started: dict[str, MySqlServer] = {}

        def of(kind: str) -> MySqlServer:
            if kind not in started:
                started[kind] = running.enter_context(servers(kind))
            return started[kind]

        yield of


@pytest.fixture(params=["sqlite", "mariadb", "mysql"], scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """Of database. The tests of one kind run one after another."""
    name: str = request.param
    return name


@pytest.fixture
def empty_database(kind: str, server: Callable[[str], MySqlServer], tmp_path: Path) -> Iterator[str]:
    """The URL of a database in which nothing is yet."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/history.db"
        return
    with server(kind).database(f"empty_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def database(kind: str, server: Callable[[str], MySqlServer], tmp_path: Path) -> str:
    """The URL of a migrated history without a row."""
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/history.db"
        history = open_history(url)
        history.writer.migrate()
        history.close()
        return url
    return server(kind).emptied()


@pytest.fixture
def history(database: str) -> Iterator[History]:
    """A fresh, migrated history."""
    history = open_history(database)
    yield history
    history.close()


@pytest.fixture
def again(history: History, database: str) -> Iterator[History]:
    """The same history, opened a second time, as another process would."""
    other = open_history(database)
    yield other
    other.close()
