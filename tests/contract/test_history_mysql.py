"""What only a server's history has to do: equal rows with SQLite, months, races, lost connections, TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from threading import Thread
from uuid import UUID

import pymysql
import pytest

from byline.errors import HistoryError, SchemaOutdated
from byline.history.mysql import MySqlHistory
from byline.history.sqlite import SqliteHistory
from byline.model.query import Query
from tests.contract.histories import MySqlServer
from tests.contract.history_facts import at, change, entry, part

HOSTILE = ("Title", "title", "títle", "title ", "😀", "😁", "", "a\0b", "'; --", "\\", "x" * 300, "é" * 70_000)


@pytest.fixture(params=["mariadb", "mysql"], scope="module")
def running(request: pytest.FixtureRequest, server: Callable[[str], MySqlServer]) -> MySqlServer:
    return server(request.param)


@pytest.fixture
def url(running: MySqlServer) -> str:
    return running.emptied()


@pytest.fixture
def mysql(url: str) -> Iterator[MySqlHistory]:
    history = MySqlHistory(url)
    yield history
    history.close()


def test_the_same_events_give_the_same_rows_as_on_sqlite(
    mysql: MySqlHistory, running: MySqlServer, tmp_path: Path
) -> None:
    sqlite = SqliteHistory(tmp_path / "history.db")
    sqlite.writer.migrate()
    entries = [
        entry(
            n,
            change("title", HOSTILE[n % 12], HOSTILE[n % 11]),
            change(f"{HOSTILE[n % 6]} of it", None, str(n)),
            time=at(n).replace(year=(1, 1969, 2024, 9999)[n % 4], microsecond=999_999),
            entity=HOSTILE[n % 12] or "empty",
            request=("r" * 128, "3f0f6d4e-59c8-4b8f-9d0a-0d6a4c1f2b3a", None, "é\u00a0x")[n % 4],
            action=("create", "update", "delete")[n % 3],
        )
        for n in range(1, 3_001)
    ]
    for history in (sqlite, mysql):
        for start in range(0, len(entries), 1_000):
            history.writer.take([part(f"o{start}", entries[start : start + 1_000])])
    with sqlite._reading.transaction() as connection:
        ours = sorted(map(repr, map(tuple, connection.exec_driver_sql("SELECT * FROM change_history"))))
    sqlite.close()
    theirs = sorted(map(repr, running.run("SELECT * FROM change_history", database="shared")))
    assert len(ours) >= 3_000
    assert theirs == ours


def test_months_are_made_ahead_once_and_from_two_places_at_once(running: MySqlServer) -> None:
    with running.database("months") as url:
        histories = [MySqlHistory(url), MySqlHistory(url)]
        histories[0].writer.migrate()
        year = date.today().year + 1  # noqa: DTZ011 - any year that migrate has not prepared
        made: list[int] = []

        def prepare(history: MySqlHistory) -> None:
            made.append(history.writer.prepare_partitions(2, today=date(year, 11, 9)))

        threads = [Thread(target=prepare, args=(history,)) for history in histories]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made) == [0, 3 * 4]
        late = UUID(int=int.from_bytes(b"\xff" * 16, "big"))
        histories[0].writer.take([part("a", [entry(1, event_id=late), entry(2, event_id=UUID(int=5))])])
        found = running.run(
            "SELECT partition_name FROM information_schema.partitions WHERE table_schema = 'months' "
            "AND table_name = 'changes' ORDER BY partition_ordinal_position"
        )
        names = [name for (name,) in found]
        assert names[-4:] == [f"p{year}11", f"p{year}12", f"p{year + 1}01", "later"]
        assert running.run("SELECT COUNT(*) FROM changes PARTITION (later)", database="months") == [(1,)]
        assert running.run("SELECT COUNT(*) FROM changes PARTITION (p000000)", database="months") == [(1,)]
        for history in histories:
            history.close()


def test_an_event_falls_into_the_month_of_its_id(running: MySqlServer) -> None:
    with running.database("borders") as url:
        history = MySqlHistory(url)
        history.writer.migrate()
        history.writer.prepare_partitions(1, today=date(2099, 11, 1))
        border = int(at(0).replace(year=2099, month=12, day=1, hour=0, minute=0).timestamp() * 1000)
        last, first = (UUID(bytes=(border + n).to_bytes(6, "big") + b"\x70" * 10) for n in (-1, 0))
        history.writer.take([part("a", [entry(1, event_id=last), entry(2, event_id=first)])])
        history.close()
        for month, id in (("p209911", last), ("p209912", first)):
            found = running.run(f"SELECT event_key FROM events PARTITION ({month})", database="borders")
            assert found == [(id.bytes,)]


def test_a_lost_connection_is_made_again(mysql: MySqlHistory, running: MySqlServer) -> None:
    mysql.writer.take([part("a", [entry(1)])])
    assert mysql.reader.changes(Query()).rows
    for (process,) in running.run(
        "SELECT id FROM information_schema.processlist WHERE db = 'shared' AND id <> CONNECTION_ID()"
    ):
        running.run(f"KILL {process}")
    assert mysql.writer.take([part("b", [entry(2)])]).events == 1
    assert len(mysql.reader.changes(Query()).rows) == 2


def test_a_connection_lost_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    mysql: MySqlHistory, running: MySqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, killed = mysql._writing.layout, []
    give = layout.give

    def kill_first(connection, arrivals):
        if not killed:
            killed.append(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar())
            running.run(f"KILL {killed[0]}")
        give(connection, arrivals)

    monkeypatch.setattr(layout, "give", kill_first)
    mysql.writer.take([part("a", [entry(n) for n in range(1, 51)])])
    assert killed
    assert len(mysql.reader.changes(Query(limit=200)).rows) == 50
    assert mysql.reader.arrivals().objects == [(1, "events/a.ndjson")]


def test_two_writers_of_one_event_in_two_objects_store_it_once(mysql: MySqlHistory, url: str) -> None:
    errors: list[BaseException] = []

    def write(name: str) -> None:
        history = MySqlHistory(url)
        try:
            for number in range(15):
                entries = [entry(number * 20 + n, entity=f"e{n}", line=n + 1) for n in range(20)]
                history.writer.take([part(f"{name}{number}", entries)])
        except BaseException as error:  # noqa: BLE001 - the test itself looks at it
            errors.append(error)
        finally:
            history.close()

    threads = [Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(mysql.reader.changes(Query(limit=1_000)).rows) == 300
    assert [number for number, _ in mysql.reader.arrivals(limit=100).objects] == list(range(1, 46))


def test_a_migration_that_stopped_half_way_is_finished_by_the_next(running: MySqlServer) -> None:
    with running.database("half") as url:
        history = MySqlHistory(url)
        history.writer.migrate()
        running.run(
            "DROP VIEW change_history", "DROP TABLE value_moments", "DELETE FROM alembic_version", database="half"
        )
        with pytest.raises(SchemaOutdated):
            history.writer.take([part("a", [entry(1)])])
        history.writer.migrate()
        assert history.writer.take([part("a", [entry(1)])]).changes == 1
        history.close()


def test_a_wrong_password_is_named_with_a_mend_and_not_shown(url: str) -> None:
    head, _, tail = url.partition("@")
    history = MySqlHistory(f"{head.rpartition(':')[0] if head.count(':') > 1 else head}:sesame@{tail}")
    with pytest.raises(HistoryError) as error:
        history.reader.health()
    assert "sesame" not in str(error.value)
    assert "password" in error.value.hint
    history.close()


def test_tls_that_is_asked_for_is_never_gone_without(running: MySqlServer, url: str) -> None:
    has_tls = running.run("SHOW VARIABLES LIKE 'ssl_cert'")[0][1] != ""
    history = MySqlHistory(f"{url}?tls=on")
    if has_tls:
        assert history.reader.health().objects == 0
        with history._reading.transaction() as connection:
            assert connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()[1]
    else:
        with pytest.raises(HistoryError, match="SSL is required"):
            history.reader.health()
    history.close()
    unknown = MySqlHistory(f"{url}?tls=verify")
    with pytest.raises(HistoryError):
        unknown.reader.health()
    unknown.close()


def test_a_token_is_asked_for_anew_and_sent_only_over_verified_tls(url: str) -> None:
    asked: list[int] = []
    history = MySqlHistory(url, token=lambda: str(asked.append(1)))
    with pytest.raises(HistoryError):
        history.reader.health()
    assert asked
    history.close()


def test_a_server_that_is_not_strict_is_refused(running: MySqlServer) -> None:
    mode = running.run("SELECT @@GLOBAL.sql_mode")[0][0]
    with running.database("lax") as url:
        running.run("SET GLOBAL sql_mode = ''")
        history = MySqlHistory(url)
        try:
            with pytest.raises(HistoryError, match="strict"):
                history.writer.migrate()
        finally:
            history.close()
            running.run(f"SET GLOBAL sql_mode = '{mode}'")


PAGES = {
    "events_by_entity": "WHERE entity_no = (SELECT MIN(entity_no) FROM entities)",
    "events_by_account": "WHERE account_no = (SELECT MIN(account_no) FROM events AS e)",
    "events_by_actor": "WHERE actor_no = (SELECT MIN(actor_no) FROM actors)",
    "events_by_request": "WHERE request_mark = (SELECT MIN(request_mark) FROM events AS e)",
    "events_by_time": "",
}


@pytest.mark.parametrize("index", PAGES)
def test_a_page_is_read_in_order_from_its_index_across_partitions(
    index: str, mysql: MySqlHistory, running: MySqlServer
) -> None:
    mysql.writer.take([part("a", [entry(n, entity=str(n % 40)) for n in range(1, 2_001)])])
    page = (
        f"SELECT occurred_at, event_key FROM events {PAGES[index]} ORDER BY occurred_at DESC, event_key DESC LIMIT 51"
    )
    with running.connect("shared") as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute("ANALYZE TABLE events")
        traditional = "" if "MariaDB" in connection.get_server_info() else "FORMAT=TRADITIONAL "
        cursor.execute(f"EXPLAIN {traditional}{page}")
        (plan, *_) = cursor.fetchall()
        assert (plan["key"], "filesort" in (plan["Extra"] or "")) == (index, False)
        cursor.execute("FLUSH STATUS")
        cursor.execute(page)
        cursor.execute("SHOW STATUS LIKE 'Handler_read_prev'")
        (read,) = cursor.fetchall()
    assert int(read["Value"]) <= 100
