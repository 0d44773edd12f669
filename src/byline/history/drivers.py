"""Ways into the history: an index, a part of it, and the places that it yields in order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from heapq import merge
from typing import Any

from msgspec import Struct
from sqlalchemy import BindParameter, ColumnElement, Connection, Select, Table, bindparam, func, literal, select

from byline.history.packing import moment
from byline.history.tables import EventKey
from byline.model.query import Query

_COUNTED = 2_000
"""How far candidates are counted: beyond it they are all just "large"."""

Condition = ColumnElement[bool]
Place = tuple[int, EventKey]
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


def _parameters(span: Span) -> dict[str, EventKey]:
    parameters: dict[str, EventKey] = {}
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
    seen: BindParameter[Any] = bindparam("key")
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


def _read_places(connection: Connection, statement: Select[Any], parameters: dict[str, EventKey]) -> list[Place]:
    return [(at, key) for at, key in connection.execute(statement, parameters).all()]
