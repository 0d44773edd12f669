"""Which index answers a question, and which conditions are left for the rows it yields.

A question may name several things that have an index: an entity, a request, a user, an account, an attribute, a value.
Any of them would do; the shortest way in is the one with the fewest rows. So where there is more than one, each is
counted, up to a bound, and the smallest drives. That is how a small account is answered as fast as all accounts: its
own index is the shortest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from heapq import merge
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
)

from byline.history import tables
from byline.history.dictionary import Kind
from byline.history.packing import ACTIONS, key_of, mark, moment, pack_ip, pack_request, value_mark
from byline.model.query import Query

_E = tables.events
_N = tables.entities
_O = tables.origins
_A = tables.actors
_C = tables.clients
_NAMES = tables.names

_COUNTED = 2_000
"""How far candidates are counted: beyond it they are all just "large"."""

Condition = ColumnElement[bool]
Place = tuple[int, int]
"""Of an event in the order of answers: its moment, and its key."""


class Span(Struct, frozen=True):
    """Which part of an index to read: half-open in time, behind a place, in one direction."""

    newest: bool
    start: int | None = None
    end: int | None = None
    after: Place | None = None
    inclusive: bool = False
    """Read the event at ``after`` again: some of its changes are still to be shown."""


class Driver(Struct):
    """One way in: the rows of ``table`` (events, or the moments of an attribute or a value) whose ``column`` is one of
    ``values``; all rows where there is no column. ``exact`` says that such a row needs no second look."""

    table: Table
    column: str | None = None
    values: Sequence[int] = (0,)
    exact: bool = True

    def read(self, connection: Connection, span: Span, limit: int) -> list[Place]:
        """The first places of the span, in order. Each value is read from its index, then they are merged."""
        statement = _places(self.table, self.column, span.newest, *_shape(span))
        parameters = _parameters(span) | {"limit": limit}
        found = [_read_places(connection, statement, parameters | {"value": value}) for value in self.values]
        if len(found) == 1:
            return found[0]
        return list(merge(*found, reverse=span.newest))[:limit]

    def count(self, connection: Connection, span: Span) -> int:
        """Up to a bound."""
        statement = _counted(self.table, self.column, *_shape(span)[:2])
        parameters = _parameters(span)
        counted = 0
        for value in self.values:
            counted += connection.scalar(statement, parameters | {"value": value}) or 0
            if counted >= _COUNTED:
                break
        return counted


class Filter(Struct):
    """One condition of a question: how to check an event for it, and the index that would find such events, where there
    is one. The check is made only when it is needed: building an expression costs more than reading a row."""

    check: Callable[[], Condition] | None = None
    driver: Driver | None = None


class Plan(Struct):
    """How to answer: a way in, what is left to check on each event (and the tables that takes), and on each change."""

    driver: Driver
    left: Sequence[Condition]
    joined: FromClause
    change_conditions: Sequence[Condition]

    def matching(self, connection: Connection, places: Sequence[Place]) -> list[Place]:
        """Those of the places whose events meet what is left to check."""
        if not self.left:
            return list(places)
        keys = [key for _, key in places]
        wanted = select(_E.c.event_key).select_from(self.joined).where(_E.c.event_key.in_(keys), *self.left)
        good = set(connection.scalars(wanted))
        return [place for place in places if place[1] in good]


def make_plan(connection: Connection, query: Query) -> Plan | None:
    """None where the question names something that the history has never heard of: then nothing can match."""
    filters: list[Filter] = []
    for find in (_by_request, _by_entity, _by_user, _by_account, _by_attribute, _plain):
        found = find(connection, query)
        if found is None:
            return None
        filters += found
    driver = _shortest(connection, [one.driver for one in filters if one.driver is not None], query)
    return Plan(
        driver=driver,
        left=[one.check() for one in filters if one.check is not None and not (one.driver is driver and driver.exact)],
        joined=_joined(query),
        change_conditions=_change_conditions(connection, query),
    )


def span_of(query: Query, after: Place | None, *, inclusive: bool) -> Span:
    """The part of an index that a question is about."""
    return Span(
        newest=query.order == "newest",
        start=None if query.from_ is None else moment(query.from_),
        end=None if query.to is None else moment(query.to),
        after=after,
        inclusive=inclusive,
    )


def _shape(span: Span) -> tuple[bool, bool, bool, bool]:
    return span.start is not None, span.end is not None, span.after is not None, span.inclusive


def _parameters(span: Span) -> dict[str, int]:
    parameters: dict[str, int] = {}
    if span.start is not None:
        parameters["start"] = span.start
    if span.end is not None:
        parameters["end"] = span.end
    if span.after is not None:
        parameters["at"], parameters["key"] = span.after
    return parameters


@lru_cache(maxsize=512)
def _places(
    table: Table, column: str | None, newest: bool, start: bool, end: bool, after: bool, inclusive: bool
) -> Select[Any]:
    """Made once for each shape of question: building a statement costs more than running it."""
    time, key = table.c.occurred_at, table.c.event_key
    conditions = _conditions(table, column, start=start, end=end)
    at: BindParameter[int] = bindparam("at")
    seen: BindParameter[int] = bindparam("key")
    if after and newest:
        edge = key <= seen if inclusive else key < seen
        conditions += [time <= at, (time < at) | edge]
    elif after:
        edge = key >= seen if inclusive else key > seen
        conditions += [time >= at, (time > at) | edge]
    order = [time.desc(), key.desc()] if newest else [time.asc(), key.asc()]
    return select(time, key).where(*conditions).order_by(*order).limit(bindparam("limit"))


@lru_cache(maxsize=512)
def _counted(table: Table, column: str | None, start: bool, end: bool) -> Select[Any]:
    rows = select(literal(1)).select_from(table).where(*_conditions(table, column, start=start, end=end))
    return select(func.count()).select_from(rows.limit(_COUNTED).subquery())


def _conditions(table: Table, column: str | None, *, start: bool, end: bool) -> list[Condition]:
    time = table.c.occurred_at
    conditions: list[Condition] = []
    if column is not None:
        conditions.append(table.c[column] == bindparam("value"))
    if start:
        conditions.append(time >= bindparam("start"))
    if end:
        conditions.append(time < bindparam("end"))
    return conditions


def _read_places(connection: Connection, statement: Select[Any], parameters: dict[str, int]) -> list[Place]:
    return [(at, key) for at, key in connection.execute(statement, parameters).all()]


def _shortest(connection: Connection, drivers: Sequence[Driver], query: Query) -> Driver:
    if not drivers:
        return Driver(_E)
    if len(drivers) == 1:
        return drivers[0]
    span = span_of(query, None, inclusive=False)
    return min(drivers, key=lambda driver: driver.count(connection, span))


def _by_request(_: Connection, query: Query) -> list[Filter] | None:
    if query.request_id is None:
        return []
    packed = pack_request(query.request_id)
    driver = Driver(_E, "request_mark", [mark(packed)], exact=False)
    return [Filter(lambda: _E.c.request_id == packed, driver)]


_NAME_NO = select(_NAMES.c.name_no).where(_NAMES.c.kind == bindparam("kind"), _NAMES.c.name_key == bindparam("key"))
_IS_TABLE = _NAMES.c.kind == int(Kind.TABLE)
_ENTITY_IN_ANY_TABLE = select(_N.c.entity_no).where(
    _N.c.entity_key == bindparam("entity"), _N.c.table_no.in_(select(_NAMES.c.name_no).where(_IS_TABLE))
)
_ENTITY = (
    select(_N.c.entity_no)
    .select_from(_NAMES.join(_N, _N.c.table_no == _NAMES.c.name_no))
    .where(_IS_TABLE, _NAMES.c.name_key == bindparam("table"), _N.c.entity_key == bindparam("entity"))
)


def _by_entity(connection: Connection, query: Query) -> list[Filter] | None:
    if query.entity_id is None:
        return [] if query.table_id is None else _by_table(connection, query.table_id)
    parameters = {"entity": key_of(query.entity_id)[0]}
    if query.table_id is None:
        return _numbered("entity_no", connection.scalars(_ENTITY_IN_ANY_TABLE, parameters).all())
    parameters["table"] = key_of(query.table_id)[0]
    return _numbered("entity_no", connection.scalars(_ENTITY, parameters).all())


def _by_table(connection: Connection, table_id: str) -> list[Filter] | None:
    table_nos = _name_nos(connection, Kind.TABLE, table_id)
    return [Filter(lambda: _N.c.table_no == table_nos[0])] if table_nos else None


def _by_user(connection: Connection, query: Query) -> list[Filter] | None:
    if query.user_id is None and query.user_email is None:
        return []
    wanted = select(_A.c.actor_no)
    if query.user_id is not None:
        wanted = wanted.where(_A.c.user_id == query.user_id)
    if query.user_email is not None:
        wanted = wanted.where(_A.c.user_email == query.user_email)
    return _numbered("actor_no", connection.scalars(wanted).all())


def _by_account(connection: Connection, query: Query) -> list[Filter] | None:
    accounts = {account for account in (query.account_id, query.within) if account is not None}
    if not accounts:
        return []
    if len(accounts) > 1:
        return None
    return _numbered("account_no", _name_nos(connection, Kind.ACCOUNT, accounts.pop()))


def _by_attribute(connection: Connection, query: Query) -> list[Filter] | None:
    """The moments only nominate: the changes themselves are checked for attribute and value in any case."""
    if query.attribute is None:
        return []
    attribute_nos = _name_nos(connection, Kind.ATTRIBUTE, query.attribute)
    if not attribute_nos:
        return None
    if query.current_value is None:
        return [Filter(driver=Driver(tables.attribute_moments, "attribute_no", attribute_nos))]
    marks = [value_mark(query.attribute, query.current_value)]
    return [Filter(driver=Driver(tables.value_moments, "value_mark", marks))]


def _change_conditions(connection: Connection, query: Query) -> list[Condition]:
    changes = tables.changes
    conditions: list[Condition] = []
    if query.attribute is not None:
        attribute_nos = _name_nos(connection, Kind.ATTRIBUTE, query.attribute)
        conditions.append(changes.c.attribute_no.in_(attribute_nos))
    if query.previous_value is not None:
        conditions.append(changes.c.previous_value == query.previous_value)
    if query.current_value is not None:
        conditions.append(changes.c.current_value == query.current_value)
    return conditions


def _plain(connection: Connection, query: Query) -> list[Filter] | None:
    """Conditions without an index of their own: their page reads a bounded number of rows."""
    found: list[Filter] = []
    if query.action is not None:
        action = ACTIONS.index(query.action)
        found.append(Filter(lambda: _E.c.action == action))
    if query.microservice_name is not None:
        service_nos = _name_nos(connection, Kind.SERVICE, query.microservice_name)
        if not service_nos:
            return None
        found.append(Filter(lambda: _O.c.service_no == service_nos[0]))
    if query.ip_address is not None:
        text, packed = query.ip_address, pack_ip(query.ip_address)
        found.append(Filter(lambda: _C.c.ip_address == text if packed is None else _C.c.ip_packed == packed))
    return found


def _joined(query: Query) -> FromClause:
    joined: FromClause = _E
    if query.table_id is not None and query.entity_id is None:
        joined = joined.join(_N, _N.c.entity_no == _E.c.entity_no)
    if query.microservice_name is not None:
        joined = joined.join(_O, _O.c.origin_no == _E.c.origin_no)
    if query.ip_address is not None:
        joined = joined.join(_C, _C.c.client_no == _E.c.client_no)
    return joined


def _numbered(column: str, numbers: Sequence[int]) -> list[Filter] | None:
    if not numbers:
        return None
    return [Filter(lambda: _E.c[column].in_(numbers), Driver(_E, column, numbers))]


def _name_nos(connection: Connection, kind: Kind, text: str) -> list[int]:
    """One number, or none."""
    return list(connection.scalars(_NAME_NO, {"kind": int(kind), "key": key_of(text)[0]}))
