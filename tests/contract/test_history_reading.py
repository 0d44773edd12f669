"""What any history must do: the reading half. Every filter is held against the same question asked of plain Python
lists."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from byline.history.packing import mark, pack_request
from byline.history.port import Entry, History
from byline.model.device import Device
from byline.model.envelope import kept_request_id
from byline.model.event import User
from byline.model.query import ChangeRow, EventRow, Page, Query
from tests.contract.histories import MySqlServer, open_history
from tests.contract.history_facts import at, change, entry, part

ACCOUNTS = ("acme", "beta", None)
VALUES = ("PAID", "REFUNDED", "", "1", None)


def made(number: int, dice: random.Random) -> Entry:
    """An event in a small world, so that every filter has hits, misses, and ties in time."""
    user = dice.choice(
        [User("acme", "u1", "ann@acme.test", "Ann"), User("acme", "u1", "ann@new.test", "Ann"), User(), None]
    )
    changes = [
        change(attribute, dice.choice(VALUES), dice.choice(VALUES[:-1]))
        for attribute in dice.sample(["status", "title", "price", "Status"], dice.randint(0, 3))
    ]
    said = entry(
        number,
        *(changes or [change("note", None, "x")]),
        time=at(dice.randint(0, 40)),
        account=dice.choice(ACCOUNTS),
        table=dice.choice(["orders", "products"]),
        entity=str(dice.randint(1, 5)),
        service=dice.choice(["shop", "billing"]),
        action=dice.choice(["create", "update", "delete"]),
        request=dice.choice(["r-1", "r-2", "3f0f6d4e-59c8-4b8f-9d0a-0d6a4c1f2b3a", None]),
        user=user,
        ip=dice.choice(["203.0.113.7", "2001:db8::1", "not an address", None]),
        device=dice.choice([Device(), Device("chrome", "web", "windows 10")]),
    )
    return said if changes else replace(said, changes=())


@pytest.fixture(scope="module")
def world(
    kind: str, server: Callable[[str], MySqlServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[History]:
    """400 events, made once: the tests only read them."""
    with ExitStack() as opened:
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('world')}/history.db"
        else:
            url = opened.enter_context(server(kind).database("world"))
        yield from _filled(url)


def _filled(url: str) -> Iterator[History]:
    history = open_history(url)
    history.writer.migrate()
    dice = random.Random(7)
    numbers = list(range(1, 401))
    for start in range(0, 400, 100):
        history.writer.take([part(f"o{start}", [made(number, dice) for number in numbers[start : start + 100]])])
    yield history
    history.close()


def pages(ask: Callable[[Query], Page[Any]], query: Query) -> Iterator[Page[Any]]:
    for _ in range(10_000):
        page = ask(query)
        yield page
        if page.next is None:
            return
        query = replace(query, after=page.next)
    raise AssertionError("the pages never end")


def every(ask: Callable[[Query], Page[Any]], query: Query) -> list[Any]:
    return [row for page in pages(ask, query) for row in page.rows]


QUESTIONS: dict[str, tuple[Query, Callable[[ChangeRow], bool]]] = {
    "everything": (Query(), lambda _: True),
    "table": (Query(table_id="orders"), lambda row: row.table_id == "orders"),
    "entity": (Query(table_id="orders", entity_id="3"), lambda row: (row.table_id, row.entity_id) == ("orders", "3")),
    "entity id in any table": (Query(entity_id="3"), lambda row: row.entity_id == "3"),
    "service": (Query(microservice_name="shop"), lambda row: row.microservice_name == "shop"),
    "action": (Query(action="delete"), lambda row: row.action == "delete"),
    "request": (Query(request_id="r-2"), lambda row: row.request_id == "r-2"),
    "account": (Query(account_id="beta"), lambda row: row.account_id == "beta"),
    "user": (Query(user_id="u1"), lambda row: row.user_id == "u1"),
    "e-mail": (Query(user_email="ann@new.test"), lambda row: row.user_email == "ann@new.test"),
    "address": (Query(ip_address="2001:db8::1"), lambda row: row.ip_address == "2001:db8::1"),
    "address that is none": (Query(ip_address="not an address"), lambda row: row.ip_address == "not an address"),
    "attribute": (Query(attribute="status"), lambda row: row.attribute == "status"),
    "attribute in its own letters": (Query(attribute="Status"), lambda row: row.attribute == "Status"),
    "attribute and value": (
        Query(attribute="status", current_value="REFUNDED"),
        lambda row: (row.attribute, row.current_value) == ("status", "REFUNDED"),
    ),
    "attribute and empty value": (
        Query(attribute="status", current_value=""),
        lambda row: (row.attribute, row.current_value) == ("status", ""),
    ),
    "attribute and previous value": (
        Query(attribute="price", previous_value="1"),
        lambda row: (row.attribute, row.previous_value) == ("price", "1"),
    ),
    "value of any attribute": (Query(current_value="PAID"), lambda row: row.current_value == "PAID"),
    "time": (Query(from_=at(10), to=at(20)), lambda row: "12:00:10" <= row.time < "12:00:20"),
    "user in time": (
        Query(user_id="u1", from_=at(10), to=at(30)),
        lambda row: row.user_id == "u1" and "12:00:10" <= row.time < "12:00:30",
    ),
    "all at once": (
        Query(
            table_id="orders", entity_id="3", microservice_name="shop", user_id="u1", attribute="status", from_=at(5)
        ),
        lambda row: (
            (row.table_id, row.entity_id, row.microservice_name, row.user_id, row.attribute)
            == ("orders", "3", "shop", "u1", "status")
            and row.time >= "12:00:05"
        ),
    ),
    "within an account": (
        Query(attribute="status", within="acme"),
        lambda row: (row.attribute, row.account_id) == ("status", "acme"),
    ),
    "an entity within an account": (
        Query(table_id="orders", entity_id="3", within="beta"),
        lambda row: (row.table_id, row.entity_id, row.account_id) == ("orders", "3", "beta"),
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("limit", [1, 7, 200])
def test_every_filter_in_pages_of_any_size_gives_just_its_rows_in_order(
    world: History, kind: str, question: str, order: Any, limit: int
) -> None:
    query, wanted = QUESTIONS[question]
    if limit == 1 and kind != "sqlite":
        query = replace(query, from_=query.from_ or at(12), to=query.to or at(18))  # a page a row, over the wire
    everything = every(world.reader.changes, Query(limit=200, order=order, from_=query.from_, to=query.to))
    expected = [row for row in everything if wanted(row)]
    assert expected, "a question without a hit tests nothing"
    assert every(world.reader.changes, replace(query, limit=limit, order=order)) == expected


def test_everything_is_there_once_in_order_of_time(world: History) -> None:
    found: list[ChangeRow] = every(world.reader.changes, Query(limit=33))
    assert len({(row.event_id, row.attribute) for row in found}) == len(found)
    assert [row.occurred_at for row in found] == sorted((row.occurred_at for row in found), reverse=True)
    assert {(row.event_id, row.attribute) for row in every(world.reader.changes, Query(order="oldest"))} == {
        (row.event_id, row.attribute) for row in found
    }


def test_the_attributes_of_an_event_stand_in_order_whichever_way_time_runs(history: History) -> None:
    names = ["b", "a", "é", "Z", 'lines[id="7"].price', "lines[id=10].price"]
    history.writer.take([part("a", [entry(1, *(change(name, "1", "2") for name in names))])])
    for order in ("newest", "oldest"):
        assert [row.attribute for row in every(history.reader.changes, Query(order=order, limit=2))] == sorted(names)


def test_of_equal_stamps_the_one_that_arrived_later_under_a_later_id_is_the_newer(history: History) -> None:
    entries = [entry(number, time=at(0), line=number, event_id=UUID(int=number)) for number in range(1, 6)]
    history.writer.take([part("a", entries)])
    lines = [row.object.line for row in every(history.reader.events, Query(limit=2))]
    assert lines == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("question", QUESTIONS)
def test_events_are_those_with_a_matching_change_and_show_all_their_changes(world: History, question: str) -> None:
    query, wanted = QUESTIONS[question]
    rows = every(world.reader.changes, Query(limit=200))
    expected = {row.event_id for row in rows if wanted(row)}
    found: list[EventRow] = every(world.reader.events, replace(query, limit=9))
    shown = {event.event_id for event in found if event.changes}
    assert expected <= shown
    if query.attribute or query.current_value or query.previous_value is not None:
        assert expected == shown
    for event in found:
        assert [one.attribute for one in event.changes] == [
            row.attribute for row in rows if row.event_id == event.event_id
        ]


@pytest.mark.parametrize(
    "query",
    [
        Query(table_id="nowhere"),
        Query(table_id="orders", entity_id="999"),
        Query(request_id="r-9"),
        Query(account_id="gamma"),
        Query(user_id="u9"),
        Query(user_id="u1", user_email="someone@else.test"),
        Query(attribute="nothing"),
        Query(attribute="status", current_value="never"),
        Query(microservice_name="none"),
        Query(ip_address="192.0.2.1"),
        Query(account_id="acme", within="beta"),
        Query(from_=at(1_000)),
        Query(from_=at(20), to=at(20)),
        Query(table_id="orders", entity_id="\udcff"),
        Query(current_value="\udcff"),
    ],
)
def test_a_question_without_an_answer_is_one_empty_page(world: History, query: Query) -> None:
    assert world.reader.changes(query) == Page([], None)
    assert world.reader.events(query) == Page([], None)


def test_an_account_sees_nothing_of_another_by_any_filter(world: History) -> None:
    for query, _ in QUESTIONS.values():
        for row in every(world.reader.changes, replace(query, within="beta")):
            assert row.account_id == "beta"
        for event in every(world.reader.events, replace(query, within="beta")):
            assert event.account_id == "beta"


def test_one_event_by_its_id_and_only_to_whom_it_belongs(world: History) -> None:
    event = next(row for row in world.reader.events(Query(limit=200)).rows if row.account_id == "acme" and row.changes)
    assert world.reader.event(event.event_id) == event
    assert world.reader.event(event.event_id.upper()) == event
    assert world.reader.event(event.event_id, within="acme") == event
    assert world.reader.event(event.event_id, within="beta") is None
    assert world.reader.event("00000000-0000-0000-0000-000000000000") is None
    assert world.reader.event("no id at all") is None


def test_two_requests_whose_marks_clash_are_told_apart(history: History) -> None:
    one, other = "request-e1a31e0316", "request-4640a9050e"
    assert mark(pack_request(one)) == mark(pack_request(other))
    history.writer.take([part("a", [entry(1, request=one), entry(2, request=other)])])
    for request in (one, other):
        found = history.reader.changes(Query(request_id=request)).rows
        assert [row.request_id for row in found] == [request]


def test_two_spellings_of_one_address_are_one(world: History) -> None:
    query = Query(ip_address="2001:0DB8:0:0:0:0:0:1", limit=200)
    assert every(world.reader.changes, query) == every(world.reader.changes, replace(query, ip_address="2001:db8::1"))


def test_a_page_that_has_to_filter_stops_after_20_000_events_and_goes_on_from_there(history: History) -> None:
    entries = [entry(n, time=at(n), service="rare" if n == 1 else "busy", entity=str(n % 50)) for n in range(1, 20_602)]
    for start in range(0, len(entries), 3_000):
        history.writer.take([part(f"o{start}", entries[start : start + 3_000])])
    first = history.reader.changes(Query(microservice_name="rare"))
    assert first.rows == []
    assert first.next is not None
    second = history.reader.changes(Query(microservice_name="rare", after=first.next))
    assert [row.time for row in second.rows] == ["12:00:01"]
    assert second.next is None


def test_what_arrives_between_two_pages_never_repeats_or_hides_a_row(history: History) -> None:
    history.writer.take([part("a", [entry(n) for n in range(1, 21)])])
    first = history.reader.changes(Query(limit=5))
    late = [entry(n, time=at(n - 0.5), line=n) for n in range(101, 104)] + [
        entry(200, time=at(500)),
        entry(201, time=at(3.5)),
    ]
    history.writer.take([part("b", late)])
    rest = every(history.reader.changes, Query(limit=5, after=first.next))
    seen = [row.current_value for row in [*first.rows, *rest]]
    assert [value for value in seen if value in {f"new {n}" for n in range(1, 21)}] == [
        f"new {n}" for n in range(20, 0, -1)
    ]
    assert "new 201" in seen
    assert len(seen) == len(set(seen))


def test_the_future_is_flagged_when_it_is_read(history: History) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    history.writer.take([part("a", [entry(1, lossy=True), entry(2, time=soon, one_sided=True)])])
    newest, oldest = history.reader.events(Query()).rows
    assert newest.flags == ["one_sided", "dated_in_future"]
    assert oldest.flags == ["lossy"]


def test_who_recorded_it_and_where_it_rests(history: History) -> None:
    history.writer.take(
        [part("a", [entry(3, job="reprice", verified_by="gateway", source="binlog", sent_id="42", trace="t1")])]
    )
    (event,) = history.reader.events(Query()).rows
    assert (event.job, event.verified_by, event.source, event.sent_id, event.trace_id) == (
        "reprice",
        "gateway",
        "binlog",
        "42",
        "t1",
    )
    assert (event.object.key, event.object.line) == ("events/a.ndjson", 3)
    assert event.sha256 == entry(3).sha256.hex()


def test_an_event_is_the_applications_unless_it_says_otherwise(history: History) -> None:
    history.writer.take([part("a", [entry(1)])])
    assert history.reader.events(Query()).rows[0].source == "application"


def test_the_owner_and_the_actors_own_account_are_told_apart(history: History) -> None:
    history.writer.take([part("a", [entry(1, account="owner", user=User("visitor", "u7"))])])
    event = history.reader.events(Query()).rows[0]
    assert (event.account_id, event.user_account_id) == ("owner", "visitor")


def test_a_user_with_many_spellings_is_read_in_one_order(history: History) -> None:
    history.writer.take(
        [part("a", [entry(n, user=User("acme", "u1", f"u1+{n % 60}@acme.test")) for n in range(1, 301)])]
    )
    values = [row.current_value for row in every(history.reader.changes, Query(user_id="u1", limit=13))]
    assert values == [f"new {n}" for n in range(300, 0, -1)]


def test_an_event_with_more_changes_than_a_page_is_shown_whole_over_several(history: History) -> None:
    many = [change(f"a{n:05}", None, str(n % 3)) for n in range(2_501)]
    history.writer.take([part("a", [entry(1), entry(2, *many), entry(3)])])
    for order in ("newest", "oldest"):
        found = every(history.reader.changes, Query(order=order, limit=200))
        assert [row.attribute for row in found[1:-1]] == [one.attribute for one in many]
    found = every(history.reader.changes, Query(current_value="2", limit=7))
    assert [row.attribute for row in found] == [one.attribute for one in many if one.current_value == "2"]
    assert len(history.reader.events(Query(limit=2)).rows[1].changes) == 2_501


def test_a_user_with_very_many_spellings_is_found_all_the_same(history: History) -> None:
    history.writer.take([part("a", [entry(n, user=User(f"acct{n}", "1")) for n in range(1, 201)] + [entry(300)])])
    values = [row.current_value for row in every(history.reader.changes, Query(user_id="1", limit=90))]
    assert values == [f"new {n}" for n in range(200, 0, -1)]
    assert len(every(history.reader.changes, Query(user_id="1", account_id="acme", table_id="products"))) == 200


def test_a_request_is_found_by_the_id_that_was_sent_also_where_another_is_kept(history: History) -> None:
    sent = "r" * 500
    history.writer.take([part("a", [entry(1, request=kept_request_id(sent))])])
    assert len(history.reader.changes(Query(request_id=sent)).rows) == 1
