"""Events a day: counted in the transaction that takes them, and read back.

Each event counts twice: for its account, and for all. So a reader of all accounts reads as few rows as one of a single
account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from byline.history import tables
from byline.history.dictionary import Kind, Numbers
from byline.history.layout import Layout
from byline.history.packing import ACTIONS, key_of, moment
from byline.history.port import Entry
from byline.model import access
from byline.model.query import DayActivity, Query

_A = tables.daily_activity
_EVERYBODY = 0
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)

Kept = tuple[int, int, int, int, int]
"""Account, day, table, service, action: the key of a row."""

Tally = Counter[Kept]


def counted(entries: Iterable[Entry], moments: Iterable[int], numbers: Numbers) -> Tally:
    """What these events add. Most are alike: so their words are counted first, and then looked up."""
    alike = Counter(
        (event.account_id, at // _DAY, event.table_id, event.micro_service_name, event.action)
        for event, at in zip((entry.event for entry in entries), moments, strict=True)
    )
    tally: Tally = Counter()
    for (account, day, table, service, action), events in alike.items():
        rest = (day, numbers.tables[table], numbers.services[service], ACTIONS.index(action))
        _count(tally, None if account is None else numbers.accounts[account], rest, events)
    return tally


def removed(connection: Connection, event_key: object) -> Tally:
    """What an event that is about to go takes with it."""
    events, entities, origins = tables.events, tables.entities, tables.origins
    found = connection.execute(
        select(events.c.account_no, events.c.occurred_at, entities.c.table_no, origins.c.service_no, events.c.action)
        .select_from(
            events.join(entities, entities.c.entity_no == events.c.entity_no).join(
                origins, origins.c.origin_no == events.c.origin_no
            )
        )
        .where(events.c.event_key == event_key)
    ).one()
    account, occurred_at, *rest = found
    tally: Tally = Counter()
    table, service, action = rest
    _count(tally, account, (occurred_at // _DAY, table, service, action), -1)
    return tally


def _count(tally: Tally, account: int | None, rest: tuple[int, int, int, int], by: int) -> None:
    tally[_EVERYBODY, *rest] += by
    if account is not None:
        tally[account, *rest] += by


def store(connection: Connection, layout: Layout, tally: Tally) -> None:
    """Add it all up. Whoever calls holds the counters' row: else two writers would wait for each other crosswise."""
    rows = [(*key, by) for key, by in sorted(tally.items()) if by]
    if not rows:
        return
    layout.add_up(connection, _A, rows)
    if any(row[-1] < 0 for row in rows):
        connection.execute(delete(_A).where(_A.c.events == 0, _A.c.day.in_({row[1] for row in rows if row[-1] < 0})))


def read(connection: Connection, query: Query) -> list[DayActivity] | None:
    """See :meth:`byline.history.port.Reader.activity`."""
    if not _can_answer(query):
        return None
    conditions = _conditions(connection, query)
    if conditions is None:
        return []
    wanted: Select[Any] = (
        select(_A.c.day, _A.c.action, func.sum(_A.c.events))
        .where(*conditions)
        .group_by(_A.c.day, _A.c.action)
        .order_by(_A.c.day)
    )
    days: dict[int, list[int]] = {}
    for day, action, events in connection.execute(wanted):
        days.setdefault(day, [0, 0, 0])[action] = int(events)
    return [DayActivity((_EPOCH + timedelta(days=day)).isoformat(), *counts) for day, counts in days.items()]


def _can_answer(query: Query) -> bool:
    others = (query.entity_id, query.request_id, query.user_id, query.user_email, query.ip_address)
    changes = (query.attribute, query.previous_value, query.current_value)
    return all(said is None for said in (*others, *changes)) and _is_midnight(query.from_) and _is_midnight(query.to)


def _is_midnight(time: datetime | None) -> bool:
    return time is None or moment(time.astimezone(UTC)) % _DAY == 0


def _conditions(connection: Connection, query: Query) -> list[ColumnElement[bool]] | None:
    """None where the question names something that the history has never heard of."""
    accounts = {said for said in (query.account_id, query.within) if said is not None}
    if len(accounts) > 1:
        return None
    conditions: list[ColumnElement[bool]] = []
    for kind, said, column in (
        (Kind.TABLE, query.table_id, _A.c.table_no),
        (Kind.SERVICE, query.microservice_name, _A.c.service_no),
        (Kind.ACCOUNT, accounts.pop() if accounts else None, _A.c.account_no),
    ):
        if said is not None:
            number = _number(connection, kind, said)
            if number is None:
                return None
            conditions.append(column == number)
        elif kind is Kind.ACCOUNT:
            conditions.append(column == _EVERYBODY)
    return conditions + _plain(connection, query)


def _plain(connection: Connection, query: Query) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    # What is recorded of readers shows only where their table is asked for.
    accesses = _number(connection, Kind.TABLE, access.TABLE) if query.table_id is None else None
    if accesses is not None:
        conditions.append(_A.c.table_no != accesses)
    if query.action is not None:
        conditions.append(_A.c.action == ACTIONS.index(query.action))
    if query.from_ is not None:
        conditions.append(_A.c.day >= moment(query.from_) // _DAY)
    if query.to is not None:
        conditions.append(_A.c.day < moment(query.to) // _DAY)
    return conditions


def _number(connection: Connection, kind: Kind, text: str) -> int | None:
    names = tables.names
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    wanted = select(names.c.name_no).where(names.c.kind == int(kind), names.c.name_key == key_of(text)[0])
    number: int | None = connection.scalar(wanted)
    return number
