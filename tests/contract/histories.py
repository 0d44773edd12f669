"""The databases on which the history's contract suite runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy import make_url

from byline.history import tables
from byline.history.mysql import MySqlHistory
from byline.history.sqlite import SqliteHistory
from tests.databases import Missing, mariadb, real_mysql


def open_history(url: str) -> SqliteHistory | MySqlHistory:
    return SqliteHistory(Path(url.removeprefix("sqlite:///"))) if url.startswith("sqlite:") else MySqlHistory(url)


class MySqlServer:
    """One server for all tests: a database for those that begin with nothing, and one that is emptied for the rest."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._shared: str | None = None

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        url = self._url
        return pymysql.connect(
            host=url.host or "",
            port=url.port or 0,
            user=url.username,
            password=url.password or "",
            database=database,
            autocommit=True,
        )

    def url(self, database: str, query: str = "") -> str:
        url = self._url
        secret = f":{url.password}" if url.password else ""
        return f"mysql://{url.username}{secret}@{url.host}:{url.port}/{database}{query}"

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        self.run(f"CREATE DATABASE {name}")
        yield self.url(name)
        self.run(f"DROP DATABASE {name}")

    def emptied(self) -> str:
        """A migrated history without a row: a schema of its own for every test would take most of the tests' time."""
        if self._shared is None:
            self.run("CREATE DATABASE shared")
            self._shared = self.url("shared")
            history = MySqlHistory(self._shared)
            history.writer.migrate()
            history.close()
        self.run(
            *(f"DELETE FROM {table.name}" for table in tables.FACTS),
            "UPDATE counters SET value = 0 WHERE name = 'arrival'",
            database="shared",
        )
        return self._shared

    def run(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        connection = self.connect(database)
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())


@contextmanager
def servers(kind: str) -> Iterator[MySqlServer]:
    try:
        with (mariadb if kind == "mariadb" else real_mysql)() as url:
            yield MySqlServer(url)
    except Missing as missing:
        pytest.skip(str(missing))
