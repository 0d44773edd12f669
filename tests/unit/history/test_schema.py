"""The migrations, the tables that statements speak of, and the indexes that questions need."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import byline.history
from byline.errors import HistoryError, SchemaOutdated
from byline.history.engine import Database
from byline.history.migrate import upgrade
from byline.history.schema import SCHEMA
from byline.history.sqlite import SqliteHistory
from byline.history.tables import metadata
from byline.model.query import Query
from tests.contract.history_facts import entry, part


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "history.db", read_only=False)
    upgrade(database)
    yield database
    database.close()


def test_the_code_speaks_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(byline.history.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_the_migrations_make_the_tables_that_statements_speak_of(database: Database) -> None:
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_newer_schema_is_refused_and_named(database: Database) -> None:
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaOutdated, match="9999"):
        upgrade(database)


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE changes (in_the_way)")
    other.close()
    database = Database(path, read_only=False)
    with pytest.raises(HistoryError):
        upgrade(database)
    database.close()
    with sqlite3.connect(path) as other:
        assert [name for (name,) in other.execute("SELECT name FROM sqlite_master")] == ["changes"]
    other.close()


def test_a_file_that_is_no_database_is_named_with_a_mend(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"this is a letter to my aunt" * 100)
    database = Database(path, read_only=False)
    with pytest.raises(HistoryError) as error:
        upgrade(database)
    assert "rebuild" in error.value.hint
    database.close()


@pytest.mark.parametrize("name", ["a b", "50%", "a#b?c", "é", "quote'\"", "a&mode=ro", "\udcff"])
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    history = SqliteHistory(folder / "history.db")
    history.writer.migrate()
    history.writer.take([part("a", [entry(1)])])
    assert len(history.reader.changes(Query()).rows) == 1
    history.close()
    assert [path.name for path in folder.iterdir()] == ["history.db"]


def test_the_columns_of_change_history_are_a_promise(database: Database) -> None:
    with database.transaction() as connection:
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(change_history)")]
    assert ", ".join(columns) == (
        "date, time, table_id, entity_id, microservice_name, action, request_id, ip_address, account_id, user_id, "
        "user_email, user_name, attribute, previous_value, current_value, browser_name, device_type, os"
    )


QUESTIONS = {
    "time": Query(from_=None),
    "entity": Query(table_id="products", entity_id="1"),
    "entity in any table": Query(entity_id="1"),
    "request": Query(request_id="3f0f6d4e-59c8-4b8f-9d0a-0d6a4c1f2b3a"),
    "user": Query(user_id="u1"),
    "e-mail": Query(user_email="ann@acme.test"),
    "account": Query(account_id="acme"),
    "attribute": Query(attribute="title"),
    "attribute and value": Query(attribute="title", current_value="new 1"),
    "entity within an account": Query(table_id="products", entity_id="1", within="acme"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_of_the_design_is_answered_without_a_scan(tmp_path: Path, question: str) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    history.writer.migrate()
    history.writer.take([part("a", [entry(1), entry(2, account="other")])])
    plans: list[str] = []
    engine = history.reader._database._current()
    raw = engine.raw_connection()
    statements: list[str] = []
    assert raw.driver_connection is not None
    raw.driver_connection.set_trace_callback(statements.append)
    raw.close()
    assert history.reader.changes(QUESTIONS[question]).rows
    with sqlite3.connect(tmp_path / "history.db") as other:
        for statement in statements:
            if not statement.startswith("SELECT"):
                continue
            plan = [row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {statement}")]
            # Only the changes inside one event are sorted, by name.
            assert "row_number" in statement or not [step for step in plan if "TEMP B-TREE" in step]
            plans += plan
    other.close()
    history.close()
    assert plans
    big = ("events", "changes", "entities", "actors", "names", "attribute_moments", "value_moments", "objects")
    scans = [plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in big and "USING" not in plan]
    assert scans == []


def test_the_view_and_the_reader_say_the_same(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    history.writer.migrate()
    moments = [
        entry(1).event.request_info.time_stamp.replace(year=year, microsecond=999_999) for year in (1, 1969, 2024, 9999)
    ]
    entries = [
        entry(n, time=moment, request=request, action=action)
        for n, (moment, request, action) in enumerate(
            zip(
                moments,
                ("r" * 128, "3f0f6d4e-59c8-4b8f-9d0a-0d6a4c1f2b3a", None, "é\u00a0x"),
                ("create", "update", "delete", "update"),
                strict=True,
            ),
            1,
        )
    ]
    history.writer.take([part("a", entries)])
    with sqlite3.connect(tmp_path / "history.db") as other:
        other.row_factory = sqlite3.Row
        seen = [dict(row) for row in other.execute("SELECT * FROM change_history ORDER BY date")]
    other.close()
    rows = history.reader.changes(Query(order="oldest")).rows
    history.close()
    assert len(rows) == 4
    assert seen == [{name: getattr(row, name) for name in seen[0]} for row in rows]


def test_a_child_of_a_fork_reads_and_writes_on_connections_of_its_own(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    history.writer.migrate()
    history.writer.take([part("a", [entry(1)])])
    assert history.reader.changes(Query()).rows
    parents = (history._reading._engine, history._writing._engine)
    child = os.fork()
    if child == 0:
        try:
            history.writer.take([part("b", [entry(2)])])
            whole = len(history.reader.changes(Query()).rows) == 2
            own = history._reading._engine not in parents and history._writing._engine not in parents
            os._exit(0 if whole and own else 1)
        except BaseException:  # noqa: BLE001 - a child of a test must never go on as the test
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    history.writer.take([part("c", [entry(3)])])
    assert len(history.reader.changes(Query()).rows) == 3
    history.close()
