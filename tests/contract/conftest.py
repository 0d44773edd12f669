"""Every implementation of a port, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from byline.history.port import History
from byline.history.sqlite import SqliteHistory


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def history(database: Path) -> Iterator[History]:
    """A fresh, migrated history."""
    history = SqliteHistory(database)
    history.writer.migrate()
    yield history
    history.close()


@pytest.fixture
def again(history: History, database: Path) -> Iterator[History]:
    """The same history, opened a second time, as another process would."""
    other = SqliteHistory(database)
    yield other
    other.close()
