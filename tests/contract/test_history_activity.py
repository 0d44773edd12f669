"""Events a day, on any history: counted in the transaction that takes them."""

from __future__ import annotations

import multiprocessing
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from byline.history.port import History
from byline.model import access
from byline.model.query import DayActivity, Query
from tests.contract.histories import open_history
from tests.contract.history_facts import START, at, change, entry, part

DAY = 86_400


def activity(history: History, **asked: Any) -> list[tuple[str, int, int, int]]:
    found = history.reader.activity(Query(**asked))
    assert found is not None
    return [(day.date, day.create, day.update, day.delete) for day in found]


def midnight(day: int) -> datetime:
    return datetime(2024, 5, 1, tzinfo=UTC) + timedelta(days=day)


def test_events_are_counted_by_day_and_action(history: History) -> None:
    days = [entry(n, time=at(day * DAY), action=action) for n, (day, action) in enumerate(
        [(0, "create"), (0, "update"), (0, "update"), (3, "delete"), (3, "create")], start=1
    )]  # fmt: skip
    history.writer.take([part("a", days)])
    assert history.reader.activity(Query()) == [DayActivity("2024-05-01", 1, 2, 0), DayActivity("2024-05-04", 1, 0, 1)]


def test_an_event_in_which_nothing_changed_counts_too(history: History) -> None:
    history.writer.take([part("a", [replace(entry(1), changes=[])])])
    assert activity(history) == [("2024-05-01", 0, 1, 0)]


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2024-05-01T00:00:00", "2024-05-01"),
        ("2024-05-01T23:59:59.999999", "2024-05-01"),
        ("1969-12-31T23:59:59.999999", "1969-12-31"),
        ("1970-01-01T00:00:00", "1970-01-01"),
        ("0001-01-01T00:00:00", "0001-01-01"),
        ("9999-12-31T23:59:59.999999", "9999-12-31"),
    ],
)
def test_a_day_is_one_of_utc_whenever_it_was(history: History, moment: str, day: str) -> None:
    history.writer.take([part("a", [entry(1, time=datetime.fromisoformat(moment).replace(tzinfo=UTC))])])
    assert activity(history) == [(day, 0, 1, 0)]


def test_duplicates_do_not_count(history: History) -> None:
    for _ in range(2):
        history.writer.take([part("a", [entry(1), entry(2), entry(2, line=3)]), part("b", [entry(1)])])
    assert activity(history) == [("2024-05-01", 0, 2, 0)]


def test_parts_of_an_unfinished_object_count_once(history: History) -> None:
    first, rest = part("a", [entry(1)], complete=False), part("a", [entry(2)])
    for one in (first, first, rest):
        history.writer.take([one])
    assert activity(history) == [("2024-05-01", 0, 2, 0)]


def test_of_a_conflict_only_the_one_that_stays_counts(history: History) -> None:
    earlier = replace(part("z", [entry(1, data=b"first", action="create", time=at(DAY))]), received_at=at(10))
    later = replace(part("a", [entry(1, data=b"second", table="other", account="them")]), received_at=at(11))
    for order in ([earlier, later], [later, earlier]):
        history.writer.clear()
        for one in order:
            history.writer.take([one])
        assert activity(history) == activity(history, within="acme") == [("2024-05-02", 1, 0, 0)]
        assert activity(history, table_id="other") == activity(history, within="them") == []


def test_filters_it_knows_are_answered(history: History) -> None:
    history.writer.take(
        [
            part(
                "a",
                [
                    entry(1),
                    entry(2, table="orders", time=at(DAY)),
                    entry(3, service="shop", time=at(2 * DAY)),
                    entry(4, account="other", action="create", time=at(3 * DAY)),
                    entry(5, account=None, action="delete", time=at(3 * DAY)),
                ],
            )
        ]
    )
    first, second, third = ("2024-05-01", 0, 1, 0), ("2024-05-02", 0, 1, 0), ("2024-05-03", 0, 1, 0)
    fourth = ("2024-05-04", 1, 0, 1)
    assert activity(history) == [first, second, third, fourth]
    assert activity(history, table_id="orders") == [second]
    assert activity(history, microservice_name="shop") == [third]
    assert activity(history, action="create") == [("2024-05-04", 1, 0, 0)]
    assert activity(history, within="acme") == activity(history, account_id="acme") == [first, second, third]
    assert activity(history, within="acme", account_id="other") == []
    assert activity(history, from_=midnight(1), to=midnight(3)) == [second, third]
    assert activity(history, table_id="orders", microservice_name="shop") == []
    assert activity(history, table_id="unheard of") == activity(history, within="\udcff") == []


def test_what_is_recorded_of_readers_counts_only_where_it_is_asked_for(history: History) -> None:
    history.writer.take([part("a", [entry(1), entry(2, table=access.TABLE, action="create")])])
    assert activity(history) == activity(history, within="acme") == [("2024-05-01", 0, 1, 0)]
    assert activity(history, table_id=access.TABLE) == [("2024-05-01", 1, 0, 0)]


@pytest.mark.parametrize(
    "asked",
    [
        {"entity_id": "1"},
        {"request_id": "r"},
        {"user_id": "u1"},
        {"user_email": "e"},
        {"ip_address": "::1"},
        {"attribute": "title"},
        {"previous_value": "x"},
        {"current_value": "x"},
        {"from_": START},
        {"to": midnight(0) + timedelta(microseconds=1)},
    ],
)
def test_what_it_cannot_answer_is_none_and_not_wrong(history: History, asked: dict[str, Any]) -> None:
    assert history.reader.activity(Query(**asked)) is None


def test_a_rebuild_gives_the_same_counts(history: History) -> None:
    rng = random.Random(5)
    parts = [
        part(
            f"o{n}",
            [
                entry(
                    n * 10 + line, time=at(rng.randrange(5) * DAY), account=rng.choice(["a", "b", None]), line=line + 1
                )
                for line in range(10)
            ],
        )
        for n in range(20)
    ]
    history.writer.take(parts)
    before = [activity(history), activity(history, within="a"), activity(history, within="b")]
    history.writer.clear()
    assert activity(history) == []
    rng.shuffle(parts)
    for one in parts:
        history.writer.take([one])
    assert [activity(history), activity(history, within="a"), activity(history, within="b")] == before


def test_a_history_from_before_is_counted_by_the_migration(empty_database: str) -> None:
    history = open_history(empty_database)
    history.writer.migrate()
    moments = [
        datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)
        for day in ("0001-01-01", "1969-12-31", "1970-01-01", "2024-05-01", "9999-12-31")
        for time in ("00:00:00", "23:59:59.999999")
    ]
    accounts = ["acme", None, "other"]
    entries = [entry(n, time=moment, account=accounts[n % 3]) for n, moment in enumerate(moments, start=1)]
    history.writer.take([part("a", entries)])
    before = [activity(history), activity(history, within="acme")]
    with history.writer._database.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE daily_activity")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    again = open_history(empty_database)
    again.writer.migrate()
    assert [activity(again), activity(again, within="acme")] == before
    again.writer.take([part("b", [entry(50)])])
    assert sum(day[2] for day in activity(again)) == 11
    for one in (history, again):
        one.close()


def test_writers_at_the_same_time_count_every_event_once(history: History, database: str) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(database, seed)) for seed in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert [sum(day[2] for day in activity(history, **asked)) for asked in ({}, {"within": "a0"})] == [400, 200]


def _write(url: str, seed: int) -> None:
    """Each writer takes every object, in an order of its own, some in two parts."""
    history = open_history(url)
    numbers = list(range(40))
    random.Random(seed).shuffle(numbers)
    for number in numbers:
        entries = [
            entry(number * 10 + line, change("n", "0", "1"), time=at(line * DAY), account=f"a{line % 2}", line=line + 1)
            for line in range(10)
        ]
        if number % 3 == 0:
            history.writer.take([part(f"o{number}", entries[:4], complete=False)])
            history.writer.take([part(f"o{number}", entries[4:])])
        else:
            history.writer.take([part(f"o{number}", entries)])
    history.close()
